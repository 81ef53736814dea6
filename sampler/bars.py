"""Black bars beside or above and below a picture: an upright film in a wide frame fills a third of it."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sampler.measuring import HEIGHT, U8, WIDTH, Strip

_BLACK = 24
"""Luma up to which a point may be of a bar: black, and what coding makes of it."""
_NARROWEST = 6, 4
"""Columns and rows of a thumbnail on either side that make a bar; what is thinner hardly matters."""
_LOPSIDED = 2
"""Points by which opposite bars may differ."""


@dataclass(frozen=True, slots=True)
class Boxes:
    """Where the picture lies within its bars, for each of N frames, in points of a thumbnail."""

    rows: NDArray[np.intp]
    """``(N, 2)``: the first and the first after the last."""
    columns: NDArray[np.intp]
    """The same."""

    def __getitem__(self, part: slice) -> "Boxes":
        return Boxes(self.rows[part], self.columns[part])

    def shares(self) -> NDArray[np.float64]:
        """Of the frame that is picture, ``(N,)``."""
        return np.asarray(np.diff(self.rows)[:, 0] * np.diff(self.columns)[:, 0] / (HEIGHT * WIDTH))

    def inside(self, index: int) -> NDArray[np.bool_]:
        """Which points of a thumbnail are no bars, ``(36, 64)``."""
        points = np.zeros((HEIGHT, WIDTH), np.bool_)
        points[slice(*self.rows[index]), slice(*self.columns[index])] = True
        return points

    def filled(self, strip: Strip) -> Strip:
        """The same frames as if their pictures filled them; ``tiles`` and ``tint`` stay as they are."""
        barred = np.flatnonzero(self.shares() < 1)
        if not len(barred):
            return strip
        luma, chroma = strip.luma.copy(), strip.chroma.copy()
        for index in barred.tolist():
            (top, bottom), (left, right) = self.rows[index].tolist(), self.columns[index].tolist()
            luma[index] = _filling(strip.luma[index, top:bottom, left:right], WIDTH, HEIGHT)
            half = slice(top // 2, -(-bottom // 2)), slice(left // 2, -(-right // 2))
            for channel in (0, 1):
                plane = strip.chroma[index, channel]
                chroma[index, channel] = _filling(plane[half], WIDTH // 2, HEIGHT // 2)
        return replace(strip, luma=luma, chroma=chroma)


def boxes(luma: U8, reach: int) -> Boxes:
    """Of thumbnails, ``(N, 36, 64)``: what each and so many before and after show outside is black on both sides."""
    columns_first = luma.transpose(0, 2, 1)
    return Boxes(
        _between_bars(luma, reach, _NARROWEST[1]), _between_bars(columns_first, reach, _NARROWEST[0])
    )


def _between_bars(lines: U8, reach: int, narrowest: int) -> NDArray[np.intp]:
    """First line of the picture and the first after it, ``(N, lines, points)`` to ``(N, 2)``; all without two bars."""
    count, length = lines.shape[:2]
    if not (lines[:, [0, -1]].max(axis=(1, 2)) <= _BLACK).any():
        return np.tile(np.array([0, length]), (count, 1))
    lit = lines.max(axis=2) > _BLACK
    anything = lit.any(axis=1)
    before = np.where(anything, lit.argmax(axis=1), length)
    beyond = np.where(anything, lit[:, ::-1].argmax(axis=1), length)
    before, beyond = (
        sliding_window_view(np.pad(bar, reach, mode="edge"), 2 * reach + 1).min(axis=1)
        for bar in (before, beyond)
    )
    barred = (np.minimum(before, beyond) >= narrowest) & (np.abs(before - beyond) <= _LOPSIDED)
    barred &= before + beyond < length
    return np.stack((np.where(barred, before, 0), np.where(barred, length - beyond, length)), axis=1)


def _filling(part: U8, width: int, height: int) -> U8:
    return np.asarray(cv2.resize(np.ascontiguousarray(part), (width, height), interpolation=cv2.INTER_LINEAR))
