"""Which function tells a timeline in which format."""

from collections.abc import Callable

from analyzer import Timeline
from api.exports import Format, chapters, csv, html, json, md, srt, table, vtt

_RENDERERS: dict[Format, Callable[[Timeline], str]] = {
    "json": json.render,
    "csv": csv.render,
    "vtt": vtt.render,
    "srt": srt.render,
    "chapters": chapters.render,
    "md": md.render,
    "html": html.render,
    "table": table.render,
}


def render(timeline: Timeline, form: Format) -> str:
    """The timeline told in that format.

    Raises:
        ExportRefusedError: the format has rules this timeline cannot meet.
    """
    return _RENDERERS[form](timeline)
