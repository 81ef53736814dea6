"""An analysis by a vision-language model: batches go to it, its answers are merged into a timeline."""

import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Final

from analyzer.asking import Answered, Inquiry, Outcome, ask_all
from analyzer.batching import fill, limits_of, plan_cuts
from analyzer.closer import look_closer
from analyzer.conversation import Batch, ModelProfile, VisionModel, text_tokens
from analyzer.errors import AnalysisRequestError
from analyzer.hinting import LONGEST, Hints
from analyzer.reporting import Report
from analyzer.requests import AnalysisRequest
from analyzer.spending import Ledger
from analyzer.tasks.asked import ask, custom, describe, documents, events, moderation, objects, tags, text
from analyzer.timeline import Axis, date, identify
from analyzer.types import AnalysisStep, Analyzed, Event, TaskName
from analyzer.zooming import SecondLook
from sampler import Keyframe, SamplingPlan

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
    report = Report(plan, request, model, ledger, outcomes)
    timeline = await report.timeline(keyframes)
    if second_look is not None:
        timeline = await look_closer(report, timeline, keyframes, inquiries, second_look)
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
