"""The parts a video falls into, each with a title: by the large texts it shows, else by what its shots show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby, pairwise
from typing import Final

from analyzer.describing import NOTHING, frames_of, headline, manner, setting, shown, subjects
from analyzer.reading import Passage
from analyzer.types import Chapter
from analyzer.understanding import Understanding
from analyzer.wording import quoted, sentence

_LEAST_SECONDS: Final = 10.0
"""A chapter is at least this long, or players show none."""
_CHAPTERS: Final = 12
"""Chapters at most, about: a long video has longer ones."""
_TITLE: Final = 60
"""Characters of a title."""
_LARGE: Final = 0.045
"""Height of a line, as a share of the picture's, from which it may name a chapter."""


@dataclass(frozen=True, slots=True)
class _Title:
    words: str
    rank: int
    """2 for a text of the video's own, 1 for what is seen, 0 for none: a better one names a chapter."""


@dataclass(frozen=True, slots=True)
class _Part:
    seconds_of: Mapping[_Title, float]
    """How much of the part each title stands for, in order of time."""
    frames: tuple[int, ...]
    start_seconds: float
    end_seconds: float

    @property
    def title(self) -> _Title:
        """The one that stands for most of the part; none only where there is no other."""
        return max(self.seconds_of, key=lambda title: (title.rank > 0, self.seconds_of[title]))

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end_seconds - self.start_seconds


def chapters(seen: Understanding) -> tuple[Chapter, ...]:
    """Return the chapters, which tile the window that was looked at; none when no keyframe was looked at."""
    named = _title_frames(seen)
    runs = [(title, tuple(run)) for title, run in groupby(seen.axis.seen, key=lambda frame: named[frame])]
    starts = [seen.axis.span(frames[0], frames[-1]).start_seconds for _, frames in runs]
    edges = [seen.plan.start_seconds, *starts[1:], seen.plan.end_seconds]
    parts = [
        _Part({title: end - start}, frames, start, end)
        for (title, frames), (start, end) in zip(runs, pairwise(edges), strict=False)
    ]
    return tuple(
        Chapter(
            title=_name(part),
            description=_describe(part, seen),
            start_seconds=part.start_seconds,
            end_seconds=part.end_seconds,
        )
        for part in _merge(parts)
    )


def _name(part: _Part) -> str:
    """Name a part by its title; by its first and last text where several take turns and none stands for half of it."""
    if part.title.rank < 2:
        return part.title.words
    texts = [title.words for title in part.seconds_of if title.rank == 2]
    if len(texts) == 1 or part.seconds_of[part.title] >= part.seconds / 2:
        return quoted(part.title.words, _TITLE)
    return f"{quoted(texts[0], _TITLE // 2)} to {quoted(texts[-1], _TITLE // 2)}"


def titles(seen: Understanding) -> tuple[str, ...]:
    """Return the texts that name chapters, in order, each once."""
    texts = (headline(_large(frame, seen)) for frame in seen.axis.seen)
    return tuple(dict.fromkeys(text for text in texts if text))


def _merge(parts: Sequence[_Part]) -> list[_Part]:
    """Join parts to what comes before them until that is long enough; a short rest joins it as well."""
    if not parts:
        return []
    least = max(_LEAST_SECONDS, (parts[-1].end_seconds - parts[0].start_seconds) / _CHAPTERS)
    merged: list[_Part] = []
    for part in parts:
        rest = parts[-1].end_seconds - part.start_seconds
        if merged and (min(merged[-1].seconds, rest) < least or merged[-1].title == part.title):
            merged[-1] = _join(merged[-1], part)
        else:
            merged.append(part)
    return [reduce(_join, run) for _, run in groupby(merged, key=lambda part: part.title)]


def _join(one: _Part, other: _Part) -> _Part:
    seconds_of = dict(one.seconds_of)
    for title, seconds in other.seconds_of.items():
        seconds_of[title] = seconds_of.get(title, 0.0) + seconds
    return _Part(seconds_of, one.frames + other.frames, one.start_seconds, other.end_seconds)


def _title_frames(seen: Understanding) -> dict[int, _Title]:
    """Name each keyframe: by its large text, else by one the shot showed before or will, else by what is seen."""
    titles: dict[int, _Title] = {}
    for shot_index, run in groupby(seen.axis.seen, key=seen.axis.shot):
        frames = list(run)
        texts = {frame: headline(_large(frame, seen)) for frame in frames}
        shot = seen.plan.shots[shot_index]
        whole = frames_of(shot, seen)
        words = subjects(shot, whole, seen) or setting(shot, whole, seen)
        pictured = _Title(sentence(words).rstrip("."), 1) if words else _Title("Untitled", 0)
        text = next((texts[frame] for frame in frames if texts[frame]), "")
        for frame in frames:
            text = texts[frame] or text
            titles[frame] = _Title(text, 2) if text else pictured
    return titles


def _large(frame: int, seen: Understanding) -> list[Passage]:
    return [passage for passage in seen.passages if frame in passage.frames and passage.height >= _LARGE]


def _describe(part: _Part, seen: Understanding) -> str:
    """Say what the part shows shot by shot, each thing once, and how, where that is the same in all of them."""
    runs = [(seen.plan.shots[shot], set(run)) for shot, run in groupby(part.frames, key=seen.axis.shot)]
    said = dict.fromkeys(told for shot, frames in runs if (told := shown(shot, frames, seen)))
    manners = {manner(shot) for shot, _ in runs}
    return " ".join([*(said or [NOTHING]), *(manners if len(manners) == 1 else [])]).strip()
