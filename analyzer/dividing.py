"""One timeline of two: what a remote model said, and what local specialists found on the same keyframes."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Final

from analyzer.requests import AnalysisRequest
from analyzer.timeline import identify
from analyzer.types import Results, Timeline
from analyzer.zooming import renumber
from sampler import Keyframe, SamplingPlan

_FAILED: Final = "model_failed"


def join(
    remote: Timeline,
    local: Timeline,
    plan: SamplingPlan,
    keyframes: Sequence[Keyframe],
    request: AnalysisRequest,
) -> Timeline:
    """The remote model's timeline with the specialists' results in it; both are named as the model.

    A second look may have put keyframes among those the specialists saw: their results are numbered anew. What
    either failed on is a gap. ``keyframes`` are those both were shown.
    """
    by_pts = {keyframe.pts: keyframe.index for keyframe in remote.keyframes}
    numbers = {keyframe.index: by_pts[keyframe.pts] for keyframe in local.keyframes}
    found = renumber(local.results, numbers)
    names = (field.name for field in fields(Results))
    both = {name: getattr(remote.results, name) or getattr(found, name) for name in names}
    failed = {gap for gap in local.coverage.gaps if gap.reason == _FAILED} - set(remote.coverage.gaps)
    unseen = local.coverage.keyframes - local.coverage.keyframes_analyzed
    gaps = sorted({*remote.coverage.gaps, *failed}, key=lambda gap: (gap.start_seconds, gap.end_seconds))
    return replace(
        remote,
        id=identify(plan, keyframes, remote.id, local.id),
        status="partial" if "partial" in {remote.status, local.status} else "complete",
        request={"tasks": list(request.tasks), "taxonomy": list(request.taxonomy)},
        model=replace(remote.model, name=f"{remote.model.name}+{local.model.name}"),
        summary=remote.summary or local.summary,
        results=Results(**both),
        coverage=replace(
            remote.coverage,
            gaps=tuple(gaps),
            keyframes_analyzed=min(remote.coverage.keyframes_analyzed, remote.coverage.keyframes - unseen),
        ),
        usage=replace(
            remote.usage, analyze_seconds=remote.usage.analyze_seconds + local.usage.analyze_seconds
        ),
        warnings=(*remote.warnings, *(each for each in local.warnings if each not in remote.warnings)),
    )
