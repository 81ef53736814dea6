"""Cutting the keyframes into batches that a model can take, each sharing a few with the one before."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from analyzer.conversation import Batch, ModelProfile
from analyzer.errors import AnalysisRequestError
from sampler import Keyframe

DEFAULT_OVERLAP = 1


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What one request may hold."""

    images: int
    """Pictures at most; at least 1."""
    tokens: int
    """Tokens of all its pictures at most."""
    overlap: int = DEFAULT_OVERLAP
    """Keyframes shared with the batch before; fewer where the limits leave no room for a new one."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a batch lies among the keyframes: ``[start, stop)``, the first ``overlap`` shown before."""

    start: int
    stop: int
    overlap: int


def limits_of(profile: ModelProfile, *, text_tokens: int, overlap: int = DEFAULT_OVERLAP) -> BatchLimits:
    """What a model leaves for pictures after the text of the question and the longest answer."""
    return BatchLimits(
        images=min(profile.max_images, profile.images_per_batch),
        tokens=profile.context_tokens - profile.max_output_tokens - text_tokens,
        overlap=overlap,
    )


def plan_cuts(tokens: Sequence[int], limits: BatchLimits) -> tuple[Cut, ...]:
    """Split pictures of these costs, in order, into as few batches as the limits allow, of about equal size.

    Every picture is in at least one cut, order is kept, no cut is beyond the limits.

    Raises:
        AnalysisRequestError: a single picture is beyond the token limit.
    """
    for index, cost in enumerate(tokens):
        if cost > limits.tokens:
            raise AnalysisRequestError(
                f"keyframe {index} takes {cost} tokens and the model has room for {max(0, limits.tokens)}; "
                "sample smaller pictures or use a model with a longer context"
            )
    fewest = _greedy(tokens, limits, limits.images)
    if len(fewest) < 2:
        return fewest
    smallest = max(ceil(len(tokens) / len(fewest)), limits.overlap + 1)
    for images in range(smallest, limits.images):
        even = _greedy(tokens, limits, images)
        if len(even) == len(fewest):
            return even
    return fewest


def _greedy(tokens: Sequence[int], limits: BatchLimits, images: int) -> tuple[Cut, ...]:
    cuts: list[Cut] = []
    stop = 0
    while stop < len(tokens):
        overlap = _overlap(tokens, limits, images, cuts[-1] if cuts else None)
        start = stop - overlap
        total = sum(tokens[start:stop])
        while stop < len(tokens) and stop - start < images and total + tokens[stop] <= limits.tokens:
            total += tokens[stop]
            stop += 1
        cuts.append(Cut(start, stop, overlap))
    return tuple(cuts)


def _overlap(tokens: Sequence[int], limits: BatchLimits, images: int, before: Cut | None) -> int:
    """How much to repeat: what was asked for, less where the next picture would find no room."""
    if before is None:
        return 0
    most = min(limits.overlap, images - 1, before.stop - before.start)
    fitting = (
        n for n in range(most, 0, -1) if sum(tokens[before.stop - n : before.stop + 1]) <= limits.tokens
    )
    return next(fitting, 0)


def fill(cuts: Sequence[Cut], keyframes: Iterable[Keyframe]) -> Iterator[Batch]:
    """Yield each batch as soon as its last keyframe has arrived; holds no more pictures than two batches."""
    waiting: list[Keyframe] = []
    first = 0
    arriving = enumerate(keyframes, start=1)
    seen = 0
    for index, cut in enumerate(cuts):
        while seen < cut.stop:
            seen, keyframe = next(arriving)
            waiting.append(keyframe)
        waiting, first = waiting[cut.start - first :], cut.start
        yield Batch(index, tuple(waiting[: cut.stop - cut.start]), cut.overlap)
