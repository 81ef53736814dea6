"""The task ``moderation``: a policy's clauses, each with a verdict and the evidence for it."""

from collections.abc import Sequence
from typing import Final

from analyzer.errors import AnalysisRequestError
from analyzer.requests import Clause, Policy
from analyzer.tasks.caution import cautious
from analyzer.timeline import Axis
from analyzer.types import ClauseVerdict, ModerationResult, ReviewItem, Verdict
from analyzer.understanding import Understanding
from sampler import Notice

DEFAULT_POLICY: Final = Policy(
    "sceneline-local",
    "1",
    (Clause("sexual", "Sexually explicit pictures.", review_from=0.6, block_from=0.85),),
)
"""What the local models can judge.

The classifier's authors published no calibration and name 0.2 and 0.8 as a start; on harmless footage faces close to
the camera and hands score up to 0.59, so the bands lie higher here. An eye being made up scores 0.96: people decide."""
_JUDGED: Final = frozenset({"sexual", "nudity", "explicit", "adult", "nsfw"})
"""Ids of clauses the classifier's score can be held against."""
_BEYOND: Final = "the local models cannot judge this"
_ORDER: Final[tuple[Verdict, ...]] = ("allow", "review", "block")


def check_policy(policy: Policy | None) -> tuple[Notice, ...]:
    """Return a warning for each clause that no local model can judge, and that is for a person therefore.

    Raises:
        AnalysisRequestError: none of the clauses can be judged.
    """
    if policy is None:
        return ()
    unjudged = [clause.id for clause in policy.clauses if clause.id not in _JUDGED]
    if len(unjudged) == len(policy.clauses):
        raise AnalysisRequestError(
            f"the local models can judge none of the clauses of {policy.name!r}; they know {', '.join(sorted(_JUDGED))}"
        )
    return tuple(
        Notice("clause_not_judged", f"the local models cannot judge the clause {clause!r}; a person has to")
        for clause in unjudged
    )


def moderate(seen: Understanding, policy: Policy | None, failed: Sequence[int] = ()) -> ModerationResult:
    """Judge the video by a policy, or by ours; what nobody judged is for a person, and never allowed.

    That is each clause that no local model can judge, and the stretches around ``failed``, the keyframes that could
    not be looked at.
    """
    policy = policy or DEFAULT_POLICY
    scores = {found.keyframe: found.unsafe for found in seen.findings if found.unsafe is not None}
    clauses: list[ClauseVerdict] = []
    review: list[ReviewItem] = []
    for clause in policy.clauses:
        verdict, doubts = (
            _judge(clause, scores, seen.axis) if clause.id in _JUDGED else _leave(clause, seen.axis)
        )
        clauses.append(verdict)
        review += doubts
    judgement = ModerationResult(
        policy=f"{policy.name} {policy.version}",
        verdict=max((clause.verdict for clause in clauses), key=_ORDER.index, default="allow"),
        clauses=tuple(clauses),
        review=tuple(review),
    )
    return cautious(judgement, seen.axis, failed)


def _judge(clause: Clause, scores: dict[int, float], axis: Axis) -> tuple[ClauseVerdict, list[ReviewItem]]:
    if not scores:
        return ClauseVerdict(clause.id, "review", None, "nothing has a score", (), *_bands(clause)), []
    worst = max(scores.values())
    flagged = [frame for frame, score in scores.items() if score >= clause.review_from]
    verdict: Verdict = "block" if worst >= clause.block_from else "review" if flagged else "allow"
    explanation = (
        f"{len(flagged)} of {len(scores)} keyframes score {clause.review_from} or more, the highest {worst:.2f}"
        if flagged
        else f"the highest score of {len(scores)} keyframes is {worst:.2f}, under {clause.review_from}"
    )
    instances = axis.instances(flagged)
    doubts = [
        ReviewItem(
            clause.id,
            instance.start_seconds,
            instance.end_seconds,
            instance.keyframes,
            f"scores up to {high:.2f}; {clause.review_from} to {clause.block_from} is for a person to decide",
            high,
        )
        for instance in instances
        if (high := max(scores[frame] for frame in instance.keyframes)) < clause.block_from
    ]
    return ClauseVerdict(clause.id, verdict, worst, explanation, instances, *_bands(clause)), doubts


def _leave(clause: Clause, axis: Axis) -> tuple[ClauseVerdict, list[ReviewItem]]:
    """Leave the clause to a person, on all of the video."""
    verdict = ClauseVerdict(clause.id, "review", None, _BEYOND, (), *_bands(clause))
    return verdict, [
        ReviewItem(clause.id, axis.plan.start_seconds, axis.plan.end_seconds, axis.seen, _BEYOND)
    ]


def _bands(clause: Clause) -> tuple[float, float]:
    return clause.review_from, clause.block_from
