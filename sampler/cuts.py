"""Hard cuts: jumps of the thumbnail that stand out, between pictures that are not each other's moved version.

Comparing each jump with its neighbours is the idea of adaptive thresholds (Yeo and Liu, "Rapid scene analysis
on compressed video", 1995). A ratio alone takes a camera swung at ten frames a second for a cut, so three
kinds of evidence are added up: how far the jump stands out, how much the colours changed, and how little of
the one picture is found again, shifted, in the other. Pictures that come back at once were interrupted by a
flash.
"""

import math

import numpy as np

from sampler.bars import Boxes, boxes
from sampler.comparing import change, nearest
from sampler.measuring import Strip, joined

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
        jumps = held.jumps / framed.shares()
        possible = np.flatnonzero(jumps[self._next : end] >= _LOWEST_JUMP) + self._next
        found: list[float] = []
        for index in possible.tolist():
            if index > 0 and _is_cut(held, framed, jumps, index):
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


def _is_cut(held: Strip, framed: Boxes, jumps: np.ndarray, index: int) -> bool:
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
