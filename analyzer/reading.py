"""Lines read on single keyframes become texts with the time they were on screen.

Readings of one place that resemble each other are followed as one thread, for the same text is read a little
differently on every keyframe. A thread is then parted into texts, since captions and pages of one form resemble each
other as well: readings are one text only where a misreading explains how they differ, and never across a cut. The
reading kept is the one with most confidence behind it. A clock or counter, whose digits differ while all else stays,
is one text, the numbers of pages are not. What the edge of the picture cuts off, as of a ticker or a poster the camera
zooms in on, is a part of the text that was read as a whole before or after.
"""

import re
import unicodedata
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from itertools import groupby
from typing import Final

from analyzer.findings import Findings, TextLine
from analyzer.timeline import STILL, Axis
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
_TIME_OF_DAY: Final = 5
"""Digits that make a clock of a line however many letters stand beside them, as in the overlay of a camera."""
_SHORT: Final = 3
"""Characters up to which a reading must be surer, for noise is short."""
_SURE: Final = 0.85
"""Confidence of a good reading; print too small to be read comes out as nonsense under it."""
_ONCE: Final = 0.9
"""Confidence of a text that is read on a single keyframe."""
_LIKELY: Final = 0.7
"""Confidence from which a reading may belong to a text that was read well once."""
_CERTAIN: Final = 0.95
"""Confidence from which a reading is taken at its word: two such that differ are two texts."""
_SLIP: Final = 2
"""Characters by which even such a reading may be wrong, once, among others of the same text."""
_RIM: Final = 0.03
"""Share of the picture's width: a line this near to its left or right edge may go on beyond it."""
_MISSED: Final = 3
"""Keyframes on which a text may be missed without a pause in its being there."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One text and the keyframes it was read on."""

    text: str
    """The best reading; of a clock or counter its first and last values."""
    frames: tuple[int, ...]
    boxes: tuple[Box, ...]
    """Where it is on each of these keyframes."""
    confidence: float
    """Of the best reading, the reader's own."""
    running: bool
    """Whether it is a clock or counter."""

    @property
    def box(self) -> Box:
        """Where it is on the first keyframe."""
        return self.boxes[0]

    def box_on(self, frame: int) -> Box:
        """Where it is on one of its keyframes."""
        return self.boxes[self.frames.index(frame)]

    @property
    def height(self) -> float:
        """Height of the line, as a share of the picture's."""
        return self.box[3] - self.box[1]

    @property
    def letters(self) -> int:
        """How many letters and digits it has."""
        return len(normalise(self.text))


_Read = tuple[int, TextLine]
"""A line and the keyframe it was read on."""


@dataclass(slots=True)
class _Thread:
    """What was read at one place, or of one text that moves, while it grows."""

    reads: list[_Read] = field(default_factory=list)
    latest: dict[str, TextLine] = field(default_factory=dict)
    """Where each text of the place, as ``normalise`` gives it, was read last."""
    place: int = 0

    def add(self, keyframe: int, line: TextLine, place: int) -> None:
        self.reads.append((keyframe, line))
        self.latest[normalise(line.text)] = line
        self.place = place


def gather(findings: Sequence[Findings], axis: Axis) -> tuple[Passage, ...]:
    """Fuse the lines of all keyframes into passages, by first keyframe, then top to bottom."""
    threads: list[_Thread] = []
    for place, found in enumerate(findings):
        for line in found.text or ():
            if not _is_plausible(line):
                continue
            thread = _best(threads, line, found.keyframe, place)
            if thread is None:
                threads.append(thread := _Thread())
            thread.add(found.keyframe, line, place)
    texts = _rejoin([reads for thread in threads for reads in _part(thread.reads, axis)], axis)
    passages = [_fuse(reads, axis) for reads in texts if _is_confirmed(reads, axis)]
    return tuple(sorted(passages, key=lambda passage: (passage.frames[0], passage.box[1], passage.box[0])))


def normalise(text: str) -> str:
    """Return the text as readings are compared: no case, no spaces, no marks a reader confuses."""
    # ``x²`` is read as ``x2`` on the next keyframe.
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())


def resembles(one: str, other: str) -> bool:
    """Say whether two readings may be of one text; digits of a clock or counter may differ."""
    one, other = normalise(one), normalise(other)
    if one == other or (len(one) == len(other) and _differ_in_numbers(one, other)):
        return True
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return (
        matcher.real_quick_ratio() >= _ALIKE and matcher.quick_ratio() >= _ALIKE and matcher.ratio() >= _ALIKE
    )


def _best(threads: Sequence[_Thread], line: TextLine, keyframe: int, place: int) -> _Thread | None:
    fitting = [
        (gap, number)
        for number, thread in enumerate(threads)
        if thread.reads[-1][0] != keyframe and (gap := _distance(thread, line, place)) is not None
    ]
    return threads[min(fitting)[1]] if fitting else None


def _distance(thread: _Thread, line: TextLine, place: int) -> float | None:
    """Return how far a line is from what it may follow in a thread, in heights; None when it follows nothing there."""
    lately = place - thread.place <= _MISSED + 1
    last, same = thread.reads[-1][1], thread.latest.get(normalise(line.text))
    before = [last] if same is None or same is last else [last, same]
    return min((gap for one in before if (gap := _gap(one, line, lately=lately)) is not None), default=None)


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


def _part(reads: Sequence[_Read], axis: Axis) -> list[list[_Read]]:
    """Part what was read at one place into texts; a clock stays whole, and runs on through cuts."""
    if _ticks(reads, axis) is not None:
        return [list(reads)]
    parts: dict[str, list[_Read]] = defaultdict(list)
    for _, run in groupby(reads, key=lambda read: axis.shot(read[0])):
        for text in _part_shot(list(run), axis):
            parts[normalise(_wording(text))].extend(text)
    return list(parts.values())


def _part_shot(reads: Sequence[_Read], axis: Axis) -> Iterator[list[_Read]]:
    """Yield the texts read at one place in one shot, each with its misreadings."""
    if _ticks(reads, axis) is not None:
        yield list(reads)
        return
    values: dict[str, list[_Read]] = defaultdict(list)
    for read in reads:
        values[normalise(read[1].text)].append(read)
    # What is read most often comes first, that the others may be misreadings of it; of a line that is being typed
    # every state is read once, and the last is the longest.
    ranked = sorted(
        values, key=lambda value: (len(values[value]), len(value), _surest(values[value])), reverse=True
    )
    texts: dict[str, list[_Read]] = {}
    for value in ranked:
        meant = next((text for text in texts if _is_misread(value, text, values)), value)
        texts[meant] = [*texts.get(meant, ()), *values[value]]
    for text in texts.values():
        yield sorted(text, key=lambda read: read[0])


def _is_misread(value: str, text: str, values: dict[str, list[_Read]]) -> bool:
    """Say whether a value is a misreading or an unfinished state of a text that was read in the same shot."""
    sureness = min(_surest(values[value]), _surest(values[text]))
    frame = values[value][0][0]
    alone = len(values[value]) == 1
    amid = alone and values[text][0][0] < frame < values[text][-1][0]
    if _differ_in_numbers(value, text):
        return sureness < (_CERTAIN if amid else _SURE)
    if sureness < _CERTAIN and resembles(value, text):
        return True
    return alone and (_continues(value, text) or (amid and _slips(value, text) <= _SLIP))


def _continues(value: str, text: str) -> bool:
    """Say whether a text adds to a value, or a value a little to a text; ``page 10`` is no more of ``page 1``."""
    short, long = sorted((value, text), key=len)
    if not long.startswith(short) or (short[-1].isdigit() and long[len(short)].isdigit()):
        return False
    return short == value or resembles(short, long)


def _slips(one: str, other: str) -> int:
    """Return by how many characters two texts differ, about."""
    changes = SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    return sum(max(i2 - i1, j2 - j1) for kind, i1, i2, j1, j2 in changes if kind != "equal")


def _rejoin(texts: Sequence[list[_Read]], axis: Axis) -> list[list[_Read]]:
    """Give what the edge of the picture leaves of a text to that text, the longest first."""
    cut = [reads for reads in texts if all(_sides(line) for _, line in reads)]
    left = sorted(texts, key=lambda reads: (-len(normalise(_wording(reads))), reads in cut))
    joined: list[list[_Read]] = []
    while left:
        reads = left.pop(0)
        cut = [one for one in cut if one is not reads]
        text, sureness = _wording(reads), _surest(reads)
        while (rest := next((one for one in cut if _is_rest(one, reads, text, axis)), None)) is not None:
            lines = [(frame, replace(line, text=text, confidence=sureness)) for frame, line in rest]
            reads = sorted([*reads, *lines], key=lambda read: read[0])
            cut, left = ([one for one in some if one is not rest] for some in (cut, left))
        joined.append(reads)
    return joined


def _is_rest(rest: Sequence[_Read], reads: Sequence[_Read], text: str, axis: Axis) -> bool:
    """Say whether readings are what an edge leaves of a text that was read shortly before or after, at their height."""
    if not all(_is_cut_from(line, text) for _, line in rest) or {f for f, _ in rest} & {f for f, _ in reads}:
        return False
    apart, one, other = min(
        (
            (abs(bisect_left(axis.seen, frame) - bisect_left(axis.seen, near)), line, whole)
            for frame, line in rest
            for near, whole in reads
            if axis.shot(frame) == axis.shot(near)
        ),
        key=lambda pair: pair[0],
        default=(_MISSED + 2, rest[0][1], rest[0][1]),
    )
    height = max(one.box[3] - one.box[1], other.box[3] - other.box[1])
    return apart <= _MISSED + 1 and abs(centre(one.box)[1] - centre(other.box)[1]) <= _NEAR * height


def _is_cut_from(line: TextLine, text: str) -> bool:
    """Say whether a line is an end of a text, or its middle; the letter the edge goes through may be misread."""
    rest, whole, sides = normalise(line.text), normalise(text), _sides(line)
    if not _SHORT <= len(rest) <= len(whole):
        return False
    some = 1 if len(rest) > _SHORT else 0
    if len(sides) > 1:
        return rest[some : len(rest) - some] in whole
    return (
        whole.endswith((rest, rest[some:]))
        if "left" in sides
        else whole.startswith((rest, rest[: len(rest) - some]))
    )


def _sides(line: TextLine) -> set[str]:
    """Return the edges of the picture beyond which a line may go on."""
    x0, _, x1, _ = line.box
    return {side for side, gap in (("left", x0), ("right", 1 - x1)) if gap < _RIM}


def _surest(reads: Sequence[_Read]) -> float:
    return max(line.confidence for _, line in reads)


def _counts(text: str) -> bool:
    digits = len(re.findall(r"\d", text))
    return digits >= _DIGITS * len(text) or digits >= _TIME_OF_DAY


def _differ_in_numbers(one: str, other: str) -> bool:
    return one != other and _masked(one) == _masked(other)


def _masked(text: str) -> str:
    return re.sub(r"\d+", "#", text)


def _is_plausible(line: TextLine) -> bool:
    letters = normalise(line.text)
    if len(letters) < 2:
        return letters.isdecimal() and line.confidence >= _CERTAIN  # a letter is mostly a shape taken for one
    if len({*letters}) == 1 and len(letters) == len(line.text.strip()):
        return line.confidence >= _CERTAIN  # and one letter again and again is mostly buttons in a row
    return line.confidence >= (_SURE if len(letters) <= _SHORT else _LIKELY)


def _is_confirmed(reads: Sequence[_Read], axis: Axis) -> bool:
    """Say whether a text is to be believed: read well once, and again or long enough to be no accident."""
    if _surest(reads) < _SURE:
        return False
    if len(reads) > 1:
        return True
    frame, line = reads[0]
    if axis.is_mixed(frame):
        return False  # two texts laid over one another
    alone = sum(axis.shot(other) == axis.shot(frame) for other in axis.seen) == 1
    alone = alone or axis.plan.media.container in STILL
    return alone or (len(normalise(line.text)) > _SHORT and line.confidence >= _ONCE)


def _fuse(reads: Sequence[_Read], axis: Axis) -> Passage:
    frames = tuple(frame for frame, _ in reads)
    boxes = tuple(line.box for _, line in reads)
    ticks = _ticks(reads, axis)
    if ticks is not None:
        confidence = sum(line.confidence for _, line in reads) / len(frames)
        return Passage(f"{ticks[0]} … {ticks[1]}", frames, boxes, confidence, running=True)
    best = _wording(reads)
    confidence = max(line.confidence for _, line in reads if line.text == best)
    return Passage(best, frames, boxes, confidence, running=False)


def _wording(reads: Sequence[_Read]) -> str:
    """Return the reading with most confidence behind it; of a line that is being typed the longest.

    Of those that differ in spaces alone, the one with most: 6 of 238 drawn lines lost some, none had one too many.
    """
    votes: dict[str, list[float]] = defaultdict(list)
    for _, line in reads:
        votes[line.text].append(line.confidence)
    best = max(votes, key=lambda text: (sum(votes[text]), text))
    longer = [
        text
        for text, voices in votes.items()
        if len(voices) >= len(votes[best])
        and max(voices) >= _CERTAIN
        and normalise(text).startswith(normalise(best))
    ]
    best = max(longer, key=lambda text: (len(normalise(text)), text == best), default=best)
    alike = [text for text in votes if text.replace(" ", "") == best.replace(" ", "")]
    return max(alike, key=lambda text: (len(text.split()), text == best))


def _ticks(reads: Sequence[_Read], axis: Axis) -> tuple[str, str] | None:
    """Return the first and last value of a clock or counter; None when the readings are not of one.

    Only digits may differ, and most readings must follow one direction; those that do not are misread.
    """
    if _number_pages(reads, axis):
        return None
    ((mask, _),) = Counter(_masked(normalise(line.text)) for _, line in reads).most_common(1)
    values = [line.text for _, line in reads if _masked(normalise(line.text)) == mask]
    if len(set(values)) < _RUNNING or not _counts(normalise(values[0])):
        return None
    if max(Counter(values).values()) > max(2, _STANDING * len(values)):
        return None
    numbers = [int(re.sub(r"\D", "", normalise(value))) for value in values]
    longest = max(_rising(numbers), _rising([-number for number in numbers]), key=len)
    if len({numbers[place] for place in longest}) < _RUNNING or len(longest) < _FOLLOWING * len(reads):
        return None
    return values[longest[0]], values[longest[-1]]


def _number_pages(reads: Sequence[_Read], axis: Axis) -> bool:
    """Say whether readings of sheets in a sequence are the numbers of these, as ``7 / 12``; on pages nothing runs."""
    container = axis.plan.media.container
    if container not in STILL:
        return False
    numbers = [(frame, number) for frame, line in reads if (number := re.search(r"\d+", line.text))]
    ahead = Counter(int(number[0]) - axis.sheet(frame) for frame, number in numbers)
    return container == "pdf" or max(ahead.values(), default=0) >= _FOLLOWING * len(reads)


def _rising(numbers: Sequence[int]) -> list[int]:
    """Return the positions of a longest subsequence that never falls."""
    best: list[list[int]] = []
    for place, number in enumerate(numbers):
        before = max((run for run in best if numbers[run[-1]] <= number), key=len, default=[])
        best.append([*before, place])
    return max(best, key=len, default=[])
