"""How alike the looks of moments are: as if lit alike, and against what changes in each place all the time."""

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

_RELIGHTING = 1.25
"""Looks are compared as if lit alike, up to this factor; more is a change worth seeing."""
_QUIETEST, _LOUDEST = 3.0, 8.0
"""Bounds for the difference of a cell, in levels, up to which it is the same."""
_USUAL, _ABOVE_USUAL = 0.75, 3.0
"""That is so many times the difference which this share of steps from moment to moment does not exceed: a tree in the
wind hides nothing elsewhere."""
_CHANGED, _TIMES, _OFTEN, _FEW = 4.0, 8, 0.04, 0.15
"""Levels by which a cell changes, how many times and in which share of the steps, and the share of cells up to which
such cells say nothing; where more are restless, the picture as a whole moves."""
_ALWAYS, _CAPTION_CELLS = 0.75, 6
"""Share of the steps from which a cell never rests, and how many change along with one where text takes turns; of a
clock's there are one or two."""
_STEPS = 16
"""Differences are measured in this part of what counts as the same."""
_SOME = 9
"""One cell in so many is compared first: most pairs of looks are told apart by those."""


def likeness(looks: NDArray[np.uint8], shots: NDArray[np.intp]) -> F32:
    """``(N, N)``, symmetric: 1 for looks in which every cell is the same, 0 from twice the difference in any cell on.

    The largest difference counts, not the mean: a person far away is a few cells of hundreds.

    Args:
        looks: ``(N, 3, height, width)``, in time order.
        shots: Which shot each is of, rising.
    """
    count = len(looks)
    cells = looks.reshape(count, -1).astype(np.float32)
    luma = looks[0, 0].size
    for shot in np.unique(shots):
        members = np.flatnonzero(shots == shot)
        if len(members) > 1:
            cells[members, :luma] = _relit(cells[members, :luma])
    changes = np.abs(np.diff(cells, axis=0))
    usual = np.quantile(changes, _USUAL, axis=0) if count > 1 else np.zeros(1)
    restless = _restless(changes[np.diff(shots) == 0])
    same = np.where(restless, 255.0, np.clip(_ABOVE_USUAL * usual, _QUIETEST, _LOUDEST))
    apart = _furthest(np.asarray(cells / same * _STEPS, np.int16), shots)
    return np.clip(2 - apart.astype(np.float32) / _STEPS, 0, 1)


def _restless(changes: F32) -> NDArray[np.bool_]:
    """Cells that change so often that they tell nothing, where those are few: a clock, a ticker, a light that blinks.

    Text that comes line by line changes a cell once, and who passes now and then a few times. Captions change often,
    but many cells at a time, and rest in between.

    Args:
        changes: ``(N, cells)``, from moment to moment.
    """
    changed = changes >= _CHANGED
    times = changed.sum(axis=0)
    often = times >= max(_TIMES, _OFTEN * len(changes))
    if not often.any() or often.mean() > _FEW:
        return np.zeros_like(often)
    always = times >= _ALWAYS * len(changes)
    together = changed[:, often & ~always].sum(axis=1)
    company = together @ changed / np.maximum(times, 1)
    return np.asarray(often & (always | (company < _CAPTION_CELLS)), np.bool_)


def _furthest(steps: NDArray[np.int16], shots: NDArray[np.intp]) -> NDArray[np.int16]:
    """``(N, N)``: the largest difference of any cell; where some cells tell that looks are nothing alike, of those.

    Looks of other shots mostly are nothing alike, those of one shot seldom.
    """
    count = len(steps)
    some = np.ascontiguousarray(steps[:, ::_SOME])
    apart = np.zeros((count, count), np.int16)
    others = np.searchsorted(shots, shots, side="right")
    for index, other in enumerate(others.tolist()):
        apart[index, index:other] = _largest(steps[index:other], steps[index])
        if other == count:
            continue
        row = _largest(some[other:], some[index])
        alike = np.flatnonzero(row < 2 * _STEPS)
        row[alike] = _largest(steps[other + alike], steps[index])
        apart[index, other:] = row
    return np.maximum(apart, apart.T)


def _largest(looks: NDArray[np.int16], look: NDArray[np.int16]) -> NDArray[np.int16]:
    return np.asarray(np.abs(looks - look).max(axis=1), np.int16)


def _relit(luma: F32) -> F32:
    """Looks of one shot, ``(N, cells)``, brought to the light of what it usually looks like."""
    usual = np.asarray(np.median(luma, axis=0), np.float32)
    gain, offset = _light(luma, usual, np.ones_like(luma))
    residue = np.abs(luma - gain * usual - offset)
    follows = residue <= 2 * np.median(residue, axis=1, keepdims=True)
    gain, offset = _light(luma, usual, follows.astype(np.float32))
    most = (_RELIGHTING - 1) * float(usual.mean())
    return np.asarray((luma - np.clip(offset, -most, most)) / gain, np.float32)


def _light(luma: F32, usual: F32, weight: F32) -> tuple[F32, F32]:
    """Gain and offset, ``(N, 1)``, that lead from the usual look to each, by least squares.

    Exposure multiplies, haze and black levels add.
    """
    weight = weight / weight.sum(axis=1, keepdims=True)
    level, usual_level = (weight * luma).sum(axis=1, keepdims=True), weight @ usual[:, None]
    contrast = np.maximum(weight @ usual[:, None] ** 2 - usual_level**2, 1e-6)
    together = (weight * luma) @ usual[:, None] - level * usual_level
    gain = np.clip(together / contrast, 1 / _RELIGHTING, _RELIGHTING)
    return gain, level - gain * usual_level
