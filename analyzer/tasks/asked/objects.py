"""The task ``objects``, asked of a model: things with boxes, followed over batches, and how they stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final

from pydantic import BaseModel, Field

from analyzer.asking import Answered, Inquiry
from analyzer.conversation import Batch, Reply
from analyzer.meaning import likeness
from analyzer.parsing import Confidence, Frame, GridBox, Line, Row, read, strict_schema
from analyzer.prompting import load
from analyzer.requests import AnalysisRequest
from analyzer.tasks.asked.spans import SpanEntry, best, check_entries, in_order
from analyzer.timeline import Axis
from analyzer.types import Box, BoxSighting, ObjectsResult, Relation, Track

_SAME_LABEL: Final = 0.5
_SAME_PLACE: Final = 0.5
"""Overlap (intersection over union) of two boxes of one thing on one keyframe."""
_NEAR_PLACE: Final = 0.3
"""The same on neighbouring keyframes of one shot, where it may have moved."""


class Sighting(BaseModel):
    """Where a thing is on one keyframe."""

    frame: Frame
    box: GridBox


class ObjectEntry(BaseModel):
    """One thing and where it was seen."""

    id: Line
    label: Annotated[Line, Field(min_length=1)]
    confidence: Confidence = None
    sightings: Annotated[list[Sighting], Field(min_length=1)]


class RelationEntry(SpanEntry):
    """How two things stand to each other."""

    subject: Line
    relation: Annotated[Line, Field(min_length=1)]
    object: Line


class ObjectsReply(BaseModel):
    """An answer to ``objects``."""

    objects: list[ObjectEntry]
    relations: list[RelationEntry] = []


@dataclass(slots=True)
class _Thing:
    """A track while it grows from batch to batch."""

    label: str
    boxes: dict[int, Box]
    confidences: list[float | None] = field(default_factory=list)


def inquire(request: AnalysisRequest) -> Inquiry[ObjectsReply]:
    """What is asked of each batch."""

    def read_objects(reply: Reply, batch: Batch) -> ObjectsReply:
        said = read(reply, ObjectsReply, batch.frames)
        rows: list[Row] = [
            ([s.frame for s in entry.sightings], entry.label, tuple(s.box for s in entry.sightings))
            for entry in said.objects
        ]
        check_entries(rows, batch)
        return said

    words = {"instructions": request.instructions}
    return Inquiry("objects", load("objects"), read_objects, strict_schema(ObjectsReply), words)


def conclude(answers: Sequence[Answered[ObjectsReply]], axis: Axis) -> ObjectsResult:
    """Follow each thing from batch to batch by place and label."""
    things: list[_Thing] = []
    relations: dict[tuple[int, str, int], set[int]] = {}
    for answer in in_order(answers):
        names = _attach(_gathered(answer.said.objects), things, axis)
        for entry in answer.said.relations:
            if entry.subject in names and entry.object in names:
                key = (names[entry.subject], entry.relation, names[entry.object])
                relations.setdefault(key, set()).update(entry.frames(answer.batch))
    order = sorted(range(len(things)), key=lambda at: (min(things[at].boxes), things[at].label, at))
    ids = {at: f"t{number}" for number, at in enumerate(order)}
    return ObjectsResult(
        tracks=tuple(_track(ids[at], things[at], axis) for at in order),
        relations=tuple(
            Relation(ids[subject], relation, ids[other], axis.instances(sorted(frames), bridged=0))
            for (subject, relation, other), frames in sorted(relations.items(), key=lambda item: min(item[1]))
        ),
    )


def _gathered(entries: Sequence[ObjectEntry]) -> list[ObjectEntry]:
    """The entries with those of one thing made one: some models begin a new one for every sighting."""
    gathered: list[ObjectEntry] = []
    for entry in entries:
        at = next((at for at, known in enumerate(gathered) if _is_one_thing(known, entry)), None)
        if at is None:
            gathered.append(entry)
            continue
        both = [*gathered[at].sightings, *entry.sightings]
        surest = best((gathered[at].confidence, entry.confidence))
        gathered[at] = gathered[at].model_copy(update={"sightings": both, "confidence": surest})
    return gathered


def _is_one_thing(one: ObjectEntry, other: ObjectEntry) -> bool:
    """Whether two entries have one id and nothing speaks against it: not two labels, nor two places at once."""
    if one.id != other.id or likeness(one.label, other.label) < _SAME_LABEL:
        return False
    places = {sighting.frame: sighting.box for sighting in one.sightings}
    return all(
        overlap(places[sighting.frame], sighting.box) >= _SAME_PLACE
        for sighting in other.sightings
        if sighting.frame in places
    )


def _attach(entries: Sequence[ObjectEntry], things: list[_Thing], axis: Axis) -> Mapping[str, int]:
    """Continue the things that go on and begin the others; returns which entry became which, by its id."""
    known = len(things)
    pairs = sorted(
        (-fit, at, number)
        for at in range(known)
        for number, entry in enumerate(entries)
        if (fit := _fit(things[at], entry, axis)) > 0.0
    )
    placed: dict[int, int] = {}
    for _fit_of_pair, at, number in pairs:
        if number not in placed and at not in placed.values():
            placed[number] = at
    for number, entry in enumerate(entries):
        boxes = {sighting.frame: sighting.box for sighting in entry.sightings}
        if number not in placed:
            placed[number] = len(things)
            things.append(_Thing(entry.label, {}))
        thing = things[placed[number]]
        thing.boxes = boxes | thing.boxes
        thing.confidences.append(entry.confidence)
    return {entry.id: placed[number] for number, entry in enumerate(entries)}


def _fit(thing: _Thing, entry: ObjectEntry, axis: Axis) -> float:
    """How well an entry continues a thing, 0 for not at all: the best overlap of their boxes."""
    if likeness(thing.label, entry.label) < _SAME_LABEL:
        return 0.0
    best_overlap = 0.0
    for sighting in entry.sightings:
        for frame, box in thing.boxes.items():
            apart = abs(sighting.frame - frame)
            if apart > 1 or axis.shot(frame) != axis.shot(sighting.frame):
                continue
            shared = overlap(box, sighting.box)
            if shared >= (_SAME_PLACE if apart == 0 else _NEAR_PLACE):
                best_overlap = max(best_overlap, shared)
    return best_overlap


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes, 0..1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    areas = ((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return shared / (sum(areas) - shared)


def _track(id_: str, thing: _Thing, axis: Axis) -> Track:
    confidence = best(thing.confidences)
    frames = sorted(thing.boxes)
    return Track(
        id=id_,
        label=thing.label,
        confidence=confidence,
        boxes=tuple(BoxSighting(frame, thing.boxes[frame], None) for frame in frames),
        instances=axis.instances(frames),
    )
