"""What asking a model would take, known before anything is sent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from analyzer.asking import Answered
from analyzer.consulting import make_batches, prepare
from analyzer.conversation import Batch, ModelProfile, Question, text_tokens
from analyzer.hinting import LONGEST, USUAL_PER_KEYFRAME
from analyzer.requests import AnalysisRequest
from analyzer.tasks.asked import ask, custom, describe
from analyzer.tasks.asked.joining import Joining
from sampler import DEFAULT_MAX_PIXELS, Keyframe, SamplingPlan

_TOKENS_PER_KEYFRAME = 60
_TOKENS_PER_ANSWER = 120
"""Output of an ordinary answer: about an entry for each keyframe and a summary."""
_CHARACTERS_PER_TOKEN = 4


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
    """What a run without closer looks can cost if every answer is as long as it may be, and the server counts more
    tokens than we do: a limit on cost that is as high stops none of its requests.
    """


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
    joins = list(_joins(request, batches, profile, _TOKENS_PER_ANSWER))
    read = sum(question.input_tokens(profile) for question in (*questions, *joins))
    if request.hints:  # they stand before the pictures and after them, as the whole question does
        hints = (min(LONGEST, USUAL_PER_KEYFRAME * len(each.keyframes)) for each in questions)
        read += sum(2 * text_tokens("x" * length) for length in hints)
    written = sum(
        _TOKENS_PER_ANSWER + _TOKENS_PER_KEYFRAME * len(question.keyframes)
        for question in (*questions, *joins)
    )
    return Estimate(
        batches=tuple(batch.frames for batch in batches),
        requests=len(questions) + len(joins),
        input_tokens=read,
        output_tokens=written,
        cost_usd=profile.cost_usd(read, written),
        worst_cost_usd=_worst_cost(request, questions, batches, profile),
    )


def _worst_cost(
    request: AnalysisRequest, questions: Sequence[Question], batches: Sequence[Batch], profile: ModelProfile
) -> float | None:
    longest = _joins(request, batches, profile, profile.max_output_tokens)
    costs = [question.worst_case_usd(profile) for question in (*questions, *longest)]
    if request.hints:
        costs += [profile.cost_usd(2 * text_tokens("x" * LONGEST), 0) for _ in questions]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def _joins(
    request: AnalysisRequest, batches: Sequence[Batch], profile: ModelProfile, tokens: int
) -> Iterator[Question]:
    """The questions, without pictures, that make one answer of those to several batches, of so many tokens each."""
    for task in request.tasks:
        joining: Joining[Any] | None = None
        texts = [f"{batch.index} ".ljust(tokens * _CHARACTERS_PER_TOKEN, "x") for batch in batches]
        told = list(zip(batches, texts, strict=True))
        if task == "ask":
            asked = [Answered(task, batch, ask.AskReply.model_construct(answer=text)) for batch, text in told]
            joining = ask.join(asked, request)
        elif task == "describe":
            scenes = [
                Answered(task, batch, describe.DescribeReply(scenes=[], summary=text)) for batch, text in told
            ]
            joining = describe.join(scenes)
        elif task == "custom":
            joining = custom.join([Answered(task, batch, {"text": text}) for batch, text in told], request)
        if joining is not None:
            yield joining.question_for(profile)


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
