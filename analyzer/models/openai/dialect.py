"""What a server of the OpenAI kind understands of a request; learned from its refusals and remembered.

Servers differ: LM Studio knows ``json_schema`` and refuses ``json_object``, many gateways know neither, newer
OpenAI models want ``max_completion_tokens`` and no temperature, some chat templates have no system role, and some
answer in fewer tokens than they may be asked for.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from analyzer.conversation import SchemaSupport

_STEP_DOWN: dict[SchemaSupport, SchemaSupport] = {"json_schema": "json_object", "json_object": "prompt"}
_MAY_MEAN_DIALECT = frozenset({400, 404, 415, 422, 500, 501})
_ABOUT_SCHEMA = re.compile(
    r"response_format|json_schema|json_object|json mode|structured.?output|guided|grammar"
    r"|requested parameters",
    re.IGNORECASE,
)
_ABOUT_SYSTEM_ROLE = re.compile(r"system (role|message)s?\b.*(not|n't|un)\s?(be )?support", re.IGNORECASE)
_ABOUT_OUTPUT = re.compile(r"max_(completion_|output_|new_)?tokens|(completion|output) tokens", re.IGNORECASE)
_ABOUT_CONTEXT = re.compile(r"context (length|size|window)|maximum context", re.IGNORECASE)
_MOST_OUTPUT = re.compile(
    r"(?:at most|up to|(?:less|lower|smaller) than or equal to|maximum (?:value )?(?:of|is)|<=|≤|\d >|\[\d+,)"
    r"[\s`'\"]*(?P<most>[1-9]\d{0,8})\b",
    re.IGNORECASE,
)
"""As OpenAI, Groq, Anthropic and DeepSeek say it."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The form of request a server is known to take."""

    schema: SchemaSupport = "json_schema"
    output_limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True
    system_role: bool = True
    most_output_tokens: int | None = None
    """Tokens an answer may be given; None while no question has asked for too many."""


def is_about_output(message: str) -> bool:
    """Whether a refusal is about the length of the answer alone, which fewer pictures do not change."""
    return bool(_ABOUT_OUTPUT.search(message)) and not _ABOUT_CONTEXT.search(message)


def adapt(dialect: Dialect, status: int, message: str) -> Dialect | None:
    """The next dialect to try after this refusal; None if the refusal is about something else."""
    if status not in _MAY_MEAN_DIALECT:
        return None
    return next(_lessons(dialect, message), None)


def _lessons(dialect: Dialect, message: str) -> Iterator[Dialect]:
    """The dialects a refusal may be asking for, likeliest first."""
    if (most := _most_output(message)) and most < (dialect.most_output_tokens or most + 1):
        yield replace(dialect, most_output_tokens=most)
    if dialect.output_limit == "max_tokens" and "max_completion_tokens" in message:
        yield replace(dialect, output_limit="max_completion_tokens")
    if dialect.system_role and _ABOUT_SYSTEM_ROLE.search(message):
        yield replace(dialect, system_role=False)
    if dialect.schema in _STEP_DOWN and _ABOUT_SCHEMA.search(message):
        yield replace(dialect, schema=_STEP_DOWN[dialect.schema])
    if dialect.temperature and "temperature" in message:
        yield replace(dialect, temperature=False)


def _most_output(message: str) -> int | None:
    """The tokens an answer may have by this refusal; None where it does not say."""
    found = _MOST_OUTPUT.search(message) if is_about_output(message) else None
    return int(found["most"]) if found else None
