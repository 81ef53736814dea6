"""How far a model's confidence in moderation can be trusted, by what people decided. Pure.

People decide about what lay between the bands and about nothing else: below ``review_from`` nobody looked, from
``block_from`` on nobody was asked. So precision, recall and suggestions hold for what was decided about, and a band is
suggested only where enough decisions speak for it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from api.scoring.measures import Agreement, calibration_error, mean

BINS: Final = 10
FEWEST: Final = 10
"""Decisions on one side of a band that it takes to suggest it."""
SURE_BLOCK: Final = 0.95
"""Share of decisions to block from which nobody need be asked any more."""
SURE_ALLOW: Final = 0.02
"""Share of decisions to block up to which nobody need be asked at all."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One decision of a person about something a model was unsure of."""

    model: str
    policy: str
    """Name and version."""
    clause: str
    confidence: float | None
    """The model's, 0 to 1; None where its timeline does not say."""
    blocked: bool
    review_from: float | None
    block_from: float | None


@dataclass(frozen=True, slots=True)
class Bin:
    """The decisions about what a model was about equally sure of."""

    from_confidence: float
    to_confidence: float
    decisions: int
    mean_confidence: float
    blocked_share: float
    """What the confidence would be if it were right."""


@dataclass(frozen=True, slots=True)
class BandReport:
    """A confidence from which something is done, and how that agrees with what people decided."""

    from_confidence: float
    decisions: int
    """About what lies at or above it."""
    precision: float | None
    """Share of those that were to block."""
    recall: float | None
    """Share of all decisions to block that lie at or above it."""
    f1: float | None


@dataclass(frozen=True, slots=True)
class ClauseCalibration:
    """One clause of one policy, as one model judged it."""

    model: str
    policy: str
    clause: str
    decisions: int
    """Those whose confidence is known."""
    blocked: int
    mean_confidence: float
    calibration_error: float
    """Expected calibration error over ten bins."""
    brier_score: float
    """Mean squared difference between confidence and decision; 0 is best."""
    bins: tuple[Bin, ...]
    """Those with decisions in them."""
    review_band: BandReport | None
    """At the policy's ``review_from``, as it was last used; None where the timelines do not say."""
    block_band: BandReport | None
    suggested_review_from: float | None
    """The highest confidence below which at least ten decisions were made and 2 % at most were to block."""
    suggested_block_from: float | None
    """The lowest confidence from which at least ten decisions were made and 95 % at least were to block."""


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """Decisions of people held against the confidence of models."""

    decisions: int
    without_confidence: int
    """Decisions that cannot be used: nobody had looked there, or the timeline was made by an earlier version."""
    clauses: tuple[ClauseCalibration, ...]


def calibrate(judged: Iterable[Judged]) -> CalibrationReport:
    """The report over decisions, given oldest first: each model, policy and clause by itself."""
    groups: defaultdict[tuple[str, str, str], list[Judged]] = defaultdict(list)
    decisions = without = 0
    for each in judged:
        decisions += 1
        if each.confidence is None:
            without += 1
        else:
            groups[each.model, each.policy, each.clause].append(each)
    return CalibrationReport(decisions, without, tuple(_clause(groups[name]) for name in sorted(groups)))


def _clause(judged: Sequence[Judged]) -> ClauseCalibration:
    newest = judged[-1]
    pairs = sorted((each.confidence or 0.0, each.blocked) for each in judged)
    block_from = _block_from(pairs)
    review_from = _review_from(pairs)
    if review_from is not None and block_from is not None:
        review_from = min(review_from, block_from)
    return ClauseCalibration(
        model=newest.model,
        policy=newest.policy,
        clause=newest.clause,
        decisions=len(pairs),
        blocked=sum(blocked for _, blocked in pairs),
        mean_confidence=mean([confidence for confidence, _ in pairs]) or 0.0,
        calibration_error=calibration_error(pairs, BINS) or 0.0,
        brier_score=mean([(confidence - blocked) ** 2 for confidence, blocked in pairs]) or 0.0,
        bins=_bins(pairs),
        review_band=_band(pairs, newest.review_from),
        block_band=_band(pairs, newest.block_from),
        suggested_review_from=review_from,
        suggested_block_from=block_from,
    )


def _bins(pairs: Sequence[tuple[float, bool]]) -> tuple[Bin, ...]:
    """The bins ``calibration_error`` uses."""
    members: defaultdict[int, list[tuple[float, bool]]] = defaultdict(list)
    for confidence, blocked in pairs:
        members[min(int(confidence * BINS), BINS - 1)].append((confidence, blocked))
    return tuple(
        Bin(
            number / BINS,
            (number + 1) / BINS,
            len(inside),
            sum(confidence for confidence, _ in inside) / len(inside),
            sum(blocked for _, blocked in inside) / len(inside),
        )
        for number, inside in sorted(members.items())
    )


def _band(pairs: Sequence[tuple[float, bool]], start: float | None) -> BandReport | None:
    if start is None:
        return None
    above = [blocked for confidence, blocked in pairs if confidence >= start]
    all_blocked = sum(blocked for _, blocked in pairs)
    agreement = Agreement.of(sum(above), len(above), all_blocked)
    return BandReport(start, len(above), agreement.precision, agreement.recall, agreement.f1)


def _block_from(pairs: Sequence[tuple[float, bool]]) -> float | None:
    """``pairs`` ascend. Equal confidences stay together: a band cannot part them."""
    found, blocked = None, 0
    for count, place in enumerate(range(len(pairs) - 1, -1, -1), start=1):
        blocked += pairs[place][1]
        parted = place == 0 or pairs[place - 1][0] < pairs[place][0]
        if parted and count >= FEWEST and blocked >= SURE_BLOCK * count:
            found = pairs[place][0]
    return found


def _review_from(pairs: Sequence[tuple[float, bool]]) -> float | None:
    found, blocked = None, 0
    for count in range(1, len(pairs)):
        blocked += pairs[count - 1][1]
        parted = pairs[count - 1][0] < pairs[count][0]
        if parted and count >= FEWEST and blocked <= SURE_ALLOW * count:
            found = pairs[count][0]
    return found
