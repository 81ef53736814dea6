"""Gradual transitions: dissolves, wipes, pushes, and fades through black or white.

Pictures are compared across the transition instead of between neighbours (Zhang, Kankanhalli and Smoliar, "Automatic
partitioning of full-motion video", 1993). For every moment and several half-lengths it is asked whether

- the middle is the mean of its ends: a dissolve, a linear mixture, leaves no residue (Hampapur, Jain and Weymouth,
  "Production model based digital video segmentation", 1995);
- every point goes straight from what it was to what it will be, all at once or over time: wipes of any shape, hard or
  soft, and dissolves of any speed do, while what moves crosses a point and goes on;
- the picture before leaves over an edge and the one after follows it: a push.

The ends must be different pictures, not one picture under another light, or pages with something else written on them;
and change must not come in one step.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from sampler.bars import boxes
from sampler.comparing import colour_change, of_one_ground, rewritten, structure_change
from sampler.measuring import F32, HEIGHT, TILE, U8, WIDTH, Strip, joined
from sampler.pushes import means_anywhere, off_a_push

_INTERVAL_SECONDS = 0.08
"""Thumbnails are compared at this distance, whatever the frame rate."""
_HALVES = (2, 3, 5, 8, 12)
"""Half-lengths tried, in intervals: transitions of 0.3 to 2 s."""
_MIXTURE_RESIDUE = 0.28
"""How far off the mean of the ends the middle of a dissolve may lie, as a share of their distance."""
_DETOUR, _MOST_DETOUR = 0.25, 0.22
"""Share of the way that points of the picture go to and fro on, if they do not go straight from end to end."""
_PUSH_RESIDUE = 0.36
"""How far off a push the middle may lie, as a share of the distance of the ends: 352 of 357 pushes kept to it, with
ends where they are and further out; of all else what follows and one shape."""
_SURE_PUSH, _CRISP = 0.2, 0.95
"""How far off a push may lie in which pictures are less crisp than this share of the ends, or of which what comes
before or after was not seen: 2 of 357 were less crisp and further off; a camera swung from rest to rest was 0.28 off
and had 0.9."""
_PUSH_DISTANCE = 12.0
"""Levels by which the ends of a push must differ on average: nothing is seen to move in what is all the same."""
_PUSH_STEP, _AT_REST, _BESIDE = 4.0, 0.85, 3
"""Levels by which a picture that is pushed changes in an interval, and at most what share of that it changes by in each
of so many intervals before and after: what is pushed may move as well."""
_HALF_AT_REST = 0.5
"""The same share where one of both was not seen: the video may begin with a camera that pans, or end so."""
_VISIBLE, _VISIBLE_SHARE = 8.0, 0.45
"""Levels beyond a common change of light, and share of the picture, by which the ends must differ."""
_MORE_THAN_EXPOSURE = 80.0
"""Levels that no camera's exposure changes by within two seconds."""
_LEAST_DISTANCE = 7.0
"""Levels by which the ends must differ on average."""
_DIFFERENT, _DIFFERENT_STRUCTURE = 0.45, 0.2
"""Change of structure and tint together, and of structure, from which the ends are different pictures."""
_OWN_LIGHT = 0.5
"""Share of what the ends differ by that is not the same all over, from which light has nothing to do with it."""
_ALL_ITS_OWN = 0.8
"""The same from which how bright everything is tells of it too."""
_STANDS = 5
"""Intervals before and after it in which a page stands that is turned."""
_TURN_REST = 0.5
"""Share of what happens in an interval of the turn that happens in one of those at the most."""
_MOVES, _MOST_MOVING = 3.0, 0.35
"""Levels that the mean of a tile goes to and fro by meanwhile if something moves there, a speaker beside the page, and
the share of tiles that may."""
_NEW, _NEW_TILES = 10.0, 7
"""Levels by which the mean of a tile changes if something else is written there, and of how many it does at the least:
of pages the seventh most changed had 18 and more, of pictures that stand and drift apart slowly 6 at the most."""
_LEAST_TURN, _LONGEST_TURN = 1.0, 8
"""Levels, averaged over the picture, by which what is written differs at the least, weighed by how straight it changes,
and the largest half-length: 1.9 and more between pages, 0.5 at the most where something goes on over a plain ground."""
_LEAST_APART_SECONDS = 0.4
"""Closer together, two are the beginning and the end of one."""
_BATCH = 96
"""Thumbnails judged in one go."""
_STANDING = 4
"""So many times the first picture is taken to have been shown before, lest what begins with it is seen by half."""
_REACH = _HALVES[-1] + _BESIDE
_HELD = 2 * _REACH
"""Thumbnails looked at before and after a moment; and kept, as in as many around each bars may end."""
_FEWEST = 3
"""Thumbnails of a transition: its ends and its middle."""
_LENGTH_PENALTY = 0.1
"""Weaker by so much a second: what moves before or after a short transition passes for part of a longer one."""
_MOST_AT_ONCE = 0.7
"""Share of the way from end to end that one interval may cover; a cut covers all of it."""
_MOST_TURNED_AT_ONCE = 0.45
"""The same where pages give way: two things that change on one after the other are two steps."""
_FLAT = 1.5
"""Deviation of tile means, in levels, below which a picture is one black, white or plain surface."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Of what may be a transition."""

    before: int
    """Index of the last picture before it."""
    after: int
    """Index of the first after it."""
    turn: bool
    """Whether it looks like one at all only if both are pages."""


@dataclass(frozen=True, slots=True)
class Gradual:
    """A transition that takes time; seconds on the player's clock."""

    start_seconds: float
    middle_seconds: float
    end_seconds: float
    strength: float


class DissolveFinder:
    """Finds gradual transitions in strips fed to it in order; results are complete at the end only.

    Memory: the last ten seconds of sparse thumbnails, and a few numbers for each possible transition.
    """

    def __init__(self) -> None:
        self._held: Strip | None = None
        self._waiting: list[Strip] = []
        self._next_seconds = -np.inf
        self._next = 0
        self._made_up = 0
        """How many of the first thumbnails held were never shown."""
        self._possible: list[Gradual] = []

    def feed(self, strip: Strip) -> None:
        """Look at more frames."""
        self._waiting.append(self._thin(strip))
        if self._ahead() >= _BATCH + _HELD:
            self._take_waiting()
            while self._ahead() >= _BATCH + _HELD:
                self._judge(self._next + _BATCH)

    def finish(self) -> list[Gradual]:
        """All transitions, in order."""
        if self._held is None and sum(map(len, self._waiting)) < _FEWEST:
            return []
        self._take_waiting()
        while self._held is not None and self._next < len(self._held):
            self._judge(min(self._next + _BATCH, len(self._held)))
        return strongest(self._possible)

    def _ahead(self) -> int:
        """Thumbnails not judged yet."""
        held = 0 if self._held is None else len(self._held)
        return held - self._next + sum(map(len, self._waiting))

    def _take_waiting(self) -> None:
        if self._held is None:
            self._held, self._made_up = _standing(self._waiting[0]), _STANDING
        self._held, self._waiting = joined([self._held, *self._waiting]), []

    def _thin(self, strip: Strip) -> Strip:
        wanted = np.zeros(len(strip), np.bool_)
        for index, time in enumerate(strip.times.tolist()):
            if time >= self._next_seconds - 1e-6:
                wanted[index] = True
                self._next_seconds = time + _INTERVAL_SECONDS
        return strip[wanted]

    def _judge(self, end: int) -> None:
        """Judge every middle up to an index; always as many at a time, so that it does not matter how frames arrive."""
        held = self._held
        if held is None:
            return
        course = _Course(boxes(held.luma, _REACH).filled(held), self._made_up)
        possible: dict[Gradual, Ends] = {}
        for half in _HALVES:
            middles = np.arange(max(self._next, half), min(end, len(held) - half))
            if len(middles):
                possible.update(_possible(course, middles, half))
        self._possible += strongest(
            possible, lambda gradual: course.gives_way(possible[gradual], gradual.strength)
        )
        drop = max(0, end - _HELD)
        self._held, self._next = held[drop:], end - drop
        self._made_up = max(self._made_up - drop, 0)


def strongest(
    graduals: Iterable[Gradual], holds: Callable[[Gradual], bool] = lambda _: True
) -> list[Gradual]:
    """In order, of those that hold and overlap or all but touch the strongest, the shorter of equals."""
    chosen: list[Gradual] = []
    for gradual in sorted(graduals, key=_weight, reverse=True):
        if all(_apart(gradual, other) >= _LEAST_APART_SECONDS for other in chosen) and holds(gradual):
            chosen.append(gradual)
    return sorted(chosen, key=lambda g: g.middle_seconds)


def _standing(strip: Strip) -> Strip:
    """The first picture of a strip, as if it had been shown for a while before."""
    standing = strip[np.zeros(_STANDING, np.intp)]
    return replace(standing, times=standing.times - _INTERVAL_SECONDS * np.arange(_STANDING, 0, -1))


def _weight(gradual: Gradual) -> float:
    return gradual.strength / (1 + _LENGTH_PENALTY * (gradual.end_seconds - gradual.start_seconds))


def _apart(one: Gradual, other: Gradual) -> float:
    """Seconds between two transitions; negative where they overlap."""
    return max(one.start_seconds - other.end_seconds, other.start_seconds - one.end_seconds)


def _strengths(course: "_Course", middles: NDArray[np.intp], half: int) -> tuple[F32, NDArray[np.bool_]]:
    """How much each moment looks like that of a transition within ``half``, 0 for not at all; and where as a mixture.

    Of a mixture it then is the middle.
    """
    pictures = course.pictures
    strengths = np.zeros(len(middles), np.float32)
    mixture = np.zeros(len(middles), np.bool_)
    way = pictures[middles + half] - pictures[middles - half]
    distance = np.abs(way).mean(axis=1)
    far = np.flatnonzero(distance >= _LEAST_DISTANCE)
    beyond_light = np.abs(way[far] - way[far].mean(axis=1, keepdims=True)) > _VISIBLE
    far = far[(beyond_light.mean(axis=1) >= _VISIBLE_SHARE) | (distance[far] >= _MORE_THAN_EXPOSURE)]
    if len(far):
        middles, distance = middles[far], distance[far]
        before, at, after = pictures[middles - half], pictures[middles], pictures[middles + half]
        mixed = np.abs(at - (before + after) / 2).mean(axis=1) / distance
        detour = 1 - distance / course.mean(middles - half, middles + half) / (2 * half)
        pushing = (
            (detour > _MOST_DETOUR)
            & (distance >= _PUSH_DISTANCE)
            & course.sets_out_and_arrives(middles, half)
        )
        off = np.ones(len(middles))
        if pushing.any():
            off[pushing] = course.off_a_push(middles[pushing], half)
        likeness = np.stack(
            (
                1 - mixed / _MIXTURE_RESIDUE,
                np.where(detour <= _MOST_DETOUR, 1 - detour / _DETOUR, 0.0),
                1 - off / _PUSH_RESIDUE,
            )
        )
        strengths[far] = distance * np.maximum(likeness.max(axis=0), 0.0)
        mixture[far] = likeness.argmax(axis=0) == 0
    return strengths, mixture


class _Course:
    """Pictures that follow one another, and how far they move from each to the next, summed up."""

    def __init__(self, held: Strip, made_up: int) -> None:
        self._held = held
        self._first = made_up
        """Index of the first picture that was shown."""
        self.times = held.times
        self.pictures = _pictures(held)
        """``(N, 144)``."""
        self.plain = self.pictures.std(axis=1) < _FLAT
        """Which are one even surface."""
        steps = np.abs(np.diff(self.pictures, axis=0, prepend=self.pictures[:1]))
        self._ways = steps.cumsum(axis=0)  # of whole levels, and so exact
        self._sums = self._ways.sum(axis=1, dtype=np.float64)

    def mean(self, begin: NDArray[np.intp], end: NDArray[np.intp]) -> NDArray[np.float64]:
        """A step between these pictures, in levels a point; 0 where both are the same."""
        count = len(self._sums) - 1
        begin, end = np.clip(begin, 0, count), np.clip(end, 0, count)
        return np.asarray(
            (self._sums[end] - self._sums[begin]) / (np.maximum(end - begin, 1) * self.pictures.shape[1])
        )

    def sets_out_and_arrives(self, middles: NDArray[np.intp], half: int) -> NDArray[np.bool_]:
        """Where much moves within a half-length of a moment, and little just before and after: no pan that goes on."""
        begin, end = middles - half, middles + half
        inside = self.mean(begin, end)
        outside = np.maximum(self.mean(begin - _BESIDE, begin), self.mean(end, end + _BESIDE))
        at_rest = outside <= np.where(self._seen(middles, half), _AT_REST, _HALF_AT_REST) * inside
        return np.asarray((inside >= _PUSH_STEP) & at_rest, np.bool_)

    def off_a_push(self, middles: NDArray[np.intp], half: int) -> NDArray[np.float64]:
        """How far off a push each moment is, ``(N,)``; 1 where a camera is swung, which blurs, or a page scrolls."""
        off = self._off_within(middles, half)
        fits = np.flatnonzero(off <= _PUSH_RESIDUE)
        if len(fits):
            # What rests before and after has the same ends further out.
            off[fits] = np.maximum(off[fits], self._off_within(middles[fits], half + _BESIDE))
            crisp = self._held.sharpness
            ends = np.minimum(crisp[middles - half], crisp[middles + half])
            doubtful = (crisp[middles] < _CRISP * ends) | ~self._seen(middles, half)
            off[(off > _SURE_PUSH) & doubtful] = 1.0
            scrolled = [
                of_one_ground(self._held.luma[at - half], self._held.luma[at + half]) for at in middles[fits]
            ]
            off[fits[np.array(scrolled)]] = 1.0
        return off

    def _seen(self, middles: NDArray[np.intp], half: int) -> NDArray[np.bool_]:
        """Whether what comes before and after a transition was shown as well."""
        reach = half + _BESIDE
        return np.asarray((middles - reach >= self._first) & (middles + reach < len(self.pictures)), np.bool_)

    def _off_within(self, middles: NDArray[np.intp], reach: int) -> NDArray[np.float64]:
        ends = np.maximum(middles - reach, 0), np.minimum(middles + reach, len(self.pictures) - 1)
        return off_a_push(self._means[ends[0]], self._means[middles], self._means[ends[1]])

    @cached_property
    def _means(self) -> U8:
        return means_anywhere(self._held.luma)

    def turns(self, middles: NDArray[np.intp], half: int) -> F32:
        """How much is written on other tiles after than before each moment, in levels, if it goes straight; else 0."""
        before, after = middles - half, middles + half
        inside = self.mean(before, after)
        outside = np.maximum(self.mean(before - _STANDS, before), self.mean(after, after + _STANDS))
        likely = np.flatnonzero((2 * half * inside >= _LEAST_TURN) & (outside <= _TURN_REST * inside))
        before, after = before[likely], after[likely]
        still = self._still(before, after)
        way = np.abs(self.pictures[after] - self.pictures[before])
        new = still & (way >= _NEW)
        gone = np.where(new, self._ways[after] - self._ways[before], 0.0).sum(axis=1)
        straight = np.where(new, way, 0.0).sum(axis=1)
        likeness = 1 - (1 - straight / np.maximum(gone, 1.0)) / _DETOUR
        written = likeness * straight / way.shape[1]
        enough = (new.sum(axis=1) >= _NEW_TILES) & (still.mean(axis=1) >= 1 - _MOST_MOVING)
        strengths = np.zeros(len(middles), np.float32)
        strengths[likely] = np.where(enough & (written >= _LEAST_TURN), written, 0.0)
        return strengths

    def _still(self, before: NDArray[np.intp], after: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Tiles in which nothing moves for a while before the one and after the other."""
        first, last = np.maximum(before - _STANDS, 0), np.minimum(after + _STANDS, len(self._ways) - 1)
        moved = np.maximum(self._ways[before] - self._ways[first], self._ways[last] - self._ways[after])
        return np.asarray(moved < _MOVES, np.bool_)

    def gives_way(self, ends: Ends, strength: float) -> bool:
        """Whether one picture gives way to another where there may be a transition as strong as this."""
        differs = not ends.turn and self._differs(ends.before, ends.after, strength)
        return differs or self._turned(ends.before, ends.after)

    def _turned(self, before: int, after: int) -> bool:
        """Whether two pictures are pages that stand, with something else written on them."""
        still = self._still(np.array([before]), np.array([after])).reshape(HEIGHT // TILE, WIDTH // TILE)
        if still.mean() < 1 - _MOST_MOVING:
            return False
        luma = self._held.luma
        return rewritten(luma[before], luma[after], still=still)

    def _differs(self, before: int, after: int, strength: float) -> bool:
        """Whether two pictures, between which a transition as strong as this may lie, are different ones."""
        structure = structure_change(self._held.luma[before], self._held.luma[after])
        if structure < _DIFFERENT_STRUCTURE:
            return False
        way = self.pictures[after] - self.pictures[before]
        distance = float(np.abs(way).mean())
        # The less it looks like a pure one, and the more of it is one change of light, the more its ends must differ.
        own = float(np.abs(way - np.median(way)).mean()) / distance
        doubt = 1 - strength / distance + max(_OWN_LIGHT - own, 0.0)
        colour = colour_change(self._held, before, self._held, after, luma=own >= _ALL_ITS_OWN)
        return structure + colour >= _DIFFERENT * (1 + doubt)


def _possible(course: "_Course", middles: NDArray[np.intp], half: int) -> Iterator[tuple[Gradual, Ends]]:
    """What may be transitions around these moments, and between which pictures; none that comes in one step."""
    strengths, mixture = _strengths(course, middles, half)
    turns = np.zeros_like(strengths)
    if half <= _LONGEST_TURN:
        turns = np.where(strengths > 0, turns, course.turns(middles, half))
    strengths = strengths + turns
    strengths[course.plain[middles - half] | course.plain[middles + half]] = 0.0
    found = strengths > 0
    hits, mixture, strengths, turns = middles[found], mixture[found], strengths[found], turns[found]
    parts = (
        course.pictures[hits[:, None] + np.arange(-half, half + 1)] - course.pictures[hits - half][:, None]
    )
    way = parts[:, -1]
    done = (parts @ way[:, :, None])[:, :, 0] / (way * way).sum(axis=1, keepdims=True)
    most = np.where(turns > 0, _MOST_TURNED_AT_ONCE, _MOST_AT_ONCE)
    for index in np.flatnonzero(np.diff(done).max(axis=1, initial=0) <= most).tolist():
        begin = int(hits[index]) - half
        start = begin + int(np.flatnonzero(done[index] < 0.1)[-1])
        end = begin + int(np.flatnonzero(done[index] > 0.9)[0])
        if end > start:
            middle = begin + (half if mixture[index] else int(np.abs(done[index] - 0.5).argmin()))
            since, at, until = course.times[[start, middle, end]].tolist()
            ends = Ends(begin, begin + 2 * half, bool(turns[index] > 0))
            yield Gradual(since, at, until, float(strengths[index])), ends


def _pictures(held: Strip) -> F32:
    """``(N, 144)``: each thumbnail as the means of its tiles."""
    size = (WIDTH // TILE, len(held) * HEIGHT // TILE)
    small = cv2.resize(held.luma.reshape(-1, WIDTH), size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32).reshape(len(held), -1)
