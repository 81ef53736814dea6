"""Texts become events: lines that come and go together are one, named by the largest of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from analyzer.describing import headline
from analyzer.drafts import Draft
from analyzer.reading import Passage
from analyzer.tasks.text import MISSED
from analyzer.types import EventBox
from analyzer.understanding import Understanding
from analyzer.wording import quoted, sentence

SOURCE: Final = "pp-ocrv6-small"
_TOGETHER: Final = 0.6
"""Share of their keyframes that texts of one event have in common."""


@dataclass(slots=True)
class _Group:
    passages: list[Passage]
    frames: set[int]


def draft_captions(seen: Understanding) -> Iterator[Draft]:
    """Yield one draft for each group of texts that are on screen together, and one for each clock or counter.

    Scraps such as the numbers of a chart are left to the task ``text``.
    """
    groups: list[_Group] = []
    for passage in sorted(seen.passages, key=lambda passage: (-len(passage.frames), passage.frames[0])):
        if passage.running:
            yield _counter(passage)
            continue
        for run in seen.axis.runs(passage.frames, MISSED):
            frames = set(range(run[0], run[-1] + 1)) & set(seen.axis.seen)
            fitting = next((group for group in groups if _alike(group.frames, frames)), None)
            if fitting is None:
                groups.append(_Group([passage], frames))
            else:
                fitting.passages.append(passage)
    for group in groups:
        title = headline(group.passages)
        if title:
            yield _caption(title, group.passages, tuple(sorted(group.frames)))


def _alike(one: set[int], other: set[int]) -> bool:
    return len(one & other) >= _TOGETHER * len(one | other)


def _counter(passage: Passage) -> Draft:
    first, _, last = passage.text.partition(" … ")
    return Draft(
        track="text",
        label=passage.text,
        description=sentence(f"a clock or counter runs from {first} to {last}"),
        frames=passage.frames,
        confidence=passage.confidence,
        confidence_kind="detector",
        source=SOURCE,
        boxes=(EventBox(passage.frames[0], passage.text, passage.box, passage.confidence),),
        attributes={"running": True},
    )


def _caption(title: str, passages: Sequence[Passage], frames: tuple[int, ...]) -> Draft:
    lines = [
        passage.text for passage in sorted(passages, key=lambda passage: (passage.box[1], passage.box[0]))
    ]
    more = sum(line not in title for line in lines)
    rest = "" if not more else f" with {more} more line{'s' if more > 1 else ''} of text"
    return Draft(
        track="text",
        label=title,
        description=sentence(f"the text {quoted(title, 120)} is shown{rest}"),
        frames=frames,
        confidence=min(passage.confidence for passage in passages),
        confidence_kind="detector",
        source=SOURCE,
        boxes=tuple(
            EventBox(passage.frames[0], passage.text, passage.box, passage.confidence) for passage in passages
        ),
        attributes={"lines": lines},
    )
