"""The timeline of what a remote model answered, and what it did not."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from analyzer.asking import Answered, Outcome, Unanswered, ask_checked
from analyzer.conversation import VisionModel
from analyzer.errors import AnalyzerError
from analyzer.requests import AnalysisRequest
from analyzer.spending import Ledger
from analyzer.tasks.asked import ask, custom, describe, documents, events, moderation, objects, tags, text
from analyzer.tasks.asked.joining import Joining
from analyzer.tasks.caution import cautious
from analyzer.timeline import Axis, cover, date, list_keyframes, list_shots
from analyzer.types import Results, TaskName, Timeline
from sampler import Keyframe, Notice, SamplingPlan

R = TypeVar("R")

_CONCLUSIONS: Final[dict[TaskName, Callable[[Sequence[Answered[Any]], Axis], Any]]] = {
    "tags": tags.conclude,
    "text": text.conclude,
    "documents": documents.conclude,
    "objects": objects.conclude,
}
"""The tasks whose result follows from the answers alone."""
_COUNTED_SHARE: Final = 0.25
"""Of the tokens that pictures should take, the share a server that saw them all reports at least."""
_WARNINGS: Final = {"model_failed": "model_failed", "budget": "budget_exceeded"}
"""Code of the warning for each reason a batch was not answered."""


@dataclass(slots=True)
class Report:
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
            axis, answers = self.of("events")
            told = events.conclude(answers, axis, self.request, self.model.info.name)
            happened = date(told.drafts, axis)
        else:
            happened = ()
        results = await self._results()
        lost = self.lost()
        axis = Axis(self.plan, (k.index for k in keyframes if k.index not in lost))
        return Timeline(
            id="",
            status="partial" if lost or results.custom_parts is not None else "complete",
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
                *failures(self.outcomes, self.plan),
            ),
        )

    def of(self, task: TaskName) -> tuple[Axis, list[Answered[Any]]]:
        """What was answered to a task, and the time axis of the keyframes it was asked about."""
        answers = self._answers(task)
        seen = {frame for answer in answers for frame in answer.batch.frames}
        return Axis(self.plan, seen, self.unanswered(task)), answers

    def _answers(self, task: TaskName) -> list[Answered[Any]]:
        return [o for o in self.outcomes if isinstance(o, Answered) and o.task == task]

    async def _results(self) -> Results:
        results: dict[str, Any] = {}
        for task in self.request.tasks:
            axis, answers = self.of(task)
            if answers or task == "moderation":  # that nobody looked is for a person to see
                results |= await self.conclude(task, axis, answers)
        return Results(**results)

    async def conclude(self, task: TaskName, axis: Axis, answers: Sequence[Answered[Any]]) -> dict[str, Any]:
        """The result of one task, by its name in ``Results``."""
        if task in _CONCLUSIONS:
            return {task: _CONCLUSIONS[task](answers, axis)}
        match task:
            case "moderation":
                judged = moderation.conclude(answers, axis, self.request)
                return {task: cautious(judged, axis, self.unanswered(task))}
            case "ask":
                answer = await self._join(ask.join(answers, self.request))
                return {task: ask.conclude(answers, axis, self.request, answer)}
            case "describe":
                summary = await self._join(describe.join(answers))
                return {task: describe.conclude(answers, axis, summary)}
            case "custom":
                whole = await self._join(custom.join(answers, self.request))
                return custom.conclude(answers, whole, self.request)
        return {}

    async def _join(self, joining: Joining[R] | None) -> R | None:
        """Ask for words that join the parts; None where there is nothing to join or it cannot be had."""
        if joining is None:
            return None
        try:
            question = joining.question_for(self.model.profile)
            return await ask_checked(question, joining.read, self.model, self.ledger)
        except AnalyzerError as error:
            self.notices.append(Notice("not_joined", f"the parts stand side by side: {error}"))
            return None

    def next_index(self) -> int:
        """An index no batch has had."""
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

    def lost(self) -> dict[int, str]:
        """The keyframes some task got no answer for, and why."""
        lost: dict[int, str] = {}
        for task in self.request.tasks:
            lost |= self.unanswered(task)
        return lost

    def unanswered(self, task: TaskName) -> dict[int, str]:
        """The keyframes one task got no answer for, and why."""
        answered = {frame for answer in self._answers(task) for frame in answer.batch.frames}
        return {
            frame: outcome.reason
            for outcome in self.outcomes
            if isinstance(outcome, Unanswered) and outcome.task == task
            for frame in outcome.batch.frames
            if frame not in answered
        }


def failures(outcomes: Sequence[Outcome], plan: SamplingPlan) -> Iterator[Notice]:
    """One warning for each thing that went wrong, over the time it concerns."""
    planned = {keyframe.index: keyframe.time_seconds for keyframe in plan.keyframes}
    spans: dict[tuple[str, str], list[float]] = {}
    for outcome in outcomes:
        if isinstance(outcome, Unanswered):
            times = [planned[frame] for frame in outcome.batch.frames]
            spans.setdefault((_WARNINGS[outcome.reason], outcome.message), []).extend(times)
    for (code, message), times in spans.items():
        yield Notice(code, message, min(times), max(times))


def warned(timeline: Timeline, *notices: Notice) -> Timeline:
    """The timeline with more warnings."""
    return replace(timeline, warnings=(*timeline.warnings, *notices))
