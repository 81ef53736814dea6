"""Passes over a video group by group: several are looked at at a time, each by a thread, and put together in order.

A group of pictures depends on nothing outside it, so decoders need not wait for one another.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import takewhile
from threading import Event

import numpy as np
from numpy.typing import NDArray

from sampler.ahead import ahead
from sampler.errors import SampleRequestError
from sampler.frames import Frame, Group, PacketReader, Packets, Reader, standing_from
from sampler.measuring import Strip
from sampler.scanning import Look, Scan, slice_seconds, window, within
from sampler.timetables import Timetable, timetable
from sampler.types import SampleRequest, Scanned

_HELD_BYTES = 128 << 20
"""Of packets of groups under way."""
_SAME_SECONDS = 1e-3


@dataclass(frozen=True, slots=True)
class Unfit:
    """Going through this source group by group is impossible or gains nothing."""

    why: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of looking at a group."""

    stretches: list[list[Strip]]
    """Pictures that were looked at; within a stretch all are, but for some that nothing refers to."""
    cuts: list[float] = field(default_factory=list)
    """That were told by packets."""


Task = Callable[[], Seen | Unfit]


def counted(reader: Reader, request: SampleRequest) -> Generator[Scanned, None, "Course | Unfit"]:
    """Read all packets, and find where groups begin; yields progress."""
    start, _ = window(reader.header, request)
    if not isinstance(reader, PacketReader):
        return Unfit("it is no video stream")
    packets = yield from _counted(reader, start)
    table = timetable(packets, reader.header.time_base)
    return Unfit(table) if isinstance(table, str) else Course(reader, request, table)


def _counted(reader: PacketReader, start_seconds: float) -> Generator[Scanned, None, Packets]:
    with closing(reader.packets()) as counting:
        while True:
            try:
                next(counting)
            except StopIteration as stopped:
                packets: Packets = stopped.value
                return packets
            yield Scanned(start_seconds, reader.header.declared_end_seconds)


class Course:
    """One run over the groups of a window."""

    def __init__(self, reader: PacketReader, request: SampleRequest, table: Timetable) -> None:
        self.table = table
        self.start, self.end = window(reader.header, request)
        self.stopped = Event()
        """Set when nobody wants to see more."""
        self._reader = reader
        self._request = request
        self._look = Look(slice_seconds(reader.header, request, self.start, self.end))
        self._last_pts: int | None = None
        """Of the picture fed last, and when that ends."""
        self._last_end = 0.0

    def run(
        self, tasks: Callable[[Iterator[tuple[int, Group]]], Iterator[Task]], *, whole: bool
    ) -> Generator[Scanned, None, Scan | Unfit]:
        """Look at every group, and put together what was seen; yields progress.

        Args:
            tasks: Makes of groups and their numbers, in order, what is to be done for each.
            whole: Whether every picture is looked at.

        Raises:
            SampleRequestError: no frame lies in the window.
        """
        times, end = self._frame_times()
        sync_times = self.seconds(self.table.sync_pts)
        first = max(int(np.searchsorted(sync_times, self.start + 1e-9, side="right")) - 1, 0)
        after = int(np.searchsorted(sync_times, self.end - 1e-9))
        if after <= first or not len(times):
            raise SampleRequestError(f"no picture lies between {self.start:.3f} and {self.end:.3f} s")
        threads, declared = self._reader.parallel, self._reader.header.declared_end_seconds
        most = int(np.clip(_HELD_BYTES // max(self.table.heaviest, 1), 1, 2 * threads))
        done, reached = first, self.start
        with (
            closing(self._reader.groups(self.table.sync_pts[first:after].tolist())) as groups,
            closing(ahead(tasks(enumerate(groups, first)), threads, most, self.stopped)) as results,
        ):
            for seen in results:
                if isinstance(seen, Unfit):
                    return seen
                if seen is not None:
                    self._absorb(seen)
                    reached, done = float(sync_times[done]), done + 1
                yield Scanned(min(max(reached, self.start), end), declared)
        if done < after:
            return Unfit("its groups of pictures are not in order")
        unlimited = self._request.start_seconds is None and self._request.end_seconds is None
        start = self.start if self._request.start_seconds else None
        if whole:
            return self._look.result(start, min(self._last_end, self.end), whole=unlimited)
        return self._look.result(start, end, whole=unlimited, frame_times=times)

    def seconds(self, pts: NDArray[np.int64]) -> NDArray[np.float64]:
        """On the player's clock: the first sync frame is the first picture."""
        origin = self.table.sync_pts[0]
        seconds = (pts - origin) * float(self.table.time_base)
        return np.asarray(self._reader.header.start_seconds + seconds, np.float64)

    def span(self, group: int) -> tuple[float, float]:
        """When the first and the last picture of a group are shown."""
        pts = self.table.pts(group)
        begins, ends = self.seconds(np.array([pts[0], pts.max()])).tolist()
        return begins, ends

    def on_time(self, pts: int, seconds: float) -> bool:
        """Whether a picture comes when its timestamp says that it does."""
        return abs(seconds - float(self.seconds(np.array([pts]))[0])) <= _SAME_SECONDS

    def _absorb(self, seen: Seen) -> None:
        """Put what was seen of a group to what was seen of those before."""
        for seconds in seen.cuts:
            self._look.cut(seconds)
        for stretch in seen.stretches:
            apart = True
            for strip in stretch:
                # A stretch may begin with the sync frame that the one before ended with.
                goes_on = apart and strip.pts[0] == self._last_pts
                if len(strip) > goes_on:
                    self._look.feed(strip[1:] if goes_on else strip, apart=apart and not goes_on)
                self._last_pts, apart = int(strip.pts[-1]), False
                self._last_end = float(strip.times[-1] + strip.durations[-1])

    def _frame_times(self) -> tuple[NDArray[np.float64], float]:
        """Of all frames in the window in order, and when the last one ends."""
        packets = self.table.packets
        shown = packets.pts >= self.table.sync_pts[0]
        order = np.argsort(packets.pts[shown])
        times = self.seconds(packets.pts[shown][order])
        last_end = float(times[-1] + packets.durations[shown][order[-1]] * float(self.table.time_base))
        ends = np.append(times[1:], last_end)
        inside = (times < self.end) & (ends > self.start)
        until = float(ends[inside][-1]) if inside.any() else self.start
        return times[inside], min(until, self.end)

    def within(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """Those frames of a group that are in the window, as long as anybody wants to see more."""
        wanted = takewhile(lambda _: not self.stopped.is_set(), frames)
        return within(standing_from(wanted, self.start), self.start, self.end)
