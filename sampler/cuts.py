"""Hard cuts: jumps of the thumbnail that stand out, between pictures that are not each other's moved version.

Comparing each jump with its neighbours is the idea of adaptive thresholds (Yeo and Liu, "Rapid scene analysis
on compressed video", 1995). A ratio alone takes a camera swung at ten frames a second for a cut, so three
kinds of evidence are added up: how far the jump stands out, how much the colours changed, and how little of
the one picture is found again, shifted, in the other. Pictures that come back at once were interrupted by a
flash. Pages (slides, screens) hardly differ in colours and structure, so of these it is asked whether something else is
written on them.
"""

import math

import numpy as np

from sampler.bars import Boxes, boxes
from sampler.comparing import change, nearest, rewritten
from sampler.measuring import F32, Strip, joined

_LOOK = 15
"""Frames kept before and awaited after a candidate."""
_NEIGHBOURHOOD_SECONDS = 0.5
_LEAST_NEIGHBOURS = 3
"""Frames on each side that count as the neighbourhood, however slow the frame rate."""
_LOWEST_JUMP = 9.0
_STANDS_OUT = 1.25
"""How far a jump must exceed its neighbourhood to be worth a closer look."""
_SLOW_SECONDS = 0.25
"""Pictures this far apart (slides, photos in order) may all be cuts, so none needs to stand out."""
_CUTS_BESIDE = 2
"""Largest jumps of a neighbourhood that may be cuts themselves, and so are no measure of motion."""
_MOST_OCTAVES = 3.0
_EVIDENCE = 1.3
"""Sum of evidence that makes a cut: on montages of real footage cuts had 1.4 and more, all else 1.0 at most.
"""
_ONE_CUT_SECONDS = 0.19
"""A screen that changes in several steps within this time was cut once, at the largest."""
_LEAST_CHANGE = 0.35
"""Change of colours and structure without which no jump is a cut, however far it stands out."""
_FLASH_SECONDS = 0.3
_COMES_BACK = 0.35
"""Share of the jump below which the pictures around an interruption (a flash, a passer-by) count as the same.
"""

_LOWEST_STEP, _LOWEST_TURN = 1.0, 2.0
"""Jump from which a page may be about to turn, and what the jumps of a turn come to: not much is written on most."""
_STANDS_SECONDS, _TURN_SECONDS = 0.4, 0.15
"""How long a page stands before and after it is turned, and how long that takes at the most: 2 to 4 frames, often."""
_REST = 0.35
"""Share of the jump by which the picture changes at the most from frame to frame while pages stand: it was 0.22 at the
most, with a speaker beside them."""
_MOVES, _MOST_MOVING = 3, 0.35
"""Levels by which a tile changes from one frame to the next if something moves in it, a speaker beside the page, and
the share of tiles that may."""


class CutFinder:
    """Finds hard cuts in strips fed to it in order; what it finds does not depend on how long the strips are."""

    def __init__(self) -> None:
        self._held: Strip | None = None
        self._next = 0
        """Index in ``_held`` of the first frame not judged yet."""
        self._latest: tuple[float, float] | None = None
        """Time and jump of a cut that a stronger one close after would replace."""

    def feed(self, strip: Strip) -> list[float]:
        """Times of frames found to begin a shot, fifteen frames late."""
        self._held = strip if self._held is None else joined([self._held, strip])
        return self._judge(len(self._held) - _LOOK)

    def finish(self) -> list[float]:
        """The same for the frames still waiting for their future."""
        found = [] if self._held is None else self._judge(len(self._held))
        return [*found, self._latest[0]] if self._latest else found

    def _judge(self, end: int) -> list[float]:
        held = self._held
        if held is None or end <= max(self._next, 1):
            return []  # nothing, or the first picture alone, which begins no shot
        framed = boxes(held.luma, _LOOK)
        raw = held.jumps
        jumps = raw / framed.shares()
        found: list[float] = []
        for index in _possible(raw, jumps, max(self._next, 1), end):
            if _is_cut(held, framed, jumps, index) or _is_turn(held, framed, raw, index):
                found += self._settled(float(held.times[index]), float(jumps[index]))
        drop = max(0, end - _LOOK - 1)
        self._held, self._next = held[drop:], end - drop
        return found

    def _settled(self, time: float, jump: float) -> list[float]:
        """Take in one more cut; the ones before it that nothing can replace any more."""
        latest, self._latest = self._latest, (time, jump)
        if latest is None:
            return []
        if time - latest[0] >= _ONE_CUT_SECONDS:
            return [latest[0]]
        if latest[1] >= jump:
            self._latest = latest
        return []


def _possible(raw: F32, jumps: np.ndarray, begin: int, end: int) -> list[int]:
    """Frames that may begin a shot: with a large jump, or one that is no smaller than those beside it."""
    here, beyond = raw[begin:end], np.append(raw[begin + 1 : end + 1], 0.0)[: end - begin]
    turned = (here >= _LOWEST_STEP) & (here >= raw[begin - 1 : end - 1]) & (here >= beyond)
    return (np.flatnonzero(turned | (jumps[begin:end] >= _LOWEST_JUMP)) + begin).tolist()


def _is_cut(held: Strip, framed: Boxes, jumps: np.ndarray, index: int) -> bool:
    if jumps[index] < _LOWEST_JUMP:
        return False
    ratio = float(jumps[index]) / max(_motion_around(held, jumps, index), 0.5)
    interval = held.times[index] - held.times[index - 1]
    if ratio < _STANDS_OUT and interval < _SLOW_SECONDS:
        return False
    pair = slice(index - 1, index + 1)
    both = framed[pair].filled(held[pair])
    changed = change(both[:1], both[1:])
    evidence = changed + min(max(0.5 * math.log2(ratio), 0.0), _MOST_OCTAVES)
    if changed < _LEAST_CHANGE or evidence < _EVIDENCE:
        return False
    return not _comes_back(held, index, float(held.jumps[index]))


def _is_turn(held: Strip, framed: Boxes, raw: F32, index: int) -> bool:
    """Whether one page gives way to another here, and both of them stand."""
    near = _standing_around(held, index)
    jumps = raw[near]
    jump = float(jumps[index - near.start])
    steps = np.flatnonzero(jumps > _REST * jump) + near.start
    if jump < jumps.max() or jumps.sum() < _LOWEST_TURN:
        return False
    first, last = int(steps[0]), int(steps[-1])
    if held.times[last] - held.times[first] > _TURN_SECONDS:
        return False
    beside = [*range(near.start, first), *range(last + 1, near.stop)]
    still = held.tiles[beside].max(axis=0, initial=0) < _MOVES
    if still.mean() < 1 - _MOST_MOVING:
        return False
    one, other = held.luma[first - 1], held.luma[last]
    return rewritten(one, other, framed.inside(index), still) and not _comes_back(held, index, jump)


def _standing_around(held: Strip, index: int) -> slice:
    """The frames about one in which a page should stand: always one on either side, if there is one."""
    time = held.times[index]
    first, after = np.searchsorted(held.times, (time - _STANDS_SECONDS, time + _STANDS_SECONDS))
    first, after = (
        max(min(int(first), index - 1), index - _LOOK, 1),
        min(max(int(after), index + 2), index + _LOOK + 1),
    )
    return slice(first, min(after, len(held)))


def _motion_around(held: Strip, jumps: np.ndarray, index: int) -> float:
    """What a jump is here without a cut: the largest in the neighbourhood but for those that may be cuts."""
    reach = range(max(1, index - _LOOK), min(len(held), index + _LOOK + 1))
    near = sorted(
        (
            float(jumps[i])
            for i in reach
            if i != index
            and (
                abs(i - index) <= _LEAST_NEIGHBOURS
                or abs(held.times[i] - held.times[index]) < _NEIGHBOURHOOD_SECONDS
            )
        ),
        reverse=True,
    )
    return near[_CUTS_BESIDE] if len(near) > _CUTS_BESIDE else 0.0


def _comes_back(held: Strip, index: int, jump: float) -> bool:
    """Whether the picture before the jump is seen again soon, or the one after it was seen just before."""
    time = held.times[index]
    last = int(np.searchsorted(held.times, time + _FLASH_SECONDS, side="right"))
    first = int(np.searchsorted(held.times, time - _FLASH_SECONDS, side="left"))
    same = _COMES_BACK * jump
    return (
        nearest(held, index - 1, range(index + 1, last)) < same
        or nearest(held, index, range(first, index - 1)) < same
    )
