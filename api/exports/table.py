"""The timeline as a table on a terminal."""

import io
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from analyzer import Timeline
from api.exports.sections import Row, Section, sections
from api.exports.wording import clock, indented, lasting, one_line
from sampler import MediaInfo

WIDTH_OFF_TERMINAL = 110
"""Columns where the text goes into a file or a pipe."""
NARROW = 60
"""Columns of a terminal in which a table still has room for words."""
_STYLES = {
    "time": "cyan",
    "on screen": "cyan",
    "applies": "cyan",
    "in view": "cyan",
    "chapter": "cyan",
    "keyframes": "dim",
}


def render(timeline: Timeline) -> str:
    """What it is, what happens when, whatever else was asked for, and what was not looked at."""
    parts: list[RenderableType] = [
        heading(timeline.media, len(timeline.shots)),
        Text(one_line(timeline.summary)),
    ]
    for section in sections(timeline, shots=timeline.results.describe is not None):
        parts += _told(section)
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


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; where the terminal is too narrow for columns, each row is a paragraph."""

    columns: Row
    rows: Sequence[Row]

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        if options.max_width < NARROW:
            yield from self._paragraphs()
            return
        table = Table(box=box.SIMPLE, pad_edge=False, header_style="bold")
        for index, column in enumerate(self.columns):
            table.add_column(column, no_wrap=index == 0, overflow="fold")
        for row in self.rows:
            table.add_row(*self._styled(row))
        yield table

    def _paragraphs(self) -> Iterator[RenderableType]:
        yield ""
        for row in self.rows:
            first, *others = self._styled(row)
            yield first
            for column, cell in zip(self.columns[1:], others, strict=True):
                if cell.plain:
                    yield Padding(Text.assemble((f"{column}: ", "dim"), cell), (0, 0, 0, 2))
        yield ""

    def _styled(self, row: Row) -> list[Text]:
        return [Text(cell, _STYLES.get(column, "")) for column, cell in zip(self.columns, row, strict=True)]


def _told(section: Section) -> Iterator[RenderableType]:
    if section.lead or section.body:
        yield Text(f"\n{section.title}", style="bold")
    if section.lead:
        yield Text(section.lead)
    if section.rows:
        yield Grid(section.columns, section.rows)
    if section.body:
        lines = map(indented, section.body.splitlines())
        yield Text("\n".join(f"{' ' * columns}{said}" for columns, said in lines))


def _footing(timeline: Timeline) -> Text:
    coverage = timeline.coverage
    footing = Text(
        f"\n{coverage.keyframes_analyzed} of {coverage.keyframes} keyframe{'s' * (coverage.keyframes != 1)} looked at "
        f"by {one_line(timeline.model.name)}",
        style="dim",
    )
    if timeline.media.frame_count != 1:
        footing.append(f"; longest stretch unseen {lasting(coverage.longest_unseen_seconds)}")
    for gap in coverage.gaps:
        why = one_line(gap.reason.replace("_", " "))
        footing.append(f"\nnot looked at: {clock(gap.start_seconds)} – {clock(gap.end_seconds)}, {why}")
    for warning in timeline.warnings:
        footing.append(f"\nwarning: {one_line(warning.message)}", style="yellow")
    return footing
