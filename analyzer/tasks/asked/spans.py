"""What the replies of most tasks have in common: entries that stretch from one keyframe to another."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Self, TypeVar

from pydantic import BaseModel, model_validator

from analyzer.asking import Answered
from analyzer.conversation import Batch
from analyzer.errors import UnusableAnswerError
from analyzer.parsing import Confidence, Frame, Row, refuse_loops
from sampler import Keyframe

R = TypeVar("R")
M = TypeVar("M", bound=BaseModel)

_MOST_PER_KEYFRAME = 8
"""Entries of a list a keyframe may reasonably bring; an answer with more is running wild."""
_FREE_ENTRIES = 24


class SpanEntry(BaseModel):
    """Something that is to be seen from one keyframe to another."""

    first_frame: Frame
    last_frame: Frame

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first_frame > self.last_frame:
            raise ValueError(f"first_frame {self.first_frame} lies after last_frame {self.last_frame}")
        return self

    def frames(self, batch: Batch) -> tuple[int, ...]:
        """The keyframes of the batch it stretches over."""
        return tuple(number for number in batch.frames if self.first_frame <= number <= self.last_frame)


def check_entries(rows: Sequence[Row], batch: Batch) -> None:
    """Refuse lists no honest look at so many pictures brings.

    Raises:
        UnusableAnswerError: the list repeats itself or does not end.
    """
    refuse_loops(rows)
    most = _FREE_ENTRIES + _MOST_PER_KEYFRAME * len(batch.keyframes)
    if len(rows) > most:
        raise UnusableAnswerError(
            f"{len(rows)} entries for {len(batch.keyframes)} pictures; give what matters"
        )


def in_order(answers: Iterable[Answered[R]]) -> list[Answered[R]]:
    """The answers by the keyframes they are about, whatever order they came in."""
    return sorted(answers, key=lambda answer: (answer.batch.frames, answer.batch.index))


def renumbered_entries(
    answer: Answered[M], listed: str, numbers: Mapping[int, int], keyframes: Sequence[Keyframe]
) -> Answered[M]:
    """The answer after its keyframes got new numbers; ``listed`` is the field of the reply that holds its entries."""
    entries = [
        entry.model_copy(
            update={"first_frame": numbers[entry.first_frame], "last_frame": numbers[entry.last_frame]}
        )
        for entry in getattr(answer.said, listed)
    ]
    shown = tuple(keyframes[numbers[frame]] for frame in answer.batch.frames)
    said = answer.said.model_copy(update={listed: entries})
    return replace(answer, batch=replace(answer.batch, keyframes=shown), said=said)


def shown_by_batch(answers: Sequence[Answered[R]]) -> dict[int, tuple[int, ...]]:
    """The keyframes of each answer, by its place in the order."""
    return {place: answer.batch.frames for place, answer in enumerate(answers)}


def best(confidences: Iterable[Confidence]) -> float | None:
    """The highest confidence that was given; None if none was."""
    return max((confidence for confidence in confidences if confidence is not None), default=None)


def joined(texts: Iterable[str], longest: int = 1_500) -> str:
    """Several short texts as one, each said once."""
    told = " ".join(dict.fromkeys(text for text in texts if text))
    return told if len(told) <= longest else f"{told[: longest - 1].rsplit(' ', 1)[0]}…"
