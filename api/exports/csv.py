"""A table of events for spreadsheets: one row an event, times in seconds."""

import csv
import io

from analyzer import Timeline
from api.exports.wording import one_line

COLUMNS = (
    "id", "track", "label", "description", "start_seconds", "end_seconds", "start_earliest_seconds",
    "start_latest_seconds", "end_earliest_seconds", "end_latest_seconds", "confidence", "confidence_kind",
    "keyframes", "source",
)  # fmt: skip
_FORMULA_STARTS = tuple("=+-@＝＋－＠")
"""Of full width as well: spreadsheets in East Asian settings take those for the same."""


def render(timeline: Timeline) -> str:
    """The events as comma-separated values with a header.

    A text that a spreadsheet would run as a formula gets an apostrophe in front (OWASP: CSV injection).
    """
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(COLUMNS)
    for event in timeline.events:
        rows.writerow(
            (
                _inert(event.id),
                _inert(event.track),
                _inert(event.label),
                _inert(event.description),
                event.start_seconds,
                event.end_seconds,
                *event.start_range_seconds,
                *event.end_range_seconds,
                event.confidence,
                event.confidence_kind,
                _inert(" ".join(str(index) for index in event.evidence)),
                _inert(event.source),
            )
        )
    return out.getvalue()


def _inert(text: str) -> str:
    cell = one_line(text)
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
