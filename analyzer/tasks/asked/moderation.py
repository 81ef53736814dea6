"""The task ``moderation``, asked of a model: for each clause of a policy a verdict and the evidence."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel, create_model

from analyzer.asking import Answered, Inquiry
from analyzer.conversation import Batch, Reply
from analyzer.parsing import Confidence, Paragraph, read, strict_schema
from analyzer.prompting import load
from analyzer.requests import AnalysisRequest, Clause, Policy
from analyzer.tasks.asked.spans import SpanEntry, check_entries, in_order
from analyzer.timeline import Axis
from analyzer.types import ClauseVerdict, ModerationResult, ReviewItem, Verdict

DEFAULT_POLICY: Final = Policy(
    "sceneline-general",
    "1",
    (
        Clause("sexual", "Nudity or sexual acts, unless clearly medical, educational or artistic."),
        Clause(
            "violence", "Injury, blood, or people or animals being hurt, other than in plainly staged sport."
        ),
        Clause("weapons", "Firearms, knives or explosives shown as weapons or pointed at somebody."),
        Clause("self_harm", "Suicide or self-injury, or means of it presented as such."),
        Clause("hate", "Symbols, gestures or writing of hatred against a group of people."),
        Clause("drugs", "Use, making or selling of illegal drugs."),
        Clause("danger", "Acts likely to kill or injure those who imitate them."),
    ),
)
_UNSAID: Final = 0.5
"""Confidence of a finding whose confidence was not given: a person should look."""
_ORDER: Final[dict[Verdict, int]] = {"allow": 0, "review": 1, "block": 2}


class FindingEntry(SpanEntry):
    """One stretch that may fall under a clause."""

    clause: str
    explanation: Paragraph = ""
    confidence: Confidence = None


class ModerationReply(BaseModel):
    """An answer to ``moderation``."""

    findings: list[FindingEntry]


def inquire(request: AnalysisRequest) -> Inquiry[ModerationReply]:
    """What is asked of each batch."""
    policy = request.policy or DEFAULT_POLICY
    form = _form(policy)
    clauses = "".join(f"- `{clause.id}`: {clause.description}\n" for clause in policy.clauses)

    def read_findings(reply: Reply, batch: Batch) -> ModerationReply:
        said = read(reply, form, batch.frames)
        check_entries(
            [(entry.frames(batch), entry.clause, entry.explanation) for entry in said.findings], batch
        )
        return said

    words = {"instructions": request.instructions, "clauses": clauses}
    return Inquiry("moderation", load("moderation"), read_findings, strict_schema(form), words)


def conclude(
    answers: Sequence[Answered[ModerationReply]], axis: Axis, request: AnalysisRequest
) -> ModerationResult:
    """A verdict for each clause and one for the whole; what lies between the bands is for a person."""
    policy = request.policy or DEFAULT_POLICY
    found = defaultdict(list)
    for answer in in_order(answers):
        for entry in answer.said.findings:
            found[entry.clause].append((entry, entry.frames(answer.batch)))
    clauses: list[ClauseVerdict] = []
    review: list[ReviewItem] = []
    for clause in policy.clauses:
        verdict, doubts = _judge(clause, found[clause.id], axis)
        clauses.append(verdict)
        review += doubts
    worst: Verdict = max((clause.verdict for clause in clauses), key=_ORDER.__getitem__, default="allow")
    return ModerationResult(f"{policy.name} {policy.version}", worst, tuple(clauses), tuple(review))


def _judge(
    clause: Clause, found: Sequence[tuple[FindingEntry, tuple[int, ...]]], axis: Axis
) -> tuple[ClauseVerdict, list[ReviewItem]]:
    scores: dict[int, float] = {}
    explanations: dict[int, str] = {}
    for entry, frames in found:
        confidence = _UNSAID if entry.confidence is None else entry.confidence
        for frame in frames:
            if confidence > scores.get(frame, -1.0):
                scores[frame], explanations[frame] = confidence, entry.explanation
    flagged = sorted(frame for frame, score in scores.items() if score >= clause.review_from)
    bands = (clause.review_from, clause.block_from)
    worst = max(scores, key=lambda frame: (scores[frame], -frame), default=None)
    if worst is None:
        nothing = "nothing of the kind was seen"
        return ClauseVerdict(clause.id, "allow", None, nothing, (), *bands), []
    instances = axis.instances(flagged, bridged=0)
    verdict = ClauseVerdict(
        clause.id, _band(scores[worst], clause), scores[worst], explanations[worst], instances, *bands
    )
    surest = [max(i.keyframes, key=lambda frame: (scores[frame], -frame)) for i in instances]
    doubts = [
        ReviewItem(
            clause.id,
            instance.start_seconds,
            instance.end_seconds,
            instance.keyframes,
            explanations[frame],
            scores[frame],
        )
        for instance, frame in zip(instances, surest, strict=True)
        if scores[frame] < clause.block_from
    ]
    return verdict, doubts


def _band(score: float, clause: Clause) -> Verdict:
    if score >= clause.block_from:
        return "block"
    return "review" if score >= clause.review_from else "allow"


def _form(policy: Policy) -> type[ModerationReply]:
    """The reply model; the policy's clauses are the only ones."""
    known: Any = Literal[tuple(clause.id for clause in policy.clauses)]
    entry: Any = create_model("KnownFindingEntry", __base__=FindingEntry, clause=(known, ...))
    return create_model("KnownModerationReply", __base__=ModerationReply, findings=(list[entry], ...))
