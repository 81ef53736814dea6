"""The task ``events``, asked of a model: what happens, and tracks of the caller's own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, create_model

from analyzer.asking import Answered, Inquiry
from analyzer.conversation import Batch, Reply
from analyzer.drafts import Draft
from analyzer.errors import AnalysisRequestError
from analyzer.merging import Claim, merge
from analyzer.parsing import Confidence, Line, Paragraph, is_templated, read, strict_schema
from analyzer.prompting import load
from analyzer.requests import AnalysisRequest, Segment, SegmentField
from analyzer.tasks.asked.spans import SpanEntry, check_entries, in_order, joined, shown_by_batch
from analyzer.timeline import Axis
from sampler import Keyframe, Notice

TRACK: Final = "events"
_Number: Final[Any] = Annotated[float, Field(allow_inf_nan=False)]
_RETOLD: Final = 6
"""Entries of an answer that the next batch is told of."""
_SEGMENTS: Final = (
    "\nBesides, list under `segments` what belongs to each of these tracks, every entry with `first_frame`, "
    "`last_frame`, `label`, `description`, `confidence` and its `fields`; a track nothing belongs to has an "
    "empty list:\n"
)


class Entry(SpanEntry):
    """One event as a model tells it."""

    label: Annotated[Line, Field(min_length=1)]
    description: Paragraph = ""
    confidence: Confidence = None


class EventsReply(BaseModel):
    """An answer to ``events``; a subclass adds ``segments`` where the caller has tracks of their own."""

    events: list[Entry]
    summary: Paragraph = ""


@dataclass(frozen=True, slots=True)
class EventsAnswer:
    """What all batches together say happened."""

    drafts: tuple[Draft, ...]
    summary: str
    notices: tuple[Notice, ...]


def inquire(request: AnalysisRequest) -> Inquiry[EventsReply]:
    """What is asked of each batch.

    Raises:
        AnalysisRequestError: two tracks share a name.
    """
    names = [TRACK, *(segment.id for segment in request.segments)]
    if len(set(names)) < len(names):
        raise AnalysisRequestError("two tracks have the same id, or one is called events; give each its own")
    form = _form(request.segments)
    tracks = "".join(f"- `{segment.id}`: {segment.description}\n" for segment in request.segments)
    words = {"instructions": request.instructions, "segments": _SEGMENTS + tracks if tracks else ""}

    def read_events(reply: Reply, batch: Batch) -> EventsReply:
        said = read(reply, form, batch.frames)
        for track in names:
            rows = [
                (entry.frames(batch), entry.label, entry.description)
                for name, entry in _entries(said)
                if name == track
            ]
            check_entries(rows, batch)
        return said

    return Inquiry("events", load("events"), read_events, strict_schema(form), words, retell=_retell)


def conclude(
    answers: Sequence[Answered[EventsReply]], axis: Axis, request: AnalysisRequest, source: str
) -> EventsAnswer:
    """Merge what the batches say. ``source`` names the model."""
    ordered = in_order(answers)
    claims = [claim for place, answer in enumerate(ordered) for claim in _claims(place, answer, source)]
    merged = merge(claims, shown_by_batch(ordered))
    drafts = [account.draft for account in merged]
    limits = {segment.id: segment for segment in request.segments}
    kept = tuple(draft for draft in drafts if _lasts_as_asked(draft, axis, limits.get(draft.track)))
    notices = [notice for answer in ordered for notice in _doubts(answer, axis)]
    if len(kept) < len(drafts):
        left_out = f"{len(drafts) - len(kept)} events are shorter or longer than their track allows"
        notices.append(Notice("duration_outside_limits", f"{left_out}; they were left out"))
    return EventsAnswer(kept, joined(answer.said.summary for answer in ordered), tuple(notices))


def renumbered(
    answer: Answered[EventsReply], numbers: Mapping[int, int], keyframes: Sequence[Keyframe]
) -> Answered[EventsReply]:
    """The same answer after its keyframes got new numbers; ``keyframes`` are all there are, by new number."""

    def entries(listed: Sequence[Entry]) -> list[Entry]:
        return [
            entry.model_copy(
                update={"first_frame": numbers[entry.first_frame], "last_frame": numbers[entry.last_frame]}
            )
            for entry in listed
        ]

    changed: dict[str, object] = {"events": entries(answer.said.events)}
    segments: BaseModel | None = getattr(answer.said, "segments", None)
    if segments is not None:
        tracks = {name: entries(getattr(segments, name)) for name in type(segments).model_fields}
        changed["segments"] = segments.model_copy(update=tracks)
    shown = tuple(keyframes[numbers[frame]] for frame in answer.batch.frames)
    return replace(
        answer, batch=replace(answer.batch, keyframes=shown), said=answer.said.model_copy(update=changed)
    )


def unsummed(said: EventsReply) -> EventsReply:
    """The answer without its summary, which would tell of too little."""
    return said.model_copy(update={"summary": ""})


def preview(answer: Answered[EventsReply], source: str) -> tuple[Draft, ...]:
    """What one batch says, before it is merged with what others say."""
    return tuple(claim.draft for claim in _claims(answer.batch.index, answer, source))


def _claims(place: int, answer: Answered[EventsReply], source: str) -> Iterator[Claim]:
    """What one answer claims; ids name its batch, ``place`` says where it stands in the order of time."""
    told: set[tuple[object, ...]] = set()
    for number, (track, entry) in enumerate(_entries(answer.said)):
        frames = entry.frames(answer.batch)
        if (row := (track, entry.label, frames)) in told:
            continue
        told.add(row)
        id_ = f"b{answer.batch.index}.e{number}"
        fields: BaseModel | None = getattr(entry, "fields", None)
        values = fields.model_dump(by_alias=True, exclude_none=True) if fields else {}
        yield Claim(
            id_,
            place,
            Draft(
                track=track,
                label=entry.label,
                description=entry.description,
                frames=frames,
                confidence=entry.confidence,
                confidence_kind="model",
                source=source,
                attributes=values,
                merged_from=(id_,),
            ),
        )


def _entries(said: EventsReply) -> Iterator[tuple[str, Entry]]:
    """Every entry with the name of its track."""
    yield from ((TRACK, entry) for entry in said.events)
    segments: BaseModel | None = getattr(said, "segments", None)
    for name, field in type(segments).model_fields.items() if segments is not None else ():
        for entry in getattr(segments, name):
            yield field.alias or name, entry


def _retell(said: EventsReply) -> str:
    lines = [f"- frames {e.first_frame} to {e.last_frame}: {e.label}" for e in said.events[-_RETOLD:]]
    return "\n".join([said.summary, *lines]).strip()


def _doubts(answer: Answered[EventsReply], axis: Axis) -> Iterator[Notice]:
    rows = [(entry.first_frame, entry.last_frame, entry.description) for entry in answer.said.events]
    if is_templated(rows):
        yield Notice(
            "templated_answer",
            f"the {len(rows)} events of one answer follow a pattern, as if counted out rather than looked at",
            axis.time(answer.batch.frames[0]),
            axis.time(answer.batch.frames[-1]),
        )


def _lasts_as_asked(draft: Draft, axis: Axis, segment: Segment | None) -> bool:
    """Whether the event may last as long as its track wants; only what is certain counts against it."""
    if segment is None:
        return True
    span = axis.span(draft.frames[0], draft.frames[-1])
    longest = span.end_range_seconds[1] - span.start_range_seconds[0]
    shortest = span.end_range_seconds[0] - span.start_range_seconds[1]
    return longest >= (segment.min_duration_seconds or 0.0) and (
        segment.max_duration_seconds is None or shortest <= segment.max_duration_seconds
    )


# -- the caller's own tracks as a reply model -------------------------------------------------------


def _form(segments: Sequence[Segment]) -> type[EventsReply]:
    """The reply model with a list of typed entries for each track; aliases carry the real names."""
    if not segments:
        return EventsReply
    lists: dict[str, Any] = {
        f"track{number}": (_entries_form(segment), Field(default=[], alias=segment.id))
        for number, segment in enumerate(segments)
    }
    tracks = create_model("Segments", **lists)
    return create_model("EventsReplyWithSegments", __base__=EventsReply, segments=(tracks, ...))


def _entries_form(segment: Segment) -> Any:
    if not segment.fields:
        return list[Entry]
    fields: dict[str, Any] = {
        f"field{number}": (
            _field_type(field),
            Field(default=None, alias=field.name, description=field.description or None),
        )
        for number, field in enumerate(segment.fields)
    }
    entry: Any = create_model("SegmentEntry", __base__=Entry, fields=(create_model("Fields", **fields), ...))
    return list[entry]


def _field_type(field: SegmentField) -> Any:
    if field.enum:
        return Literal[field.enum] | None
    if field.type == "string":
        return Line | None
    return {"number": _Number, "integer": int, "boolean": bool}[field.type] | None
