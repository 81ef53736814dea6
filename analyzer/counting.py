"""Tracks of one kind told together: one stretch of time in which such things are there, and how many of them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from analyzer.timeline import Axis
from analyzer.tracking import Trail, touched

_APART: Final = 2
"""Keyframes without any of a kind after which those that come are told as others."""
_BLIP_SECONDS: Final = 1.5
"""A count that differs on one keyframe from equal ones this close before and after is a slip of the detector."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Things of one kind in one shot, while at least one of them is there."""

    label: str
    shot: int
    trails: tuple[Trail, ...]
    """By first keyframe; at least one."""
    counts: Mapping[int, int]
    """How many are seen on each keyframe on which any is, ascending, slips of the detector taken out."""

    @property
    def frames(self) -> tuple[int, ...]:
        """Indexes of the keyframes on which any of them is seen."""
        return tuple(self.counts)

    @property
    def most(self) -> int:
        """How many are there at once."""
        return max(self.counts.values())

    @property
    def confidence(self) -> float:
        """The detector's, the mean over the sightings."""
        sightings = sum(len(trail.frames) for trail in self.trails)
        return sum(trail.confidence * len(trail.frames) for trail in self.trails) / sightings

    def changes(self) -> list[tuple[int, int]]:
        """Return the keyframes from which another number is there, with the number; the first included."""
        return [
            (next(run)[0], count) for count, run in groupby(self.counts.items(), key=lambda item: item[1])
        ]


def gather_stretches(trails: Sequence[Trail], axis: Axis) -> tuple[Stretch, ...]:
    """Return the stretches by first keyframe, then by label."""
    kinds: dict[tuple[int, str], list[Trail]] = defaultdict(list)
    for trail in trails:
        kinds[trail.shot, trail.label].append(trail)
    stretches = [
        Stretch(label, shot, tuple(group), _steady(_count(group), axis))
        for (shot, label), kind in kinds.items()
        for group in _split(kind, axis)
    ]
    return tuple(
        sorted(stretches, key=lambda stretch: (stretch.frames[0], stretch.label, stretch.frames[-1]))
    )


def _split(trails: Sequence[Trail], axis: Axis) -> Iterator[list[Trail]]:
    """Keep tracks together while their times touch; a thing that comes after all have left is told apart."""
    place = {frame: number for number, frame in enumerate(axis.seen)}
    group: list[Trail] = []
    end = -1
    for trail in sorted(
        trails, key=lambda trail: (trail.frames[0], trail.frames[-1], trail.sightings[0].box)
    ):
        start = place[trail.frames[0]]
        if group and (start > end + _APART or (start > end and _another(group, trail))):
            yield group
            group = []
        group.append(trail)
        end = max(end, place[trail.frames[-1]])
    yield group


def _another(group: Sequence[Trail], trail: Trail) -> bool:
    """Say whether the group had left by an edge, or what follows came in by one."""
    return touched(group[-1].sightings[-1].box) is not None or touched(trail.sightings[0].box) is not None


def _count(trails: Sequence[Trail]) -> dict[int, int]:
    counts: dict[int, int] = defaultdict(int)
    for trail in trails:
        for frame in trail.frames:
            counts[frame] += 1
    return dict(sorted(counts.items()))


def _steady(counts: dict[int, int], axis: Axis) -> dict[int, int]:
    frames, values = list(counts), list(counts.values())
    for place in range(1, len(values) - 1):
        close = axis.time(frames[place + 1]) - axis.time(frames[place - 1]) <= _BLIP_SECONDS
        if close and values[place - 1] == values[place + 1]:
            values[place] = values[place - 1]
    return dict(zip(frames, values, strict=True))
