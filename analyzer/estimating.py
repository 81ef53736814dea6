"""What asking a model would take, known before anything is sent."""

from collections.abc import Sequence
from dataclasses import dataclass

from analyzer.consulting import make_batches, prepare
from analyzer.conversation import ModelProfile, text_tokens
from analyzer.hinting import LONGEST, USUAL_PER_KEYFRAME
from analyzer.requests import AnalysisRequest
from analyzer.types import TaskName
from sampler import DEFAULT_MAX_PIXELS, Keyframe, SamplingPlan

_TOKENS_PER_KEYFRAME = 60
_TOKENS_PER_ANSWER = 120
"""Output of an ordinary answer: about an entry for each keyframe and a summary."""
_JOINED: frozenset[TaskName] = frozenset({"ask", "describe", "custom"})
"""Tasks that may take one more request, without pictures, to join the answers of several batches."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run over a plan would take if nothing has to be asked twice."""

    batches: tuple[tuple[int, ...], ...]
    """The keyframes of each batch; every task asks about each batch once."""
    requests: int
    input_tokens: int
    output_tokens: int
    """Of ordinary answers."""
    cost_usd: float | None
    """For so many tokens; None where the price is unknown."""
    worst_cost_usd: float | None
    """The same if every answer is as long as it may be."""


def estimate(
    plan: SamplingPlan,
    request: AnalysisRequest,
    profile: ModelProfile,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> Estimate:
    """Say what the analysis of a plan would take, its keyframes having ``max_pixels`` pixels at most.

    Raises:
        AnalysisRequestError: the request asks for something that cannot be.
    """
    keyframes = _imagined(plan, max_pixels)
    request = request.for_model()
    inquiries = prepare(request, profile)
    batches = make_batches(keyframes, inquiries, profile, hinted=bool(request.hints))
    questions = [inquiry.question(batch) for inquiry in inquiries for batch in batches]
    joins = len(_JOINED & set(request.tasks)) if len(batches) > 1 else 0
    read = sum(question.input_tokens(profile) for question in questions)
    if request.hints:  # they stand before the pictures and after them, as the whole question does
        hints = (min(LONGEST, USUAL_PER_KEYFRAME * len(each.keyframes)) for each in questions)
        read += sum(2 * text_tokens("x" * length) for length in hints)
    written = sum(
        _TOKENS_PER_ANSWER + _TOKENS_PER_KEYFRAME * len(question.keyframes) for question in questions
    )
    return Estimate(
        batches=tuple(batch.frames for batch in batches),
        requests=len(questions) + joins,
        input_tokens=read,
        output_tokens=written,
        cost_usd=profile.cost_usd(read, written),
        worst_cost_usd=profile.cost_usd(read, sum(question.max_output_tokens for question in questions)),
    )


def _imagined(plan: SamplingPlan, max_pixels: int) -> Sequence[Keyframe]:
    """The plan's keyframes at the size they will have, without their pictures."""
    media = plan.media
    scale = min(1.0, (max_pixels / (media.width * media.height)) ** 0.5)
    width, height = max(1, round(media.width * scale)), max(1, round(media.height * scale))
    return [
        Keyframe(
            index=planned.index,
            time_seconds=planned.time_seconds,
            pts=planned.pts,
            time_base=planned.time_base,
            shot=planned.shot,
            reason=planned.reason,
            sharpness=planned.sharpness,
            width=width,
            height=height,
            jpeg=b"",
        )
        for planned in plan.keyframes
    ]
