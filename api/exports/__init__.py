"""Ways to tell a timeline: one module each, all of them a function from a timeline to text."""

from typing import Literal

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

__all__ = ["SUFFIXES", "Format"]
