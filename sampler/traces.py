"""A few numbers about every frame of the window: all that is kept of each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sampler.measuring import F32, MIDDLE, Strip

_BLACK, _WHITE = 16, 235
_CHANGED = 3
"""Levels from which a tile counts as changed since the frame before."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Parallel arrays, one entry a frame, in time order."""

    pts: NDArray[np.int64]
    times: NDArray[np.float64]
    """Seconds on the player's clock."""
    brightness: F32
    """Mean luma as stored, 0 to 255; 16 is black unless the video uses the full range."""
    contrast: F32
    """Deviation of luma over the thumbnail, in levels."""
    picture: F32
    """How far the middle half of the thumbnail, which has neither bars nor logos, is from black or white all over: root
    mean square, in levels."""
    jumps: F32
    """See ``Strip.jumps``; nan where the frame before was not looked at."""
    changed: F32
    """Share of tiles that changed since the frame before, 0 to 1; nan where that was not looked at."""

    def __len__(self) -> int:
        return len(self.pts)


class Tracer:
    """Collects a trace from strips; 36 bytes a frame."""

    def __init__(self) -> None:
        self._parts: list[tuple[NDArray[np.generic], ...]] = []

    def feed(self, strip: Strip, *, apart: bool = False) -> None:
        """Add frames; ``apart`` says that something was left out before the first."""
        count = len(strip)
        luma = strip.luma.reshape(count, -1).astype(np.float32)
        changed = (strip.tiles.reshape(count, -1) >= _CHANGED).mean(axis=1, dtype=np.float32)
        jumps = strip.jumps
        if apart:
            jumps[0] = changed[0] = np.nan
        middle = np.clip(strip.luma[:, *MIDDLE].reshape(count, -1), _BLACK, _WHITE).astype(np.float32)
        picture = np.sqrt(np.minimum(*(np.square(middle - end).mean(axis=1) for end in (_BLACK, _WHITE))))
        self._parts.append(
            (strip.pts, strip.times, luma.mean(axis=1), luma.std(axis=1), picture, jumps, changed)
        )

    def trace(self) -> Trace:
        """Everything so far; at least one frame must have been fed."""
        return Trace(*(np.concatenate(column) for column in zip(*self._parts, strict=True)))
