"""Chapters in the form a YouTube description takes them.

The rules (YouTube Help, "Video chapters"): the first starts at 0:00, there are three or more, in ascending
order, each at least ten seconds long.
"""

from collections.abc import Iterator

from analyzer import Timeline
from api.errors import ExportRefusedError
from api.exports.wording import clock, one_line

FEWEST_CHAPTERS = 3
SHORTEST_SECONDS = 10


def render(timeline: Timeline) -> str:
    """One chapter a line, ``0:00 Title``, times in whole seconds.

    Raises:
        ExportRefusedError: the video does not part into enough chapters of sufficient length.
    """
    chapters = _long_enough(timeline)
    if len(chapters) < FEWEST_CHAPTERS:
        raise ExportRefusedError(
            f"chapters need {FEWEST_CHAPTERS} parts of {SHORTEST_SECONDS} s or more, this video of "
            f"{timeline.media.duration_seconds:.1f} s has {len(chapters)}; choose another format, such as md"
        )
    return "".join(f"{clock(start, decimals=0)} {title}\n" for start, title in chapters)


def _long_enough(timeline: Timeline) -> list[tuple[int, str]]:
    """Whole seconds and titles; a part that is too short joins the one before it."""
    end = int(timeline.media.duration_seconds)
    chapters: list[tuple[int, str]] = []
    for start_seconds, title in _parts(timeline):
        start = int(start_seconds) if chapters else 0
        if not chapters or (start - chapters[-1][0] >= SHORTEST_SECONDS and end - start >= SHORTEST_SECONDS):
            chapters.append((start, title))
    return chapters


def _parts(timeline: Timeline) -> Iterator[tuple[float, str]]:
    """The described chapters where there are any, else the shots, each with a title."""
    described = timeline.results.describe
    if described and described.chapters:
        for chapter in described.chapters:
            yield chapter.start_seconds, one_line(chapter.title) or one_line(chapter.description)
        return
    for shot in timeline.shots:
        begun = [e for e in timeline.events if shot.start_seconds <= e.start_seconds < shot.end_seconds]
        best = max(begun, key=lambda event: event.confidence or 0.0, default=None)
        yield shot.start_seconds, one_line(best.label) if best else f"Part {shot.index + 1}"
