"""Where the groups of a video begin, how large everything in them is, and what is usual there: all before decoding."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from sampler.frames import UNTIMED, Packets
from sampler.swells import unusual

_FEWEST_GROUPS = 3
_FEWEST_FRAMES = 3.0
"""Frames in a group below which decoding sync frames is decoding nearly everything."""
LONGEST_SECONDS = 30.0
"""Groups beyond this are decoded; where they make up half of the video, all of it is."""
_LARGEST_BYTES = 64 << 20
"""Packets of a group are held in memory."""
LARGE = 0.6
"""Share of a sync frame that makes a packet a picture of its own."""
SETTLING_SECONDS = 0.4
"""For how long to look on after the last of what tells that something happens."""
_LIVELY, _OFTEN_SECONDS = 0.5, 8.0
"""Share of groups that end early or hold a picture of their own, from which something new comes all the time and
nothing is unusual; and how often one may come instead. Of montages it was 0.6 and more, or every 7 s; of fixed cameras
and a screencast 0.43, and every 9 s, at the most. Slides that change often have 0.75."""
_COMMON = 0.3
"""Share of groups from which a length is one the encoder was told."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """Where groups begin, and how large everything is."""

    time_base: Fraction
    packets: Packets
    starts: NDArray[np.int64]
    """Index of the first packet of each group, and the number of packets."""
    regular: NDArray[np.bool_]
    """Which groups ended because it was time."""
    irregular: NDArray[np.bool_]
    """Which groups ended before their time."""
    longest: int
    """Packets of the longest group that ended because it was time; 0 where none did."""
    unusual: Mapping[int, int]
    """Groups in which more happens than usual, and up to which timestamp."""

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def sync_pts(self) -> NDArray[np.int64]:
        """Of each group's sync frame."""
        return self.packets.pts[self.starts[:-1]]

    def pts(self, group: int) -> NDArray[np.int64]:
        """Timestamps of all packets of a group, its sync frame's first."""
        return self.packets.pts[self.starts[group] : self.starts[group + 1]]

    @property
    def heaviest(self) -> int:
        """Bytes of the group that has most."""
        return _heaviest(self.packets, self.starts)

    def sizes(self, group: int) -> NDArray[np.int64]:
        """Bytes of all packets of a group, its sync frame's first."""
        return self.packets.sizes[self.starts[group] : self.starts[group + 1]]


def timetable(packets: Packets, time_base: Fraction) -> Timetable | str:
    """The groups of a video, or why they cannot be told apart or are of no use."""
    starts = np.append(np.flatnonzero(packets.sync), len(packets))
    if packets.flawed or len(packets) == 0 or bool((packets.pts == UNTIMED).any()):
        return "packets are damaged, hidden or without times"
    spans = np.diff(packets.pts[starts[:-1]])
    if len(np.unique(packets.pts)) < len(packets) or bool((spans <= 0).any()):
        return "its clock does not always go forward"
    useless = _useless(packets, starts, spans, time_base)
    if useless:
        return useless
    regular, irregular = _common_lengths(np.diff(starts), spans, time_base)
    settling = int(SETTLING_SECONDS / time_base)
    longest = int(np.diff(starts)[regular].max(initial=0))
    lively = _is_lively(packets, starts, irregular, time_base)
    looked_into = {} if lively else unusual(packets, starts, settling)
    return Timetable(time_base, packets, starts, regular, irregular, longest, looked_into)


def _is_lively(
    packets: Packets, starts: NDArray[np.int64], irregular: NDArray[np.bool_], time_base: Fraction
) -> bool:
    """Whether many groups end early or hold a packet, besides the sync frame's, that is as large as a picture."""
    begins = starts[:-1]
    largest = np.maximum.reduceat(np.where(packets.sync, 0, packets.sizes), begins)
    ended_early = np.append(irregular[:-1], False)  # the last one may have been cut short
    lively = (largest >= LARGE * packets.sizes[begins]) | ended_early
    seconds = float(int(np.ptp(packets.pts)) * time_base)
    return bool(lively.mean() >= _LIVELY or lively.sum() * _OFTEN_SECONDS >= seconds)


def _useless(
    packets: Packets, starts: NDArray[np.int64], spans: NDArray[np.int64], time_base: Fraction
) -> str | None:
    """Why sync frames are too many, too few or too far apart to go by."""
    if len(starts) <= _FEWEST_GROUPS:
        return "it has hardly any sync frames"
    if float(np.median(np.diff(starts))) < _FEWEST_FRAMES:
        return "nearly every picture is a sync frame"
    longest = int(LONGEST_SECONDS / time_base)
    if int(spans[spans > longest].sum()) * 2 > int(spans.sum()):
        return f"sync frames are more than {LONGEST_SECONDS:g} s apart"
    if _heaviest(packets, starts) > _LARGEST_BYTES:
        return "its groups of pictures are too large to hold"
    return None


def _heaviest(packets: Packets, starts: NDArray[np.int64]) -> int:
    return int(np.add.reduceat(packets.sizes, starts[:-1]).max())


def _common_lengths(
    lengths: NDArray[np.int64], spans: NDArray[np.int64], time_base: Fraction
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which groups have a length that is common, and which have one that is neither common nor the longest.

    Lengths are counted in frames, or in tenths of seconds where no two groups of the most frames have as many; the last
    group may have been cut short.
    """
    regular, irregular = np.zeros(len(lengths), np.bool_), np.ones(len(lengths), np.bool_)
    tenths = np.round(spans * float(time_base) * 10).astype(np.int64)
    by_frames = np.count_nonzero(lengths[:-1] == lengths[:-1].max()) > 1
    for values, chance in ((lengths[:-1], 1), (tenths, 2)):
        common = [v for v, n in Counter(values.tolist()).items() if n > max(1, _COMMON * len(values))]
        regular[:-1] |= np.isin(values, common)
        longest = values == values.max()
        if not (by_frames and values is tenths):
            irregular[:-1] &= ~longest | (longest.sum() <= chance)
    return regular, irregular & ~regular
