"""The fast pass: sync frames first, and of the rest only stretches in which something may have changed.

Packets are read without decoding, then the sync frames are decoded one by one. What lies between two of them is decoded
if they show different pictures or packets are of unusual sizes (see ``sampler.groups``, ``sampler.swells``), and goes
through the same detectors as in the exact pass. Two groups of packets are held at a time.
"""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sampler.comparing import colour_change, detail, same_detail, structure_change
from sampler.errors import SampleRequestError
from sampler.frames import Frame, Group, PacketReader, Packets, Reader
from sampler.groups import Opening, Timetable, Verdict, judge, leader_before, quiet, reach, timetable
from sampler.measuring import F32, Strip, joined, strips
from sampler.origins import CONTINUES_IN_MOTION, begins, continues, first_of_shot
from sampler.scanning import Look, Scan, slice_seconds, window, within
from sampler.types import SampleRequest, Scanned

_PLAIN = 4.0
"""Deviation of luma, in levels, below which a sync frame is one even surface."""
_SAME = 0.45
"""Change of colours and structure up to which pictures have settled to what the next sync frame shows."""

_SHORTEST_SHOT_SECONDS = 0.6
"""Pictures that begin anew sooner than this are a flash, or something close to the lens."""
_MOST_OTHERS = 2
"""Large packets that begin no shot, after which smaller ones are not looked into."""
_PATIENCE_SECONDS = 0.4
"""How much further to look each time they have not."""


@dataclass(frozen=True, slots=True)
class _Sync:
    """A sync frame."""

    strip: Strip
    """It alone."""
    detail: F32


@dataclass(frozen=True, slots=True)
class Unfit:
    """Skimming this source is impossible or gains nothing."""

    why: str


def skim(reader: Reader, request: SampleRequest) -> Generator[Scanned, None, Scan | Unfit]:
    """Look at the request's window as closely as it takes; yields progress, returns what was found.

    Memory: 60 bytes a frame, thumbnails of the last seconds, the packets of two groups.

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


class _Skim:
    """One run over the groups of a window."""

    def __init__(self, reader: PacketReader, request: SampleRequest, table: Timetable) -> None:
        self._reader = reader
        self._request = request
        self._table = table
        self._start, self._end = window(reader.header, request)
        self._look = Look(slice_seconds(reader.header, request, self._start, self._end))
        self._patience = int(_PATIENCE_SECONDS / table.time_base)
        self._before: Strip | None = None
        """The strip fed last, if it ends with the sync frame of the group whose turn it is."""

    def run(self) -> Generator[Scanned, None, Scan | Unfit]:
        """See ``skim``."""
        header, table = self._reader.header, self._table
        times, end = self._frame_times()
        sync_times = self._seconds(table.sync_pts)
        first = max(int(np.searchsorted(sync_times, self._start + 1e-9, side="right")) - 1, 0)
        after = int(np.searchsorted(sync_times, self._end - 1e-9))
        if after <= first or not len(times):
            raise SampleRequestError(f"no picture lies between {self._start:.3f} and {self._end:.3f} s")
        waiting: tuple[int, Group, _Sync] | None = None
        done = first
        with closing(self._reader.groups(table.sync_pts[first:after].tolist())) as groups:
            for done, group in enumerate(groups, first + 1):
                sync = _sync(group, sync_times[done - 1])
                if sync is None:
                    return Unfit("its sync frames do not decode by themselves")
                if waiting is not None:
                    yield from self._take(*waiting, sync)
                yield Scanned(
                    min(max(float(sync.strip.times[0]), self._start), end), header.declared_end_seconds
                )
                waiting = (done - 1, group, sync)
            if done < after or waiting is None:
                return Unfit("its groups of pictures are not in order")
            yield from self._take(*waiting, None)
        whole = self._request.start_seconds is None and self._request.end_seconds is None
        start = self._start if self._request.start_seconds else None
        return self._look.result(start, end, whole=whole, frame_times=times)

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

    def _take(
        self, number: int, group: Group, sync: _Sync, following: _Sync | None
    ) -> Generator[Scanned, None, None]:
        """Look at a group as closely as it deserves; at the first and last of a window whole."""
        verdict = self._verdict(number, group, sync, following)
        openings = []
        if following is not None:
            openings = _openings(self._table, number, group, verdict.candidates, sync, following)
        until = reach(self._table, number, openings) if openings else None
        if verdict.decode and until is None:
            next_strip = None if following is None else following.strip
            yield from self._decode(number, group, next_strip, verdict.loud_until, thinly=verdict.thinly)
            return
        if until is not None and until > self._table.sync_pts[number]:
            yield from self._decode(number, group, None, until)
        elif self._before is None:
            self._look.feed(sync.strip, apart=True)
        self._before = None
        if verdict.cut and following is not None:
            self._look.cut(float(following.strip.times[0]))
        for opening in openings:
            if until is not None and opening.pts > until:
                self._look.cut(opening.seconds)

    def _verdict(self, number: int, group: Group, sync: _Sync, following: _Sync | None) -> Verdict:
        """What to do about a group, by what is known without decoding it."""
        if following is None or sync.strip.times[0] < self._start:
            return Verdict(decode=True)
        plain = min(float(each.strip.luma[0].std()) for each in (sync, following)) < _PLAIN
        verdict = judge(self._table, number, _change(sync.strip, following.strip), plain=plain)
        if verdict.cut and self._is_blurred(number, group):
            return Verdict(decode=True)
        if verdict.beginners and _goes_on(group, verdict.beginners):
            return Verdict(decode=False)
        return verdict

    def _is_blurred(self, number: int, group: Group) -> bool:
        """Whether something new comes in before the cut that the group seems to end in, as in a dissolve."""
        largest = int(self._table.sizes(number)[1:].argmax()) + 1
        return not continues(group.origin(largest), CONTINUES_IN_MOTION)

    def _decode(
        self, number: int, group: Group, following: Strip | None, until: int | None, *, thinly: bool = False
    ) -> Generator[Scanned, None, None]:
        """Feed the group's frames up to ``until``, and on to what follows, if given, where they have not come to it."""
        declared = self._reader.header.declared_end_seconds
        left_out = np.ones(len(self._table.sizes(number)), np.bool_) if thinly else quiet(self._table, number)
        with closing(group.frames(left_out.tolist())) as frames:
            wanted = within(self._after_last(frames), self._start, self._end)
            last: Strip | None = None
            while True:
                part = wanted if until is None else _up_to(wanted, until)
                fed = last
                for last in strips(part, self._before):
                    self._look.feed(last, apart=self._before is None)
                    self._before = last
                    yield Scanned(float(last.times[-1]), declared)
                if last is fed or until is None or following is None or _settled(last, following):
                    break
                until += self._patience
        if following is None or last is None or last.pts[-1] != following.pts[0]:
            self._before = None

    def _after_last(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        last = None if self._before is None else int(self._before.pts[-1])
        return (frame for frame in frames if last is None or frame.pts > last)


def _goes_on(group: Group, packets: Iterable[int]) -> bool:
    """Whether none of the packets that might begins something."""
    origins = (group.origin(packet) for packet in packets)
    return all(origin is not None and not begins(origin) for origin in origins)


def _settled(last: Strip | None, following: Strip) -> bool:
    return last is not None and _change(last, following) <= _SAME


def _up_to(frames: Iterator[Frame], pts: int) -> Iterator[Frame]:
    for frame in frames:
        yield frame
        if frame.pts >= pts:
            return


def _sync(group: Group, seconds: float) -> _Sync | None:
    """The group's sync frame; None where it is not the picture that was expected."""
    frame = group.sync_frame()
    if frame is None or abs(frame.time_seconds - seconds) > 1e-3:
        return None
    return _Sync(next(strips([frame])), detail(frame))


def _openings(
    table: Timetable, number: int, group: Group, candidates: Iterable[int], sync: _Sync, following: _Sync
) -> list[Opening]:
    """The shots that begin with these packets, until some have turned out to begin none.

    Empty where one is doubtful or only comes back to what was shown before a flash, or where the last is not what the
    following sync frame shows.
    """
    found: list[tuple[Opening, F32]] = []
    others = 0
    for packet in candidates:
        origin = group.origin(packet)
        if origin is None or not begins(origin):
            if not continues(origin, CONTINUES_IN_MOTION):
                return []
            others += 1
            if others == _MOST_OTHERS:
                break
            continue
        looks = detail(origin.frame)
        opening = _opening(group, packet)
        before = leader_before(table, number, packet)
        if opening is None or same_detail(looks, sync.detail):
            return []
        if before is not None and not continues(group.origin(before)):
            return []
        found.append((opening, looks))
    found.sort(key=lambda pair: pair[0].packet)
    openings = [opening for opening, _ in found]
    apart = all(b.seconds - a.seconds >= _SHORTEST_SHOT_SECONDS for a, b in pairwise(openings))
    return openings if found and apart and same_detail(found[-1][1], following.detail) else []


def _opening(group: Group, packet: int) -> Opening | None:
    """The shot that begins with a packet; None where it is not certain with which picture."""
    origins = group.origins(packet)
    if not origins.pictures:
        return None
    (seen,) = strips(origin.frame for origin in origins.pictures)
    first = first_of_shot(origins, seen.luma)
    return None if first is None else Opening(packet, int(seen.pts[first]), float(seen.times[first]))


def _change(one: Strip, other: Strip) -> float:
    """Of colours and structure, between the last picture of the one and the first of the other."""
    both = joined([one[-1:], other[:1]])
    return colour_change(both, 0, 1) + structure_change(both.luma[0], both.luma[1])
