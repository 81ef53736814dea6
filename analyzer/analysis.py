"""The analyzer's one call: a plan and its keyframes in, progress and one timeline out."""

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final

from analyzer.chaptering import titles
from analyzer.consulting import consult, prepare
from analyzer.conversation import VisionModel
from analyzer.describing import summarise
from analyzer.dividing import join
from analyzer.errors import AnalysisRequestError
from analyzer.findings import Findings
from analyzer.hinting import gather
from analyzer.models.local.vocabulary import known_tags
from analyzer.perceiving import Faculty, Perceiver, Remembering, Unseen, perceive
from analyzer.requests import AnalysisRequest
from analyzer.tasks.describe import describe
from analyzer.tasks.events import draft_events
from analyzer.tasks.moderation import check_policy, moderate
from analyzer.tasks.objects import list_objects
from analyzer.tasks.tags import list_tags, unknown_tags
from analyzer.tasks.text import list_text
from analyzer.timeline import Axis, cover, date, identify, list_keyframes, list_shots
from analyzer.types import AnalysisStep, Analyzed, Results, TaskName, Timeline, Usage
from analyzer.understanding import Understanding, understand
from analyzer.zooming import SecondLook
from sampler import Keyframe, Notice, SamplingPlan

_NEEDS: Final[dict[TaskName, frozenset[Faculty]]] = {
    "events": frozenset({"objects", "text", "tags"}),
    "tags": frozenset({"objects", "tags"}),
    "text": frozenset({"text"}),
    "objects": frozenset({"objects"}),
    "moderation": frozenset({"unsafe"}),
    "describe": frozenset({"objects", "text", "tags"}),
}
"""What each task the local models can serve must have looked for."""


def check(request: AnalysisRequest, model: Perceiver | VisionModel) -> None:
    """Refuse, before anything is decoded, what the model cannot serve.

    Raises:
        AnalysisRequestError: as ``analyze`` would.
    """
    if isinstance(model, VisionModel):
        if request.local:
            _wanted(request.for_specialists())
        if request.for_model().tasks or not request.local:
            prepare(request.for_model(), model.profile)
    else:
        _wanted(request)


def analyze(
    plan: SamplingPlan,
    keyframes: Sequence[Keyframe],
    request: AnalysisRequest,
    model: Perceiver | VisionModel,
    second_look: SecondLook | None = None,
    specialists: Perceiver | None = None,
) -> AsyncGenerator[AnalysisStep]:
    """Yield progress, then one ``Timeline``; of a model that can be asked, the events of each batch as it is answered.

    A model that can be asked gets the keyframes in batches; an event of one may be merged with others in the end. One
    that perceives gets them one by one, and what they mean over time is worked out here when all have been seen: its
    events come in the timeline alone. A second look, for models that can be asked, is what may be spent where
    an event's edge is loose. Specialists serve the request's local tasks beside it.

    Raises:
        AnalysisRequestError: a task this model cannot serve, or none.
        ModelUnavailableError: a local model that is needed cannot be loaded.
    """
    if isinstance(model, VisionModel):
        if request.hints and request.for_model().tasks:
            return _analyze_hinted(plan, keyframes, request, model, second_look, specialists)
        consulting = consult(plan, keyframes, request.for_model(), model, second_look)
        if not request.local:
            return consulting
        if specialists is None:
            raise AnalysisRequestError(f"nobody is there to serve {', '.join(request.local)} locally")
        perceiving = _analyze_locally(plan, keyframes, request.for_specialists(), specialists)
        if not request.for_model().tasks:
            return perceiving
        return _analyze_both(perceiving, consulting, plan, keyframes, request)
    return _analyze_locally(plan, keyframes, request, model)


async def _analyze_hinted(
    plan: SamplingPlan,
    keyframes: Sequence[Keyframe],
    request: AnalysisRequest,
    model: VisionModel,
    second_look: SecondLook | None,
    specialists: Perceiver | None,
) -> AsyncGenerator[AnalysisStep]:
    """Specialists look at every keyframe, once; what they find is told to the model and serves the local tasks."""
    if specialists is None:
        raise AnalysisRequestError(f"nobody is there to find {', '.join(request.hints)} locally")
    local = request.for_specialists()
    wanted: frozenset[Faculty] = frozenset(request.hints)
    specialists = Remembering(specialists, wanted | (_wanted(local) if local.tasks else frozenset()))
    findings: list[Findings] = []
    async with aclosing(perceive(keyframes, wanted, specialists)) as looking:
        async for found in looking:
            if isinstance(found, Findings):
                findings.append(found)
            yield Analyzed(0, len(keyframes))
    hints = gather(keyframes, findings, request.hints)
    steps = consult(plan, keyframes, request.for_model(), model, second_look, hints)
    if local.tasks:
        perceiving = _analyze_locally(plan, keyframes, local, specialists)
        steps = _analyze_both(perceiving, steps, plan, keyframes, request)
    async with aclosing(steps):
        async for step in steps:
            yield step


async def _analyze_both(
    perceiving: AsyncGenerator[AnalysisStep],
    consulting: AsyncGenerator[AnalysisStep],
    plan: SamplingPlan,
    keyframes: Sequence[Keyframe],
    request: AnalysisRequest,
) -> AsyncGenerator[AnalysisStep]:
    """Local specialists first: where they cannot work, nothing has been paid for yet."""
    found: list[Timeline] = []
    async with aclosing(perceiving), aclosing(consulting):
        async for step in perceiving:
            if isinstance(step, Timeline):
                found.append(step)
            else:
                yield Analyzed(0, len(keyframes))  # a sign of life; none is done before the model has seen it
        (local,) = found
        async for step in consulting:
            yield join(step, local, plan, keyframes, request) if isinstance(step, Timeline) else step


async def _analyze_locally(
    plan: SamplingPlan, keyframes: Sequence[Keyframe], request: AnalysisRequest, model: Perceiver
) -> AsyncGenerator[AnalysisStep]:
    """Yield ``Analyzed`` after each keyframe, then one ``Timeline``.

    The timeline's ``request`` holds what the analyzer was asked and its ``usage`` the time spent here; the caller,
    who knows the rest of the request and what decoding cost, completes both with ``dataclasses.replace``.

    Raises:
        AnalysisRequestError: a task no local model can serve, or none.
        ModelUnavailableError: a model that is needed cannot be loaded.
    """
    started = time.perf_counter()
    wanted = _wanted(request)
    cautions = _cautions(request)
    findings: list[Findings] = []
    failures: list[Unseen] = []
    async with aclosing(perceive(keyframes, wanted, model)) as looking:
        async for answer in looking:
            if isinstance(answer, Unseen):
                failures.append(answer)
            else:
                findings.append(answer)
            yield Analyzed(len(findings) + len(failures), len(keyframes))
    seen = understand(plan, findings)
    events = date(draft_events(seen), seen.axis) if "events" in request.tasks else ()
    yield Timeline(
        id=identify(plan, keyframes, *request.tasks, *request.taxonomy, model.info.name),
        status="partial" if failures else "complete",
        media=plan.media,
        request={"tasks": list(request.tasks), "taxonomy": list(request.taxonomy)},
        model=model.info,
        summary=summarise(seen, titles(seen)),
        events=events,
        shots=list_shots(plan),
        keyframes=list_keyframes(keyframes),
        results=_results(request, seen, [failure.keyframe for failure in failures]),
        coverage=cover(seen.axis, {failure.keyframe: "model_failed" for failure in failures}),
        usage=Usage(analyze_seconds=time.perf_counter() - started),
        warnings=(*plan.notices, *cautions, *_warnings(failures, seen.axis)),
    )


def _wanted(request: AnalysisRequest) -> frozenset[Faculty]:
    if not request.tasks:
        raise AnalysisRequestError("no task was asked for; name at least one, for example events")
    wanted: set[Faculty] = set()
    for task in request.tasks:
        if task not in _NEEDS:
            served = ", ".join(_NEEDS)
            raise AnalysisRequestError(
                f"the local models cannot serve the task {task!r}: choose a vision-language model "
                f"(backend openai), or of the tasks they serve ({served})"
            )
        wanted |= _NEEDS[task]
    return frozenset(wanted)


def _cautions(request: AnalysisRequest) -> list[Notice]:
    """Return what of the request the local models will not do."""
    cautions: list[Notice] = []
    if "tags" in request.tasks and request.taxonomy:
        cautions.extend(unknown_tags(request.taxonomy, known_tags()))
    if "moderation" in request.tasks:
        cautions.extend(check_policy(request.policy))
    ignored = {
        "instructions": request.instructions,
        "examples": request.examples,
        "segments": request.segments,
        "question": request.question,
        "schema": request.schema,
        "hints": request.hints,
    }
    cautions.extend(
        Notice("option_ignored", f"the local models cannot follow {name}; a vision-language model can")
        for name, given in ignored.items()
        if given
    )
    return cautions


def _results(request: AnalysisRequest, seen: Understanding, failed: Sequence[int]) -> Results:
    asked = set(request.tasks)
    return Results(
        text=list_text(seen) if "text" in asked else None,
        tags=list_tags(seen, request.taxonomy) if "tags" in asked else None,
        objects=list_objects(seen) if "objects" in asked else None,
        moderation=moderate(seen, request.policy, failed) if "moderation" in asked else None,
        describe=describe(seen) if "describe" in asked else None,
    )


def _warnings(failures: Sequence[Unseen], axis: Axis) -> tuple[Notice, ...]:
    return tuple(
        Notice("model_failed", failure.message, axis.time(failure.keyframe), axis.time(failure.keyframe))
        for failure in failures
    )
