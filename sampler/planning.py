"""Which frames to spend the budget on: a pure, deterministic function of what the scan found.

The objective is facility location (Nemhauser, Wolsey and Fisher, 1978: greedy choice is within 1 - 1/e of the
best for monotone submodular functions; Lin and Bilmes, 2011, use it for summaries). Every moment *i* has a
weight, every candidate *j* covers it to a degree *K(i, j)* between 0 and 1, and a set of keyframes is worth
what its best members cover together:

    F(S) = sum over i of weight(i) * max over j in S of K(i, j)

Weight is part time, part novelty: the seconds a moment stands for, and the same divided by how much of the
video looks like it, so that everything that looks different counts, however short it is. Coverage is part
time, part look: near in time, and alike. With nothing but time this spreads evenly; with something rare it
goes there first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sampler.moments import Moment
from sampler.types import Reason, Shot

_ALIKE, _UNLIKE = 4.0, 18.0
"""Largest tile difference, in levels, up to which looks are the same, and from which they have nothing in
common.
"""
_NOVELTY = 0.6
"""Share of the weight that novelty has; the rest is time."""
_LOOK_ALONE = 0.35
"""How much of a moment a picture that looks the same covers however far away it is."""
_DUPLICATE_SECONDS = 2.0
"""Two pictures that look the same need not be closer than this."""
_SWEEPS = 4

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
    chosen = problem.seed()
    while len(chosen) < min(budget, len(moments)):
        best = problem.best_addition(chosen)
        if best is None:
            break
        chosen.append(best)
    chosen = problem.settle(chosen)
    return problem.explain(sorted(chosen))


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
        self._seconds = np.maximum([m.seconds for m in moments], 1e-6)
        starts = np.array([shot.start_seconds for shot in shots])
        self._shots = np.maximum(np.searchsorted(starts, self._times, side="right") - 1, 0)
        self._alike = _likeness(np.stack([m.look for m in moments]))
        span = float(self._seconds.sum())
        gaps = np.abs(self._times[:, None] - self._times[None, :])
        near = np.exp(-gaps / max(span / budget, 1e-6))
        self._cover = self._alike * (_LOOK_ALONE + (1 - _LOOK_ALONE) * near)
        quality = np.array([m.quality for m in moments])
        self._cover *= 1 - 0.1 * (quality.max() - quality)[None, :]
        novelty = self._seconds / (self._alike @ self._seconds)
        self._weight = (1 - _NOVELTY) * self._seconds / span + _NOVELTY * novelty / novelty.sum()
        self._redundant = (self._alike >= 0.999) & (gaps < _DUPLICATE_SECONDS)

    def seed(self) -> list[int]:
        """The first moment, the best of every shot while they fit, and the last."""
        if self._budget == 1:
            return [int((self._weight @ self._cover).argmax())]
        shots = np.unique(self._shots)
        if len(shots) > self._budget:
            return []
        return [self._best_of(np.flatnonzero(self._shots == shot)) for shot in shots]

    def _best_of(self, members: NDArray[np.intp]) -> int:
        worth = self._weight[members] @ self._cover[np.ix_(members, members)]
        return int(members[worth.argmax()])

    def best_addition(self, chosen: list[int]) -> int | None:
        """The candidate that adds most coverage; None when all that is left repeats what is there."""
        covered = self._cover[:, chosen].max(axis=1) if chosen else np.zeros(len(self._times))
        gains = self._weight @ np.maximum(self._cover - covered[:, None], 0.0)
        gains[chosen] = -1.0
        if chosen:
            gains[self._redundant[:, chosen].any(axis=1)] = -1.0
        best = int(gains.argmax())
        return best if gains[best] > 0 else None

    def settle(self, chosen: list[int]) -> list[int]:
        """Move each choice to where it covers best what is nearest to it; greedy spacing becomes even
        spacing.
        """
        for _ in range(_SWEEPS):
            owner = self._cover[:, chosen].argmax(axis=1)
            moved = []
            for position, current in enumerate(chosen):
                members = np.flatnonzero((owner == position) & (self._shots == self._shots[current]))
                moved.append(self._best_of(members) if current in members else current)
            if moved == chosen:
                break
            chosen = moved
        return chosen

    def explain(self, chosen: list[int]) -> list[Choice]:
        """Choices with their reasons."""
        seen: set[int] = set()
        choices = []
        for position, index in enumerate(chosen):
            shot = int(self._shots[index])
            others = [i for i in chosen if i != index and self._shots[i] == shot]
            reason: Reason
            if len(chosen) == 1:
                reason = "only"
            elif position == 0:
                reason = "first"
            elif position == len(chosen) - 1:
                reason = "last"
            elif shot not in seen:
                reason = "shot"
            else:
                reason = "coverage" if self._alike[index, others].max() > 0.5 else "change"
            seen.add(shot)
            choices.append(Choice(self._moments[index], shot, reason))
        return choices


def _likeness(looks: NDArray[np.uint8]) -> F64:
    """``(N, N)``, 1 for looks that are the same, 0 for those with nothing in common."""
    flat = looks.reshape(len(looks), -1).astype(np.int16)
    difference = np.zeros((len(flat), len(flat)))
    for index, look in enumerate(flat):
        difference[index] = np.abs(flat - look).max(axis=1)
    return np.clip((_UNLIKE - difference) / (_UNLIKE - _ALIKE), 0.0, 1.0)
