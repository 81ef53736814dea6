"""Whether two thumbnails show different pictures, or one picture that moved, flashed or changed its light."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sampler.frames import Frame
from sampler.measuring import F32, HEIGHT, MIDDLE, TILE, U8, WIDTH, Strip, alone, tile_differences

_BINS = 16
_PLAIN = 1.0
"""Deviation, in levels, below which there is nothing to be found: OpenCV correlates a plain surface with anything."""

_DETAIL_SIZE = (32, 18)
_SAME_DETAIL = 0.28
"""Correlation of detail from which two pictures are of one shot: 99 % within shots had more, 1 % between shots."""

_GROUND, _GROUND_SHARE = 4, 0.6
"""Levels about the most frequent one that most of a page has, and share of it that does: 0.68 and more of slides, 0.54
at the most of other pictures that stand and change at once (a camera's exposure, a page with a map)."""
_BLACK = 24
"""Luma up to which a ground may be no page's."""
_INK = 9
"""Levels off the ground, or off what was there before, from which something is written."""
_BOLD = 30
"""Levels that half of what changes changes by at the least: 52 and more between slides, and 11 to 14 where a sync frame
mends what drafts before it had wrong."""
_INK_POINTS = 2
"""So many changed points of a tile tell that something was written or wiped off there."""
_MORE_TILES, _LESS_TILES = 4, 3
"""Tiles written on or wiped at the least, of whichever are more and of the others: 12 and 4 and more between nine in
ten slides; lines that appear wipe hardly anything, 3 tiles at the most."""
_NEW_SHARE = 0.2
"""Share of what is written on either that changes at the least, the rest is a letterhead say: 0.21 and more for 98 % of
slides, 0.03 to 0.18 of pages of which a part changes."""
_PAGE_SHARE = 0.4
"""Share of the picture that the tiles changed extend over at the least: 0.42 and more for 95 % of slides, up to 0.39
for 95 % of windows and menus that open on a page."""


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
    width, _ = _DETAIL_SIZE
    # Across first: both at once take five times as long where only the height is no multiple.
    narrow = cv2.resize(steps, (width, len(steps)), interpolation=cv2.INTER_AREA)
    return np.asarray(np.sqrt(cv2.resize(narrow, _DETAIL_SIZE, interpolation=cv2.INTER_AREA)), np.float32)


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
    telling = [(middle, whole) for middle, whole in middles if deviation(middle) >= _PLAIN]
    if not telling:
        return 0.0
    found = max(
        float(cv2.matchTemplate(whole, middle, cv2.TM_CCOEFF_NORMED).max()) for middle, whole in telling
    )
    return 1.0 - min(max(found, 0.0), 1.0)


def deviation(points: U8) -> float:
    """Of points of one plane, in levels; as NumPy's own, in a tenth of the time where they are few."""
    return float(cv2.meanStdDev(points)[1][0, 0])


def colour_change(one: Strip, at: int, other: Strip, there: int, *, luma: bool = True) -> float:
    """How far the histograms of two frames are apart: 0 to 1 for each of luma, blue and red difference,
    summed.

    Histograms survive any motion within the picture.
    """
    distance = _histogram_distance(one.luma[at], other.luma[there]) if luma else 0.0
    for channel in (0, 1):
        distance += _histogram_distance(one.chroma[at, channel], other.chroma[there, channel])
    return distance


_EVERY_POINT = np.ones((HEIGHT, WIDTH), np.bool_)
_EVERY_TILE = np.ones((HEIGHT // TILE, WIDTH // TILE), np.bool_)


def rewritten(
    one: U8,
    other: U8,
    inside: NDArray[np.bool_] = _EVERY_POINT,
    still: NDArray[np.bool_] = _EVERY_TILE,
) -> bool:
    """Whether two luma thumbnails are pages of one ground, of which one was wiped all over and the other written.

    A line that comes or goes does not do it, nor what covers a part of the page.

    Args:
        one: ``(36, 64)``.
        other: The same.
        inside: Points that are no bars, ``(36, 64)``.
        still: Tiles in which nothing moves beside what is asked about, ``(9, 16)``; in others no change counts.
    """
    ground = _ground(np.concatenate((one[inside], other[inside])))
    if ground is None:
        return False
    bare_before, bare_after = (np.abs(part.astype(np.int16) - ground) <= _INK for part in (one, other))
    apart = cv2.absdiff(one, other)
    changed = (apart > _INK) & still.repeat(TILE, axis=0).repeat(TILE, axis=1) & inside
    least = max(_NEW_SHARE * (inside & ~(bare_before & bare_after)).sum(), 1.0)
    if changed.sum() < least or np.median(apart[changed]) < _BOLD:
        return False
    written, wiped, either = map(_inked, (changed & bare_before, changed & bare_after, changed))
    less, more = sorted((int(written.sum()), int(wiped.sum())))
    if less < _LESS_TILES or more < _MORE_TILES:
        return False
    height, width = (int(np.ptp(np.flatnonzero(either.any(axis=axis)))) + 1 for axis in (1, 0))
    return height * width >= _PAGE_SHARE * either.size


def of_one_ground(one: U8, other: U8) -> bool:
    """Whether two luma thumbnails may be pages of one ground; black is also what lies beside pictures and at night."""
    ground = _ground(np.concatenate((one.ravel(), other.ravel())))
    return ground is not None and ground > _BLACK


def other_page(one: U8, other: U8) -> bool:
    """Whether two luma thumbnails, some time apart, are pages with something else written on them.

    Somebody before a dark hall moves as much, so not if their ground is black.
    """
    return of_one_ground(one, other) and rewritten(one, other)


def _ground(points: U8) -> int | None:
    """The level that most points have, if there is one."""
    levels = np.bincount(points, minlength=256)
    near = np.convolve(levels, np.ones(2 * _GROUND + 1), "same")
    ground = int(near.argmax())
    return ground if near[ground] >= max(_GROUND_SHARE * len(points), 1.0) else None


def _inked(points: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tiles of which several points are meant: ``(36, 64)`` to ``(9, 16)``."""
    tiles = points.reshape(HEIGHT // TILE, TILE, WIDTH // TILE, TILE)
    return np.asarray(tiles.sum(axis=(1, 3)) >= _INK_POINTS, np.bool_)


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
