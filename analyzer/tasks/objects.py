"""The task ``objects``: things with boxes, followed over time, and how they stand to each other."""

from collections import defaultdict

from analyzer.tracking import Trail, centre
from analyzer.types import Box, ObjectsResult, Relation, Track
from analyzer.understanding import Understanding

_RELATED = 6
"""Tracks on one keyframe beyond which no relations are listed: in a crowd they tell a reader nothing."""


def list_objects(seen: Understanding) -> ObjectsResult:
    """Return tracks by first appearance, and the relations that hold between them."""
    names = {trail: f"t{number}" for number, trail in enumerate(seen.trails)}
    tracks = tuple(
        Track(
            id=names[trail],
            label=trail.label,
            confidence=trail.confidence,
            boxes=trail.sightings,
            instances=seen.axis.instances(trail.frames, bridged=2),
        )
        for trail in seen.trails
    )
    return ObjectsResult(tracks, _relate(seen, names))


def _relate(seen: Understanding, names: dict[Trail, str]) -> tuple[Relation, ...]:
    by_frame: dict[int, list[tuple[Trail, Box]]] = defaultdict(list)
    for trail in seen.trails:
        for sighting in trail.sightings:
            by_frame[sighting.keyframe].append((trail, sighting.box))
    held: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for frame, present in sorted(by_frame.items()):
        if len(present) > _RELATED:
            continue
        for number, (one, one_box) in enumerate(present):
            for other, other_box in present[number + 1 :]:
                relation = _relation(one_box, other_box)
                if relation is not None:
                    held[names[one], relation, names[other]].append(frame)
    return tuple(
        Relation(subject, relation, other, seen.axis.instances(frames))
        for (subject, relation, other), frames in sorted(held.items(), key=lambda item: (item[1][0], item[0]))
    )


def _relation(one: Box, other: Box) -> str | None:
    """Return how one box stands to another in the picture, which says nothing of depth; None when it is unclear."""
    apart_across = max(other[0] - one[2], one[0] - other[2])
    apart_down = max(other[1] - one[3], one[1] - other[3])
    if apart_across < 0 and apart_down < 0:
        return "overlaps"
    if apart_across >= apart_down:
        return "left of" if centre(one)[0] < centre(other)[0] else "right of"
    return "above" if centre(one)[1] < centre(other)[1] else "below"
