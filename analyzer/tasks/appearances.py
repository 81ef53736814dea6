"""Tracks of things become events a person would tell: one for each stretch in which a kind of thing is there.

A lone thing is told with its movement, several at once with their number: ``three people, then one``.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from analyzer.drafts import Draft
from analyzer.tracking import Trail, area, centre, count_by_frame
from analyzer.types import Box, EventBox
from analyzer.understanding import Understanding
from analyzer.wording import counted, joined, sentence

SOURCE: Final = "ssd-mobilenet-v2-coco"
_EDGE: Final = 0.04
"""A box this near to an edge of the picture touches it."""
_MOVED: Final = 0.15
"""Share of the picture a thing must cross to count as moving."""
_CLOSER: Final = 2.0
"""Growth in area from which a thing comes closer; its inverse, from which it moves away."""
_CHANGES: Final = 6
"""Counts told one by one; with more of them only the least and the most are told."""


def draft_appearances(seen: Understanding) -> Iterator[Draft]:
    """Yield one draft for each stretch of each kind of thing in each shot."""
    by_kind: dict[tuple[int, str], list[Trail]] = defaultdict(list)
    for trail in seen.trails:
        by_kind[trail.shot, trail.label].append(trail)
    for trails in by_kind.values():
        for group in _groups(trails, seen):
            yield _draft(group, seen)


def _groups(trails: Sequence[Trail], seen: Understanding) -> Iterator[list[Trail]]:
    """Split things of one kind into stretches: together while their times touch, apart when one left first."""
    place = {frame: number for number, frame in enumerate(seen.axis.seen)}
    group: list[Trail] = []
    end = -1
    for trail in sorted(trails, key=lambda trail: (trail.frames[0], trail.frames[-1])):
        start = place[trail.frames[0]]
        after = start > end
        if group and (start > end + 2 or (after and _passed(group, trail))):
            yield group
            group = []
        group.append(trail)
        end = max(end, place[trail.frames[-1]])
    yield group


def _passed(group: Sequence[Trail], trail: Trail) -> bool:
    """Say whether the group had left by an edge, or the next thing came in by one: then it is another thing."""
    return bool(_touched(group[-1].sightings[-1].box) or _touched(trail.sightings[0].box))


def _draft(group: Sequence[Trail], seen: Understanding) -> Draft:
    label = group[0].label
    frames = tuple(sorted({frame for trail in group for frame in trail.frames}))
    counts = count_by_frame(group)
    most = max(counts.values())
    attributes: dict[str, object] = {"count": most}
    if most == 1:
        words, movement = _movement(group, seen)
        description = sentence(f"{counted(1, label)} {words}")
        attributes |= movement
    else:
        changes = _changes(counts)
        description = sentence(_tell_counts(changes, label))
        attributes["counts"] = [{"keyframe": frame, "count": count} for frame, count in changes]
    scores = [sighting.confidence or 0.0 for trail in group for sighting in trail.sightings]
    return Draft(
        track=label,
        label=label,
        description=description,
        frames=frames,
        confidence=sum(scores) / len(scores),
        confidence_kind="detector",
        source=SOURCE,
        boxes=tuple(
            EventBox(sighting.keyframe, label, sighting.box, sighting.confidence)
            for sighting in sorted(
                (sighting for trail in group for sighting in trail.sightings),
                key=lambda sighting: (sighting.keyframe, sighting.box),
            )
        ),
        attributes=attributes,
    )


def _changes(counts: dict[int, int]) -> list[tuple[int, int]]:
    """Return where the count becomes another, with the count from there on."""
    return [(next(run)[0], count) for count, run in groupby(counts.items(), key=lambda item: item[1])]


def _tell_counts(changes: Sequence[tuple[int, int]], label: str) -> str:
    numbers = [count for _, count in changes]
    if len(numbers) == 1:
        return counted(numbers[0], label)
    if len(numbers) > _CHANGES:
        return f"between {number_word(min(numbers))} and {counted(max(numbers), label)}"
    return f"{counted(numbers[0], label)}, then {', then '.join(map(number_word, numbers[1:]))}"


def _movement(group: Sequence[Trail], seen: Understanding) -> tuple[str, dict[str, object]]:
    """Return how a lone thing came, moved and went, in words and as attributes."""
    first, last = group[0].sightings[0], group[-1].sightings[-1]
    shot = seen.plan.shots[group[0].shot]
    in_shot = [found.keyframe for found in seen.in_shot(shot)]
    steady = shot.camera in (None, "static")
    words: list[str] = []
    attributes: dict[str, object] = {}
    if first.keyframe != in_shot[0]:
        side = _touched(first.box) if steady else None
        attributes["enters"] = side or True
        words.append(f"enters from the {side}" if side else "appears")
    if steady and first.keyframe != last.keyframe:
        for name, phrase in _travel(first.box, last.box):
            attributes[name] = phrase
            words.append(f"{name} {phrase}" if phrase else name)
    if last.keyframe != in_shot[-1]:
        side = _touched(last.box) if steady else None
        attributes["leaves"] = side or True
        words.append(f"leaves at the {side}" if side else "is gone after that")
    return (joined(words) if words else "is there"), attributes


def _travel(first: Box, last: Box) -> Iterator[tuple[str, str]]:
    (ax, ay), (bx, by) = centre(first), centre(last)
    across, down = bx - ax, by - ay
    if max(abs(across), abs(down)) >= _MOVED:
        if abs(across) >= abs(down):
            yield "moves", "right" if across > 0 else "left"
        else:
            yield "moves", "down" if down > 0 else "up"
    growth = area(last) / max(area(first), 1e-9)
    if not _touched(first) and not _touched(last):
        if growth >= _CLOSER:
            yield "comes", "closer"
        elif growth <= 1 / _CLOSER:
            yield "moves", "away"


def _touched(box: Box) -> str | None:
    """Return the edge of the picture a box touches, the nearest; None when it touches none."""
    gaps = {"left": box[0], "right": 1 - box[2], "top": box[1], "bottom": 1 - box[3]}
    nearest = min(gaps, key=lambda side: gaps[side])
    return nearest if gaps[nearest] < _EDGE else None
