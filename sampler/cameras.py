"""How the camera moves in a shot, from the shift between thumbnails a third of a second apart.

Shifts come from phase correlation (Kuglin and Hines, 1975), of the whole picture for pans and tilts and of
its two halves, which part when the camera zooms in. What moves before a camera that stands shifts the whole
picture as well, so the picture is also followed tile by tile by its gradients (Lucas and Kanade, 1981): where
many tiles with detail stay where they are, the camera stands. Positive x is to the right, positive y down, for
what is in the picture: when it moves right, the camera pans left.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from sampler.measuring import F32, HEIGHT, U8, WIDTH, Strip
from sampler.types import Camera

_INTERVAL_SECONDS = 0.3
_LONGEST_SECONDS = 1.0
"""Further apart than this, two thumbnails say nothing of motion."""
_WHOLE = cv2.createHanningWindow((WIDTH, HEIGHT), cv2.CV_32F)
_HALF = cv2.createHanningWindow((WIDTH // 2, HEIGHT), cv2.CV_32F)
_SAME = 0.5
"""Mean difference of two thumbnails, in levels, up to which nothing moved: cheaper to know than a shift."""
_SURE = 0.12
"""Correlation peak below which a shift is a guess."""
_STEADY = 0.012
"""Picture widths a second that count as no motion."""
_ZOOMING = 0.03
"""Relative growth a second that counts as a zoom."""
_AGREEMENT = 0.7
"""Share of measurements that must point the way the median does."""
_TILE = (6, 8)
"""Height and width of a tile that is followed by itself, in points."""
_DETAIL = 1.0
"""Mean squared gradient of a tile, in the direction in which it has least, from which its shift can be told."""
_TILES = 6
"""Tiles with detail, fewer of which say nothing of the whole picture."""
_STAYING = 0.008
"""Picture widths a second up to which a tile stays where it is."""
_STANDING = 1 / 3
"""Share of the tiles with detail that stay when the camera stands: what moves hides the others."""
_FITTING = 0.5
"""Share of them that must move as one, growing or shrinking, for their growth to count."""
_NEAR = 0.15
"""Points by which a tile may move otherwise than that, and ``_ASTRAY`` of its own way."""
_ASTRAY = 0.2
_SCATTER = 0.1
"""Points at which a tile's vote on the common movement counts half."""
_ROUNDS, _SETTLED = 5, 2e-4
"""Turns after which votes no longer change; and by how much growth may change in the last, if it comes sooner."""
_MIDDLES = np.add.outer(
    1j * np.arange(_TILE[0] / 2, HEIGHT, _TILE[0]), np.arange(_TILE[1] / 2, WIDTH, _TILE[1])
).ravel()
"""Middles of the tiles, row by row, in points; to the right real, down imaginary."""

Way = NDArray[np.complex128]
"""Places or ways in the picture, in points: to the right real, down imaginary."""


@dataclass(frozen=True, slots=True)
class Motion:
    """Parallel arrays, one entry a measurement."""

    times: NDArray[np.float64]
    shifts: NDArray[np.float64]
    """``(N, 3)``: to the right and down in picture widths a second, growth a second; nan where unsure."""
    staying: NDArray[np.float64]
    """Share of the tiles with detail that stayed where they were; nan where hardly any has detail."""


class MotionMeter:
    """Measures motion in strips fed to it in order, three times a second."""

    def __init__(self) -> None:
        self._last: tuple[float, U8] | None = None
        self._times: list[float] = []
        self._shifts: list[tuple[float, float, float]] = []
        self._staying: list[float] = []

    def feed(self, strip: Strip) -> None:
        """Look at more frames."""
        for index, time in enumerate(strip.times.tolist()):
            if self._last is None or time >= self._last[0] + _INTERVAL_SECONDS - 1e-6:
                picture = strip.luma[index]
                if self._last is not None and time - self._last[0] <= _LONGEST_SECONDS:
                    shift, staying = _compare(self._last[1], picture, time - self._last[0])
                    self._times.append(time)
                    self._shifts.append(shift)
                    self._staying.append(staying)
                self._last = (time, picture)

    def motion(self) -> Motion:
        """Everything so far."""
        return Motion(
            np.array(self._times), np.array(self._shifts).reshape(-1, 3), np.array(self._staying, np.float64)
        )


def camera(motion: Motion, start_seconds: float, end_seconds: float) -> Camera | None:
    """What the camera does between two times; None where too little could be measured."""
    # A measurement compares with a picture up to a second before, which must lie in the shot as well.
    inside = (motion.times >= start_seconds + _INTERVAL_SECONDS) & (motion.times < end_seconds)
    shifts, staying = motion.shifts[inside], motion.staying[inside]
    shifts, staying = shifts[~np.isnan(shifts[:, 0])], staying[~np.isnan(staying)]
    if not len(shifts):
        return None
    right, down, growth = np.median(shifts, axis=0)
    agree = [float(np.mean(np.sign(shifts[:, i]) == np.sign(m))) for i, m in enumerate((right, down, growth))]
    if abs(growth) >= _ZOOMING and agree[2] >= _AGREEMENT and abs(growth) > 1.5 * max(abs(right), abs(down)):
        return "zoom_in" if growth > 0 else "zoom_out"
    if len(staying) and np.median(staying) >= _STANDING:
        return "static"
    if abs(right) >= max(_STEADY, abs(down)) and agree[0] >= _AGREEMENT:
        return "pan_left" if right > 0 else "pan_right"
    if abs(down) >= _STEADY and abs(down) > abs(right) and agree[1] >= _AGREEMENT:
        return "tilt_up" if down > 0 else "tilt_down"
    steady = np.abs(shifts[:, :2]).max(axis=1) < _STEADY
    return "static" if steady.mean() >= _AGREEMENT else "moving"


def _compare(old: U8, new: U8, seconds: float) -> tuple[tuple[float, float, float], float]:
    """Shift and growth a second, and the share of the tiles that stayed; see ``Motion``."""
    if cv2.norm(old, new, cv2.NORM_L1) <= _SAME * old.size:
        return (0.0, 0.0, 0.0), 1.0
    middles, moves = _follow_tiles(old, new)
    if len(moves) < _TILES:
        return _shift(old, new, seconds, None), float("nan")
    staying = float(np.mean(np.abs(moves) < _STAYING * WIDTH * seconds))
    growth = _common_growth(middles, moves)
    if staying >= _STANDING:
        return (0.0, 0.0, (growth or 0.0) / seconds), staying
    return _shift(old, new, seconds, growth), staying


def _shift(old: U8, new: U8, seconds: float, growth: float | None) -> tuple[float, float, float]:
    """Shift and growth a second; growth comes from the halves of the picture where it is not known."""
    if not old.std() > 2 or not new.std() > 2:
        return (float("nan"),) * 3
    right, down, sure = _correlated(old, new, _WHOLE)
    if sure < _SURE:
        return (float("nan"),) * 3
    if growth is None:
        middle = WIDTH // 2
        left_half, _, sure_left = _correlated(old[:, :middle], new[:, :middle], _HALF)
        right_half, _, sure_right = _correlated(old[:, middle:], new[:, middle:], _HALF)
        growth = (right_half - left_half) / middle if min(sure_left, sure_right) >= _SURE else 0.0
    return right / WIDTH / seconds, down / WIDTH / seconds, growth / seconds


def _follow_tiles(old: U8, new: U8) -> tuple[Way, Way]:
    """Middles of the tiles with detail, and how far each has moved; short ways only."""
    before, after = old.astype(np.float32), new.astype(np.float32)
    mean = cv2.GaussianBlur((before + after) / 2, (3, 3), 0)
    across = _by_tile(cv2.Sobel(mean, cv2.CV_32F, 1, 0, ksize=3) / 8)
    along = _by_tile(cv2.Sobel(mean, cv2.CV_32F, 0, 1, ksize=3) / 8)
    change = _by_tile(cv2.GaussianBlur(after - before, (3, 3), 0))
    change -= change.mean(axis=1, keepdims=True)  # light that changes moves nothing
    xx, xy, yy = _products(across, across), _products(across, along), _products(along, along)
    clear = (xx + yy) / 2 - np.hypot((xx - yy) / 2, xy) > _DETAIL
    x, y = _products(across, change), _products(along, change)
    ways = (xy * y - yy * x + 1j * (xy * x - xx * y))[clear] / (xx * yy - xy**2)[clear]
    return _MIDDLES[clear], np.asarray(ways, np.complex128)


def _products(one: F32, other: F32) -> NDArray[np.float64]:
    """Mean of the products of each tile's points."""
    return np.asarray(np.einsum("ij,ij->i", one, other) / one.shape[1], np.float64)


def _by_tile(picture: MatLike) -> F32:
    """``(tiles, points)``, row by row."""
    high, wide = _TILE
    tiles = picture.reshape(HEIGHT // high, high, WIDTH // wide, wide).transpose(0, 2, 1, 3)
    return np.asarray(tiles.reshape(-1, high * wide), np.float32)


def _common_growth(middles: Way, moves: Way) -> float | None:
    """How much most tiles grow together while they move, by weighted least squares; None when they do not."""
    half = len(moves) // 2
    growth, move = 0.0, complex(np.sort(moves.real)[half], np.sort(moves.imag)[half])
    for _ in range(_ROUNDS):
        off = moves - move - growth * middles
        votes = 1 / (1 + (off.real**2 + off.imag**2) / _SCATTER**2)
        votes /= votes.sum()
        middle, mean = votes @ middles, votes @ moves
        apart = middles - middle
        spread = float(votes @ (apart.real**2 + apart.imag**2))
        before, growth = growth, float(np.vdot(apart, votes * (moves - mean)).real / max(spread, 1e-9))
        move = complex(mean - growth * middle)
        if abs(growth - before) < _SETTLED:
            break
    common = move + growth * middles
    fits = np.abs(moves - common) < _NEAR + _ASTRAY * np.abs(common)
    return growth if fits.mean() >= _FITTING else None


def _correlated(old: U8, new: U8, window: MatLike) -> tuple[float, float, float]:
    """Shift to the right and down in points, and how sure it is."""
    # Of copies: OpenCV 5 writes to what it is given.
    (right, down), sure = cv2.phaseCorrelate(old.astype(np.float32), new.astype(np.float32), window)
    return right, down, sure
