"""Lines read on single keyframes become texts with the time they were on screen.

The same text is read a little differently on every keyframe: readings of one place that resemble each other are one
text, and the reading kept is the one with most confidence behind it. A clock or counter, whose digits differ while
all else stays, is one text too.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from analyzer.findings import Findings, TextLine
from analyzer.timeline import Axis
from analyzer.tracking import centre
from analyzer.types import Box

_ALIKE: Final = 0.75
"""Share of characters two readings of one text have in common (Ratcliff and Obershelp)."""
_NEAR: Final = 1.5
"""Distance of two readings of one text in heights of the line, unless the text itself moves."""
_RUNNING: Final = 3
"""Different values from which changing digits count as a clock or counter."""
_FOLLOWING: Final = 0.7
"""Share of its readings that must follow one direction."""
_STANDING: Final = 0.4
"""Share of its readings from which one value does not run but stand, as the years under a chart do."""
_DIGITS: Final = 1 / 3
"""Share of its letters and digits that are digits in a clock or counter; ``page 1`` of a report is none."""
_SHORT: Final = 3
"""Characters up to which a reading must be surer, for noise is short."""
_SURE: Final = 0.85
"""Confidence of a good reading; print too small to be read comes out as nonsense under it."""
_ONCE: Final = 0.9
"""Confidence of a text that is read on a single keyframe."""
_LIKELY: Final = 0.7
"""Confidence from which a reading may belong to a text that was read well once."""
_MISSED: Final = 3
"""Keyframes on which a text may be missed without a pause in its being there."""


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

    @property
    def letters(self) -> int:
        """How many letters and digits it has."""
        return len(normalise(self.text))


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
            thread = _best(threads, line, found.keyframe, place, axis)
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


def _best(
    threads: Sequence[_Thread], line: TextLine, keyframe: int, place: int, axis: Axis
) -> _Thread | None:
    fitting = [
        (gap, number)
        for number, thread in enumerate(threads)
        for last, before in [thread.reads[-1]]
        if last != keyframe
        and not (axis.shot(last) != axis.shot(keyframe) and _is_renumbered(before.text, line.text))
        and (gap := _gap(before, line, lately=place - thread.place <= _MISSED + 1)) is not None
    ]
    return threads[min(fitting)[1]] if fitting else None


def _is_renumbered(one: str, other: str) -> bool:
    """Say whether two texts differ in a number alone and are no clock: after a cut, ``page 2`` is not ``page 1``."""
    one, other = normalise(one), normalise(other)
    return one != other and _masked(one) == _masked(other) and not _counts(one)


def _counts(text: str) -> bool:
    return len(re.findall(r"\d", text)) >= _DIGITS * len(text)


def _gap(one: TextLine, other: TextLine, *, lately: bool) -> float | None:
    """Return how far apart two readings of one text are, in heights of the line; None when they are not of one.

    Without a pause a text may be read differently or move; after a pause only the same in its old place is the same.
    """
    height = max(one.box[3] - one.box[1], other.box[3] - other.box[1], 1e-6)
    (ax, ay), (bx, by) = centre(one.box), centre(other.box)
    # The left edge stays when a line's end is read differently, so the nearer of edge and centre counts.
    across = min(abs(ax - bx), abs(one.box[0] - other.box[0]))
    gap = max(across, abs(ay - by)) / height
    same = normalise(one.text) == normalise(other.text)
    fits = (same or (gap <= _NEAR and resembles(one.text, other.text))) if lately else (same and gap <= _NEAR)
    return gap if fits else None


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
    if axis.is_mixed(frame):
        return False  # two texts laid over one another
    alone = sum(axis.shot(other) == axis.shot(frame) for other in axis.seen) == 1
    return alone or (len(normalise(line.text)) > _SHORT and line.confidence >= _ONCE)


def _fuse(thread: _Thread) -> Passage:
    frames = tuple(frame for frame, _ in thread.reads)
    box = thread.reads[0][1].box
    ticks = _ticks([line.text for _, line in thread.reads])
    if ticks is not None:
        confidence = sum(line.confidence for _, line in thread.reads) / len(frames)
        return Passage(f"{ticks[0]} … {ticks[1]}", frames, box, confidence, running=True)
    votes: dict[str, float] = defaultdict(float)
    for _, line in thread.reads:
        votes[line.text] += line.confidence
    best = max(votes, key=lambda text: (votes[text], text))
    confidence = max(line.confidence for _, line in thread.reads if line.text == best)
    return Passage(best, frames, box, confidence, running=False)


def _ticks(values: Sequence[str]) -> tuple[str, str] | None:
    """Return the first and last value of a clock or counter; None when the readings are not of one.

    Only digits may differ, and most readings must follow one direction; those that do not are misread.
    """
    masks = {_masked(normalise(value)) for value in values}
    if len(masks) > 1 or len(set(values)) < _RUNNING or not _counts(normalise(values[0])):
        return None
    if max(Counter(values).values()) > max(2, _STANDING * len(values)):
        return None
    numbers = [int(re.sub(r"\D", "", value)) for value in values]
    longest = max(_rising(numbers), _rising([-number for number in numbers]), key=len)
    if len({numbers[place] for place in longest}) < _RUNNING or len(longest) < _FOLLOWING * len(numbers):
        return None
    return values[longest[0]], values[longest[-1]]


def _rising(numbers: Sequence[int]) -> list[int]:
    """Return the positions of a longest subsequence that never falls."""
    best: list[list[int]] = []
    for place, number in enumerate(numbers):
        before = max((run for run in best if numbers[run[-1]] <= number), key=len, default=[])
        best.append([*before, place])
    return max(best, key=len, default=[])
