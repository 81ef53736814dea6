"""What a server of the OpenAI kind understands of a request; learned from its refusals and remembered.

Servers differ: LM Studio knows ``json_schema`` and refuses ``json_object``, many gateways know neither, newer
OpenAI models want ``max_completion_tokens`` and no temperature, some chat templates have no system role.
"""

import re
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


@dataclass(frozen=True, slots=True)
class Dialect:
    """The form of request a server is known to take."""

    schema: SchemaSupport = "json_schema"
    output_limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True
    system_role: bool = True


def adapt(dialect: Dialect, status: int, message: str) -> Dialect | None:
    """The next dialect to try after this refusal; None if the refusal is about something else."""
    if status not in _MAY_MEAN_DIALECT:
        return None
    if dialect.output_limit == "max_tokens" and "max_completion_tokens" in message:
        return replace(dialect, output_limit="max_completion_tokens")
    if dialect.system_role and _ABOUT_SYSTEM_ROLE.search(message):
        return replace(dialect, system_role=False)
    if dialect.schema in _STEP_DOWN and _ABOUT_SCHEMA.search(message):
        return replace(dialect, schema=_STEP_DOWN[dialect.schema])
    if dialect.temperature and "temperature" in message:
        return replace(dialect, temperature=False)
    return None
