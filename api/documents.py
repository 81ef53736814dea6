"""The timeline as a document: rounded once, written as JSON, described by a JSON Schema, read back.

The shape is that of the analyzer's dataclasses; nothing here defines it a second time.
"""

import ast
import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from inspect import cleandoc, getmodule, getsource
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError
from pydantic.json_schema import JsonSchemaValue

from analyzer import Results, Timeline
from api.errors import TimelineFileError
from sampler import MediaInfo

MILLISECOND_DIGITS = 3
OTHER_DIGITS = 6
"""Decimal places of numbers that are not times: finer than any model means, short enough to read."""
SCHEMA_ID = "urn:sceneline:timeline:1"
SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"

_LARGEST_NUMBER = 1e12
"""Seconds that no recording has, thirty thousand years; so that arithmetic on what is read never overflows."""

Document = TypeVar("Document")
"""A dataclass of the timeline."""

_NUMBERS_ONLY = re.compile(r"\[\n\s+(-?\d[^\[\]{}\":]*?)\n\s*\]")


# -- rounding ------------------------------------------------------------------------------------------------


def rounded(document: Document) -> Document:
    """A timeline, or a part of one, with seconds to the millisecond and other numbers to six places.

    Rounding is the same everywhere, so whatever was in order or inside stays so. In the rare recording with a
    span shorter than a millisecond, all seconds get as many digits as keep that span from vanishing.
    """
    spans = list(_spans(document))
    for digits in (MILLISECOND_DIGITS, 6, 9):
        if all(round(start, digits) < round(end, digits) for start, end in spans if start < end):
            break
    return cast("Document", _rounded(document, digits, ""))


def _spans(value: object) -> Iterator[tuple[float, float]]:
    if isinstance(value, tuple):
        for item in value:
            yield from _spans(item)
    elif is_dataclass(value):
        start, end = getattr(value, "start_seconds", None), getattr(value, "end_seconds", None)
        if start is not None and end is not None:
            yield start, end
        for each in fields(value):
            yield from _spans(getattr(value, each.name))


def _rounded(value: Any, digits: int, name: str) -> Any:
    if isinstance(value, float):
        return round(value, digits if name.endswith("_seconds") else OTHER_DIGITS)
    if isinstance(value, tuple | list):
        return type(value)(_rounded(item, digits, name) for item in value)
    if isinstance(value, Mapping):
        return {key: _rounded(item, digits, str(key)) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value,
            **{each.name: _rounded(getattr(value, each.name), digits, each.name) for each in fields(value)},
        )
    return value


# -- writing -------------------------------------------------------------------------------------------------


def timeline_document(timeline: Timeline) -> dict[str, Any]:
    """The timeline as plain JSON values, in the order a reader expects."""
    document = _timeline_adapter().dump_python(timeline, mode="json")
    results = {name: result for name, result in document["results"].items() if result is not None}
    return {"schema_version": document["schema_version"], **document, "results": results}


def json_text(document: object, *, compact: bool = False) -> str:
    """JSON for people and programs: indented with rows of numbers on one line, or all on one line."""
    if compact:
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"
    indented = json.dumps(document, ensure_ascii=False, indent=2)
    # A raw line break never occurs inside a JSON string, so this cannot touch text.
    return _NUMBERS_ONLY.sub(lambda rows: f"[{' '.join(rows[1].split())}]", indented) + "\n"


# -- describing ----------------------------------------------------------------------------------------------


def timeline_schema() -> JsonSchemaValue:
    """The JSON Schema (draft 2020-12) of the timeline document.

    Every field is always written, so all are required, except the results of tasks that were not asked for.
    """
    schema = _timeline_adapter().json_schema(mode="serialization")
    definitions: dict[str, JsonSchemaValue] = schema["$defs"]
    for name, definition in ("Timeline", schema), *definitions.items():
        properties: dict[str, JsonSchemaValue] = definition["properties"]
        definition["required"] = [] if name == Results.__name__ else list(properties)
        for each, value in properties.items():
            value.pop("default", None)
            if doc := _field_docs().get((name, each)):
                value["description"] = doc
    for result in definitions[Results.__name__]["properties"].values():
        result.update(next(kind for kind in result.pop("anyOf") if kind != {"type": "null"}))
    return {"$schema": SCHEMA_DIALECT, "$id": SCHEMA_ID, **schema, "title": "sceneline timeline"}


@lru_cache(maxsize=1)
def _field_docs() -> dict[tuple[str, str], str]:
    """The docstring under each field of the timeline's dataclasses, by class and field name."""
    docs = {}
    for module in {getmodule(Timeline), getmodule(MediaInfo)}:
        for class_ in ast.walk(ast.parse(getsource(module))) if module else ():
            if isinstance(class_, ast.ClassDef):
                for field, below in pairwise(class_.body):
                    if (
                        isinstance(field, ast.AnnAssign)
                        and isinstance(field.target, ast.Name)
                        and isinstance(below, ast.Expr)
                        and isinstance(below.value, ast.Constant)
                    ):
                        docs[class_.name, field.target.id] = cleandoc(str(below.value.value))
    return docs


# -- reading -------------------------------------------------------------------------------------------------


def read_timeline(path: Path) -> Timeline:
    """The timeline in a JSON file.

    Raises:
        TimelineFileError: no such file, or not a timeline this version can read.
    """
    try:
        return parse_timeline(path.read_bytes().removeprefix(BOM_UTF8))
    except OSError as error:
        raise TimelineFileError(
            f"{path}: cannot be read ({error.strerror}); give a timeline's JSON file"
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise _no_timeline(path, f"{where}: {first['msg']}") from error
    except ValueError as error:
        raise _no_timeline(path, str(error)) from error


def _no_timeline(path: Path, why: str) -> TimelineFileError:
    line = " ".join(why.split())
    return TimelineFileError(
        f"{path}: not a timeline of schema version 1 ({line}); give the JSON file that `sceneline analyze` wrote"
    )


def parse_timeline(document: bytes) -> Timeline:
    """The timeline in a document of ours.

    Raises:
        ValidationError: it is not one.
        ValueError: a number in it is none, or beyond reason, or a time is.
    """
    timeline = _timeline_adapter().validate_json(document)
    if any(not -_LARGEST_NUMBER < number < _LARGEST_NUMBER for number in _numbers(timeline)):
        raise ValueError(f"every number must be finite and below {_LARGEST_NUMBER:.0e}")
    for start, end in _spans(timeline):
        if not 0 <= start <= end:
            raise ValueError(f"nothing lasts from {start:g} s to {end:g} s")
    return timeline


def _numbers(value: object) -> Iterator[float]:
    """Every number in a timeline, whatever holds it."""
    if isinstance(value, float):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _numbers(item)
    elif is_dataclass(value):
        for each in fields(value):
            yield from _numbers(getattr(value, each.name))


@lru_cache(maxsize=1)
def _timeline_adapter() -> TypeAdapter[Timeline]:
    return TypeAdapter(Timeline)
