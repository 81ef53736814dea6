"""The task ``moderation``: a policy's clauses, each with a verdict and the evidence for it."""

from typing import Final

from analyzer.types import ClauseVerdict, ModerationResult, ReviewItem, Verdict
from analyzer.understanding import Understanding

POLICY: Final = "sceneline-default 1"
"""Name and version of the built-in policy."""
CLAUSE: Final = "sexual"
_REVIEW: Final = 0.6
_BLOCK: Final = 0.85
"""Bands of the score: under the first allow, from the second block, between them a person should look.

The model's authors published no calibration and name 0.2 and 0.8 as a start; faces close to the camera and hands
score up to 0.59 on harmless footage, so the bands lie higher here."""


def moderate(seen: Understanding) -> ModerationResult:
    """Judge the video by the built-in policy: one clause, sexually explicit pictures."""
    scores = {found.keyframe: found.unsafe for found in seen.findings if found.unsafe is not None}
    flagged = [frame for frame, score in scores.items() if score >= _REVIEW]
    worst = max(scores.values(), default=None)
    verdict = _band(worst or 0.0)
    if worst is None:
        explanation = "no keyframe could be looked at"
    elif flagged:
        explanation = (
            f"{len(flagged)} of {len(scores)} keyframes score {_REVIEW} or more for sexually explicit content, "
            f"the highest {worst:.2f}"
        )
    else:
        explanation = f"the highest score of {len(scores)} keyframes is {worst:.2f}, under {_REVIEW}"
    clause = ClauseVerdict(CLAUSE, verdict, worst, explanation, seen.axis.instances(flagged))
    review = tuple(
        ReviewItem(
            CLAUSE,
            instance.start_seconds,
            instance.end_seconds,
            instance.keyframes,
            f"scores up to {max(scores[frame] for frame in instance.keyframes):.2f}; "
            f"{_REVIEW} to {_BLOCK} is for a person to decide",
        )
        for instance in clause.instances
        if max(scores[frame] for frame in instance.keyframes) < _BLOCK
    )
    return ModerationResult(POLICY, verdict, (clause,), review)


def _band(score: float) -> Verdict:
    if score >= _BLOCK:
        return "block"
    return "review" if score >= _REVIEW else "allow"
