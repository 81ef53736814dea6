"""Texts become events: lines that come and go together are one, named by the largest of them."""

from collections.abc import Iterator
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
    frames: set[int]
    """The stretch of its first text, with the keyframes on which that was missed."""
    stretches: list[tuple[Passage, tuple[int, ...]]]
    """Its texts, each with the keyframes of the stretch that it was read on."""


def draft_captions(seen: Understanding) -> Iterator[Draft]:
    """Yield one draft for each group of texts that are on screen together, and one for each clock or counter.

    Scraps such as the numbers of a chart are left to the task ``text``.
    """
    groups: list[_Group] = []
    for passage in sorted(seen.passages, key=lambda passage: (-len(passage.frames), passage.frames[0])):
        runs = list(seen.axis.runs(passage.frames, MISSED))
        if passage.running:
            yield from (_counter(passage, run, whole=len(runs) == 1) for run in runs)
            continue
        for run in runs:
            frames = set(range(run[0], run[-1] + 1)) & set(seen.axis.seen)
            fitting = next((group for group in groups if _alike(group.frames, frames)), None)
            if fitting is None:
                groups.append(_Group(frames, [(passage, run)]))
            else:
                fitting.stretches.append((passage, run))
    for group in groups:
        title = headline([passage for passage, _ in group.stretches])
        if title:
            yield _caption(title, group)


def _alike(one: set[int], other: set[int]) -> bool:
    return len(one & other) >= _TOGETHER * len(one | other)


def _counter(passage: Passage, run: tuple[int, ...], *, whole: bool) -> Draft:
    first, _, last = passage.text.partition(" … ")
    runs = f"runs from {first} to {last}"
    return Draft(
        track="text",
        label=passage.text,
        description=sentence(
            f"a clock or counter {runs}" if whole else f"a clock or counter that {runs} is shown"
        ),
        frames=run,
        confidence=passage.confidence,
        confidence_kind="detector",
        source=SOURCE,
        boxes=(_box(passage, run),),
        attributes={"running": True},
    )


def _caption(title: str, group: _Group) -> Draft:
    """Draft the event; its evidence are the keyframes on which one of its lines was read."""
    passages = [passage for passage, _ in group.stretches]
    lines = [
        passage.text for passage in sorted(passages, key=lambda passage: (passage.box[1], passage.box[0]))
    ]
    more = sum(line not in title for line in lines)
    rest = "" if not more else f" with {more} more line{'s' if more > 1 else ''} of text"
    return Draft(
        track="text",
        label=title,
        description=sentence(f"the text {quoted(title, 120)} is shown{rest}"),
        frames=tuple(sorted(group.frames & {frame for _, run in group.stretches for frame in run})),
        confidence=min(passage.confidence for passage in passages),
        confidence_kind="detector",
        source=SOURCE,
        boxes=tuple(_box(passage, run) for passage, run in group.stretches),
        attributes={"lines": lines},
    )


def _box(passage: Passage, run: tuple[int, ...]) -> EventBox:
    """Return where a text is when a stretch of it begins."""
    return EventBox(run[0], passage.text, passage.box_on(run[0]), passage.confidence)
