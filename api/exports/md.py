"""Markdown: the timeline as a page to read, for notes and issue trackers."""

import re

from analyzer import Timeline
from api.exports.sections import Section, remarks, sections
from api.exports.wording import clock, indented, one_line

_MEANINGFUL = re.compile(r"([\\`*_{}\[\]<>#|~&$!@]|^[-+]|^\d+[.)])")


def render(timeline: Timeline) -> str:
    """Summary, everything that was found, gaps and warnings as CommonMark with tables."""
    parts = [f"# {_plain(timeline.media.name)}", _facts(timeline), _plain(timeline.summary)]
    for section in sections(timeline, shots=True):
        parts += _section(section)
    for section in remarks(timeline):
        parts += _section(section)
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(timeline: Timeline) -> str:
    media, coverage = timeline.media, timeline.coverage
    return (
        f"{clock(media.duration_seconds)} long, {media.width} × {media.height}, {_plain(media.codec)}; "
        f"{coverage.keyframes_analyzed} of {coverage.keyframes} keyframes looked at "
        f"by {_plain(timeline.model.name)}; {timeline.status}"
    )


def _section(section: Section) -> list[str]:
    rows = [f"| {' | '.join(map(_plain, row))} |" for row in section.rows]
    head = [f"| {' | '.join(section.columns)} |", f"|{' --- |' * len(section.columns)}"]
    table = "\n".join(head + rows) if rows else ""
    parts = [part for part in (_plain(section.lead), table, _quoted(section.body)) if part]
    return [f"## {_plain(section.title)}", *parts] if parts else []


def _quoted(body: str) -> str:
    """Text that may be Markdown itself, as it stands: every line quoted and inert."""
    lines = map(indented, body.splitlines())
    return "\n".join(f"> {'&nbsp;' * columns}{_plain(said)}  " for columns, said in lines)


def _plain(text: str) -> str:
    """The text with everything escaped that Markdown, or HTML within it, would act on."""
    return _MEANINGFUL.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", one_line(text))
