"""A second look: what is left of the budget is spent where an event's edge is loose, a question needs more, or
writing is too small to be read well.

An edge is loose when the keyframes on both sides of it lie in one shot, far apart: no cut says where it is. The
frames between them are shown to the model together with those two, and what it says of them is merged with what
was said before.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import pairwise
from typing import Any, Final, TypeVar, cast

from analyzer.conversation import Batch
from analyzer.timeline import Axis
from analyzer.types import Event
from sampler import Keyframe, PlannedKeyframe, SamplingPlan

T = TypeVar("T")

_LOOSE_SECONDS: Final = 0.5
"""Gaps up to this are close enough."""
_WORTHWHILE: Final = 1.5
"""How many times as many pixels make a larger picture worth its price."""
_LARGEST: Final = 4
_NUMBERED: Final = frozenset({"keyframe", "keyframes", "evidence"})
"""Fields of the timeline that hold keyframe numbers."""


@dataclass(frozen=True, slots=True)
class SecondLook:
    """The means for it, given by whoever can reach the video."""

    frames: int
    """Keyframes that may still be spent."""
    take: Callable[[Sequence[float]], Awaitable[Sequence[Keyframe]]]
    """The frames shown at these times, ascending; raises ``SamplerError``. Their ``index`` does not matter."""
    enlarge: Callable[[Sequence[float], int], Awaitable[Sequence[Keyframe]]] | None = None
    """The same with pictures of up to so many pixels; None where larger ones cannot be had."""
    larger: int = 0
    """Keyframes whose pictures may be had once more, and larger."""


@dataclass(frozen=True, slots=True)
class LooseEdge:
    """Two neighbouring keyframes of one shot between which something began or ended."""

    before: int
    after: int
    weight: int
    """How many events begin or end there; those that are disputed count twice."""


@dataclass(frozen=True, slots=True)
class Interleaved:
    """A sampling with more keyframes in it, all numbered anew in the order of time."""

    plan: SamplingPlan
    keyframes: tuple[Keyframe, ...]
    numbers: Mapping[int, int]
    """From the old number of a keyframe to its new one."""


def find_loose_edges(events: Iterable[Event], axis: Axis) -> tuple[LooseEdge, ...]:
    """Where events begin or end between two keyframes that are far apart and have no cut between them."""
    edges: Counter[tuple[int, int]] = Counter()
    following = dict(zip(axis.seen, axis.seen[1:], strict=False))
    preceding = {after: before for before, after in following.items()}
    for event in events:
        weight = 2 if "disputed_by" in event.attributes else 1
        first, last = event.evidence[0], event.evidence[-1]
        if first in preceding:
            edges[preceding[first], first] += weight
        if last in following:
            edges[last, following[last]] += weight
    return tuple(
        LooseEdge(before, after, weight)
        for (before, after), weight in sorted(edges.items())
        if axis.shot(before) == axis.shot(after) and axis.time(after) - axis.time(before) > _LOOSE_SECONDS
    )


def find_gaps(spans: Iterable[tuple[int, int]], axis: Axis) -> tuple[LooseEdge, ...]:
    """The gaps between neighbouring keyframes inside these spans; around a keyframe that is a span by itself."""
    gaps: Counter[tuple[int, int]] = Counter()
    for first, last in spans:
        inside = [place for place, frame in enumerate(axis.seen) if first <= frame <= last]
        if len(inside) == 1:
            inside = [place for place in range(inside[0] - 1, inside[0] + 2) if 0 <= place < len(axis.seen)]
        gaps.update((axis.seen[one], axis.seen[other]) for one, other in pairwise(inside))
    return tuple(LooseEdge(before, after, weight) for (before, after), weight in sorted(gaps.items()))


def spread(edges: Sequence[LooseEdge], axis: Axis, frames: int) -> dict[LooseEdge, tuple[float, ...]]:
    """Times to look at, evenly within each gap; frame by frame to where most uncertainty is left."""
    given: Counter[LooseEdge] = Counter()

    def uncertainty(edge: LooseEdge) -> float:
        return edge.weight * (axis.time(edge.after) - axis.time(edge.before)) / (given[edge] + 1)

    def is_loose(edge: LooseEdge) -> bool:
        return (axis.time(edge.after) - axis.time(edge.before)) / (given[edge] + 1) > _LOOSE_SECONDS

    for _ in range(frames):
        loose = [edge for edge in edges if is_loose(edge)]
        if not loose:
            break
        given[max(loose, key=lambda edge: (uncertainty(edge), -edge.before))] += 1
    return {
        edge: tuple(
            axis.time(edge.before) + (axis.time(edge.after) - axis.time(edge.before)) * step / (count + 1)
            for step in range(1, count + 1)
        )
        for edge, count in sorted(given.items(), key=lambda item: item[0].before)
    }


def find_small(
    sought: Iterable[int], keyframes: Sequence[Keyframe], plan: SamplingPlan, most_pixels: int, frames: int
) -> tuple[tuple[Keyframe, ...], int]:
    """Those keyframes, most sought first and in order of time, that can be had much larger; and how large.

    None where the source or the model takes no larger pictures.
    """
    by_index = {keyframe.index: keyframe for keyframe in keyframes}
    source = plan.media.width * plan.media.height
    wanted = [by_index[frame] for frame, _ in Counter(sought).most_common() if frame in by_index]
    larger = [k for k in wanted if min(source, most_pixels) >= _WORTHWHILE * k.width * k.height]
    chosen = sorted(larger[:frames], key=lambda keyframe: keyframe.index)
    pixels = max((k.width * k.height for k in chosen), default=0)
    return tuple(chosen), min(most_pixels, _LARGEST * pixels)


def enlarged(keyframes: Iterable[Keyframe], larger: Iterable[Keyframe]) -> tuple[Keyframe, ...]:
    """The keyframes with larger pictures in the place of those of the same frames."""
    by_pts = {keyframe.pts: keyframe for keyframe in larger}
    return tuple(
        replace(
            k, jpeg=by_pts[k.pts].jpeg, width=by_pts[k.pts].width, height=by_pts[k.pts].height, reason="zoom"
        )
        if k.pts in by_pts and by_pts[k.pts].width > k.width
        else k
        for k in keyframes
    )


def interleave(plan: SamplingPlan, keyframes: Sequence[Keyframe], taken: Sequence[Keyframe]) -> Interleaved:
    """Put the frames that were taken among the keyframes; a frame that is there already is not put twice."""
    known = {keyframe.pts for keyframe in keyframes}
    fresh = {frame.pts: replace(frame, reason="zoom") for frame in taken if frame.pts not in known}
    ordered = sorted([*keyframes, *fresh.values()], key=lambda keyframe: keyframe.time_seconds)
    numbered = tuple(replace(keyframe, index=number) for number, keyframe in enumerate(ordered))
    planned = tuple(
        PlannedKeyframe(k.index, k.time_seconds, k.pts, k.time_base, k.shot, k.reason, k.sharpness)
        for k in numbered
    )
    numbers = {
        old.index: new.index for old, new in zip(ordered, numbered, strict=True) if old.pts not in fresh
    }
    return Interleaved(replace(plan, keyframes=planned), numbered, numbers)


def batches_between(
    edges: Iterable[LooseEdge], interleaved: Interleaved, first_index: int, most: int
) -> tuple[Batch, ...]:
    """A batch for each gap into which frames were put: the keyframes on both sides and what lies between."""
    batches: list[Batch] = []
    for edge in edges:
        before, after = interleaved.numbers[edge.before], interleaved.numbers[edge.after]
        shown = interleaved.keyframes[before : after + 1]
        if len(shown) > 2:
            batches.append(Batch(first_index + len(batches), shown[:most]))
    return tuple(batches)


def batches_over(
    spans: Iterable[tuple[int, int]], interleaved: Interleaved, first_index: int, most: int
) -> tuple[Batch, ...]:
    """Batches of these spans with the frames that were put into them, a neighbour on both sides; those that touch
    are one, and a long one is cut.
    """
    stretches: list[list[int]] = []
    for first, last in sorted(spans):
        start = max(interleaved.numbers[first] - 1, 0)
        stop = min(interleaved.numbers[last] + 2, len(interleaved.keyframes))
        if first == last:  # what was put around a single keyframe reaches to its neighbours
            start, stop = _to_neighbours(interleaved, first)
        if stretches and start <= stretches[-1][1]:
            stretches[-1][1] = max(stretches[-1][1], stop)
        else:
            stretches.append([start, stop])
    cuts = [(at, min(at + most, stop)) for start, stop in stretches for at in range(start, stop, most)]
    return tuple(
        Batch(first_index + place, interleaved.keyframes[start:stop])
        for place, (start, stop) in enumerate(cuts)
    )


def _to_neighbours(interleaved: Interleaved, frame: int) -> tuple[int, int]:
    """From the keyframe that was there before one to the keyframe that was there after it."""
    places = sorted(interleaved.numbers.values())
    at = places.index(interleaved.numbers[frame])
    return places[max(at - 1, 0)], places[min(at + 1, len(places) - 1)] + 1


def renumber(value: T, numbers: Mapping[int, int]) -> T:
    """The value with the number of every keyframe in it exchanged for the new one."""
    return cast("T", _renumbered(value, numbers, ""))


def _renumbered(value: Any, numbers: Mapping[int, int], name: str) -> Any:
    if name in _NUMBERED and isinstance(value, int):
        return numbers[value]
    if isinstance(value, tuple):
        return tuple(_renumbered(item, numbers, name) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        changed = {f.name: _renumbered(getattr(value, f.name), numbers, f.name) for f in fields(value)}
        return replace(value, **changed)
    return value
