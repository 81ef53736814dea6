"""The candidates for keyframes: a bounded number of moments, thinned while they stream in.

A moment is a short stretch of video, its best frame, and what that looks like. When there are too many,
neighbours that look most alike are merged, so that a day of an empty yard costs a few moments and ten busy
seconds keep theirs.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np

from sampler.measuring import F32, HEIGHT, U8, WIDTH, Strip, tile_differences

LOOK_SHAPE = (3, HEIGHT // 2, WIDTH // 2)
_MOST, _KEPT = 1200, 900
"""Moments held at most, and how many are left after thinning."""
_BREAK = 5.0
"""A jump of this many levels, if it doubles the one before, starts a new moment: nothing may straddle a cut.
"""
_LONG_SECONDS = 60.0
"""Length at which a merged moment counts as twice as unlike, so that slow change is not swallowed whole."""
_CHANGE = 8
"""Levels a tile must change by for a slice to be split there."""
_PENALTY = 0.04
"""Sharpness one level of change to the frame before is worth: blurred and moving frames represent nothing."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A stretch of video and the frame that stands for it."""

    start_seconds: float
    end_seconds: float
    pts: int
    time_seconds: float
    sharpness: float
    quality: float
    """Sharpness less a penalty for restlessness; comparable within one video."""
    restlessness: float
    """Jump to the frame before, in levels."""
    look: U8
    """``(3, 18, 32)``: luma, blue and red difference, on a grid fine enough for a walker far away."""

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.end_seconds - self.start_seconds


class MomentKeeper:
    """Turns strips, fed in order, into a bounded number of moments, at most two a slice but for cuts."""

    def __init__(self, slice_seconds: float) -> None:
        self._slice_seconds = slice_seconds
        self._moments: list[Moment] = []
        self._slice = -1
        self._last_jump = 0.0
        self._reference: U8 | None = None
        """First thumbnail of the open slice; None once something has changed in it."""

    def feed(self, strip: Strip) -> None:
        """Add frames."""
        jumps = strip.jumps
        jumps_before = np.concatenate((np.full(1, self._last_jump, np.float32), jumps[:-1]))
        breaks = (jumps >= _BREAK) & (jumps >= 2 * jumps_before)
        slices = np.floor(strip.times / self._slice_seconds).astype(np.int64)
        starts = breaks | (np.diff(slices, prepend=self._slice) != 0)
        # A frame that only repeats one in the midst of motion is not at rest.
        restlessness = np.maximum(jumps, jumps_before)
        qualities = np.asarray(strip.sharpness - _PENALTY * restlessness, np.float32)
        edges = [0, *(np.flatnonzero(starts[1:]) + 1).tolist(), len(strip)]
        for start, end in pairwise(edges):
            if starts[start]:
                self._reference = strip.luma[start]
            change = self._first_change(strip, start, end)
            if change > start:
                self._add(strip, start, change, jumps, qualities, fresh=bool(starts[start]))
            if change < end:
                self._reference = None
                self._add(strip, change, end, jumps, qualities, fresh=True)
        self._slice, self._last_jump = int(slices[-1]), float(jumps[-1])
        if len(self._moments) > _MOST:
            self._moments = thinned(self._moments, _KEPT)

    def _first_change(self, strip: Strip, start: int, end: int) -> int:
        """The first frame in which some tile differs from the slice's first: an event has begun, or ended."""
        if self._reference is None:
            return end
        part = strip.luma[start:end]
        tiles = tile_differences(np.broadcast_to(self._reference, part.shape).copy(), part)
        changed = np.flatnonzero(tiles.reshape(len(part), -1).max(axis=1) >= _CHANGE)
        return start + int(changed[0]) if len(changed) else end

    def moments(self, end_seconds: float) -> list[Moment]:
        """All moments, in order, tiling from the first frame to ``end_seconds``."""
        ends = [*(moment.start_seconds for moment in self._moments[1:]), end_seconds]
        return [replace(moment, end_seconds=end) for moment, end in zip(self._moments, ends, strict=True)]

    def _add(self, strip: Strip, start: int, end: int, jumps: F32, qualities: F32, *, fresh: bool) -> None:
        best = start + int(qualities[start:end].argmax())
        if not fresh and self._moments and qualities[best] <= self._moments[-1].quality:
            return
        moment = Moment(
            start_seconds=float(strip.times[start]) if fresh else self._moments[-1].start_seconds,
            end_seconds=float(strip.times[end - 1]),
            pts=int(strip.pts[best]),
            time_seconds=float(strip.times[best]),
            sharpness=float(strip.sharpness[best]),
            quality=float(qualities[best]),
            restlessness=float(jumps[best]),
            look=_look(strip, best),
        )
        if fresh:
            self._moments.append(moment)
        else:
            self._moments[-1] = moment


def thinned(moments: Sequence[Moment], count: int) -> list[Moment]:
    """Merge neighbours until ``count`` are left: the most alike first, the shorter first among equals."""
    alive: dict[int, Moment] = dict(enumerate(moments))
    after = {index: index + 1 for index in range(len(moments))}
    before = {index + 1: index for index in range(len(moments))}
    pairs = [_pair(alive, index, index + 1) for index in range(len(moments) - 1)]
    heapq.heapify(pairs)
    while len(alive) > count and pairs:
        *_, left, right, left_start, right_end = heapq.heappop(pairs)
        if left not in alive or right not in alive:
            continue
        if (alive[left].start_seconds, alive[right].end_seconds) != (left_start, right_end):
            continue  # one of the two has grown since
        alive[left] = _merge(alive[left], alive.pop(right))
        after[left] = after[right]
        before[after[left]] = left
        if after[left] in alive:
            heapq.heappush(pairs, _pair(alive, left, after[left]))
        if left in before:
            heapq.heappush(pairs, _pair(alive, before[left], left))
    return list(alive.values())


def difference(one: U8, other: U8) -> float:
    """How unlike two looks are: the largest difference of any tile, in levels."""
    return float(cv2.norm(one.ravel(), other.ravel(), cv2.NORM_INF))


_Pair = tuple[float, float, int, int, float, float]
"""Cost of merging, seconds together, the two indexes, start of the one and end of the other."""


def _pair(alive: dict[int, Moment], left: int, right: int) -> _Pair:
    one, other = alive[left], alive[right]
    seconds = other.end_seconds - one.start_seconds
    cost = difference(one.look, other.look) * (1 + seconds / _LONG_SECONDS)
    return cost, seconds, left, right, one.start_seconds, other.end_seconds


def _merge(one: Moment, other: Moment) -> Moment:
    kept = one if one.quality >= other.quality else other
    return replace(kept, start_seconds=one.start_seconds, end_seconds=other.end_seconds)


def _look(strip: Strip, index: int) -> U8:
    luma = cv2.resize(strip.luma[index], LOOK_SHAPE[:0:-1], interpolation=cv2.INTER_AREA)
    return np.concatenate((np.asarray(luma, np.uint8)[None], strip.chroma[index]))
