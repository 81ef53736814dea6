"""From keyframe numbers to seconds, and from everything found to one timeline document.

A thing seen on some keyframes began somewhere after the last keyframe without it and ended somewhere before the next
one without it. Those are the ranges; the edge named is the middle of its range, or the shot's own edge when a
transition lies in between: what is seen for the first time after a cut began with the shot. So it is with black in the
midst of a shot: what comes out of it began as it ended. Where every frame is a keyframe, as of a sequence of pictures,
nothing lies between two of them and all edges are exact.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from analyzer.drafts import Draft
from analyzer.types import Coverage, Event, Gap, Instance, Range, TimelineKeyframe, TimelineShot
from sampler import Keyframe, PlannedKeyframe, SamplingPlan

BRIDGED = 1
"""Keyframes that may miss a thing between two that show it before its presence counts as interrupted."""
STILL = frozenset({"pdf", "pictures"})
"""Containers whose pictures each stand for themselves."""
_MIXED_SECONDS = 0.5
"""Half the length of a usual dissolve."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time with its edges' ranges; ``start_range[0] <= start <= end <= end_range[1]``."""

    start_seconds: float
    end_seconds: float
    start_range_seconds: Range
    end_range_seconds: Range


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the video in which keyframes lie that nobody looked at."""

    start_seconds: float
    """The last keyframe before it that was looked at, or where the window begins."""
    end_seconds: float
    keyframes: tuple[int, ...]
    """Those that were not looked at; at least one."""


class Axis:
    """Puts seconds to keyframe numbers. Knows the plan, which keyframes were really looked at, and which in vain."""

    def __init__(self, plan: SamplingPlan, seen: Iterable[int], lost: Iterable[int] = ()) -> None:
        self.plan = plan
        self.seen = tuple(sorted(seen))
        """Indexes of the keyframes that were looked at; neighbours are counted among these alone."""
        self._planned = {keyframe.index: keyframe for keyframe in plan.keyframes}
        self._lost = tuple(sorted(lost))
        """Indexes of those that were asked about without an answer; not of those nobody was asked about."""
        self._times = [self._planned[index].time_seconds for index in self.seen]
        self._black = sorted(
            edge
            for signal in plan.signals
            if signal.kind == "black"
            for edge in (signal.start_seconds, signal.end_seconds)
        )
        """Where the picture goes black, and where it comes back."""
        media = plan.media
        self._complete = media.frame_count == len(plan.keyframes) and "frame_count" not in media.guessed
        """Whether there are no frames besides the keyframes."""

    def time(self, frame: int) -> float:
        """Return when a keyframe is shown."""
        return self._planned[frame].time_seconds

    def shot(self, frame: int) -> int:
        """Return the index of the shot a keyframe lies in."""
        return self._planned[frame].shot

    def sheet(self, frame: int) -> int:
        """Return which picture of a sequence a keyframe is, from 0."""
        return self._planned[frame].pts

    def is_mixed(self, frame: int) -> bool:
        """Say whether a keyframe lies so near to a gradual transition that it may show two pictures at once."""
        time, index = self.time(frame), self.shot(frame)
        nearby = [self.plan.shots[index], *self.plan.shots[index + 1 : index + 2]]
        return any(
            shot.transition == "gradual" and abs(shot.start_seconds - time) <= _MIXED_SECONDS
            for shot in nearby
        )

    def span(self, first: int, last: int) -> Span:
        """Return the stretch of a thing seen on keyframes ``first`` to ``last``, both among ``seen``."""
        before, after = self._neighbours(first, last)
        start, start_range = self._start(first, before)
        end, end_range = self._end(last, after)
        return Span(start, end, start_range, end_range)

    def instances(self, frames: Sequence[int], bridged: int = BRIDGED) -> tuple[Instance, ...]:
        """Split the keyframes a thing was seen on into its stretches."""
        return tuple(self._instance(run) for run in self.runs(frames, bridged))

    def runs(self, frames: Sequence[int], bridged: int = BRIDGED) -> Iterator[tuple[int, ...]]:
        """Split ascending keyframes where more than ``bridged`` keyframes in between were looked at, or in vain.

        A thing may be missed in a shot that shows it; in a shot none of whose keyframes shows it, it is not there.
        """
        if not frames:
            return
        position = {frame: place for place, frame in enumerate(self.seen)}
        run = [frames[0]]
        for one, other in pairwise(frames):
            missed = self.seen[position[one] + 1 : position[other]]
            shots = {self.shot(one), self.shot(other)}
            without = len(missed) + len(self._lost_between(one, other))
            if without > bridged or any(self.shot(frame) not in shots for frame in missed):
                yield tuple(run)
                run = []
            run.append(other)
        yield tuple(run)

    def unseen(self, frames: Iterable[int]) -> tuple[Stretch, ...]:
        """Return the stretches in which these keyframes lie that were not looked at, each between those that were."""
        edges = sorted({self.plan.start_seconds, *self._times, self.plan.end_seconds})
        stretches: dict[Range, list[int]] = {}
        for frame in sorted(frames):
            after = bisect_right(edges, self.time(frame))
            around = edges[max(0, after - 1)], edges[min(len(edges) - 1, after)]
            stretches.setdefault(around, []).append(frame)
        return tuple(Stretch(start, end, tuple(stretches[start, end])) for start, end in sorted(stretches))

    def measured(self, start: float, end: float) -> tuple[Span, tuple[int, ...]]:
        """Return the stretch of something measured on every frame, and the keyframes that bear witness.

        Its edges are exact. When it passed between two keyframes those two are its witnesses, and the ranges are
        widened to reach them, so that evidence always lies within the widest range.
        """
        start, end = self._clamp(start), self._clamp(end)
        low, high = bisect_left(self._times, start), bisect_left(self._times, end)
        if low < high:
            return Span(start, end, (start, start), (end, end)), self.seen[low:high]
        witnesses = self.seen[max(0, low - 1) : low + 1]
        times = [self.time(frame) for frame in witnesses]
        return Span(start, end, (min(start, *times), start), (end, max(end, *times))), witnesses

    def _instance(self, frames: tuple[int, ...]) -> Instance:
        span = self.span(frames[0], frames[-1])
        return Instance(
            span.start_seconds, span.end_seconds, span.start_range_seconds, span.end_range_seconds, frames
        )

    def _neighbours(self, first: int, last: int) -> tuple[int | None, int | None]:
        low, high = bisect_left(self.seen, first), bisect_right(self.seen, last)
        return (self.seen[low - 1] if low else None), (self.seen[high] if high < len(self.seen) else None)

    def _start(self, first: int, before: int | None) -> tuple[float, Range]:
        time = self.time(first)
        if before is not None and self._adjoin(before, first):
            return time, (time, time)
        if before is not None and self.shot(before) == self.shot(first):
            earliest = self.time(before)
            start = max(self._blackened(earliest, time), default=(earliest + time) / 2)
        else:
            start = earliest = min(time, self._clamp(self.plan.shots[self.shot(first)].start_seconds))
        if lost := self._lost_between(-1 if before is None else before, first):
            start = max(start, (self.time(lost[-1]) + time) / 2)
        return start, (earliest, time)

    def _end(self, last: int, after: int | None) -> tuple[float, Range]:
        time = self.time(last)
        if after is not None and self._adjoin(last, after):
            return self.time(after), (self.time(after), self.time(after))
        if after is not None and self.shot(after) == self.shot(last):
            latest = self.time(after)
            end = min(self._blackened(time, latest), default=(time + latest) / 2)
        else:
            end = latest = max(time, self._clamp(self.plan.shots[self.shot(last)].end_seconds))
        if lost := self._lost_between(last, len(self._planned) if after is None else after):
            end = min(end, (time + self.time(lost[0])) / 2)
        return end, (time, latest)

    def _adjoin(self, one: int, other: int) -> bool:
        """Say whether no frame lies between two neighbouring keyframes."""
        return self._complete and other == one + 1

    def _blackened(self, one: float, other: float) -> list[float]:
        """Return the edges of black after one time, up to the other."""
        return self._black[bisect_right(self._black, one) : bisect_right(self._black, other)]

    def _lost_between(self, one: int, other: int) -> tuple[int, ...]:
        return self._lost[bisect_right(self._lost, one) : bisect_left(self._lost, other)]

    def _clamp(self, seconds: float) -> float:
        return min(max(seconds, self.plan.start_seconds), self.plan.end_seconds)


def date(drafts: Iterable[Draft], axis: Axis) -> tuple[Event, ...]:
    """Put seconds to drafts and sort them into events; ids follow the order."""
    dated = [_date(draft, axis) for draft in drafts if _is_datable(draft, axis)]
    dated.sort(key=lambda event: (event.start_seconds, event.end_seconds, event.track, event.label))
    return tuple(_numbered(event, number) for number, event in enumerate(dated))


def cover(axis: Axis, failed: Mapping[int, str]) -> Coverage:
    """Say what was looked at; ``failed`` keyframes were not, each for its reason.

    The longest unseen stretch is measured inside the window that was asked for.
    """
    plan = axis.plan
    edges = [plan.start_seconds, *(axis.time(frame) for frame in axis.seen), plan.end_seconds]
    gaps = []
    media = plan.media
    if plan.start_seconds > media.start_seconds:
        gaps.append(Gap(media.start_seconds, plan.start_seconds, "outside_window"))
    gaps.extend(_failures(axis, failed))
    if plan.end_seconds < media.duration_seconds:
        gaps.append(Gap(plan.end_seconds, media.duration_seconds, "outside_window"))
    return Coverage(
        keyframes=len(plan.keyframes),
        keyframes_analyzed=len(axis.seen),
        longest_unseen_seconds=max(0.0, *(later - earlier for earlier, later in pairwise(edges))),
        gaps=tuple(gaps),
    )


def expect_coverage(plan: SamplingPlan) -> Coverage:
    """Say what a run over this plan would cover if no keyframe fails; none has been looked at yet."""
    every = Axis(plan, (keyframe.index for keyframe in plan.keyframes))
    return replace(cover(every, {}), keyframes_analyzed=0)


def list_shots(plan: SamplingPlan) -> tuple[TimelineShot, ...]:
    """Return the plan's shots with the keyframes that lie in each."""
    return tuple(
        TimelineShot(
            shot.index,
            shot.start_seconds,
            shot.end_seconds,
            shot.transition,
            tuple(keyframe.index for keyframe in plan.keyframes if keyframe.shot == shot.index),
        )
        for shot in plan.shots
    )


def list_keyframes(keyframes: Sequence[Keyframe]) -> tuple[TimelineKeyframe, ...]:
    """Return the keyframes without their pictures."""
    return tuple(
        TimelineKeyframe(
            index=keyframe.index,
            time_seconds=keyframe.time_seconds,
            pts=keyframe.pts,
            time_base=f"{keyframe.time_base.numerator}/{keyframe.time_base.denominator}",
            shot=keyframe.shot,
            reason=keyframe.reason,
            sharpness=keyframe.sharpness,
            width=keyframe.width,
            height=keyframe.height,
        )
        for keyframe in keyframes
    )


def identify(plan: SamplingPlan, keyframes: Sequence[PlannedKeyframe | Keyframe], *asked: str) -> str:
    """Return an id that is the same whenever the same is asked of the same pictures."""
    digest = hashlib.sha256(plan.media.sha256.encode())
    for keyframe in keyframes:
        digest.update(f"|{keyframe.pts}@{keyframe.time_base}".encode())
    digest.update("|".join(asked).encode())
    return digest.hexdigest()[:24]


def _failures(axis: Axis, failed: Mapping[int, str]) -> Iterator[Gap]:
    """One gap for each run of failed keyframes: from the last keyframe seen before it to the next one after it."""
    for stretch in axis.unseen(failed):
        for reason in sorted({failed[frame] for frame in stretch.keyframes}):
            yield Gap(stretch.start_seconds, stretch.end_seconds, reason)


def _is_datable(draft: Draft, axis: Axis) -> bool:
    """Say whether a draft has evidence, and lies in the window if it was measured."""
    if draft.measured is None:
        return bool(draft.frames)
    start, end = draft.measured
    return bool(axis.seen) and max(start, axis.plan.start_seconds) < min(end, axis.plan.end_seconds)


def _date(draft: Draft, axis: Axis) -> Event:
    if draft.measured is None:
        span, frames = axis.span(draft.frames[0], draft.frames[-1]), draft.frames
    else:
        span, frames = axis.measured(*draft.measured)
    return Event(
        id="",
        track=draft.track,
        label=draft.label,
        description=draft.description,
        start_seconds=span.start_seconds,
        end_seconds=span.end_seconds,
        start_range_seconds=span.start_range_seconds,
        end_range_seconds=span.end_range_seconds,
        confidence=draft.confidence,
        confidence_kind=draft.confidence_kind,
        evidence=frames,
        boxes=draft.boxes,
        attributes=draft.attributes,
        merged_from=draft.merged_from,
        source=draft.source,
    )


def _numbered(event: Event, number: int) -> Event:
    return replace(event, id=f"e{number}")
