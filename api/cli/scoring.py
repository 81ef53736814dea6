"""``sceneline score``: a timeline against what is known of its video."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from api.cli.telling import tell
from api.cli.writing import deliver, place_of
from api.documents import json_text, read_timeline, rounded, timeline_document
from api.exports.table import Grid, on_terminal
from api.scoring import read_truth, score_timeline, unasked

Row = tuple[str, str, object, object, object]
"""What is measured, by which measure, its value, and precision and recall where it has them."""

_SUFFIXES = {"json": ".score.json", "table": ".score.txt"}
"""Endings in a folder: its timelines, ``.json`` as well, are not written over by their scores."""


def score(timeline: Path, truth: Path, output: str, form: Literal["json", "table"]) -> None:
    """Score one timeline and write the figures.

    Raises:
        TimelineFileError: the file is not a timeline.
        TruthFileError: the truth is of no known form, or says nothing of this video.
        OutputError: the place cannot be written.
    """
    place = place_of(output, timeline, _SUFFIXES[form])
    read = read_timeline(timeline)
    known = read_truth(truth, read.media.name)
    document = timeline_document(read)
    scores: dict[str, dict[str, object]] = rounded(score_timeline(document, known))
    if missing := unasked(document, known):
        tell(f"{timeline}: not scored, since nobody asked for it: {', '.join(missing)}")
    if form == "json":
        head = {"video": read.media.name, "model": read.model.name}
        deliver(place, json_text({**head, "scores": scores, "not_scored": missing}))
        return
    rows = [(what, measure, *map(_figure, figures)) for what, measure, *figures in _rows(scores)]
    table = Grid(("of", "measure", "value", "precision", "recall"), rows)
    deliver(place, on_terminal(f"{read.media.name} by {read.model.name}", table))


def _rows(scores: Mapping[str, Mapping[str, object]]) -> Iterator[Row]:
    for what, measures in scores.items():
        if "f1" in measures:
            yield what, "f1", measures["f1"], measures["precision"], measures["recall"]
        for name, value in measures.items():
            measure = name.replace("_", " ")
            if isinstance(value, Mapping):
                yield what, measure, value["f1"], value["precision"], value["recall"]
            elif name not in {"f1", "precision", "recall"}:
                yield what, measure, value, "", ""


def _figure(value: object) -> str:
    """A measure with nothing to measure is a dash, which is not 0."""
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
