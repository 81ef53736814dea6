"""Ways to tell a timeline: one module each, all of them a function from a timeline to text."""

from collections.abc import Mapping
from typing import Literal, TypeVar

Format = Literal["json", "csv", "vtt", "srt", "chapters", "md", "html", "table"]

SUFFIXES: dict[Format, str] = {
    "json": ".json",
    "csv": ".csv",
    "vtt": ".vtt",
    "srt": ".srt",
    "chapters": ".chapters.txt",
    "md": ".md",
    "html": ".html",
    "table": ".txt",
}
"""How a file of each format is named."""

Form = TypeVar("Form", bound=str)


def form_by_ending(output: str, suffixes: Mapping[Form, str]) -> Form | None:
    """The form whose files end as this place does, if any; a mere ``.txt`` says nothing of what is in it."""
    said = {form: suffix for form, suffix in suffixes.items() if suffix != ".txt"}
    return next((form for form, suffix in said.items() if output.lower().endswith(suffix)), None)


__all__ = ["SUFFIXES", "Format", "form_by_ending"]
