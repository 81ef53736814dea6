"""The configuration reference, written from the settings themselves."""

import re
from typing import Any, get_args, get_origin

from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from api.settings import Settings

_HEAD = """# Configuration

All settings are environment variables, and all are optional. This page is generated from the code (`make reference`).

| variable | default | meaning |
|---|---|---|
"""


def configuration_reference() -> str:
    """A Markdown table of every setting: its variables, its default, what it means."""
    rows = (
        f"| {', '.join(f'`{name}`' for name in _variables(name, field))} | {_default(field)} | {_meaning(field)} |"
        for name, field in Settings.model_fields.items()
    )
    return _HEAD + "\n".join(rows) + "\n"


def _variables(name: str, field: FieldInfo) -> list[str]:
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [f"SCENELINE_{name.upper()}"]


def _default(field: FieldInfo) -> str:
    value = field.default
    if value in (None, PydanticUndefined, frozenset()):
        return "–"
    choices = ", ".join(str(each) for each in _choices(field.annotation))
    return f"`{value}`" + (f" of {choices}" if choices else "")


def _choices(annotation: Any) -> tuple[Any, ...]:
    arguments = get_args(annotation)
    return (
        arguments
        if arguments and get_origin(annotation) is not None and all(type(a) is str for a in arguments)
        else ()
    )


def _meaning(field: FieldInfo) -> str:
    text = " ".join((field.description or "").split()).replace("|", "\\|")
    return re.sub(r"``(.+?)``", r"`\1`", text)
