"""Checking answers against a schema of the caller's own, which may be made to take for ever.

A regular expression or a chain of references can cost more time than there is, and stops the whole program meanwhile.
A schema with any of these is therefore applied in a process of its own, which ends after a few seconds.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from referencing import Registry

from analyzer.errors import AnalysisRequestError, UnusableAnswerError

_CPU_SECONDS: Final = 3
_WALL_SECONDS: Final = 20
_LONGEST_PATTERN: Final = 1_000
_LONGEST_MESSAGE: Final = 300
_RISKY: Final = frozenset(
    {
        "pattern",
        "patternProperties",
        "$ref",
        "$dynamicRef",
        "uniqueItems",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "if",
    }
)
_PROGRAM: Final = f"""
import json, resource, sys
resource.setrlimit(resource.RLIMIT_CPU, ({_CPU_SECONDS}, {_CPU_SECONDS}))
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry
schema, said = json.load(sys.stdin)
error = best_match(Draft202012Validator(schema, registry=Registry()).iter_errors(said))
json.dump(error and [error.json_path, error.message[:{_LONGEST_MESSAGE}]], sys.stdout)
"""


def check_schema(schema: Mapping[str, object]) -> None:
    """See that this is a JSON Schema we would apply.

    Raises:
        AnalysisRequestError: it is none, describes no object, refers to something outside itself, or is beyond reason.
    """
    try:
        Draft202012Validator.check_schema(schema)
        found = list(_keywords(schema))
    except SchemaError as error:
        raise AnalysisRequestError(f"the schema is not a JSON Schema: {error.message}") from error
    except RecursionError as error:
        raise AnalysisRequestError("the schema is nested too deeply; make it flatter") from error
    outside = any(name in ("$ref", "$dynamicRef") and not str(value).startswith("#") for name, value in found)
    if schema.get("type") != "object" or outside:
        raise AnalysisRequestError("the schema must describe an object and refer to nothing outside itself")
    for name, value in found:
        for pattern in (value,) if name == "pattern" else value if name == "patternProperties" else ():
            _check_pattern(str(pattern))


def _check_pattern(pattern: str) -> None:
    if len(pattern) > _LONGEST_PATTERN:
        raise AnalysisRequestError(f"a pattern in the schema has more than {_LONGEST_PATTERN} characters")
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise AnalysisRequestError(f"the pattern {pattern!r} in the schema is not valid: {error}") from error


def check_answer(schema: Mapping[str, object], said: Mapping[str, object]) -> None:
    """See that an answer fits a schema that ``check_schema`` let pass.

    Raises:
        UnusableAnswerError: it does not, or finding out takes too long.
    """
    if any(name in _RISKY for name, _ in _keywords(schema)):
        problem = _apart(schema, said)
    else:
        error = best_match(Draft202012Validator(schema, registry=Registry()).iter_errors(said))
        problem = None if error is None else (error.json_path, error.message[:_LONGEST_MESSAGE])
    if problem is not None:
        raise UnusableAnswerError(f"{problem[0]}: {problem[1]}")


def _apart(schema: Mapping[str, object], said: Mapping[str, object]) -> tuple[str, str] | None:
    """Where and how the answer does not fit; None if it does. Found out by a process that may not take long."""
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and program
            [sys.executable, "-I", "-c", _PROGRAM],
            input=json.dumps([schema, said]),
            capture_output=True,
            text=True,
            check=True,
            timeout=_WALL_SECONDS,
        )
        problem = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        raise UnusableAnswerError(
            "the answer cannot be checked against the schema in reasonable time"
        ) from error
    return None if problem is None else (str(problem[0]), str(problem[1]))


def _keywords(schema: object) -> Iterator[tuple[str, Any]]:
    """Every name and value in a schema, at any depth; names of properties among them."""
    if isinstance(schema, Mapping):
        for name, value in schema.items():
            yield name, value
            yield from _keywords(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _keywords(value)
