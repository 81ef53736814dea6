"""How the camera moves in a shot, from the shift between thumbnails a third of a second apart.

Shifts come from phase correlation (Kuglin and Hines, 1975), of the whole picture for pans and tilts and of
its two halves, which part when the camera zooms in. Positive x is to the right, positive y down, for what is
in the picture: when it moves right, the camera pans left.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from sampler.measuring import HEIGHT, U8, WIDTH, Strip
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


@dataclass(frozen=True, slots=True)
class Motion:
    """Parallel arrays, one entry a measurement."""

    times: NDArray[np.float64]
    shifts: NDArray[np.float64]
    """``(N, 3)``: to the right and down in picture widths a second, growth a second; nan where unsure."""


class MotionMeter:
    """Measures motion in strips fed to it in order, three times a second."""

    def __init__(self) -> None:
        self._last: tuple[float, U8] | None = None
        self._times: list[float] = []
        self._shifts: list[tuple[float, float, float]] = []

    def feed(self, strip: Strip) -> None:
        """Look at more frames."""
        for index, time in enumerate(strip.times.tolist()):
            if self._last is None or time >= self._last[0] + _INTERVAL_SECONDS - 1e-6:
                picture = strip.luma[index]
                if self._last is not None and time - self._last[0] <= _LONGEST_SECONDS:
                    self._times.append(time)
                    self._shifts.append(_shift(self._last[1], picture, time - self._last[0]))
                self._last = (time, picture)

    def motion(self) -> Motion:
        """Everything so far."""
        return Motion(np.array(self._times), np.array(self._shifts).reshape(-1, 3))


def camera(motion: Motion, start_seconds: float, end_seconds: float) -> Camera | None:
    """What the camera does between two times; None where too little could be measured."""
    # A measurement compares with a picture up to a second before, which must lie in the shot as well.
    inside = (motion.times >= start_seconds + _INTERVAL_SECONDS) & (motion.times < end_seconds)
    shifts = motion.shifts[inside]
    shifts = shifts[~np.isnan(shifts[:, 0])]
    if not len(shifts):
        return None
    right, down, growth = np.median(shifts, axis=0)
    agree = [float(np.mean(np.sign(shifts[:, i]) == np.sign(m))) for i, m in enumerate((right, down, growth))]
    if abs(growth) >= _ZOOMING and agree[2] >= _AGREEMENT and abs(growth) > 1.5 * max(abs(right), abs(down)):
        return "zoom_in" if growth > 0 else "zoom_out"
    if abs(right) >= max(_STEADY, abs(down)) and agree[0] >= _AGREEMENT:
        return "pan_left" if right > 0 else "pan_right"
    if abs(down) >= _STEADY and abs(down) > abs(right) and agree[1] >= _AGREEMENT:
        return "tilt_up" if down > 0 else "tilt_down"
    steady = np.abs(shifts[:, :2]).max(axis=1) < _STEADY
    return "static" if steady.mean() >= _AGREEMENT else "moving"


def _shift(old: U8, new: U8, seconds: float) -> tuple[float, float, float]:
    if cv2.norm(old, new, cv2.NORM_L1) <= _SAME * old.size:
        return 0.0, 0.0, 0.0
    if not old.std() > 2 or not new.std() > 2:
        return (float("nan"),) * 3
    right, down, sure = _correlated(old, new, _WHOLE)
    if sure < _SURE:
        return (float("nan"),) * 3
    middle = WIDTH // 2
    left_half, _, sure_left = _correlated(old[:, :middle], new[:, :middle], _HALF)
    right_half, _, sure_right = _correlated(old[:, middle:], new[:, middle:], _HALF)
    growth = (right_half - left_half) / middle if min(sure_left, sure_right) >= _SURE else 0.0
    return right / WIDTH / seconds, down / WIDTH / seconds, growth / seconds


def _correlated(old: U8, new: U8, window: MatLike) -> tuple[float, float, float]:
    """Shift to the right and down in points, and how sure it is."""
    # Of copies: OpenCV 5 writes to what it is given.
    (right, down), sure = cv2.phaseCorrelate(old.astype(np.float32), new.astype(np.float32), window)
    return right, down, sure
