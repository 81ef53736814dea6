"""What would be looked at, as a document: known before a keyframe is taken or anything is paid for."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter

from analyzer import (
    AnalysisRequest,
    Coverage,
    Perceiver,
    TimelineShot,
    VisionModel,
    estimate,
    expect_coverage,
    list_shots,
)
from api.documents import rounded
from sampler import MediaInfo, Notice, Reason, SamplingMode, SamplingPlan


@dataclass(frozen=True, slots=True)
class KeyframePlan:
    """A frame that would be looked at; the fields are those of a timeline's keyframe."""

    index: int
    time_seconds: float
    pts: int
    time_base: str
    shot: int
    reason: Reason
    sharpness: float | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a remote model would cost. Local models cost nothing and are sent nothing."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    """Of ordinary answers."""
    cost_usd: float | None = 0.0
    """None where the model's price is unknown."""
    worst_cost_usd: float | None = 0.0
    """If every answer is as long as it may be."""


@dataclass(frozen=True, slots=True)
class SecondLookPlan:
    """What may come on top where the first answers need it; not part of the estimate."""

    keyframes: int = 0
    """Of the budget, kept back."""
    larger_pictures: int = 0
    """Keyframes whose writing may be read once more in larger pictures."""
    requests: int = 0
    """To a model, at most, if no question has to be put twice."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which frames would be looked at, in which requests, at what cost, and what would be left unseen."""

    media: MediaInfo
    sampling: SamplingMode
    shots: tuple[TimelineShot, ...]
    keyframes: tuple[KeyframePlan, ...]
    batches: tuple[tuple[int, ...], ...]
    """Keyframes of each request; none where local models look at them one by one."""
    estimate: Estimate
    second_look: SecondLookPlan
    coverage: Coverage
    """As it would be with every keyframe looked at; ``keyframes_analyzed`` is 0, since none has been."""
    warnings: tuple[Notice, ...]


def foresee(
    plan: SamplingPlan,
    request: AnalysisRequest | None = None,
    model: Perceiver | VisionModel | None = None,
    second_look: SecondLookPlan | None = None,
) -> Plan:
    """The plan of a run, rounded for output; without a model that is asked, the one of local models.

    Raises:
        AnalysisRequestError: the request asks for something that cannot be.
    """
    batches: tuple[tuple[int, ...], ...] = ()
    cost = Estimate()
    if request is not None and request.for_model().tasks and isinstance(model, VisionModel):
        foreseen = estimate(plan, request, model.profile)
        batches = foreseen.batches
        cost = Estimate(
            foreseen.requests,
            foreseen.input_tokens,
            foreseen.output_tokens,
            foreseen.cost_usd,
            foreseen.worst_cost_usd,
        )
    keyframes = (
        KeyframePlan(
            index=each.index,
            time_seconds=each.time_seconds,
            pts=each.pts,
            time_base=f"{each.time_base.numerator}/{each.time_base.denominator}",
            shot=each.shot,
            reason=each.reason,
            sharpness=each.sharpness,
        )
        for each in plan.keyframes
    )
    return rounded(
        Plan(
            media=plan.media,
            sampling=plan.sampling,
            shots=list_shots(plan),
            keyframes=tuple(keyframes),
            batches=batches,
            estimate=cost,
            second_look=second_look or SecondLookPlan(),
            coverage=expect_coverage(plan),
            warnings=plan.notices,
        )
    )


def plan_document(plan: Plan) -> dict[str, Any]:
    """The plan as plain JSON values."""
    document: dict[str, Any] = _plan_adapter().dump_python(plan, mode="json")
    return document


@lru_cache(maxsize=1)
def _plan_adapter() -> TypeAdapter[Plan]:
    return TypeAdapter(Plan)
