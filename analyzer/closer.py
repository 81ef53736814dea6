"""The second look: frames between those that were seen, where edges are loose and where a question needs them; larger
pictures where writing is small.
"""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Final

from analyzer.asking import Answered, Inquiry, Outcome, ask_all
from analyzer.conversation import Batch
from analyzer.reporting import Report, failures, warned
from analyzer.tasks.asked import ask, documents, events, text
from analyzer.timeline import Axis, cover, date, list_keyframes, list_shots
from analyzer.types import Event, TaskName, Timeline
from analyzer.zooming import (
    Interleaved,
    LooseEdge,
    SecondLook,
    batches_between,
    batches_over,
    enlarged,
    find_gaps,
    find_loose_edges,
    find_small,
    interleave,
    renumber,
    spread,
)
from sampler import Keyframe, Notice, SamplerError

_KNOWN_LABELS: Final = 40

_READERS: Final[Mapping[TaskName, Any]] = {"text": text, "documents": documents}
"""The tasks that read, as modules with ``small_in``, ``renumbered`` and ``corrected``."""

Times = dict[LooseEdge, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class _Wish:
    """Where a question needs closer frames, and which are to be taken there."""

    spans: Sequence[tuple[int, int]]
    times: Times


async def look_closer(
    report: Report,
    timeline: Timeline,
    keyframes: Sequence[Keyframe],
    inquiries: Sequence[Inquiry[Any]],
    look: SecondLook,
) -> Timeline:
    """The timeline after closer looks, where they are needed and succeed; without any the same.

    A question comes first: it gets all that may be spent, or half of it where events have loose edges as well. Nothing
    is spent on frames in between where the caller's own form was asked for: they give the keyframes new numbers, and no
    one here knows which numbers in such an answer are keyframes.
    """
    by_task: dict[TaskName, Inquiry[Any]] = {inquiry.task: inquiry for inquiry in inquiries}
    frames = 0 if "custom" in by_task else look.frames
    axis, _ = report.of("events")
    edges = find_loose_edges(timeline.events, axis) if "events" in by_task else ()
    wish = _wish(report, frames - frames // 2 if edges else frames)
    asked = sum(map(len, wish.times.values()))
    loose = spread(edges, axis, frames - asked)
    times = sorted({time for spent in (wish.times, loose) for each in spent.values() for time in each})
    small, pixels = _small(report, keyframes, look.larger if look.enlarge else 0)
    if not times and not small:
        return timeline
    try:
        taken = await look.take(times) if times else ()
        larger = await look.enlarge([k.time_seconds for k in small], pixels) if small and look.enlarge else ()
    except SamplerError as error:
        return warned(timeline, Notice("no_second_look", f"no closer frames were looked at: {error}"))
    mixed = interleave(report.plan, enlarged(keyframes, larger), taken)
    again = _Again(report, mixed)
    timeline = again.renumbered(timeline)
    if loose:
        timeline = await again.events(timeline, by_task["events"], loose)
    if wish.times:
        timeline = await again.ask(timeline, by_task["ask"], wish)
    if read_again := [mixed.numbers[k.index] for k in small]:
        timeline = await again.read(timeline, by_task, read_again)
    return again.accounted(timeline)


def _wish(report: Report, frames: int) -> _Wish:
    """The stretches an answer asks to see more closely, or is unsure of."""
    axis, answers = report.of("ask")
    spans = ask.unsure_of(answers)
    times = spread(find_gaps(spans, axis), axis, frames)
    return _Wish([span for span in spans if any(_touches(span, edge) for edge in times)], times)


def _touches(span: tuple[int, int], edge: LooseEdge) -> bool:
    """Whether a gap lies in a span, or beside it where it is one keyframe."""
    first, last = span
    return first <= edge.before < edge.after <= last or (first == last and first in (edge.before, edge.after))


def _small(report: Report, keyframes: Sequence[Keyframe], frames: int) -> tuple[tuple[Keyframe, ...], int]:
    """Keyframes whose writing is small and that can be had larger, and of how many pixels then."""
    sought = [frame for task, reader in _READERS.items() for frame in reader.small_in(report.of(task)[1])]
    return find_small(sought, keyframes, report.plan, report.model.profile.max_image_pixels, frames)


class _Again:
    """Asks about keyframes among which closer ones were put, and merges what is said with what was said before."""

    def __init__(self, report: Report, mixed: Interleaved) -> None:
        self._report = report
        self._mixed = mixed
        self._outcomes: list[Outcome] = []
        self._most = report.model.profile.max_images

    def renumbered(self, timeline: Timeline) -> Timeline:
        """The timeline with the numbers of the keyframes as they are now."""
        if "events" in self._report.request.tasks:
            timeline = self._concluded(timeline, ())
        return replace(
            timeline,
            shots=list_shots(self._mixed.plan),
            keyframes=list_keyframes(self._mixed.keyframes),
            results=renumber(timeline.results, self._mixed.numbers),
        )

    async def events(self, timeline: Timeline, inquiry: Inquiry[Any], loose: Times) -> Timeline:
        """Loose edges looked at once more."""
        instructions = _known(inquiry, timeline.events)
        inquiry = replace(inquiry, words={**inquiry.words, "instructions": instructions})
        batches = batches_between(loose, self._mixed, self._next_index(), self._most)
        closer = [replace(a, said=events.unsummed(a.said)) for a in await self._answers(inquiry, batches)]
        return self._concluded(timeline, closer)

    def _concluded(self, timeline: Timeline, closer: Sequence[Answered[Any]]) -> Timeline:
        _, answers = self._report.of("events")
        first = [events.renumbered(answer, self._mixed.numbers, self._mixed.keyframes) for answer in answers]
        axis = self._axis("events", [*first, *closer])
        report = self._report
        told = events.conclude([*first, *closer], axis, report.request, report.model.info.name)
        return replace(timeline, events=date(told.drafts, axis))

    async def ask(self, timeline: Timeline, inquiry: Inquiry[Any], wish: _Wish) -> Timeline:
        """A question asked once more of the stretches in question; what is said then takes the place of doubts."""
        batches = batches_over(wish.spans, self._mixed, self._next_index(), self._most)
        closer = await self._answers(inquiry, batches)
        _, answers = self._report.of("ask")
        numbers, keyframes = self._mixed.numbers, self._mixed.keyframes
        first = [ask.renumbered(answer, numbers, keyframes) for answer in answers]
        said = ask.superseded(first, closer)
        known = len(self._report.notices)
        results = await self._report.conclude("ask", self._axis("ask", said), said)
        changed = replace(timeline, results=replace(timeline.results, **results))
        return warned(changed, *self._report.notices[known:])

    async def read(
        self, timeline: Timeline, inquiries: Mapping[TaskName, Inquiry[Any]], frames: Sequence[int]
    ) -> Timeline:
        """Writing read once more in larger pictures, each by itself."""
        for task, reader in _READERS.items():
            if task not in inquiries:
                continue
            start, mixed = self._next_index(), self._mixed
            batches = [Batch(start + place, (mixed.keyframes[frame],)) for place, frame in enumerate(frames)]
            closer = await self._answers(inquiries[task], batches)
            _, answers = self._report.of(task)
            first = [reader.renumbered(answer, mixed.numbers, mixed.keyframes) for answer in answers]
            said = reader.corrected(first, closer)
            results = await self._report.conclude(task, self._axis(task, said), said)
            timeline = replace(timeline, results=replace(timeline.results, **results))
        return timeline

    def accounted(self, timeline: Timeline) -> Timeline:
        """The timeline with what this look covered, and what it failed on."""
        report, mixed = self._report, self._mixed
        lost = {mixed.numbers[frame]: reason for frame, reason in report.lost().items()}
        seen = {frame for o in self._outcomes if isinstance(o, Answered) for frame in o.batch.frames}
        seen |= set(mixed.numbers.values())
        unseen = {k.index for k in mixed.keyframes} - seen
        axis = Axis(mixed.plan, (k.index for k in mixed.keyframes if k.index not in {*lost, *unseen}))
        covered = replace(timeline, coverage=cover(axis, lost))
        return warned(covered, *failures(self._outcomes, mixed.plan))

    async def _answers(self, inquiry: Inquiry[Any], batches: Sequence[Batch]) -> list[Answered[Any]]:
        asking = ask_all([inquiry], batches, self._report.model, self._report.ledger, rolling=False)
        async with aclosing(asking) as arriving:
            outcomes = [outcome async for outcome in arriving]
        self._outcomes += outcomes
        return [outcome for outcome in outcomes if isinstance(outcome, Answered)]

    def _axis(self, task: TaskName, answers: Sequence[Answered[Any]]) -> Axis:
        seen = {frame for answer in answers for frame in answer.batch.frames}
        lost = {self._mixed.numbers[frame] for frame in self._report.unanswered(task)}
        return Axis(self._mixed.plan, seen, lost - seen)

    def _next_index(self) -> int:
        used = (outcome.batch.index for outcome in self._outcomes)
        return max(self._report.next_index(), 1 + max(used, default=-1))


def _known(inquiry: Inquiry[Any], told: Sequence[Event]) -> str:
    """The caller's wishes, and the labels that are in use, so that one thing keeps one name."""
    labels = list(dict.fromkeys(event.label for event in told))[:_KNOWN_LABELS]
    listed = "".join(f"- {label}\n" for label in labels)
    wishes = inquiry.words.get("instructions", "")
    return f"{wishes}\nUse these labels where they fit, and new ones where none does:\n{listed}"
