"""What moderation may say of a video that was not looked at in full."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from analyzer.timeline import Axis
from analyzer.types import ModerationResult, ReviewItem, Verdict

UNSEEN: Final = "unseen"
"""What takes the place of the clause where a person is to look for whatever any of them forbids."""


def cautious(judged: ModerationResult, axis: Axis, unseen: Iterable[int]) -> ModerationResult:
    """The judgement, with nothing allowed where keyframes were not looked at: that part is for a person to see."""
    stretches = axis.unseen(unseen)
    if not stretches:
        return judged
    missed = sum(len(stretch.keyframes) for stretch in stretches)
    unknown = f"{missed} of {missed + len(axis.seen)} keyframes could not be looked at"
    return replace(
        judged,
        verdict=_at_least_review(judged.verdict),
        clauses=tuple(
            replace(
                clause,
                verdict=_at_least_review(clause.verdict),
                explanation=f"{clause.explanation}; {unknown}",
            )
            for clause in judged.clauses
        ),
        review=(
            *judged.review,
            *(
                ReviewItem(
                    UNSEEN, stretch.start_seconds, stretch.end_seconds, stretch.keyframes, "not looked at"
                )
                for stretch in stretches
            ),
        ),
    )


def _at_least_review(verdict: Verdict) -> Verdict:
    return "review" if verdict == "allow" else verdict
