"""The timeline as a table on a terminal."""

import io
import re
import sys

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from analyzer import Timeline
from api.exports.wording import certainty, clock, one_line, told
from sampler import MediaInfo

WIDTH_OFF_TERMINAL = 110
"""Columns where the text goes into a file or a pipe."""
_KEYFRAMES_SHOWN = 6


def render(timeline: Timeline) -> str:
    """What it is, what happens when, what was read, and what was not looked at."""
    parts: list[RenderableType] = [
        heading(timeline.media, len(timeline.shots)),
        Text(one_line(timeline.summary)),
    ]
    if timeline.events:
        parts.append(_events(timeline))
    if timeline.results.text:
        parts.append(_texts(timeline))
    return on_terminal(*parts, _footing(timeline))


def on_terminal(*parts: RenderableType) -> str:
    """The parts below each other; coloured and as wide as the terminal if there is one."""
    out = io.StringIO()
    width = None if sys.stdout.isatty() else WIDTH_OFF_TERMINAL
    console = Console(
        file=out, force_terminal=sys.stdout.isatty(), width=width, highlight=False, markup=False
    )
    console.print(*parts, sep="\n")
    text = "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())
    return re.sub(r"\n{3,}", "\n\n", text)


def heading(media: MediaInfo, shots: int) -> Text:
    """The video in one line."""
    facts = (
        f"  {clock(media.duration_seconds)} · {media.width} × {media.height} · {one_line(media.codec)} · "
        f"{shots} shot{'s' * (shots != 1)}"
    )
    return Text.assemble((one_line(media.name), "bold"), (facts, "dim"))


def grid(*columns: str) -> Table:
    """An empty table; the first column is never broken."""
    table = Table(box=box.SIMPLE, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        table.add_column(column, no_wrap=index == 0, overflow="fold")
    return table


def _events(timeline: Timeline) -> Table:
    table = grid("time", "what happens", "sure", "keyframes")
    for event in timeline.events:
        table.add_row(
            Text(f"{clock(event.start_seconds)} – {clock(event.end_seconds)}", style="cyan"),
            Text(told(event)),
            Text(certainty(event.confidence)),
            Text(_brief(event.evidence), style="dim"),
        )
    return table


def _texts(timeline: Timeline) -> Table:
    table = grid("on screen", "text")
    for element in timeline.results.text or ():
        stretches = (f"{clock(each.start_seconds)} – {clock(each.end_seconds)}" for each in element.instances)
        table.add_row(Text(", ".join(stretches), style="cyan"), Text(one_line(element.text)))
    return table


def _footing(timeline: Timeline) -> Text:
    coverage = timeline.coverage
    footing = Text(
        f"{coverage.keyframes_analyzed} of {coverage.keyframes} keyframes looked at by "
        f"{one_line(timeline.model.name)}; longest stretch unseen {coverage.longest_unseen_seconds:.1f} s",
        style="dim",
    )
    for gap in coverage.gaps:
        why = one_line(gap.reason.replace("_", " "))
        footing.append(f"\nnot looked at: {clock(gap.start_seconds)} – {clock(gap.end_seconds)}, {why}")
    for warning in timeline.warnings:
        footing.append(f"\nwarning: {one_line(warning.message)}", style="yellow")
    return footing


def _brief(indexes: tuple[int, ...]) -> str:
    more = " …" if len(indexes) > _KEYFRAMES_SHOWN else ""
    return " ".join(str(index) for index in indexes[:_KEYFRAMES_SHOWN]) + more
