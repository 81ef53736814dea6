"""Where in a video more happens than usual, by the sizes of its packets, and looking closer is worth what it costs.

A visitor who comes after one sync frame and is gone by the next shows in neither, but costs the encoder more bytes than
the empty yard does. How many more depends on the video, so groups of packets are held against those around them, and
the most unusual are looked into until a share of what decoding everything costs is spent: of a video in which something
moves all the time, no more than of one in which nothing ever does.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sampler.frames import Packets

_RUN = 8
"""Packets whose sizes are taken together."""
_BESIDE = 60
"""Groups on either side that say what is usual; days have their nights."""
_AT_ONCE = 4096
"""Groups whose neighbourhoods are looked at in one go: together they would take a hundred times the memory."""
_UNUSUAL = 1.15
"""From which multiple of the usual something may come by: at rest nine in ten groups have less."""
_AFFORDABLE = 0.17
"""What sync frames and looking closer may cost together, as a share of decoding everything."""
_SYNC_COST, _THIN_COST = 5.0, 0.4
"""Of this, what a sync frame and a picture that is shown before one stored earlier cost, in pictures."""


def unusual(packets: Packets, starts: NDArray[np.int64], settling: int) -> dict[int, int]:
    """The groups to look into, each with the timestamp up to which.

    Args:
        packets: Of the whole video.
        starts: Index of the first packet of each group, and the number of packets.
        settling: For how long to look on after the bytes have become few, in units of the timestamps.
    """
    groups = [slice(begin, end) for begin, end in pairwise(starts.tolist())]
    by_group = [loads(packets.sizes[group][1:].astype(np.float64)) for group in groups]
    heaviest = np.array([load.max() for load in by_group])
    usual = np.maximum(_usual(heaviest), 1.0)
    rise = heaviest / usual
    affordable = _AFFORDABLE * len(packets) - _SYNC_COST * len(groups)
    found: dict[int, int] = {}
    for number in np.argsort(-rise, kind="stable").tolist():
        if rise[number] < _UNUSUAL:
            break
        last = int(np.flatnonzero(by_group[number] >= _UNUSUAL * usual[number])[-1])
        pts = packets.pts[groups[number]]
        until = int(pts[1:][last : last + _RUN].max()) + settling
        affordable -= _cost(pts[pts <= until])
        if affordable < 0:
            break
        found[number] = until
    return found


def leaders(pts: NDArray[np.int64]) -> NDArray[np.intp]:
    """The packets of a group, the sync frame's apart, that are shown later than all that is stored before them."""
    return np.flatnonzero(pts[1:] > np.maximum.accumulate(pts)[:-1]) + 1


def steps(sizes: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """By how much sizes differ before and after each of them but the first and last ``count``, as a logarithm.

    Held against one another are ``count`` sizes on either side, of the higher ones the lower quartile and of the lower
    ones the upper, so that single ones do not count and what rises and falls all the time has less than 0.
    """
    ordered = np.sort(runs(np.log(np.maximum(sizes, 1.0)), count), axis=1)
    low, high = ordered[:, count // 4], ordered[:, -1 - count // 4]
    before, after = slice(0, len(ordered) - count - 1), slice(count + 1, len(ordered))
    return np.maximum(low[after] - high[before], low[before] - high[after])


def runs(sizes: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Every run of so many consecutive sizes, one a row; of all of them where they are fewer."""
    count, (step,) = min(count, len(sizes)), sizes.strides
    # As numpy.lib.stride_tricks.sliding_window_view, which takes twenty times as long.
    return np.ndarray((len(sizes) - count + 1, count), sizes.dtype, sizes, strides=(step, step))


def loads(sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean size in every run of packets; 0 where there is none."""
    return np.asarray(runs(sizes, _RUN).mean(axis=1)) if len(sizes) else np.zeros(1)


def _usual(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The middle of each value and those beside it."""
    beside = np.pad(values, _BESIDE, mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(beside, 2 * _BESIDE + 1)
    parts = range(0, len(values), _AT_ONCE)
    return np.concatenate([np.median(windows[part : part + _AT_ONCE], axis=1) for part in parts])


def _cost(pts: NDArray[np.int64]) -> float:
    """What decoding the packets costs without the pictures that nothing refers to, in pictures."""
    leading = len(leaders(pts))
    return leading + _THIN_COST * (len(pts) - leading)
