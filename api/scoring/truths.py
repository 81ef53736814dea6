"""Truth files: ours, ActivityNet Captions and QVHighlights, read into one form.

Ours is what ``samples/*.truth.json`` holds; every field but ``video`` may be absent and is then not scored.
ActivityNet Captions is ``{video: {duration, timestamps, sentences}}``; QVHighlights is one JSON object a line
with ``vid``, ``query`` and ``relevant_windows``.
"""

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.errors import TruthFileError

Corner = Annotated[float, Field(ge=0, le=1)]
Text = Annotated[str, Field(max_length=10_000)]
"""Comparing two takes as long as one is times the other: nothing on a screen is longer."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class TruthCut(_Part):
    """A change of shot; a gradual one has the extent of its transition."""

    time_seconds: float
    transition: Literal["cut", "gradual"] = "cut"


class TruthEvent(_Part):
    """Something that happens."""

    label: Text = ""
    description: Text = ""
    start_seconds: float
    end_seconds: float


class TruthText(_Part):
    """A text that can be read on screen."""

    text: Text
    start_seconds: float
    end_seconds: float


class TruthThing(_Part):
    """A thing that can be seen."""

    label: Text
    start_seconds: float
    end_seconds: float


class TruthBox(_Part):
    """Where a thing is at one moment."""

    time_seconds: float
    label: Text
    box: tuple[Corner, Corner, Corner, Corner]


class TruthChapter(_Part):
    """A part of the video."""

    title: Text = ""
    start_seconds: float


class TruthClause(_Part):
    """What a clause of a policy should say of the whole video."""

    id: str
    verdict: Literal["allow", "review", "block"]


class TruthQuery(_Part):
    """A sentence and the stretches it describes."""

    query: Text
    windows: tuple[tuple[float, float], ...]


class Truth(_Part):
    """Everything known about one video; None means "not known", an empty list means "there is none"."""

    video: str = ""
    cuts: tuple[TruthCut, ...] | None = None
    events: tuple[TruthEvent, ...] | None = None
    texts: tuple[TruthText, ...] | None = None
    things: tuple[TruthThing, ...] | None = None
    boxes: tuple[TruthBox, ...] | None = None
    chapters: tuple[TruthChapter, ...] | None = None
    tags: tuple[str, ...] | None = None
    moderation: tuple[TruthClause, ...] | None = None
    queries: tuple[TruthQuery, ...] | None = None


def read_truth(path: Path, video: str) -> Truth:
    """Reads a truth file in any of the three forms.

    Args:
        path: The file.
        video: Name of the video the timeline is about, to find its entry in files about many videos.

    Raises:
        TruthFileError: The file is missing, is of none of the forms, or says nothing of this video.
    """
    try:
        rows = _rows(path.read_text("utf-8-sig"))
    except OSError as error:
        raise TruthFileError(f"cannot read the truth {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise TruthFileError(f"the truth {path} is not JSON: {error}") from error
    try:
        return _recognise(rows, Path(video).stem)
    except (ValidationError, KeyError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise TruthFileError(f"the truth {path} is of no known form for {video}: {reason}") from error


def _rows(text: str) -> list[dict[str, object]]:
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        whole = [json.loads(line) for line in lines]
    rows = whole if isinstance(whole, list) else [whole]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("it must hold JSON objects")
    return rows


def _recognise(rows: list[dict[str, object]], stem: str) -> Truth:
    if rows and "relevant_windows" in rows[0]:
        return _from_qvhighlights(rows, stem)
    (row,) = rows
    if row and all(isinstance(value, dict) and "timestamps" in value for value in row.values()):
        return _from_activitynet(row, stem)
    known = set(Truth.model_fields) - {"video"}
    if not known & set(row):
        raise ValueError(f"none of the fields {', '.join(sorted(known))} is there")
    return Truth.model_validate(row)


def _from_activitynet(row: dict[str, object], stem: str) -> Truth:
    entry = row[_only(list(row), stem)]
    if not isinstance(entry, dict):
        raise TypeError("an entry must be an object")
    events = tuple(
        TruthEvent(description=str(sentence).strip(), start_seconds=start, end_seconds=end)
        for (start, end), sentence in zip(entry["timestamps"], entry["sentences"], strict=True)
    )
    return Truth(video=stem, events=events)


def _from_qvhighlights(rows: list[dict[str, object]], stem: str) -> Truth:
    wanted = _only(sorted({str(row["vid"]) for row in rows}), stem)
    queries = tuple(
        TruthQuery.model_validate({"query": row["query"], "windows": row["relevant_windows"]})
        for row in rows
        if row["vid"] == wanted
    )
    return Truth(video=stem, queries=queries)


def _only(names: list[str], stem: str) -> str:
    """The entry about this video; a file about a single video needs no name that fits."""
    if stem in names:
        return stem
    if f"v_{stem}" in names:
        return f"v_{stem}"
    if len(names) == 1:
        return names[0]
    raise KeyError(f"{stem} is not among its {len(names)} videos")
