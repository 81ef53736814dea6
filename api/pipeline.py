"""The one path from a request to a timeline, pulled by the command line and by whatever else has a face."""

import asyncio
import time
from bisect import bisect_right
from collections.abc import AsyncGenerator, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import analyzer
import sampler
from analyzer import (
    AnalysisRequestError,
    AnalysisStep,
    Endpoint,
    LocalModel,
    OpenAIModel,
    Perceiver,
    SecondLook,
    TaskName,
    Timeline,
    VisionModel,
)
from api.documents import rounded
from api.plans import SecondLookPlan
from api.schemas import TimelineRequest
from api.settings import settings
from sampler import (
    DEFAULT_MAX_PIXELS,
    Keyframe,
    Limits,
    Notice,
    SampleRequest,
    SamplerStep,
    SamplingPlan,
    Source,
)

Step = TypeVar("Step")

_MOMENT_SECONDS = 0.001
"""A window this long holds the one frame that is on screen in it."""
_SECOND_SHARE = 8
_READING: frozenset[TaskName] = frozenset({"text", "documents"})
OPENROUTER = "https://openrouter.ai/api/v1"
REFERENCE_MODEL = "qwen/qwen3-vl-32b-instruct"


@dataclass(frozen=True, slots=True)
class Means:
    """How a remote model is reached, beyond what the settings say and a request may ask for."""

    base_url: str | None = None
    record: Path | None = None
    """A folder that keeps every exchange."""
    replay: Path | None = None
    """A folder that answers in place of the network."""
    asks: bool = True
    """Whether it will be asked anything; a plan asks nothing and needs no key."""


def open_model(request: TimelineRequest, means: Means | None = None) -> LocalModel | OpenAIModel:
    """The model that will answer; it loads or connects when first asked and may serve many runs.

    Raises:
        AnalysisRequestError: the endpoint or the model profiles make no sense, or a key is missing.
    """
    means = means or Means()
    if not asks_remote(request, means):
        return LocalModel()
    configured = settings()
    key = configured.api_key.get_secret_value() if configured.api_key else None
    endpoint = Endpoint(
        base_url=means.base_url or configured.base_url or OPENROUTER,
        model=request.model or configured.model or REFERENCE_MODEL,
        api_key=key,
        concurrency=configured.model_requests_at_once,
    )
    if endpoint.is_openrouter and key is None and means.asks and means.replay is None:
        raise AnalysisRequestError(
            "OpenRouter asks for a key: set OPENROUTER_API_KEY, or SCENELINE_BASE_URL to use another server"
        )
    place = configured.profiles_place()
    profiles = place if configured.model_profiles or place.is_file() else None
    return analyzer.open_model(endpoint, profiles=profiles, record=means.record, replay=means.replay)


def asks_remote(request: TimelineRequest, means: Means | None = None) -> bool:
    """Whether the model that will answer is one elsewhere."""
    is_open = request.backend == "auto" and _is_configured(means or Means())
    return request.backend == "openai" or is_open


def _is_configured(means: Means) -> bool:
    configured = settings()
    given = (means.base_url, means.replay, configured.base_url, configured.api_key, configured.model)
    return any(each is not None for each in given)


def reserve(request: TimelineRequest, model: Perceiver | VisionModel | None) -> int:
    """Keyframes of the budget kept back for a second look: an eighth, where a remote model is asked what may need one.

    Below sixteen the first look needs them all. With ``custom`` there is none: its answer may hold numbers of
    keyframes, which closer ones would change.
    """
    asked = set(request.tasks)
    looks_twice = isinstance(model, VisionModel) and {"events", "ask"} & asked and "custom" not in asked
    return request.frames // _SECOND_SHARE if looks_twice and request.frames >= 16 else 0


def larger_pictures(request: TimelineRequest, model: Perceiver | VisionModel | None) -> int:
    """Keyframes whose writing may be read once more in larger pictures: as many as an eighth of the budget."""
    reads = isinstance(model, VisionModel) and _READING & (set(request.tasks) - set(request.local))
    return max(1, request.frames // _SECOND_SHARE) if reads else 0


def second_look_plan(request: TimelineRequest, model: Perceiver | VisionModel | None) -> SecondLookPlan:
    """What a second look may add: a request for each keyframe, and for each picture and task that reads it.

    A question may have to be joined anew.
    """
    kept, larger = reserve(request, model), larger_pictures(request, model)
    readings = len(_READING & (set(request.tasks) - set(request.local)))
    joins = int(kept > 0 and "ask" in request.tasks)
    return SecondLookPlan(kept, larger, kept + larger * readings + joins)


def sample_steps(
    source: Source, request: TimelineRequest, reserved: int = 0
) -> Generator[SamplerStep, None, None]:
    """The sampler's steps, from a process that can read the source and do nothing else.

    Raises:
        SamplerError: the media or the window cannot be used, or is more than the settings allow.
    """
    wanted = request.sample_request()
    return sampler.sample_isolated(source, replace(wanted, frames=wanted.frames - reserved), _limits())


def frames_at(
    source: Source, times: Sequence[float], plan: SamplingPlan, max_pixels: int = DEFAULT_MAX_PIXELS
) -> list[Keyframe]:
    """The frames on screen at these times, each a keyframe of the plan's shots; their index means nothing.

    Raises:
        SamplerError: the source cannot be read any more.
    """
    begins = [shot.start_seconds for shot in plan.shots]
    taken = []
    for time_seconds in times:
        moment = SampleRequest(
            frames=1,
            sampling="uniform",
            start_seconds=time_seconds,
            end_seconds=time_seconds + _MOMENT_SECONDS,
            max_pixels=max_pixels,
            fingerprint=(plan.media.sha256, plan.media.bytes),
        )
        with closing(sampler.sample_isolated(source, moment, _limits())) as steps:
            for step in steps:
                if isinstance(step, Keyframe):
                    shot = max(bisect_right(begins, step.time_seconds) - 1, 0)
                    taken.append(replace(step, shot=shot))
    return taken


def _limits() -> Limits:
    allowed = settings()
    return Limits(
        pixels=allowed.max_picture_pixels,
        seconds=allowed.max_video_seconds,
        frames=allowed.max_video_frames,
        pages=allowed.max_document_pages,
        decoded_pixels=allowed.max_decoded_pixels,
        memory_bytes=allowed.decode_memory_bytes,
        cpu_seconds=allowed.decode_cpu_seconds,
        silent_seconds=allowed.decode_silent_seconds,
    )


def plan(
    source: Source, request: TimelineRequest, model: Perceiver | VisionModel | None = None
) -> Generator[SamplerStep, None, None]:
    """Look through the video up to its plan, which is the last step; no keyframe is taken.

    Raises:
        SamplerError: the media or the window cannot be used.
    """
    with closing(sample_steps(source, request, reserve(request, model))) as steps:
        for step in steps:
            yield step
            if isinstance(step, SamplingPlan):
                return


@dataclass(frozen=True, slots=True)
class Sampled:
    """A video reduced to what models are shown: all that is needed to look at it later or elsewhere."""

    plan: SamplingPlan
    """With every notice of the run."""
    keyframes: tuple[Keyframe, ...]
    decode_seconds: float
    """What it took."""


def sample(
    source: Source, request: TimelineRequest, reserved: int = 0
) -> Generator[SamplerStep | Sampled, None, None]:
    """Look through the video and take its keyframes: every step, and last what it comes to.

    Closing the generator stops the work within one step. It holds the pictures of all keyframes.

    Raises:
        SamplerError: the media or the window cannot be used.
    """
    decoding = Stopwatch()
    plans: list[SamplingPlan] = []
    keyframes: list[Keyframe] = []
    notices: list[Notice] = []
    with closing(sample_steps(source, request, reserved)) as steps:
        while True:
            with decoding:
                step = next(steps, None)
            match step:
                case None:
                    break
                case SamplingPlan():
                    plans.append(step)
                case Keyframe():
                    keyframes.append(step)
                case Notice():
                    notices.append(step)
            yield step
    (planned,) = plans
    planned = replace(planned, notices=(*planned.notices, *notices))
    yield Sampled(planned, tuple(keyframes), decoding.seconds)


async def look(
    sampled: Sampled,
    request: TimelineRequest,
    model: Perceiver | VisionModel,
    second_look: SecondLook | None = None,
    specialists: Perceiver | None = None,
) -> AsyncGenerator[AnalysisStep, None]:
    """Find out what the keyframes show: every step, and last the ``Timeline``.

    The timeline's numbers are rounded, its ``request`` is this one with all defaults, its ``usage`` measured.
    ``specialists`` serve the tasks that are to be served locally beside a remote model, and give it hints; ours if
    not given.

    Raises:
        AnalyzerError: the backend cannot do what is asked, or failed.
    """
    analyzing = Stopwatch()
    if (request.local or request.hints) and specialists is None:
        specialists = LocalModel()
    asked = request.analysis_request()
    found = analyzer.analyze(sampled.plan, sampled.keyframes, asked, model, second_look, specialists)
    async with aclosing(_timed(found, analyzing)) as findings:
        async for finding in findings:
            if not isinstance(finding, Timeline):
                yield finding
                continue
            usage = replace(
                finding.usage,
                decode_seconds=sampled.decode_seconds,
                analyze_seconds=analyzing.seconds,
                wall_seconds=sampled.decode_seconds + analyzing.seconds,
            )
            yield rounded(replace(finding, request=request.model_dump(mode="json"), usage=usage))


async def analyze(
    source: Source, request: TimelineRequest, model: Perceiver | VisionModel
) -> AsyncGenerator[SamplerStep | AnalysisStep, None]:
    """Sample and look in one go; see there.

    Raises:
        SamplerError: the media or the window cannot be used.
        AnalyzerError: the backend cannot do what is asked, or failed.
    """
    outcome: list[Sampled] = []
    reserved = reserve(request, model)
    async with aclosing(_threaded(sample(source, request, reserved))) as steps:
        async for step in steps:
            if isinstance(step, Sampled):
                outcome.append(step)
            else:
                yield step
    (sampled,) = outcome
    closer: list[Keyframe] = []

    async def take(times: Sequence[float], max_pixels: int = DEFAULT_MAX_PIXELS) -> Sequence[Keyframe]:
        frames = await asyncio.to_thread(frames_at, source, times, sampled.plan, max_pixels)
        closer.extend(frames)
        return frames

    larger = larger_pictures(request, model)
    second_look = SecondLook(reserved, take, take, larger) if reserved or larger else None
    async with aclosing(look(sampled, request, model, second_look)) as findings:
        async for finding in findings:
            while closer:
                yield closer.pop(0)
            yield finding


class Stopwatch:
    """Adds up the seconds spent inside its ``with`` blocks."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._since = 0.0

    def __enter__(self) -> None:
        self._since = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._since


async def _timed(steps: AsyncGenerator[Step, None], watch: Stopwatch) -> AsyncGenerator[Step, None]:
    """The same steps; the watch runs while one is waited for."""
    async with aclosing(steps):
        while True:
            try:
                with watch:
                    step = await anext(steps)
            except StopAsyncIteration:
                return
            yield step


async def _threaded(steps: Generator[Step, None, None]) -> AsyncGenerator[Step, None]:
    """The same steps, pulled and closed on one thread of their own, so that the event loop stays free.

    One thread for both: a close that overtook a running step would find the generator busy.
    """
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="sampler") as thread:
        try:
            while (step := await loop.run_in_executor(thread, next, steps, None)) is not None:
                yield step
        finally:
            await loop.run_in_executor(thread, steps.close)
