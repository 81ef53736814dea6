"""``sceneline calibration``: how far moderation's confidence can be trusted, by what people decided."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Literal

from rich.console import RenderableType
from rich.text import Text

from api.calibrating import calibration
from api.cli.running import existing_database, service_settings, service_storage
from api.cli.telling import tell
from api.cli.writing import deliver, place_of
from api.documents import json_text, rounded
from api.exports.table import Grid, on_terminal
from api.exports.wording import one_line
from api.records import JobRecords, Reviews
from api.scoring import BandReport, CalibrationReport, ClauseCalibration


def report_calibration(
    tenant: str | None, data: Path | None, output: str, form: Literal["json", "table"]
) -> None:
    """Write the report over the decisions that a service has recorded; it may be running.

    Raises:
        RequestError: there is no service data.
        SetupError, DatabaseError, StorageError: the service's database or storage cannot be used.
        OutputError: the place cannot be written.
    """
    ours = service_settings(data)
    with existing_database(ours) as database:
        place = place_of(output, Path("calibration"), {"json": ".json", "table": ".txt"}[form])
        report = rounded(calibration(Reviews(database), JobRecords(database), service_storage(ours), tenant))
    if report.decisions == 0:
        tell("nobody has decided about anything yet; decisions are made on the service's page of a timeline")
    deliver(place, json_text(asdict(report)) if form == "json" else _told(report))


def _told(report: CalibrationReport) -> str:
    head = f"{report.decisions} decisions"
    if report.without_confidence:
        head += f", {report.without_confidence} of them on what has no confidence"
    parts: list[RenderableType] = [head]
    for (model, policy), clauses in groupby(report.clauses, lambda clause: (clause.model, clause.policy)):
        parts += [Text(f"\n{one_line(f'{policy}, judged by {model}')}", "bold"), *_tables(tuple(clauses))]
    return on_terminal(*parts)


def _tables(clauses: Sequence[ClauseCalibration]) -> Iterator[Grid]:
    bands: list[tuple[str, ...]] = []
    trust: list[tuple[str, ...]] = []
    for clause in clauses:
        name = one_line(clause.clause)
        bands += ((name, *row) for row in _bands(clause))
        for each in clause.bins:
            span = f"{each.from_confidence:.1f} – {each.to_confidence:.1f}"
            mean, share = f"{each.mean_confidence:.2f}", f"{each.blocked_share:.2f}"
            trust.append((name, span, str(each.decisions), mean, share))
        error = f"error {clause.calibration_error:.3f}"
        trust.append((name, error, str(clause.decisions), f"{clause.mean_confidence:.2f}", _share(clause)))
    yield Grid(("clause", "band", "from", "decisions", "precision", "recall", "F1", "suggested"), bands)
    yield Grid(("clause", "confidence", "decisions", "mean", "to block"), trust)


def _bands(clause: ClauseCalibration) -> Iterator[tuple[str, ...]]:
    yield "review", *_figures(clause.review_band), _number(clause.suggested_review_from)
    yield "block", *_figures(clause.block_band), _number(clause.suggested_block_from)


def _figures(band: BandReport | None) -> tuple[str, ...]:
    if band is None:
        return ("–",) * 5
    figures = (band.precision, band.recall, band.f1)
    return (_number(band.from_confidence), str(band.decisions), *map(_number, figures))


def _share(clause: ClauseCalibration) -> str:
    return f"{clause.blocked / clause.decisions:.2f}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
