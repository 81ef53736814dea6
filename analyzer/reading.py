"""Lines read on single keyframes become texts with the time they were on screen.

The same text is read a little differently on every keyframe: readings of one place that resemble each other are one
text, and the reading kept is the one with most confidence behind it. A clock or counter, whose digits differ while
all else stays, is one text too.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from analyzer.timeline import Axis
from analyzer.tracking import centre
from analyzer.types import Box, Findings, TextLine

_ALIKE: Final = 0.75
"""Share of characters two readings of one text have in common (Ratcliff and Obershelp)."""
_NEAR: Final = 1.5
"""Distance of two readings of one text in heights of the line, unless the text itself moves."""
_RUNNING: Final = 3
"""Different values from which changing digits count as a clock or counter."""
_SHORT: Final = 3
"""Characters up to which a reading must be surer, for noise is short."""
_SURE: Final = 0.85
"""Confidence of a good reading; print too small to be read comes out as nonsense under it."""
_LIKELY: Final = 0.7
"""Confidence from which a reading may belong to a text that was read well once."""
_MISSED: Final = 3
"""Keyframes on which a text may be missed and still be the one seen before."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One text and the keyframes it was read on."""

    text: str
    """The best reading; of a clock or counter its first and last values."""
    frames: tuple[int, ...]
    box: Box
    """Where it is on the first of these keyframes."""
    confidence: float
    """Of the best reading, the reader's own."""
    running: bool
    """Whether it is a clock or counter."""

    @property
    def height(self) -> float:
        """Height of the line, as a share of the picture's."""
        return self.box[3] - self.box[1]


@dataclass(slots=True)
class _Thread:
    """A passage while it grows."""

    reads: list[tuple[int, TextLine]]
    place: int


def gather(findings: Sequence[Findings], axis: Axis) -> tuple[Passage, ...]:
    """Fuse the lines of all keyframes into passages, by first keyframe, then top to bottom."""
    threads: list[_Thread] = []
    for place, found in enumerate(findings):
        for line in found.text or ():
            if not _is_plausible(line):
                continue
            thread = _best(threads, line, found.keyframe, place)
            if thread is None:
                threads.append(_Thread([(found.keyframe, line)], place))
            else:
                thread.reads.append((found.keyframe, line))
                thread.place = place
    passages = [_fuse(thread) for thread in threads if _is_confirmed(thread, axis)]
    return tuple(sorted(passages, key=lambda passage: (passage.frames[0], passage.box[1], passage.box[0])))


def normalise(text: str) -> str:
    """Return the text as readings are compared: no case, no spaces, no marks a reader confuses."""
    return re.sub(r"[\W_]+", "", text.casefold())


def resembles(one: str, other: str) -> bool:
    """Say whether two readings may be of one text; digits of a clock or counter may differ."""
    one, other = normalise(one), normalise(other)
    if one == other:
        return True
    if _masked(one) == _masked(other):
        return True
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return (
        matcher.real_quick_ratio() >= _ALIKE and matcher.quick_ratio() >= _ALIKE and matcher.ratio() >= _ALIKE
    )


def _best(threads: Sequence[_Thread], line: TextLine, keyframe: int, place: int) -> _Thread | None:
    fitting = [
        (gap, number)
        for number, thread in enumerate(threads)
        if place - thread.place <= _MISSED + 1
        and thread.reads[-1][0] != keyframe
        and (gap := _gap(thread.reads[-1][1], line)) is not None
    ]
    return threads[min(fitting)[1]] if fitting else None


def _gap(one: TextLine, other: TextLine) -> float | None:
    """Return how far apart two readings of one text are, in heights of the line; None when they are not of one."""
    height = max(one.box[3] - one.box[1], other.box[3] - other.box[1], 1e-6)
    (ax, ay), (bx, by) = centre(one.box), centre(other.box)
    # The left edge stays when a line's end is read differently, so the nearer of edge and centre counts.
    across = min(abs(ax - bx), abs(one.box[0] - other.box[0]))
    gap = max(across, abs(ay - by)) / height
    same = normalise(one.text) == normalise(other.text)
    if not same and (gap > _NEAR or not resembles(one.text, other.text)):
        return None
    return gap


def _masked(text: str) -> str:
    return re.sub(r"\d", "#", text) if re.search(r"\d", text) else f"={text}"


def _is_plausible(line: TextLine) -> bool:
    letters = normalise(line.text)
    if len(letters) < 2:
        return False
    return line.confidence >= (_SURE if len(letters) <= _SHORT else _LIKELY)


def _is_confirmed(thread: _Thread, axis: Axis) -> bool:
    """Say whether a text is to be believed: read well once, and again or long enough to be no accident."""
    if max(line.confidence for _, line in thread.reads) < _SURE:
        return False
    if len(thread.reads) > 1:
        return True
    frame, line = thread.reads[0]
    alone = sum(axis.shot(other) == axis.shot(frame) for other in axis.seen) == 1
    return alone or len(normalise(line.text)) > _SHORT


def _fuse(thread: _Thread) -> Passage:
    votes: dict[str, float] = defaultdict(float)
    for _, line in thread.reads:
        votes[line.text] += line.confidence
    values = list(dict.fromkeys(line.text for _, line in thread.reads))
    masks = {_masked(normalise(value)) for value in values}
    running = len(values) >= _RUNNING and len(masks) == 1 and not next(iter(masks)).startswith("=")
    best = max(votes, key=lambda text: (votes[text], text))
    text = f"{values[0]} … {thread.reads[-1][1].text}" if running else best
    confidence = max(line.confidence for _, line in thread.reads if running or line.text == best)
    return Passage(
        text, tuple(frame for frame, _ in thread.reads), thread.reads[0][1].box, confidence, running
    )
