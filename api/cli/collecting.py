"""Writes what came of a corpus: a JSON line a video, or a Parquet table of everything that has a time."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from api.cli.writing import draft_of, prepare, write_out
from api.errors import RequestError
from api.records import JobStatus, Problem

PARQUET: Final = ".parquet"
_ROWS_AT_ONCE: Final = 10_000
"""Rows of a table that are held in memory."""


@dataclass(frozen=True, slots=True)
class Collected:
    """A video that has ended."""

    video: str
    job: str | None
    """None of a video that could not be read."""
    status: JobStatus
    problem: Problem | None
    timeline: Mapping[str, Any] | None
    """The document; None of a video that failed."""


def writer_to(output: Path | None, corpus: str) -> Callable[[Iterable[Collected]], None]:
    """What writes results there, in the form its suffix asks for; a file is whole or as it was.

    Raises:
        OutputError: the folder of the results cannot be made.
        RequestError: the packages for that form are not installed, or the results would replace the corpus.
    """
    if output is None:
        return _write_out_lines
    prepare(output, [Path(corpus)])
    if output.is_dir():
        raise RequestError(f"{output}: is a folder; name a file for the results of all videos")
    if output.suffix.lower() == PARQUET:
        return partial(_write_parquet, _pyarrow(), output)
    return partial(_write_lines, output)


# -- a JSON line a video -------------------------------------------------------------------------------------


def _write_out_lines(collected: Iterable[Collected]) -> None:
    for came in collected:
        write_out(_line(came))


def _write_lines(output: Path, collected: Iterable[Collected]) -> None:
    with draft_of(output) as draft, draft.open("w", encoding="utf-8") as file:
        file.writelines(map(_line, collected))


def _line(came: Collected) -> str:
    line: dict[str, Any] = {
        "video": came.video,
        "id": came.job,
        "status": came.status,
        "error": {"code": came.problem.code, "message": came.problem.message} if came.problem else None,
        "timeline": came.timeline,
    }
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"


# -- a table -------------------------------------------------------------------------------------------------


def _pyarrow() -> Any:
    with suppress(ImportError):
        import pyarrow.parquet  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra, and heavy

        return pyarrow
    raise RequestError(
        "results as Parquet need pyarrow; pip install 'sceneline[parquet]', or name the output .jsonl"
    )


def _schema(arrow: Any) -> Any:
    text, seconds = arrow.string(), arrow.float64()
    names = arrow.dictionary(arrow.int32(), text)
    return arrow.schema(
        {
            "video": names,
            "id": names,
            "status": names,
            "error_code": names,
            "error_message": names,
            "duration_seconds": seconds,
            "summary": names,
            "kind": names,
            "label": text,
            "description": text,
            "start_seconds": seconds,
            "end_seconds": seconds,
            "start_earliest_seconds": seconds,
            "start_latest_seconds": seconds,
            "end_earliest_seconds": seconds,
            "end_latest_seconds": seconds,
            "confidence": seconds,
            "confidence_kind": names,
            "keyframes": arrow.list_(arrow.int32()),
            "details": text,
        }
    )


def _write_parquet(arrow: Any, output: Path, collected: Iterable[Collected]) -> None:
    schema = _schema(arrow)
    rows = (row for came in collected for row in rows_of(came))
    with (
        draft_of(output) as draft,
        arrow.parquet.ParquetWriter(draft, schema, compression="zstd") as file,
    ):
        while some := list(islice(rows, _ROWS_AT_ONCE)):
            file.write_table(arrow.Table.from_pylist(some, schema))


def rows_of(came: Collected) -> Iterator[dict[str, Any]]:
    """A row for everything in a timeline that has a time; one that says so where there is nothing."""
    timeline = came.timeline or {}
    video = {
        "video": came.video,
        "id": came.job,
        "status": came.status,
        "error_code": came.problem.code if came.problem else None,
        "error_message": came.problem.message if came.problem else None,
        "duration_seconds": timeline.get("media", {}).get("duration_seconds"),
        "summary": timeline.get("summary"),
    }
    rows = [*_events(timeline), *_elements(timeline.get("results", {}))]
    for row in rows or [{}]:
        yield video | row


def _events(timeline: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for event in timeline.get("events", ()):
        details = {
            name: event[name] for name in ("id", "track", "attributes", "boxes", "source", "merged_from")
        }
        yield _row("event", event["label"], event["description"], event, event["evidence"], event, details)


_NAMED_BY: Final = {
    "text": ("text", "text", None),
    "tags": ("tag", "tag", None),
    "documents": ("document", "title", "markdown"),
    "tracks": ("object", "label", None),
    "clauses": ("moderation", "id", "explanation"),
    "chapters": ("chapter", "title", "description"),
}
"""Of each list of results: what its elements are, what names one, what describes it."""


def _elements(results: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    objects, moderation = results.get("objects") or {}, results.get("moderation") or {}
    lists = {
        "text": results.get("text"),
        "tags": results.get("tags"),
        "documents": results.get("documents"),
        "tracks": objects.get("tracks"),
        "clauses": moderation.get("clauses"),
        "chapters": (results.get("describe") or {}).get("chapters"),
    }
    for name, elements in lists.items():
        kind, label, description = _NAMED_BY[name]
        for element in elements or ():
            told = element[description] if description is not None else None
            shown = {label, description, "confidence", "confidence_kind", "instances"}
            details = {key: value for key, value in element.items() if key not in shown}
            times = [element] if "start_seconds" in element else element["instances"] or [{}]
            for time in times:
                yield _row(kind, element[label], told, time, time.get("keyframes"), element, details)


def _row(
    kind: str,
    label: str,
    description: str | None,
    time: Mapping[str, Any],
    keyframes: object,
    element: Mapping[str, Any],
    details: Mapping[str, Any],
) -> dict[str, Any]:
    starts = time.get("start_range_seconds") or (None, None)
    ends = time.get("end_range_seconds") or (None, None)
    return {
        "kind": kind,
        "label": label,
        "description": description,
        "start_seconds": time.get("start_seconds"),
        "end_seconds": time.get("end_seconds"),
        "start_earliest_seconds": starts[0],
        "start_latest_seconds": starts[1],
        "end_earliest_seconds": ends[0],
        "end_latest_seconds": ends[1],
        "confidence": element.get("confidence"),
        "confidence_kind": element.get("confidence_kind"),
        "keyframes": keyframes,
        "details": json.dumps(details, ensure_ascii=False),
    }
