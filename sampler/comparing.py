"""Whether two thumbnails show different pictures, or one picture that moved, flashed or changed its light."""

from dataclasses import dataclass

import cv2
import numpy as np

from sampler.frames import Frame
from sampler.measuring import F32, MIDDLE, U8, Strip, alone, tile_differences

_BINS = 16
_PLAIN = 1.0
"""Deviation, in levels, below which there is nothing to be found: OpenCV correlates a plain surface with anything."""

_DETAIL_SIZE = (32, 18)
_SAME_DETAIL = 0.28
"""Correlation of detail from which two pictures are of one shot: 99 % within shots had more, 1 % between shots."""


@dataclass(frozen=True, slots=True)
class Looks:
    """A picture by itself, which may have been decoded without what it was predicted from."""

    strip: Strip
    """It alone."""
    detail: F32
    """See ``detail``."""


def looks(frame: Frame) -> Looks:
    """Of a decoded picture."""
    return Looks(alone(frame), detail(frame))


def change(one: Strip, other: Strip) -> float:
    """Of colours and structure, between the last picture of the one and the first of the other; 0 to 4."""
    return colour_change(one, -1, other, 0) + structure_change(one.luma[-1], other.luma[0])


def detail(frame: Frame) -> F32:
    """How much detail lies where in a picture, ``(18, 32)``: differences of vertical neighbours within blocks of four.

    What a picture was predicted from shifts the brightness of whole blocks, so this can be told of one decoded without.
    """
    luma = frame.planes()[0]
    upper, lower = luma[1:-1:8], luma[2::8]
    steps = cv2.absdiff(upper, lower[: len(upper)]).astype(np.float32)
    return np.asarray(np.sqrt(cv2.resize(steps, _DETAIL_SIZE, interpolation=cv2.INTER_AREA)), np.float32)


def same_detail(one: F32, other: F32, least: float = _SAME_DETAIL) -> bool:
    """Whether two pictures have their detail in the same places; never for pictures without any."""
    first, second = (part.ravel() - part.mean() for part in (one, other))
    # Squares of deviations are 0 for a picture without detail only; NumPy's own coefficient takes ten times as long.
    norm = float(first @ first * (second @ second)) ** 0.5
    return bool(norm > 0 and float(first @ second) >= least * norm)


def structure_change(one: U8, other: U8) -> float:
    """0 where the middle of either luma thumbnail is found again in the other, 1 where nothing resembles it.

    Normalised cross-correlation at the best shift, up to a quarter, so neither a pan nor a change of light counts. A
    plain middle is found nowhere but in a picture whose middle is plain as well.
    """
    middles = [(np.ascontiguousarray(part[MIDDLE]), whole) for part, whole in ((one, other), (other, one))]
    telling = [(middle, whole) for middle, whole in middles if middle.std() >= _PLAIN]
    if not telling:
        return 0.0
    found = max(
        float(cv2.matchTemplate(whole, middle, cv2.TM_CCOEFF_NORMED).max()) for middle, whole in telling
    )
    return 1.0 - min(max(found, 0.0), 1.0)


def colour_change(one: Strip, at: int, other: Strip, there: int, *, luma: bool = True) -> float:
    """How far the histograms of two frames are apart: 0 to 1 for each of luma, blue and red difference,
    summed.

    Histograms survive any motion within the picture.
    """
    distance = _histogram_distance(one.luma[at], other.luma[there]) if luma else 0.0
    for channel in (0, 1):
        distance += _histogram_distance(one.chroma[at, channel], other.chroma[there, channel])
    return distance


def nearest(strip: Strip, index: int, others: range) -> float:
    """The smallest difference between one frame and any of the others, in levels as ``Strip.jumps``; inf for
    none.
    """
    if not others:
        return float("inf")
    part = slice(others.start, others.stop)
    luma = tile_differences(
        np.broadcast_to(strip.luma[index], strip.luma[part].shape).copy(), strip.luma[part]
    )
    tint = np.abs(strip.chroma[part].astype(np.int16) - strip.chroma[index])
    return float((luma.reshape(len(luma), -1).mean(axis=1) + tint.reshape(len(tint), -1).mean(axis=1)).min())


def _histogram_distance(one: U8, other: U8) -> float:
    first, second = (cv2.calcHist([plane], [0], None, [_BINS], [0, 256]) for plane in (one, other))
    return float(cv2.norm(first, second, cv2.NORM_L1)) / (2 * one.size)
