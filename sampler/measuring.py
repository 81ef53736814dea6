"""From decoded frames to strips of thumbnails: the only thing about every frame that later stages see.

A frame costs a few strided reads of its planes: no colour conversion and no scaling at full size, so that
looking costs little beside decoding. Everything that can be is computed for a whole strip at once.
"""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, fields
from time import monotonic

import cv2
import numpy as np
from numpy.typing import NDArray

from sampler.frames import Frame, Plane

WIDTH, HEIGHT = 64, 36
"""Size of a thumbnail's luma; chroma has half of it. Thumbnails are upright and ignore the aspect ratio."""
MIDDLE = (slice(HEIGHT // 4, HEIGHT * 3 // 4), slice(WIDTH // 4, WIDTH * 3 // 4))
"""The middle half of a thumbnail."""
TILE = 4
"""Side of the tiles over which differences are averaged, in thumbnail pixels."""
_FRAMES = 64
_LONGEST_WALL_SECONDS = 0.25
"""A strip is handed on when it is full or this old, so that slow decoding can still be followed and
cancelled.
"""
_SHARPNESS_ROWS = HEIGHT // 2
_HALF_SHARPNESS = 12.0
"""Root mean square difference of horizontal neighbours that counts as half sharp, in levels of 255."""

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Strip:
    """Consecutive frames, shrunk; N of them."""

    pts: NDArray[np.int64]
    times: NDArray[np.float64]
    """Seconds on the player's clock."""
    durations: NDArray[np.float64]
    """Seconds, as the file says."""
    luma: U8
    """``(N, 36, 64)``."""
    chroma: U8
    """``(N, 2, 18, 32)``, blue difference then red."""
    sharpness: F32
    """0 to 1; see ``PlannedKeyframe``."""
    tiles: U8
    """``(N, 9, 16)``: mean luma difference to the frame before, a tile each; 0 for the first of all."""
    tint: F32
    """Mean chroma difference to the frame before, in levels."""

    def __len__(self) -> int:
        return len(self.pts)

    def __getitem__(self, part: slice | NDArray[np.bool_ | np.intp]) -> "Strip":
        return Strip(*(getattr(self, field.name)[part] for field in fields(self)))

    @property
    def jumps(self) -> F32:
        """How much of the picture changed since the frame before: mean over tiles and tint, in levels."""
        return np.asarray(self.tiles.reshape(len(self), -1).mean(axis=1) + self.tint, np.float32)


def joined(parts: Sequence[Strip]) -> Strip:
    """Consecutive strips as one; at least one."""
    if len(parts) == 1:
        return parts[0]
    return Strip(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Strip)))


def strips(frames: Iterable[Frame], before: Strip | None = None) -> Generator[Strip, None, None]:
    """Shrink frames, in order, into strips of at most 64; ``before`` ends with the one before. Lazy; keeps no frame."""
    blank = _Blank(_FRAMES)
    started = monotonic()
    for frame in frames:
        blank.add(frame)
        del frame
        if blank.count == _FRAMES or monotonic() - started > _LONGEST_WALL_SECONDS:
            before = blank.strip(before)
            yield before
            blank = _Blank(_FRAMES)
            started = monotonic()
    if blank.count:
        yield blank.strip(before)


def alone(frame: Frame) -> Strip:
    """One frame by itself."""
    blank = _Blank(1)
    blank.add(frame)
    return blank.strip(None)


class _Blank:
    """A strip being filled: every plane as points on a grid with the rows of its thumbnail and twice its columns.

    Each row costs as much as it is wide, however few of its points are taken: memory is read in lines of 64 bytes.
    """

    def __init__(self, frames: int) -> None:
        self.count = 0
        self._pts = np.empty(frames, np.int64)
        self._clock = np.empty((2, frames))
        self._luma = np.empty((frames, HEIGHT, 2 * WIDTH), np.uint8)
        self._chroma = np.empty((frames, 2, HEIGHT // 2, WIDTH), np.uint8)
        self._sharpness = np.empty(frames, np.float32)

    def add(self, frame: Frame) -> None:
        index = self.count
        luma, blue, red, drop = frame.planes()
        turns = frame.quarter_turns
        self._pts[index] = frame.pts
        self._clock[:, index] = frame.time_seconds, frame.duration_seconds
        _pick_points(luma, self._luma[index], drop, turns)
        self._sharpness[index] = _sharpness(luma, drop)  # what has just been read comes from the cache
        _pick_points(blue, self._chroma[index, 0], drop, turns)
        _pick_points(red, self._chroma[index, 1], drop, turns)
        self.count += 1

    def strip(self, before: Strip | None) -> Strip:
        count = self.count
        luma, chroma = _halved(self._luma[:count]), _halved(self._chroma[:count])
        tiles, tint = np.zeros((count, HEIGHT // TILE, WIDTH // TILE), np.uint8), np.zeros(count, np.float32)
        old_luma, old_chroma = luma[:-1], chroma[:-1]
        if before is not None:
            old_luma = np.concatenate((before.luma[-1:], old_luma))
            old_chroma = np.concatenate((before.chroma[-1:], old_chroma))
        first = count - len(old_luma)
        if first < count:
            tiles[first:] = tile_differences(old_luma, luma[first:])
            tint[first:] = _mean_difference(old_chroma, chroma[first:])
        return Strip(
            self._pts[:count],
            self._clock[0, :count],
            self._clock[1, :count],
            luma,
            chroma,
            self._sharpness[:count],
            tiles,
            tint,
        )


def tile_differences(one: U8, other: U8) -> U8:
    """Mean absolute difference a tile of two stacks of luma thumbnails: ``(N, 36, 64)`` twice to ``(N, 9,
    16)``.
    """
    count = len(one)
    rows = cv2.absdiff(one.reshape(-1, WIDTH), other.reshape(-1, WIDTH))
    tiles = cv2.resize(rows, (WIDTH // TILE, count * HEIGHT // TILE), interpolation=cv2.INTER_AREA)
    return np.asarray(tiles, np.uint8).reshape(count, HEIGHT // TILE, WIDTH // TILE)


def _mean_difference(one: U8, other: U8) -> F32:
    rows = cv2.absdiff(one.reshape(-1, WIDTH // 2), other.reshape(-1, WIDTH // 2))
    return np.asarray(rows.reshape(len(one), -1).mean(axis=1), np.float32)


def _pick_points(plane: Plane, into: U8, drop: int, turns: int) -> None:
    """Fill ``into`` with points of ``plane`` on an even grid, upright and in eight bits."""
    height, width = into.shape
    if turns == 0 and drop == 0:
        rows, columns = plane.shape[0] // height, plane.shape[1] // width
        if plane.shape == (height * rows, width * columns):
            # The same points, in a third of the time and without giving way to other threads.
            into[:] = plane[::rows, ::columns]
        else:
            cv2.resize(plane, (width, height), dst=into, interpolation=cv2.INTER_NEAREST)
        return
    points = cv2.resize(
        plane, (height, width) if turns % 2 else (width, height), interpolation=cv2.INTER_NEAREST
    )
    into[:] = np.right_shift(np.rot90(np.asarray(points, plane.dtype), turns), drop)


def _halved(points: U8) -> U8:
    """Means of two neighbours each over the last axis."""
    pairs = points.view(np.uint16)
    return (((pairs & 0xFF) + (pairs >> 8)) >> 1).astype(np.uint8)


def _sharpness(luma: Plane, drop: int) -> float:
    """Contrast of horizontal neighbours at full resolution, on some of the rows that points are picked from."""
    rows = luma[:: max(1, luma.shape[0] // _SHARPNESS_ROWS)]
    if rows.shape[1] < 2:
        return 0.0
    squares = cv2.norm(rows[:, 1:], rows[:, :-1], cv2.NORM_L2)
    contrast = squares / (rows.shape[0] * (rows.shape[1] - 1)) ** 0.5 / (1 << drop)
    return float(contrast / (contrast + _HALF_SHARPNESS))
