"""The fast pass: sync frames first, and of the rest only stretches in which something may have changed.

Packets are read without decoding, then the sync frames are decoded one by one. If two of them show different
pictures, or packets between them are of unusual sizes (see ``sampler.groups``, ``sampler.swells``), single packets are
asked what happens (``sampler.probing``). What they leave open is decoded, as far as need be, and goes through the same
detectors as in the exact pass. Several groups are looked at at a time, each by a thread, and what was seen of them is
put together in order.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from threading import Event

import numpy as np
from numpy.typing import NDArray

from sampler.ahead import Once, ahead
from sampler.comparing import Looks, change, looks
from sampler.errors import SampleRequestError
from sampler.frames import Frame, Group, PacketReader, Packets, Reader
from sampler.groups import DIFFERENT, Opening, Timetable, Verdict, beyond, judge, judge_last, quiet, timetable
from sampler.measuring import Strip, strips
from sampler.probing import Probe
from sampler.scanning import Look, Scan, slice_seconds, window, within
from sampler.types import SampleRequest, Scanned

_PLAIN = 4.0
"""Deviation of luma, in levels, below which a sync frame is one even surface."""
_SAME = 0.45
"""Change of colours and structure up to which pictures have settled to what the next sync frame shows."""

_PATIENCE_SECONDS = 0.4
"""How much further to look each time they have not."""
_HELD_BYTES = 128 << 20
"""Of packets of groups under way."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """Skimming this source is impossible or gains nothing."""

    why: str


def skim(reader: Reader, request: SampleRequest) -> Generator[Scanned, None, Scan | Unfit]:
    """Look at the request's window as closely as it takes; yields progress, returns what was found.

    Memory: 60 bytes a frame, thumbnails of the last seconds, and for every group under way its packets and a decoder.

    Raises:
        SampleRequestError: no frame lies in the window.
    """
    start, _ = window(reader.header, request)
    if not isinstance(reader, PacketReader):
        return Unfit("it is no video stream")
    packets = yield from _counted(reader, start)
    table = timetable(packets, reader.header.time_base)
    if isinstance(table, str):
        return Unfit(table)
    return (yield from _Skim(reader, request, table).run())


def _counted(reader: PacketReader, start_seconds: float) -> Generator[Scanned, None, Packets]:
    with closing(reader.packets()) as counting:
        while True:
            try:
                next(counting)
            except StopIteration as stopped:
                packets: Packets = stopped.value
                return packets
            yield Scanned(start_seconds, reader.header.declared_end_seconds)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What came of looking at a group."""

    stretches: list[list[Strip]] = field(default_factory=list)
    """Pictures that were looked at; within a stretch all are, but for some that nothing refers to."""
    cuts: list[float] = field(default_factory=list)
    """That were told by packets."""


class _Skim:
    """One run over the groups of a window."""

    def __init__(self, reader: PacketReader, request: SampleRequest, table: Timetable) -> None:
        self._reader = reader
        self._request = request
        self._table = table
        self._start, self._end = window(reader.header, request)
        self._look = Look(slice_seconds(reader.header, request, self._start, self._end))
        self._patience = int(_PATIENCE_SECONDS / table.time_base)
        self._stopped = Event()
        self._last_pts: int | None = None
        """Of the picture fed last."""

    def run(self) -> Generator[Scanned, None, Scan | Unfit]:
        """See ``skim``."""
        table = self._table
        times, end = self._frame_times()
        sync_times = self._seconds(table.sync_pts)
        first = max(int(np.searchsorted(sync_times, self._start + 1e-9, side="right")) - 1, 0)
        after = int(np.searchsorted(sync_times, self._end - 1e-9))
        if after <= first or not len(times):
            raise SampleRequestError(f"no picture lies between {self._start:.3f} and {self._end:.3f} s")
        threads = self._reader.parallel
        largest = int(np.add.reduceat(table.packets.sizes, table.starts[:-1]).max())
        most = int(np.clip(_HELD_BYTES // max(largest, 1), 1, 2 * threads))
        done, reached = first, self._start
        with (
            closing(self._reader.groups(table.sync_pts[first:after].tolist())) as groups,
            closing(ahead(self._tasks(groups, sync_times, first), threads, most, self._stopped)) as results,
        ):
            for seen in results:
                if isinstance(seen, Unfit):
                    return seen
                if seen is not None:
                    self._absorb(seen)
                    reached, done = float(sync_times[done]), done + 1
                yield Scanned(min(max(reached, self._start), end), self._reader.header.declared_end_seconds)
        if done < after:
            return Unfit("its groups of pictures are not in order")
        whole = self._request.start_seconds is None and self._request.end_seconds is None
        start = self._start if self._request.start_seconds else None
        return self._look.result(start, end, whole=whole, frame_times=times)

    def _tasks(
        self, groups: Iterable[Group], sync_times: NDArray[np.float64], first: int
    ) -> Iterator[Callable[[], _Seen | Unfit]]:
        """To look at one group each."""
        waiting: tuple[int, Group, Once[Looks | None]] | None = None
        for number, group in enumerate(groups, first):
            sync = Once(partial(_sync, group, sync_times[number]))
            if waiting is not None:
                yield partial(self._look_at, *waiting, sync)
            waiting = (number, group, sync)
        if waiting is not None:
            yield partial(self._look_at, *waiting, None)

    def _absorb(self, seen: _Seen) -> None:
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

    def _seconds(self, pts: NDArray[np.int64]) -> NDArray[np.float64]:
        """On the player's clock: the first sync frame is the first picture."""
        origin = self._table.sync_pts[0]
        seconds = (pts - origin) * float(self._table.time_base)
        return np.asarray(self._reader.header.start_seconds + seconds, np.float64)

    def _frame_times(self) -> tuple[NDArray[np.float64], float]:
        """Of all frames in the window in order, and when the last one ends."""
        packets = self._table.packets
        shown = packets.pts >= self._table.sync_pts[0]
        times, seconds = self._seconds(packets.pts), packets.durations * float(self._table.time_base)
        inside = shown & (times < self._end) & (times + seconds > self._start)
        if not inside.any():
            return times[inside], self._start
        last = int(np.where(inside, times, -np.inf).argmax())
        return np.sort(times[inside]), min(float(times[last] + seconds[last]), self._end)

    # -- one group, in a thread of its own -----------------------------------------------------------------------

    def _look_at(
        self, number: int, group: Group, sync: Once[Looks | None], following: Once[Looks | None] | None
    ) -> _Seen | Unfit:
        """Look at a group as closely as it deserves."""
        own, after = sync(), None if following is None else following()
        if own is None or (following is not None and after is None):
            return Unfit("its sync frames do not decode by themselves")
        probe = Probe(self._table, number, group)
        verdict = self._verdict(number, own, after)
        openings: list[Opening] = []
        if after is not None and verdict.candidates:
            openings = probe.openings(verdict.candidates, own, after)
        if openings:
            return self._take_opened(number, group, own, probe, openings)
        if verdict.decode and not self._leads_on(number, probe, verdict):
            return self._take_whole(number, group, after, probe, verdict)
        cuts = [float(after.strip.times[0])] if verdict.cut and after is not None else []
        return _Seen([[own.strip]], cuts)

    def _take_whole(
        self, number: int, group: Group, following: Looks | None, probe: Probe, verdict: Verdict
    ) -> _Seen:
        """Look at a group in which anything may happen, until pictures are told to have settled."""
        until = verdict.loud_until
        ends_in_cut = verdict.cut and until is not None and probe.calm_after(until)
        if verdict.cut and not ends_in_cut:
            until = None
        if verdict.thinly:
            left_out = np.ones(len(self._table.sizes(number)), np.bool_)
        elif probe.tells():
            left_out = beyond(self._table, number, probe.new())
        else:
            left_out = quiet(self._table, number)
        settling = None if following is None else following.strip
        return self._decode(group, settling, until, left_out, ends_in_cut=ends_in_cut)

    def _take_opened(
        self, number: int, group: Group, sync: Looks, probe: Probe, openings: list[Opening]
    ) -> _Seen:
        """Look at a group in which these shots begin, and see something of each of them."""
        pts = self._table.pts(number)
        near, until = np.zeros(len(pts), np.bool_), int(pts[0])
        for opening in openings:
            if not opening.sure:
                until = probe.settled(opening) + self._patience
                near[opening.packet :] |= pts[opening.packet :] <= until
        unseen = [opening for opening in openings[:-1] if opening.pts > until]
        glimpses = (
            [strip for strip in probe.glimpses(openings[:-1]) if strip.pts[0] > until] if unseen else []
        )
        if len(glimpses) < len(unseen):
            until, glimpses = openings[-2].pts + self._patience, []
        if until > pts[0]:
            near[probe.new()] = True
            near[[opening.packet for opening in openings if opening.sure]] = False
            left_out = beyond(self._table, number, np.flatnonzero(near))
            seen = self._decode(group, None, until if until < pts.max() else None, left_out)
        else:
            seen = _Seen([[sync.strip]])
        seen.stretches.extend([strip] for strip in glimpses)
        seen.cuts.extend(opening.seconds for opening in openings if opening.sure)
        return seen

    def _leads_on(self, number: int, probe: Probe, verdict: Verdict) -> bool:
        """Whether the packets that were to be asked say that there is nothing to decode."""
        if verdict.calm:
            return probe.calm(0, len(self._table.sizes(number)))
        return bool(verdict.beginners) and not probe.begin(verdict.beginners)

    def _verdict(self, number: int, sync: Looks, following: Looks | None) -> Verdict:
        """What to do about a group, by what is known without decoding it."""
        if sync.strip.times[0] < self._start:
            return Verdict(decode=True)
        if following is None:
            return judge_last(self._table, number)
        plain = min(float(each.strip.luma[0].std()) for each in (sync, following)) < _PLAIN
        return judge(self._table, number, change(sync.strip, following.strip), plain=plain)

    def _decode(
        self,
        group: Group,
        following: Strip | None,
        until: int | None,
        left_out: NDArray[np.bool_],
        *,
        ends_in_cut: bool = False,
    ) -> _Seen:
        """The group's frames up to ``until``, or to its end.

        Where what follows is given, up to where they have come to look like it or, in a group that may end in a cut,
        altogether unlike it.
        """
        seen = _Seen([[]])
        (stretch,) = seen.stretches
        with closing(group.frames(left_out.tolist())) as frames:
            wanted = within(takewhile(lambda _: not self._stopped.is_set(), frames), self._start, self._end)
            while True:
                part = wanted if until is None else _up_to(wanted, until)
                before = len(stretch)
                for strip in strips(part, stretch[-1] if stretch else None):
                    stretch.append(strip)
                if len(stretch) == before or until is None or following is None:
                    return seen
                changed = change(stretch[-1], following)
                cut = ends_in_cut and changed >= DIFFERENT
                if cut:
                    seen.cuts.append(float(following.times[0]))
                if cut or changed <= _SAME:
                    return seen
                until += self._patience


def _up_to(frames: Iterator[Frame], pts: int) -> Iterator[Frame]:
    for frame in frames:
        yield frame
        if frame.pts >= pts:
            return


def _sync(group: Group, seconds: float) -> Looks | None:
    """The group's sync frame; None where it is not the picture that was expected."""
    frame = group.sync_frame()
    if frame is None or abs(frame.time_seconds - seconds) > 1e-3:
        return None
    return looks(frame)
