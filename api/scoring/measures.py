"""Measures of a timeline against a truth: pure functions on intervals, texts, boxes and verdicts.

Intervals are ``(start, end)`` in seconds, half-open; boxes are ``(x0, y0, x1, y1)``. A measure whose
denominator is zero is ``None`` ("nothing to measure"), never 0.0.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

Interval = tuple[float, float]
BoxCorners = tuple[float, float, float, float]

THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""0.50, 0.55 … 0.95: the thresholds averaged by COCO, ActivityNet and QVHighlights."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Precision, recall and F1 of a one-to-one matching; None where nothing was there to be matched."""

    precision: float | None
    recall: float | None
    f1: float | None

    @classmethod
    def of(cls, matched: float, predicted: int, expected: int) -> "Agreement":
        """``matched`` may be a sum of partial credits, as in SODA."""
        if not predicted and not expected:
            return cls(None, None, None)
        return cls(
            precision=matched / predicted if predicted else None,
            recall=matched / expected if expected else None,
            f1=2 * matched / (predicted + expected),
        )


def interval_iou(one: Interval, other: Interval) -> float:
    """Intersection over union of two intervals; 0 for intervals that do not touch."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    if shared <= 0:
        return 0.0
    return shared / (max(one[1], other[1]) - min(one[0], other[0]))


def box_iou(one: BoxCorners, other: BoxCorners) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (_area(one) + _area(other) - shared)


def count_matches(predicted: int, expected: int, agree: Callable[[int, int], bool]) -> int:
    """The largest number of pairs in a one-to-one matching, by augmenting paths (Kuhn 1955)."""
    partner: dict[int, int] = {}

    def place(prediction: int, seen: set[int]) -> bool:
        for truth in range(expected):
            if truth in seen or not agree(prediction, truth):
                continue
            seen.add(truth)
            if truth not in partner or place(partner[truth], seen):
                partner[truth] = prediction
                return True
        return False

    return sum(place(prediction, set()) for prediction in range(predicted))


def event_agreement(predicted: Sequence[Interval], expected: Sequence[Interval], tiou: float) -> Agreement:
    """Precision, recall and F1 of intervals matched one to one where their temporal IoU reaches ``tiou``."""
    matched = count_matches(
        len(predicted), len(expected), lambda p, t: interval_iou(predicted[p], expected[t]) >= tiou
    )
    return Agreement.of(matched, len(predicted), len(expected))


def boundary_agreement(predicted: Sequence[float], expected: Sequence[float], tolerance: float) -> Agreement:
    """Precision, recall and F1 of points in time matched one to one within ``tolerance`` seconds."""
    matched = count_matches(
        len(predicted), len(expected), lambda p, t: abs(predicted[p] - expected[t]) <= tolerance + 1e-9
    )
    return Agreement.of(matched, len(predicted), len(expected))


def average_precision(hits: Sequence[tuple[float, bool]], expected: int) -> float | None:
    """Area under the interpolated precision-recall curve (Pascal VOC 2010 and later, ActivityNet).

    Args:
        hits: For each prediction its score and whether it was matched to a truth of its own.
        expected: How many truths there are; None is returned for 0.
    """
    if not expected:
        return None
    precisions, recalls, correct = [0.0], [0.0], 0
    for rank, (_, hit) in enumerate(sorted(hits, key=lambda h: -h[0]), start=1):
        correct += hit
        precisions.append(correct / rank)
        recalls.append(correct / expected)
    for index in range(len(precisions) - 2, -1, -1):
        precisions[index] = max(precisions[index], precisions[index + 1])
    return sum(
        (right - left) * precision
        for (left, right), precision in zip(pairwise(recalls), precisions[1:], strict=True)
    )


def claim_truths(
    scores: Sequence[float], expected: int, overlap: Callable[[int, int], float], threshold: float
) -> list[tuple[float, bool]]:
    """Lets predictions claim truths in order of score, each the best one still free above ``threshold``."""
    free, hits = set(range(expected)), []
    for prediction in sorted(range(len(scores)), key=lambda p: (-scores[p], p)):
        best = max(free, key=lambda t: (overlap(prediction, t), -t), default=None)
        hit = best is not None and overlap(prediction, best) >= threshold
        if hit and best is not None:
            free.remove(best)
        hits.append((scores[prediction], hit))
    return hits


def mean_average_precision(
    scores: Sequence[float], expected: int, overlap: Callable[[int, int], float]
) -> float | None:
    """Average precision averaged over the thresholds 0.5, 0.55 … 0.95."""
    values = [
        average_precision(claim_truths(scores, expected, overlap, threshold), expected)
        for threshold in THRESHOLDS
    ]
    return mean([value for value in values if value is not None])


def soda(predicted: Sequence[tuple[Interval, str]], expected: Sequence[tuple[Interval, str]]) -> Agreement:
    """SODA(c) with token F1 in place of METEOR.

    The best matching that keeps the order of time, found by dynamic programming over temporal IoU × text
    similarity (Fujita et al., "SODA: Story Oriented Dense Video Captioning Evaluation Framework", ECCV 2020).
    Figures are not comparable with published ones: METEOR also credits stems and synonyms.
    """
    ours, theirs = sorted(predicted), sorted(expected)
    best = [0.0] * (len(theirs) + 1)
    for interval, text in ours:
        row = [0.0]
        for column, (truth_interval, truth_text) in enumerate(theirs, start=1):
            gain = interval_iou(interval, truth_interval) * token_f1(text, truth_text)
            row.append(max(best[column], row[-1], best[column - 1] + gain))
        best = row
    return Agreement.of(best[-1], len(ours), len(theirs))


def tokens(text: str) -> list[str]:
    """Words in lower case, punctuation dropped."""
    return re.findall(r"\w+", text.casefold())


def token_f1(one: str, other: str) -> float:
    """F1 of the two texts' bags of words (as in SQuAD); 1.0 for two empty texts."""
    left, right = Counter(tokens(one)), Counter(tokens(other))
    total = left.total() + right.total()
    return 2 * (left & right).total() / total if total else 1.0


def edit_distance(one: str, other: str) -> int:
    """Levenshtein distance in characters."""
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, start=1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(other, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (left != right))
    return row[-1]


def character_error_rate(readings: Sequence[tuple[str, str]]) -> float | None:
    """Edits over truth characters, pooled over ``(read, truth)`` pairs; spaces and case are folded.

    Can exceed 1 when more was read than there is.
    """
    folded = [(_fold(read), _fold(truth)) for read, truth in readings]
    length = sum(len(truth) for _, truth in folded)
    return sum(edit_distance(read, truth) for read, truth in folded) / length if length else None


def calibration_error(judged: Sequence[tuple[float, bool]], bins: int = 10) -> float | None:
    """Expected calibration error with equal-width bins.

    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.

    Args:
        judged: For each prediction its confidence 0..1 and whether it was right.
        bins: How many bins 0..1 is cut into; the last one includes 1.
    """
    if not judged:
        return None
    binned: dict[int, list[tuple[float, bool]]] = {}
    for confidence, right in judged:
        binned.setdefault(min(int(confidence * bins), bins - 1), []).append((confidence, right))
    return sum(
        abs(math.fsum(confidence for confidence, _ in members) - sum(right for _, right in members))
        for members in binned.values()
    ) / len(judged)


def mean(values: Sequence[float]) -> float | None:
    """Arithmetic mean; None of nothing."""
    return math.fsum(values) / len(values) if values else None


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())


def _area(box: BoxCorners) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
