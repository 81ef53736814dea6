"""Which frames to spend the budget on: a pure, deterministic function of what the scan found.

The objective is facility location. Every moment *i* has a weight, every candidate *j* covers it to a degree
*K(i, j)* between 0 and 1, and a set of keyframes is worth what its best members cover:

    F(S) = sum over i of weight(i) * max over j in S of K(i, j)

F is monotone submodular, so greedy choice comes within 1 - 1/e of the best (Nemhauser, Wolsey and Fisher, 1978; Lin
and Bilmes, 2011, summarise with it). A candidate covers what looks like it, the more the nearer in time, and what
happens within a few seconds of it in the same shot, whatever it looks like. Weight is part time, part novelty: the
seconds a moment stands for, and the same divided by how much of the video would be covered along with it. So
everything that differs from the rest counts once, however short it is, and where nothing differs the choice spreads
evenly.

Before the greedy choice come the floors: every shot has a keyframe while the budget allows, and a third of the budget
is spread evenly over time. Where shots outnumber the budget, no shot has two unless it is long enough to deserve them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sampler.moments import Moment
from sampler.types import Reason, Shot

_QUIETEST, _LOUDEST = 3.0, 8.0
"""Bounds for the largest tile difference, in levels, up to which looks are the same; it follows the video's noise."""
_UNLIKE = 8.0
"""Levels beyond that from which looks have nothing in common."""
_RELIGHTING = 1.25
"""Looks are compared as if lit alike, up to this factor; more is a change worth seeing."""
_NOVELTY = 0.8
_LOOK_ALONE = 0.6
"""How much of a moment a picture that looks the same covers however far away it is."""
_BESIDE = 0.95
"""How much of a moment a picture taken at almost the same time covers however different it looks."""
_BESIDE_SHARE, _BESIDE_SECONDS = 0.2, (0.3, 4.0)
"""How near that is: this share of the even spacing, within these bounds."""
_FLOOR = 3
"""One in this many keyframes is spread evenly."""
_BLUR_PENALTY = 0.1
_DUPLICATE_SECONDS = 2.0
"""Two pictures that look the same need not be closer than this, and no two of a shot closer than the next."""
_CLOSEST_SECONDS = 0.2
_SWEEPS = 4
_REPEATS = 0.5
"""Likeness from which a keyframe is there for its time and not for its look."""
_SETTLED = 0.3
"""Jump, in levels, up to which a picture that is new has come to rest."""

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Choice:
    """A chosen moment."""

    moment: Moment
    shot: int
    reason: Reason


def choose(moments: Sequence[Moment], shots: Sequence[Shot], budget: int) -> list[Choice]:
    """At most ``budget`` moments, at least one, in time order.

    Args:
        moments: Candidates in time order, tiling the window; at least one.
        shots: Shots tiling the same window.
        budget: At least 1.
    """
    problem = _Problem(moments, shots, budget)
    chosen = problem.floor()
    while len(chosen) < budget:
        best = problem.best_addition(chosen)
        if best is None:
            break
        chosen.append(best)
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

    def __init__(self, moments: Sequence[Moment], shots: Sequence[Shot], budget: int) -> None:
        self._moments = moments
        self._budget = budget
        self._times = np.array([m.time_seconds for m in moments])
        seconds = np.maximum([m.seconds for m in moments], 1e-6)
        starts = np.array([shot.start_seconds for shot in shots])
        self._shots = np.maximum(np.searchsorted(starts, self._times, side="right") - 1, 0)
        self._alike = _likeness(np.stack([m.look for m in moments]))
        span = float(seconds.sum())
        self._spacing = span / budget
        gaps = np.abs(self._times[:, None] - self._times[None, :])
        same_shot = self._shots[:, None] == self._shots[None, :]
        looks = self._alike * (_LOOK_ALONE + (1 - _LOOK_ALONE) * np.exp(-gaps / self._spacing))
        beside = float(np.clip(_BESIDE_SHARE * self._spacing, *_BESIDE_SECONDS))
        self._cover = np.maximum(looks, _BESIDE * same_shot * np.exp(-((gaps / beside) ** 2)))
        novelty = seconds / (self._cover @ seconds)
        self._weight = (1 - _NOVELTY) * seconds / span + _NOVELTY * novelty / novelty.sum()
        quality = np.array([m.quality for m in moments])
        self._cover = self._cover * (1 - _BLUR_PENALTY * (quality.max() - quality))[None, :]
        self._redundant = same_shot & (gaps < _CLOSEST_SECONDS)
        self._redundant |= (self._alike >= 0.999) & (gaps < _DUPLICATE_SECONDS)
        lengths = np.array([shot.end_seconds - shot.start_seconds for shot in shots])
        crowded = len(np.unique(self._shots)) > budget
        most = np.maximum(1, np.floor(lengths / self._spacing)) if crowded else np.full(len(shots), budget)
        self._most_in_shot = most[self._shots]

    def floor(self) -> list[int]:
        """The best moment of every shot, if they all fit, and of every third of the even spacing."""
        if self._budget == 1:
            return [int((self._weight @ self._cover).argmax())]
        shots = np.unique(self._shots)
        chosen: list[int] = []
        if len(shots) <= self._budget:
            chosen = [self._best_of(np.flatnonzero(self._shots == shot)) for shot in shots]
        edges = np.linspace(self._times[0], self._times[-1] + 1e-6, max(2, self._budget // _FLOOR) + 1)
        parts = np.searchsorted(edges, self._times, side="right")
        for part in np.unique(parts):
            members = np.flatnonzero(parts == part)
            members = members[self._allowed(chosen)[members]]
            if len(chosen) < self._budget and len(members) and part not in parts[chosen]:
                chosen.append(self._best_of(members))
        return chosen

    def best_addition(self, chosen: list[int]) -> int | None:
        """The candidate that adds most coverage; None when all that is left repeats what is there."""
        covered = self._cover[:, chosen].max(axis=1) if chosen else np.zeros(len(self._times))
        gains = self._weight @ np.maximum(self._cover - covered[:, None], 0.0)
        gains[~self._allowed(chosen)] = -1.0
        best = int(gains.argmax())
        return best if gains[best] > 0 else None

    def settle(self, chosen: list[int]) -> list[int]:
        """Move each choice to where it covers best what is nearest to it; greedy spacing becomes even spacing."""
        for _ in range(_SWEEPS):
            owner = self._cover[:, chosen].argmax(axis=1)
            moved: list[int] = []
            for position, current in enumerate(chosen):
                members = np.flatnonzero((owner == position) & (self._shots == self._shots[current]))
                others = [*moved, *chosen[position + 1 :]]
                members = members[~self._redundant[members][:, others].any(axis=1)]
                moved.append(self._best_of(members) if len(members) else current)
            if moved == chosen:
                break
            chosen = moved
        return chosen

    def _best_of(self, members: NDArray[np.intp]) -> int:
        worth = self._weight[members] @ self._cover[np.ix_(members, members)]
        return int(members[worth.argmax()])

    def _allowed(self, chosen: list[int]) -> NDArray[np.bool_]:
        """Which candidates neither repeat a choice nor exceed what their shot may have."""
        if not chosen:
            return np.ones(len(self._times), np.bool_)
        taken = np.bincount(self._shots[chosen], minlength=int(self._shots.max()) + 1)
        allowed = taken[self._shots] < self._most_in_shot
        allowed &= ~self._redundant[:, chosen].any(axis=1)
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


def _likeness(looks: NDArray[np.uint8]) -> F64:
    """``(N, N)``, 1 for looks that are the same, 0 for those with nothing in common."""
    luma = looks[:, 0].reshape(len(looks), -1).astype(np.float32)
    chroma = looks[:, 1:].reshape(len(looks), -1).astype(np.int16)
    levels = luma.mean(axis=1) + 1
    difference = np.zeros((len(looks), len(looks)), np.float32)
    for index in range(len(looks)):
        relit = np.clip(levels[index] / levels, 1 / _RELIGHTING, _RELIGHTING)
        brighter = np.abs(luma * relit[:, None] - luma[index]).max(axis=1)
        difference[index] = np.maximum(brighter, np.abs(chroma - chroma[index]).max(axis=1))
    noise = float(np.median(np.diagonal(difference, 1))) if len(looks) > 1 else 0.0
    same = min(max(2 * noise, _QUIETEST), _LOUDEST)
    return np.clip((same + _UNLIKE - np.minimum(difference, difference.T)) / _UNLIKE, 0.0, 1.0).astype(
        np.float64
    )
