"""An analysis by a vision-language model: batches go to it, its answers are merged into a timeline."""

import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from analyzer.asking import Answered, Inquiry, Outcome, Unanswered, ask_all, ask_checked
from analyzer.batching import fill, limits_of, plan_cuts
from analyzer.conversation import Batch, ModelProfile, VisionModel, text_tokens
from analyzer.errors import AnalysisRequestError, AnalyzerError
from analyzer.hinting import LONGEST, Hints
from analyzer.requests import AnalysisRequest
from analyzer.spending import Ledger
from analyzer.tasks.asked import ask, custom, describe, documents, events, moderation, objects, tags, text
from analyzer.tasks.asked.joining import Joining
from analyzer.timeline import Axis, cover, date, identify, list_keyframes, list_shots
from analyzer.types import AnalysisStep, Analyzed, Event, Results, TaskName, Timeline
from analyzer.zooming import (
    SecondLook,
    batches_between,
    find_loose_edges,
    interleave,
    renumber,
    spread,
)
from sampler import Keyframe, Notice, SamplerError, SamplingPlan

R = TypeVar("R")

_INQUIRIES: Final[dict[TaskName, Callable[[AnalysisRequest], Inquiry[Any]]]] = {
    "events": events.inquire,
    "ask": ask.inquire,
    "tags": tags.inquire,
    "text": text.inquire,
    "documents": documents.inquire,
    "objects": objects.inquire,
    "moderation": moderation.inquire,
    "describe": describe.inquire,
    "custom": custom.inquire,
}
_CONCLUSIONS: Final[dict[TaskName, Callable[[Sequence[Answered[Any]], Axis], Any]]] = {
    "tags": tags.conclude,
    "text": text.conclude,
    "documents": documents.conclude,
    "objects": objects.conclude,
}
"""The tasks whose result follows from the answers alone."""
_KNOWN_LABELS: Final = 40
_COUNTED_SHARE: Final = 0.25
"""Of the tokens that pictures should take, the share a server that saw them all reports at least."""
_WARNINGS: Final = {"model_failed": "model_failed", "budget": "budget_exceeded"}
"""Code of the warning for each reason a batch was not answered."""


def prepare(request: AnalysisRequest, profile: ModelProfile) -> tuple[Inquiry[Any], ...]:
    """What will be asked of each batch, one inquiry a task.

    Raises:
        AnalysisRequestError: nothing is asked, or something that cannot be.
    """
    if not request.tasks:
        raise AnalysisRequestError("no task was asked for; name at least one, for example events")
    if request.max_cost_usd is not None and profile.cost_usd(1, 1) is None:
        raise AnalysisRequestError(
            f"the price of {profile.name} is unknown, so a limit on cost cannot be kept; "
            "add the price to your model profiles, or limit max_requests instead"
        )
    inquiries = tuple(_INQUIRIES[task](request) for task in request.tasks)
    return tuple(
        replace(inquiry, max_output_tokens=min(inquiry.max_output_tokens, profile.max_output_tokens))
        for inquiry in inquiries
    )


def make_batches(
    keyframes: Sequence[Keyframe],
    inquiries: Sequence[Inquiry[Any]],
    profile: ModelProfile,
    *,
    hinted: bool = False,
) -> tuple[Batch, ...]:
    """The batches every inquiry is put to; the longest question decides how many pictures fit."""
    bare = (inquiry.question(Batch(0, ())).input_tokens(profile) for inquiry in inquiries)
    around = _context_tokens() + (2 * text_tokens("x" * LONGEST) if hinted else 0)
    limits = limits_of(profile, text_tokens=max(bare) + around)
    costs = [profile.image_tokens(keyframe.width, keyframe.height) for keyframe in keyframes]
    return tuple(fill(plan_cuts(costs, limits), keyframes))


def _context_tokens() -> int:
    """Room for what a batch is told of the one before, twice as the question is, and for one repair."""
    return 4 * text_tokens("x" * 2_000)


async def consult(
    plan: SamplingPlan,
    keyframes: Sequence[Keyframe],
    request: AnalysisRequest,
    model: VisionModel,
    second_look: SecondLook | None = None,
    hints: Hints | None = None,
) -> AsyncGenerator[AnalysisStep]:
    """Yield progress, each event as a batch tells it, then one ``Timeline`` with all of them merged.

    Whatever fails becomes a gap and a warning; an event that was yielded may be merged with others in the end.
    With a second look, the keyframes it takes are in the timeline and all keyframes are numbered anew.

    Raises:
        AnalysisRequestError: something is asked that cannot be.
    """
    started = time.perf_counter()
    inquiries = prepare(request, model.profile)
    batches = make_batches(keyframes, inquiries, model.profile, hinted=bool(request.hints))
    if hints is not None:
        inquiries = tuple(replace(inquiry, hint=hints.tell) for inquiry in inquiries)
    ledger = Ledger(request.max_requests, request.max_cost_usd)
    progress = _Progress(frozenset(keyframe.index for keyframe in keyframes), request.tasks)
    outcomes: list[Outcome] = []
    everywhere = Axis(plan, progress.frames)
    asking = ask_all(inquiries, batches, model, ledger, rolling=request.context == "rolling")
    async with aclosing(asking) as arriving:
        async for outcome in arriving:
            outcomes.append(outcome)
            for event in _told(outcome, everywhere, model):
                yield event
            yield progress.after(outcome)
    report = _Report(plan, request, model, ledger, outcomes)
    timeline = await report.timeline(keyframes)
    if second_look is not None and "events" in request.tasks:
        inquiry = inquiries[request.tasks.index("events")]
        timeline = await report.look_closer(timeline, keyframes, inquiry, second_look)
    yield replace(
        timeline,
        id=identify(plan, keyframes, *_asked(request, inquiries), model.info.name),
        usage=replace(ledger.usage, analyze_seconds=time.perf_counter() - started),
    )


def _told(outcome: Outcome, axis: Axis, model: VisionModel) -> Iterator[Event]:
    if isinstance(outcome, Answered) and outcome.task == "events":
        yield from (
            replace(event, id=event.merged_from[0])
            for event in date(events.preview(outcome, model.info.name), axis)
        )


def _asked(request: AnalysisRequest, inquiries: Sequence[Inquiry[Any]]) -> Iterator[str]:
    """Everything answers depend on besides the pictures and the model."""
    yield repr(request)
    yield from (f"{inquiry.task} {inquiry.prompt.version}" for inquiry in inquiries)


@dataclass(slots=True)
class _Progress:
    """Counts the keyframes every task is done with."""

    frames: frozenset[int]
    tasks: Sequence[TaskName]
    done: dict[TaskName, set[int]] = field(default_factory=dict)

    def after(self, outcome: Outcome) -> Analyzed:
        self.done.setdefault(outcome.task, set()).update(outcome.batch.frames)
        finished = min(len(self.done.get(task, ())) for task in self.tasks)
        return Analyzed(finished, len(self.frames))


@dataclass(slots=True)
class _Report:
    """Makes the timeline of what came back."""

    plan: SamplingPlan
    request: AnalysisRequest
    model: VisionModel
    ledger: Ledger
    outcomes: Sequence[Outcome]
    notices: list[Notice] = field(default_factory=list)

    async def timeline(self, keyframes: Sequence[Keyframe]) -> Timeline:
        """The timeline, but for its id and usage."""
        told = events.EventsAnswer((), "", ())
        if "events" in self.request.tasks:
            axis, answers = self._of("events")
            told = events.conclude(answers, axis, self.request, self.model.info.name)
            happened = date(told.drafts, axis)
        else:
            happened = ()
        results = await self._results()
        lost = self._lost()
        axis = Axis(self.plan, (k.index for k in keyframes if k.index not in lost))
        return Timeline(
            id="",
            status="partial" if lost else "complete",
            media=self.plan.media,
            request={"tasks": list(self.request.tasks), "taxonomy": list(self.request.taxonomy)},
            model=self.model.info,
            summary=told.summary or (results.describe.summary if results.describe else ""),
            events=happened,
            shots=list_shots(self.plan),
            keyframes=list_keyframes(keyframes),
            results=results,
            coverage=cover(axis, lost),
            usage=self.ledger.usage,
            warnings=(
                *self.plan.notices,
                *told.notices,
                *self.notices,
                *self._uncounted(),
                *_failures(self.outcomes, self.plan),
            ),
        )

    async def look_closer(
        self,
        timeline: Timeline,
        keyframes: Sequence[Keyframe],
        inquiry: Inquiry[events.EventsReply],
        look: SecondLook,
    ) -> Timeline:
        """The timeline with the loose edges of its events looked at once more, where that succeeds."""
        axis, answers = self._of("events")
        spent = spread(find_loose_edges(timeline.events, axis), axis, look.frames)
        if not spent:
            return timeline
        try:
            taken = await look.take([time for times in spent.values() for time in times])
        except SamplerError as error:
            return _warned(timeline, Notice("no_second_look", f"loose edges were left as they are: {error}"))
        mixed = interleave(self.plan, keyframes, taken)
        batches = batches_between(spent, mixed, self._next_index(), self.model.profile.max_images)
        inquiry = replace(inquiry, words={**inquiry.words, "instructions": _known(inquiry, timeline.events)})
        asking = ask_all([inquiry], batches, self.model, self.ledger, rolling=False)
        async with aclosing(asking) as arriving:
            outcomes = [outcome async for outcome in arriving]
        closer = [replace(o, said=events.unsummed(o.said)) for o in outcomes if isinstance(o, Answered)]
        first = [events.renumbered(answer, mixed.numbers, mixed.keyframes) for answer in answers]
        seen = {frame for answer in (*first, *closer) for frame in answer.batch.frames}
        told = events.conclude([*first, *closer], Axis(mixed.plan, seen), self.request, self.model.info.name)
        lost = {mixed.numbers[frame]: reason for frame, reason in self._lost().items()}
        missed = {f for o in outcomes for f in o.batch.frames if isinstance(o, Unanswered)} - seen
        looked_at = Axis(mixed.plan, (k.index for k in mixed.keyframes if k.index not in {*lost, *missed}))
        changed = replace(
            timeline,
            events=date(told.drafts, Axis(mixed.plan, seen)),
            shots=list_shots(mixed.plan),
            keyframes=list_keyframes(mixed.keyframes),
            results=renumber(timeline.results, mixed.numbers),
            coverage=cover(looked_at, lost),
        )
        return _warned(changed, *_failures(outcomes, mixed.plan))

    def _of(self, task: TaskName) -> tuple[Axis, list[Answered[Any]]]:
        """What was answered to a task, and the time axis of the keyframes it was answered for."""
        answers = [o for o in self.outcomes if isinstance(o, Answered) and o.task == task]
        return Axis(self.plan, {frame for answer in answers for frame in answer.batch.frames}), answers

    async def _results(self) -> Results:
        results: dict[str, Any] = {}
        for task in self.request.tasks:
            axis, answers = self._of(task)
            if answers:
                results |= await self._conclude(task, axis, answers)
        return Results(**results)

    async def _conclude(self, task: TaskName, axis: Axis, answers: Sequence[Answered[Any]]) -> dict[str, Any]:
        """The result of one task, by its name in ``Results``."""
        if task in _CONCLUSIONS:
            return {task: _CONCLUSIONS[task](answers, axis)}
        match task:
            case "moderation":
                return {task: moderation.conclude(answers, axis, self.request)}
            case "ask":
                answer = await self._join(ask.join(answers, self.request))
                return {task: ask.conclude(answers, axis, self.request, answer)}
            case "describe":
                summary = await self._join(describe.join(answers))
                return {task: describe.conclude(answers, axis, summary)}
            case "custom":
                whole = await self._join(custom.join(answers, self.request))
                return {task: custom.conclude(answers, whole)}
        return {}

    async def _join(self, joining: Joining[R] | None) -> R | None:
        """Ask for words that join the parts; None where there is nothing to join or it cannot be had."""
        if joining is None:
            return None
        try:
            return await ask_checked(joining.question, joining.read, self.model, self.ledger)
        except AnalyzerError as error:
            self.notices.append(Notice("not_joined", f"the parts stand side by side: {error}"))
            return None

    def _next_index(self) -> int:
        return 1 + max(outcome.batch.index for outcome in self.outcomes)

    def _uncounted(self) -> Iterator[Notice]:
        """A warning if the server counted fewer tokens than the pictures take: some drop or cut them silently."""
        profile = self.model.profile
        expected = sum(
            profile.image_tokens(keyframe.width, keyframe.height)
            for outcome in self.outcomes
            if isinstance(outcome, Answered)
            for keyframe in outcome.batch.keyframes
        )
        counted = self.ledger.usage.input_tokens
        if 0 < counted < expected * _COUNTED_SHARE:
            yield Notice(
                "pictures_not_counted",
                f"the server counted {counted} input tokens where the pictures alone take about {expected}; "
                "it may have dropped pictures: raise its context length, or show it fewer at a time",
            )

    def _lost(self) -> dict[int, str]:
        """The keyframes some task got no answer for, and why."""
        lost: dict[int, str] = {}
        for task in self.request.tasks:
            _axis, answers = self._of(task)
            answered = {frame for answer in answers for frame in answer.batch.frames}
            for outcome in self.outcomes:
                if isinstance(outcome, Unanswered) and outcome.task == task:
                    missing = (frame for frame in outcome.batch.frames if frame not in answered)
                    lost |= dict.fromkeys(missing, outcome.reason)
        return lost


def _failures(outcomes: Sequence[Outcome], plan: SamplingPlan) -> Iterator[Notice]:
    """One warning for each thing that went wrong, over the time it concerns."""
    planned = {keyframe.index: keyframe.time_seconds for keyframe in plan.keyframes}
    spans: dict[tuple[str, str], list[float]] = {}
    for outcome in outcomes:
        if isinstance(outcome, Unanswered):
            times = [planned[frame] for frame in outcome.batch.frames]
            spans.setdefault((_WARNINGS[outcome.reason], outcome.message), []).extend(times)
    for (code, message), times in spans.items():
        yield Notice(code, message, min(times), max(times))


def _warned(timeline: Timeline, *notices: Notice) -> Timeline:
    return replace(timeline, warnings=(*timeline.warnings, *notices))


def _known(inquiry: Inquiry[Any], told: Sequence[Event]) -> str:
    """The caller's wishes, and the labels that are in use, so that one thing keeps one name."""
    labels = list(dict.fromkeys(event.label for event in told))[:_KNOWN_LABELS]
    listed = "".join(f"- {label}\n" for label in labels)
    wishes = inquiry.words.get("instructions", "")
    return f"{wishes}\nUse these labels where they fit, and new ones where none does:\n{listed}"
