"""How far off a picture is from one that pushes another out of the frame; see ``sampler.dissolves``.

Pictures are shifted point by point and compared as means of tiles. What stays where it is, a logo say, does not count.
"""

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sampler.measuring import HEIGHT, TILE, U8, WIDTH

_BETTER = 0.5
"""How far off a push a picture may lie, as a share of how far it is from the nearer of the ends: of 357 pushes 352 kept
to it."""


def means_anywhere(luma: U8) -> U8:
    """Of thumbnails' tiles wherever these may begin: ``(N, 36, 64)`` to ``(N, 33, 61)``."""
    every = cv2.blur(luma.reshape(-1, WIDTH), (TILE, TILE), anchor=(0, 0))
    return np.asarray(every.reshape(-1, HEIGHT, WIDTH)[:, : 1 - TILE, : 1 - TILE], np.uint8)


def off_a_push(before: U8, at: U8, after: U8) -> NDArray[np.float64]:
    """How far off a picture is from the one before leaving over an edge and the one after following it, ``(N,)``.

    As a share of what these differ by; 1 where either alone is not much worse.

    Args:
        before: As ``means_anywhere`` gives it, ``(N, 33, 61)``; as are the other two.
        at: Of the picture.
        after: Of the one that follows.
    """
    one, middle, other = (part[:, ::TILE, ::TILE] for part in (before, at, after))
    stays = np.maximum(_levels_apart(middle, one), _levels_apart(middle, other))[:, None]  # logos, banners
    best = np.full(len(at), np.inf)
    for axis in (1, 2):
        for first, last in ((before, after), (after, before)):
            pushed = _pushed(first, last, axis)
            apart = np.minimum(_levels_apart(pushed, middle[:, None]), stays)
            best = np.minimum(
                best,
                apart.reshape(*apart.shape[:2], -1).sum(axis=2, dtype=np.uint16).min(axis=1) / middle[0].size,
            )
    alone, other_alone, way = (
        _levels_apart(*two).reshape(len(at), -1).mean(axis=1)
        for two in ((middle, one), (middle, other), (one, other))
    )
    off = best / np.maximum(way, 1.0)
    return np.asarray(np.where(best <= _BETTER * np.minimum(alone, other_alone), off, 1.0))


def _pushed(first: U8, last: U8, axis: int) -> U8:
    """Pictures of which one leaves to the left or the top and the other follows it, ``(N, shifts, 9, 16)``."""
    lines = first.shape[axis] + TILE - 1
    across = (slice(None, None, TILE),) if axis == 2 else (slice(None), slice(None, None, TILE))
    first, last = first[:, *across], last[:, *across]
    seam = (first.take([-1], axis) >> 1) + (last.take([0], axis) >> 1)
    both = np.concatenate((first, seam.repeat(TILE - 1, axis), last), axis=axis)
    shifts = slice(lines // 4, lines * 3 // 4 + 1)
    windows = sliding_window_view(both, lines - TILE + 1, axis=axis)[..., ::TILE]
    return windows[:, shifts].swapaxes(2, 3) if axis == 1 else windows[:, :, shifts].swapaxes(1, 2)


def _levels_apart(one: U8, other: U8) -> U8:
    return np.maximum(one, other) - np.minimum(one, other)
