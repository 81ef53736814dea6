"""Tracks of things become events a person would tell: one for each stretch in which a kind of thing is there.

A lone thing is told with its movement, several at once with their number: ``three people, then one``.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from analyzer.counting import Stretch
from analyzer.drafts import Draft
from analyzer.tracking import area, centre, touched
from analyzer.types import Box, EventBox
from analyzer.understanding import Understanding
from analyzer.wording import clock, counted, joined, number_word, sentence

SOURCE: Final = "ssd-mobilenet-v2-coco"
_MOVED: Final = 0.15
"""Share of the picture a thing must cross to count as moving."""
_CLOSER: Final = 2.0
"""Growth in area from which a thing comes closer; its inverse, from which it moves away."""
_ABSENT: Final = 2
"""Keyframes at the beginning or end of a shot that must miss a thing before it is said to come or to be gone, for one
may overlook it; one is enough where it moved from or to the edge of the picture.
"""
_BRIEF: Final = 3
"""Counts told without their times."""
_CHANGES: Final = 8
"""Counts told one by one; with more of them only the least and the most are told."""
_OFTEN_SECONDS: Final = 1.5
"""Mean time between changes under which they are not told one by one either."""


def draft_appearances(seen: Understanding) -> Iterator[Draft]:
    """Yield one draft for each stretch of each kind of thing in each shot."""
    for stretch in seen.stretches:
        attributes: dict[str, object] = {"count": stretch.most}
        if stretch.most == 1:
            words, movement = _movement(stretch, seen)
            description = f"{counted(1, stretch.label)} {words}"
            attributes |= movement
        else:
            changes = stretch.changes()
            description = _tell_counts(
                [(seen.axis.time(frame), count) for frame, count in changes], stretch.label
            )
            attributes["counts"] = [{"keyframe": frame, "count": count} for frame, count in changes]
        yield Draft(
            track=stretch.label,
            label=stretch.label,
            description=sentence(description),
            frames=stretch.frames,
            confidence=stretch.confidence,
            confidence_kind="detector",
            source=SOURCE,
            boxes=_boxes(stretch),
            attributes=attributes,
        )


def _boxes(stretch: Stretch) -> tuple[EventBox, ...]:
    boxes = [
        EventBox(sighting.keyframe, stretch.label, sighting.box, sighting.confidence)
        for trail in stretch.trails
        for sighting in trail.sightings
    ]
    return tuple(sorted(boxes, key=lambda box: (box.keyframe, box.box)))


def _tell_counts(changes: Sequence[tuple[float, int]], label: str) -> str:
    """Say how many there are, given the seconds from which each number holds."""
    numbers = [count for _, count in changes]
    first = counted(numbers[0], label)
    if len(numbers) == 1:
        return first
    often = (changes[-1][0] - changes[0][0]) / len(changes) < _OFTEN_SECONDS
    if len(numbers) > _CHANGES or (often and len(numbers) > _BRIEF):
        return f"between {number_word(min(numbers))} and {counted(max(numbers), label)}"
    if len(numbers) <= _BRIEF:
        return f"{first}, then {', then '.join(map(number_word, numbers[1:]))}"
    later = [f"{number_word(count)} from {clock(seconds)}" for seconds, count in changes[1:]]
    return f"{first}, then {', '.join(later)}"


def _movement(stretch: Stretch, seen: Understanding) -> tuple[str, dict[str, object]]:
    """Return how a lone thing came, moved and went, in words and as attributes.

    Where in the picture it is says something of the thing only while the camera stands still.
    """
    first, last = stretch.trails[0].sightings[0], stretch.trails[-1].sightings[-1]
    shot = seen.plan.shots[stretch.shot]
    in_shot = [found.keyframe for found in seen.in_shot(shot)]
    steady = shot.camera in (None, "static")
    travel = _travel(first.box, last.box) if steady and first.keyframe != last.keyframe else {}
    before = sum(keyframe < first.keyframe for keyframe in in_shot)
    after = sum(keyframe > last.keyframe for keyframe in in_shot)
    ways: dict[str, object] = {
        "enters": _way(first.box, before, steady=steady, moves="moves" in travel),
        **travel,
        "leaves": _way(last.box, after, steady=steady, moves="moves" in travel),
    }
    attributes = {name: way for name, way in ways.items() if way is not None}
    return _tell_movement(attributes), attributes


def _way(box: Box, missed: int, *, steady: bool, moves: bool) -> str | bool | None:
    """By which edge a thing came or went, True where by none that is known; None where it may just have been missed."""
    edge = touched(box) if steady else None
    return edge or True if missed >= _ABSENT or (missed and edge and moves) else None


def _tell_movement(attributes: dict[str, object]) -> str:
    enters, leaves = attributes.get("enters"), attributes.get("leaves")
    if isinstance(enters, str) and enters == leaves and "moves" not in attributes:
        return f"comes in from the {enters} and goes out again"
    words = []
    if enters is not None:
        words.append(f"enters from the {enters}" if isinstance(enters, str) else "appears")
    words.extend(f"{verb} {attributes[verb]}" for verb in ("moves", "comes", "goes") if verb in attributes)
    if leaves is not None:
        gone = "is gone again" if enters is not None else "is gone"
        words.append(f"leaves at the {leaves}" if isinstance(leaves, str) else gone)
    if words in ([], ["is gone"]):
        return "is in view, then gone" if words else "is in view"
    return joined(words)


def _travel(first: Box, last: Box) -> dict[str, str]:
    """Return where a thing went in the picture, and whether it came closer; empty when it stayed."""
    (ax, ay), (bx, by) = centre(first), centre(last)
    across, down = bx - ax, by - ay
    travel = {}
    if max(abs(across), abs(down)) >= _MOVED:
        if abs(across) >= abs(down):
            travel["moves"] = "right" if across > 0 else "left"
        else:
            travel["moves"] = "down" if down > 0 else "up"
    growth = area(last) / max(area(first), 1e-9)
    if touched(first) is None and touched(last) is None:
        if growth >= _CLOSER:
            travel["comes"] = "closer"
        elif growth <= 1 / _CLOSER:
            travel["goes"] = "farther away"
    return travel
