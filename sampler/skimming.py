"""The fast pass: sync frames first, and of the rest only stretches in which something may have changed.

Packets are read without decoding, then the sync frames are decoded one by one. If two of them show different
pictures, or packets between them are of unusual sizes (see ``sampler.groups``, ``sampler.swells``), single packets are
asked what happens (``sampler.probing``). What they leave open is decoded, as far as need be, and goes through the same
detectors as in the exact pass. Several groups are looked at at a time, each by a thread, and what was seen of them is
put together in order.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sampler.ahead import Once
from sampler.comparing import Looks, change, deviation, looks, other_page
from sampler.frames import Frame, Group, Reader
from sampler.groups import DIFFERENT, Opening, Verdict, beyond, judge, judge_last, quiet
from sampler.groupwise import Course, Seen, Task, Unfit, counted
from sampler.measuring import Strip, strips
from sampler.probing import Probe
from sampler.scanning import Scan
from sampler.types import SampleRequest, Scanned

_PLAIN = 4.0
"""Deviation of luma, in levels, below which a sync frame is one even surface."""
_SAME = 0.45
"""Change of colours and structure up to which pictures have settled to what the next sync frame shows."""

_PATIENCE_SECONDS = 0.4
"""How much further to look each time they have not."""


def skim(reader: Reader, request: SampleRequest) -> Generator[Scanned, None, Scan | Unfit]:
    """Look at the request's window as closely as it takes; yields progress, returns what was found.

    Memory: 64 bytes a frame, thumbnails of the last seconds, and for every group under way its packets and a decoder.

    Raises:
        SampleRequestError: no frame lies in the window.
    """
    course = yield from counted(reader, request)
    if isinstance(course, Unfit):
        return course
    return (yield from course.run(_Skim(course).tasks, whole=False))


class _Skim:
    """How closely each group is looked at; called by several threads at a time."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._table = course.table
        self._patience = int(_PATIENCE_SECONDS / course.table.time_base)

    def tasks(self, groups: Iterator[tuple[int, Group]]) -> Iterator[Task]:
        """To look at one group each."""
        waiting: tuple[int, Group, Once[Looks | None]] | None = None
        for number, group in groups:
            sync = Once(partial(self._sync, group))
            if waiting is not None:
                yield partial(self._look_at, *waiting, sync)
            waiting = (number, group, sync)
        if waiting is not None:
            yield partial(self._look_at, *waiting, None)

    def _sync(self, group: Group) -> Looks | None:
        """The group's sync frame; None where it is not the picture that was expected."""
        frame = group.sync_frame()
        if frame is None or not self._course.on_time(frame.pts, frame.time_seconds):
            return None
        return looks(frame)

    def _look_at(
        self, number: int, group: Group, sync: Once[Looks | None], following: Once[Looks | None] | None
    ) -> Seen | Unfit:
        """Look at a group as closely as it deserves."""
        own, after = sync(), None if following is None else following()
        if own is None or (following is not None and after is None):
            return Unfit("its sync frames do not decode by themselves")
        probe = Probe(self._table, number, group, self._course.stopped)
        verdict = self._verdict(number, own, after)
        openings: list[Opening] = []
        if verdict.candidates:
            openings = probe.openings(verdict.candidates, own, after)
        if openings:
            return self._take_opened(number, group, own, probe, openings, last=after is None)
        if verdict.decode and not self._leads_on(number, probe, verdict):
            return self._take_whole(number, group, after, probe, verdict)
        cuts = [float(after.strip.times[0])] if verdict.cut and after is not None else []
        return Seen([[own.strip]], cuts)

    def _take_whole(
        self, number: int, group: Group, following: Looks | None, probe: Probe, verdict: Verdict
    ) -> Seen:
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
        self, number: int, group: Group, sync: Looks, probe: Probe, openings: list[Opening], *, last: bool
    ) -> Seen:
        """Look at a group in which these shots begin, and see something of each of them.

        Of the one it ends with the next sync frame is seen, if there is one.
        """
        unshown = openings if last else openings[:-1]
        pts = self._table.pts(number)
        near, until = np.zeros(len(pts), np.bool_), int(pts[0])
        for opening in openings:
            if not opening.sure:
                until = probe.settled(opening) + self._patience
                near[opening.packet :] |= pts[opening.packet :] <= until
            elif opening.stirs_until is not None:
                until = max(until, min(opening.stirs_until + 2 * self._patience, opening.pts))
        unseen = [opening for opening in unshown if opening.pts > until]
        glimpses = [strip for strip in probe.glimpses(unshown) if strip.pts[0] > until] if unseen else []
        if len(glimpses) < len(unseen):
            until, glimpses = unshown[-1].pts + self._patience, []
        if until > pts[0]:
            near[probe.new()] = True
            near[[opening.packet for opening in openings if opening.sure]] = False
            left_out = beyond(self._table, number, np.flatnonzero(near))
            seen = self._decode(group, None, until if until < pts.max() else None, left_out)
        else:
            seen = Seen([[sync.strip]])
        seen.stretches.extend([strip] for strip in glimpses)
        seen.cuts.extend(opening.seconds for opening in openings if opening.sure)
        return seen

    def _leads_on(self, number: int, probe: Probe, verdict: Verdict) -> bool:
        """Whether the packets that were to be asked say that there is nothing to decode."""
        if verdict.calm:
            return probe.calm(0, len(self._table.sizes(number)), strictly=True)
        return bool(verdict.beginners) and not probe.begin(verdict.beginners)

    def _verdict(self, number: int, sync: Looks, following: Looks | None) -> Verdict:
        """What to do about a group, by what is known without decoding it."""
        begins, ends = self._course.span(number)
        if begins < self._course.start or (following is None and ends > self._course.end):
            return Verdict(decode=True)
        plain = any(deviation(each.strip.luma[0]) < _PLAIN for each in (sync, following) if each is not None)
        if following is None:
            return judge_last(self._table, number, plain=plain)
        changed = change(sync.strip, following.strip)
        turned = changed < DIFFERENT and other_page(sync.strip.luma[0], following.strip.luma[0])
        return judge(self._table, number, changed, plain=plain, turned=turned)

    def _decode(
        self,
        group: Group,
        following: Strip | None,
        until: int | None,
        left_out: NDArray[np.bool_],
        *,
        ends_in_cut: bool = False,
    ) -> Seen:
        """The group's frames up to ``until``, or to its end.

        Where what follows is given, up to where they have come to look like it or, in a group that may end in a cut,
        altogether unlike it.
        """
        seen = Seen([[]])
        (stretch,) = seen.stretches
        with closing(group.frames(left_out.tolist())) as frames:
            wanted = self._course.within(frames)
            while True:
                part = wanted if until is None else _up_to(wanted, until)
                before = len(stretch)
                stretch.extend(strips(part, stretch[-1] if stretch else None))
                if len(stretch) == before or until is None or following is None:
                    return seen
                changed = change(stretch[-1], following)
                cut = ends_in_cut and changed >= DIFFERENT
                if cut:
                    seen.cuts.append(float(following.times[0]))
                turned = other_page(stretch[-1].luma[-1], following.luma[0])
                if cut or (changed <= _SAME and not turned):
                    return seen
                until += self._patience


def _up_to(frames: Iterator[Frame], pts: int) -> Iterator[Frame]:
    for frame in frames:
        yield frame
        if frame.pts >= pts:
            return
