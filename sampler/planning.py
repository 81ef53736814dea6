"""Which frames to spend the budget on: a pure, deterministic function of what the scan found.

The objective is facility location. Every moment *i* has a weight, every candidate *j* covers it to a degree
*K(j, i)* between 0 and 1, and a set of keyframes is worth what its best members cover:

    F(S) = sum over i of weight(i) * max over j in S of K(j, i)

F is monotone submodular, so greedy choice comes within 1 - 1/e of the best (Nemhauser, Wolsey and Fisher, 1978; Lin
and Bilmes, 2011, summarise with it). A candidate covers what looks like it, the more the nearer in time, and what
happens within a few seconds of it in the same shot whatever it looks like, unless that is rarer: a visitor stands for
the empty yard around the visit, the empty yard a second before does not stand for the visitor. Weight is part time,
part novelty: the seconds a moment stands for, and the same divided by how much of the video would cover it. So
everything that differs from the rest counts once, however short it is, and where nothing differs the choice spreads
evenly.

Before the greedy choice come the floors: every shot has a keyframe while the budget allows, and what is left of it sees
to it that nothing is unseen for longer than four times the even spacing. Where shots outnumber the budget, no shot has
two unless it is long enough to deserve them. Pictures of a transition are of no shot, and so are no candidates.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sampler.likening import F32, likeness
from sampler.moments import Moment
from sampler.types import Reason, Shot

_NOVELTY = 0.8
_LOOK_ALONE = 0.6
"""How much of a moment a picture that looks the same covers however far away it is."""
_BESIDE = 0.95
"""How much of a moment a picture taken at almost the same time covers however different it looks."""
_BESIDE_SHARE, _BESIDE_SECONDS = 0.2, (0.3, 4.0)
"""How near that is: this share of the even spacing, within these bounds."""
_LONGEST_UNSEEN = 4.0
"""Even spacings after which something is looked at whatever it is."""
_REST_SECONDS = 1.0
"""How long a picture stays that is at rest, and how long it may take from there to the next."""
_BLUR_PENALTY, _MOST_PENALTY = 0.1, 0.5
"""How much less a picture covers for being blurred or restless, and the most: what is one of a kind is shown anyway."""
_DUPLICATE_SECONDS = 2.0
"""Two pictures of a shot that look the same need not be closer than this, and no two closer than the next."""
_CLOSEST_SECONDS = 0.2
_SWEEPS = 4
_REPEATS = 0.5
"""Likeness from which a keyframe is there for its time and not for its look."""
_SETTLED = 0.3
"""Jump, in levels, up to which a picture that is new has come to rest."""

F64 = NDArray[np.float64]
Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Choice:
    """A chosen moment."""

    moment: Moment
    shot: int
    reason: Reason


def choose(
    moments: Sequence[Moment], shots: Sequence[Shot], budget: int, transitions: Sequence[Span] = ()
) -> list[Choice]:
    """At most ``budget`` moments, at least one, in time order.

    Args:
        moments: Candidates in time order, tiling the window; at least one.
        shots: Shots tiling the same window.
        budget: At least 1.
        transitions: While which times pictures are of no shot alone, and so are no candidates.
    """
    problem = _Problem(moments, shots, budget, transitions)
    chosen = problem.fill(problem.floor())
    return problem.explain(sorted(problem.settle(chosen)))


def uniform_times(start_seconds: float, end_seconds: float, count: int) -> F64:
    """The middles of ``count`` equal parts of the window."""
    return start_seconds + (np.arange(count) + 0.5) * (end_seconds - start_seconds) / count


def interval_times(
    start_seconds: float, end_seconds: float, interval_seconds: float, most: int
) -> tuple[F64, int]:
    """Times at a fixed distance from the window's start, and the factor by which it was widened to stay
    within ``most``.
    """
    factor = max(1, int(np.ceil((end_seconds - start_seconds) / (interval_seconds * most) - 1e-9)))
    times = np.arange(start_seconds, end_seconds, interval_seconds * factor)
    return times[:most], factor


def standing_at(times: F64, targets: F64) -> list[int]:
    """Indexes of the frames on screen at ``targets``, each once, in order."""
    return sorted(set(np.maximum(np.searchsorted(times, targets + 1e-6, side="right") - 1, 0).tolist()))


class _Problem:
    """One instance of the objective, with what must be in any answer."""

    def __init__(
        self, moments: Sequence[Moment], shots: Sequence[Shot], budget: int, transitions: Sequence[Span]
    ) -> None:
        self._moments = moments
        self._budget = budget
        self._times = np.array([m.time_seconds for m in moments])
        self._seconds = np.maximum([m.seconds for m in moments], 1e-6).astype(np.float32)
        self._spacing = float(self._seconds.sum()) / budget
        starts = np.array([shot.start_seconds for shot in shots])
        self._shots = np.maximum(np.searchsorted(starts, self._times, side="right") - 1, 0)
        self._alike = likeness(np.stack([m.look for m in moments]), self._shots)
        gaps = np.abs(self._times[:, None] - self._times).astype(np.float32)
        same_shot = self._shots[:, None] == self._shots
        self._candidate = self._clear(transitions, self._passing(same_shot & (gaps <= _REST_SECONDS)))
        self._redundant = same_shot & (gaps < _CLOSEST_SECONDS)
        self._redundant |= same_shot & (self._alike >= 0.999) & (gaps < _DUPLICATE_SECONDS)
        self._covers = self._covering(gaps, same_shot)
        novelty = self._seconds / (self._seconds @ self._covers) * self._candidate
        time = self._seconds * self._candidate
        self._weight = (1 - _NOVELTY) * time / time.sum() + _NOVELTY * novelty / novelty.sum()
        quality = np.array([m.quality for m in moments], np.float32)
        self._covers *= (1 - np.minimum(_BLUR_PENALTY * (quality.max() - quality), _MOST_PENALTY))[:, None]
        lengths = np.array([shot.end_seconds - shot.start_seconds for shot in shots])
        crowded = len(np.unique(self._shots)) > budget
        most = np.maximum(1, np.floor(lengths / self._spacing)) if crowded else np.full(len(shots), budget)
        self._most_in_shot = most[self._shots]

    def _clear(self, transitions: Sequence[Span], passing: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which moments show one shot alone and are not in passing; where a shot has none, all of it counts."""
        clear = ~passing
        for start, end in transitions:
            clear &= (self._times < start) | (self._times > end)
        return clear | ~np.isin(self._shots, self._shots[clear])

    def _passing(self, near: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which moments are between one picture at rest and another: text on its way to where it will stand."""
        indexes = np.arange(len(self._times))
        rests = (near * self._alike) @ self._seconds >= _REST_SECONDS
        before = np.maximum.accumulate(np.where(rests, indexes, -1))
        after = np.minimum.accumulate(np.where(rests, indexes, len(indexes))[::-1])[::-1]
        passing = ~rests & (before >= 0) & (after < len(indexes))
        for index in np.flatnonzero(passing):
            one, other = before[index], after[index]
            seconds = self._moments[other].start_seconds - self._moments[one].end_seconds
            in_shot = self._shots[one] == self._shots[index] == self._shots[other]
            passing[index] = in_shot and seconds <= _REST_SECONDS and self._alike[one, other] < _REPEATS
        return passing

    def _covering(self, gaps: F32, same_shot: NDArray[np.bool_]) -> F32:
        """``(N, N)``: how much of each moment (column) a picture of another (row) covers."""
        covers = self._alike * (_LOOK_ALONE + (1 - _LOOK_ALONE) * np.exp(-gaps / self._spacing))
        common = self._alike @ self._seconds + self._spacing
        stands_for = np.minimum(common / common[:, None], 1.0)
        beside = float(np.clip(_BESIDE_SHARE * self._spacing, *_BESIDE_SECONDS))
        nearness = _BESIDE * same_shot * np.exp(-((gaps / beside) ** 2))
        return np.asarray(np.maximum(covers, stands_for * nearness), np.float32)

    def floor(self) -> list[int]:
        """The best moment of every shot, if they all fit, and of stretches that would be unseen for too long."""
        if self._budget == 1:
            return [int((self._covers @ self._weight).argmax())]
        chosen: list[int] = []
        shots = np.unique(self._shots)
        if len(shots) <= self._budget:
            chosen = [self._best_of(np.flatnonzero(self._shots == shot)) for shot in shots]
        while len(chosen) < self._budget:
            members = self._within_widest_gap(chosen)
            if not len(members):
                break
            chosen.append(self._best_of(members))
        return chosen

    def _within_widest_gap(self, chosen: list[int]) -> NDArray[np.intp]:
        """What may be chosen in the middle third of the widest gap that is too wide and has anything there."""
        free = self._allowed(chosen) & self._candidate
        edges = self._times[[0, *sorted(chosen), -1]]
        gaps = np.diff(edges)
        for gap in np.argsort(-gaps, kind="stable").tolist():
            if gaps[gap] <= _LONGEST_UNSEEN * self._spacing:
                break
            middle = np.abs(self._times - (edges[gap] + edges[gap + 1]) / 2) <= gaps[gap] / 6
            if (middle & free).any():
                return np.flatnonzero(middle & free)
        return np.zeros(0, np.intp)

    def fill(self, chosen: list[int]) -> list[int]:
        """Add what adds most until the budget is spent or all that is left repeats what is there.

        A candidate never adds more later than it would have earlier, so only those on top are looked at again (Minoux,
        "Accelerated greedy algorithms for maximizing submodular set functions", 1978).
        """
        covered = self._covers[chosen].max(axis=0) if chosen else np.zeros(len(self._times), np.float32)
        allowed = self._allowed(chosen)
        taken = np.bincount(self._shots[chosen], minlength=int(self._shots.max()) + 1)
        queue = [(-np.inf, index) for index in np.flatnonzero(allowed & self._candidate).tolist()]
        while queue and len(chosen) < self._budget:
            _, index = heapq.heappop(queue)
            shot = self._shots[index]
            if not allowed[index] or taken[shot] >= self._most_in_shot[index]:
                continue
            gain = float(self._weight @ np.maximum(self._covers[index] - covered, 0.0))
            if queue and (-gain, index) > queue[0]:
                heapq.heappush(queue, (-gain, index))
                continue
            if gain <= 0:
                break
            chosen = [*chosen, index]
            taken[shot] += 1
            allowed &= ~self._redundant[index]
            covered = np.maximum(covered, self._covers[index])
        return chosen

    def settle(self, chosen: list[int]) -> list[int]:
        """Move each choice, in order, to where it covers best what is nearest to it: greedy spacing becomes even."""
        chosen = sorted(chosen)
        for _ in range(_SWEEPS):
            owner = self._covers[chosen].argmax(axis=0)
            moved: list[int] = []
            for position, current in enumerate(chosen):
                after = chosen[position + 1 :]
                free = (owner == position) & (self._shots == self._shots[current]) & self._candidate
                members = np.flatnonzero(free & self._between(moved[-1:], after[:1]))
                members = members[~self._redundant[members][:, [*moved, *after]].any(axis=1)]
                moved.append(self._best_of(members) if len(members) else current)
            if moved == chosen:
                break
            chosen = moved
        return chosen

    def _between(self, before: list[int], after: list[int]) -> NDArray[np.bool_]:
        """Which moments lie between two choices, or the window's ends, and leave no gap too wide."""
        first, last = self._times[[*before, 0][0]], self._times[[*after, -1][0]]
        widest = _LONGEST_UNSEEN * self._spacing
        near = (self._times >= last - widest) & (self._times <= first + widest)
        return np.asarray(near & (self._times >= first) & (self._times <= last), np.bool_)

    def _best_of(self, members: NDArray[np.intp]) -> int:
        clear = members[self._candidate[members]]
        worth = self._covers[np.ix_(clear, members)] @ self._weight[members]
        return int(clear[worth.argmax()])

    def _allowed(self, chosen: list[int]) -> NDArray[np.bool_]:
        """Which candidates neither repeat a choice nor exceed what their shot may have."""
        if not chosen:
            return np.ones(len(self._times), np.bool_)
        taken = np.bincount(self._shots[chosen], minlength=int(self._shots.max()) + 1)
        allowed = taken[self._shots] < self._most_in_shot
        allowed &= ~self._redundant[chosen].any(axis=0)
        return np.asarray(allowed, np.bool_)

    def explain(self, chosen: list[int]) -> list[Choice]:
        """Choices with their reasons."""
        return [
            Choice(self._moments[index], int(self._shots[index]), self._reason(chosen, position))
            for position, index in enumerate(chosen)
        ]

    def _reason(self, chosen: list[int], position: int) -> Reason:
        index = chosen[position]
        if len(chosen) == 1:
            return "only"
        if position in (0, len(chosen) - 1):
            return "first" if position == 0 else "last"
        shots = self._shots[chosen]
        if self._shots[index] not in shots[:position]:
            return "shot"
        others = [other for other in chosen if other != index and self._shots[other] == self._shots[index]]
        if self._alike[index, others].max() > _REPEATS:
            return "coverage"
        return "settled" if self._moments[index].restlessness <= _SETTLED else "change"
