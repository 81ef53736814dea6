"""The task ``text``, asked of a model: what is to be read, letter by letter."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Annotated, Final

from pydantic import BaseModel, Field

from analyzer.asking import Answered, Inquiry
from analyzer.conversation import Batch, Reply
from analyzer.parsing import Confidence, GridBox, Line, Verbatim, read, strict_schema
from analyzer.prompting import load
from analyzer.requests import AnalysisRequest
from analyzer.tasks.asked.spans import SpanEntry, best, check_entries, in_order, renumbered_entries
from analyzer.timeline import Axis
from analyzer.types import Box, TextElement
from sampler import Keyframe

_ALIKE: Final = 0.85
"""Share of characters two readings of one text have in common (Ratcliff and Obershelp)."""
_SMALL_PIXELS: Final = 16
"""Lines of writing lower than this are hard to read letter by letter."""
_SAME_PLACE: Final = 0.3
"""Intersection over union of the boxes of two readings of one text."""


class TextEntry(SpanEntry):
    """One text and one stretch it stays on screen."""

    text: Annotated[Verbatim, Field(min_length=1)]
    language: Line | None = None
    box: GridBox
    """In the first of its frames."""
    confidence: Confidence = None


class TextReply(BaseModel):
    """An answer to ``text``."""

    texts: list[TextEntry]


def inquire(request: AnalysisRequest) -> Inquiry[TextReply]:
    """What is asked of each batch."""

    def read_text(reply: Reply, batch: Batch) -> TextReply:
        said = read(reply, TextReply, batch.frames)
        check_entries([(entry.frames(batch), entry.text, entry.box) for entry in said.texts], batch)
        return said

    words = {"instructions": request.instructions}
    return Inquiry("text", load("text"), read_text, strict_schema(TextReply), words)


def conclude(answers: Sequence[Answered[TextReply]], axis: Axis) -> tuple[TextElement, ...]:
    """Each text once, with every stretch it was on screen, by first appearance."""
    groups: list[list[tuple[TextEntry, tuple[int, ...]]]] = []
    for entry, frames in _sightings(answers):
        group = next((g for g in groups if _alike(g[0][0].text, entry.text)), None)
        if group is None:
            groups.append([(entry, frames)])
        else:
            group.append((entry, frames))
    return tuple(_element(group, axis) for group in groups)


def small_in(answers: Sequence[Answered[TextReply]]) -> Iterator[int]:
    """The keyframe of each text whose lines are only a few pixels high."""
    for answer in answers:
        heights = {keyframe.index: keyframe.height for keyframe in answer.batch.keyframes}
        for entry in answer.said.texts:
            lines = entry.text.count("\n") + 1
            if (entry.box[3] - entry.box[1]) * heights[entry.first_frame] < _SMALL_PIXELS * lines:
                yield entry.first_frame


def corrected(
    first: Sequence[Answered[TextReply]], closer: Sequence[Answered[TextReply]]
) -> list[Answered[TextReply]]:
    """All answers, what was read before exchanged for what was read in the same place of a larger picture."""
    better = [(entry, set(entry.frames(answer.batch))) for answer in closer for entry in answer.said.texts]

    def best_reading(entry: TextEntry, batch: Batch) -> TextEntry:
        frames = set(entry.frames(batch))
        there = [(_overlap(entry.box, other.box), other) for other, seen in better if seen & frames]
        overlap, other = max(there, key=lambda pair: pair[0], default=(0.0, entry))
        if overlap < _SAME_PLACE:
            return entry
        return entry.model_copy(update={"text": other.text, "confidence": other.confidence})

    exchanged = [
        replace(
            answer,
            said=TextReply(texts=[best_reading(entry, answer.batch) for entry in answer.said.texts]),
        )
        for answer in first
    ]
    return [*exchanged, *closer]


def renumbered(
    answer: Answered[TextReply], numbers: Mapping[int, int], keyframes: Sequence[Keyframe]
) -> Answered[TextReply]:
    """The same answer after its keyframes got new numbers; ``keyframes`` are all there are, by new number."""
    return renumbered_entries(answer, "texts", numbers, keyframes)


def _overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1])
    return width * height / (both - width * height)


def _sightings(answers: Sequence[Answered[TextReply]]) -> Iterator[tuple[TextEntry, tuple[int, ...]]]:
    seen = [
        (entry, entry.frames(answer.batch)) for answer in in_order(answers) for entry in answer.said.texts
    ]
    yield from sorted(seen, key=lambda sighting: (sighting[1], sighting[0].box[1], sighting[0].box[0]))


def _element(group: Sequence[tuple[TextEntry, tuple[int, ...]]], axis: Axis) -> TextElement:
    told = max((entry for entry, _frames in group), key=lambda e: (e.confidence or 0.0, len(e.text), e.text))
    frames = sorted({frame for _entry, run in group for frame in run})
    return TextElement(
        text=told.text,
        language=next((entry.language for entry, _frames in group if entry.language), None),
        confidence=best(entry.confidence for entry, _frames in group),
        box=group[0][0].box,
        instances=axis.instances(frames, bridged=0),
    )


def _alike(one: str, other: str) -> bool:
    """Whether two readings are of one text; what differs in its digits is another text."""
    one, other = " ".join(one.casefold().split()), " ".join(other.casefold().split())
    if one == other:
        return True
    if [c for c in one if c.isdigit()] != [c for c in other if c.isdigit()]:
        return False
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.quick_ratio() >= _ALIKE and matcher.ratio() >= _ALIKE
