"""What a film is, what is true of it, and how shots follow each other."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from painting import FPS, Canvas, Line, Span, over


@dataclass(frozen=True, slots=True)
class Cut:
    time_seconds: float
    """The first frame of the new shot; of a gradual transition, its middle."""
    transition: str
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True, slots=True)
class TextShown:
    text: str
    box: tuple[float, float, float, float]
    """Left, top, right, bottom of the inked letters, as shares (0..1) of width and height."""
    start_seconds: float
    """Where a text that fades in is half there."""
    end_seconds: float


@dataclass(frozen=True, slots=True)
class Thing:
    label: str
    """COCO name."""
    start_seconds: float
    """Where half of it is in the picture."""
    end_seconds: float
    start_range_seconds: Span
    """From its first sliver to all of it."""
    end_range_seconds: Span
    direction: str | None
    """Where it moves to ("left", "right"); None: it does not cross the picture."""


@dataclass(frozen=True, slots=True)
class Event:
    label: str
    description: str
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True, slots=True)
class Truth:
    video: str
    duration_seconds: float
    camera: str
    """"static" or "moving"."""
    cuts: Sequence[Cut] = ()
    texts: Sequence[TextShown] = ()
    things: Sequence[Thing] = ()
    events: Sequence[Event] = ()
    tables: Sequence[Table] = ()


@dataclass(frozen=True, slots=True)
class Film:
    draw: Callable[[float], Canvas]
    """The picture at a time in seconds."""
    truth: Truth


def shown(line: Line) -> TextShown:
    return TextShown(line.text, line.box(), *line.span)


@dataclass(frozen=True, slots=True)
class Shot:
    start: float
    """Seconds; the middle of the dissolve, if it begins with one."""
    end: float
    dissolve: float
    """Length in seconds of the dissolve it begins with; 0 is a hard cut."""

    def arrival(self, seconds: float) -> float:
        """How far it has replaced the shot before it, 0..1."""
        if not self.dissolve:
            return float(seconds >= self.start)
        return min(max((seconds - self.start) / self.dissolve + 0.5, 0.0), 1.0)

    def cut(self) -> Cut:
        half = self.dissolve / 2
        return Cut(self.start, "gradual" if half else "cut", self.start - half, self.start + half)


def in_sequence(lengths_and_dissolves: Iterable[tuple[float, float]]) -> list[Shot]:
    shots: list[Shot] = []
    for length, dissolve in lengths_and_dissolves:
        start = shots[-1].end if shots else 0.0
        end = round((start + length) * FPS) / FPS
        shots.append(Shot(start, end, dissolve))
    return shots


def play(shots: Sequence[Shot], draw: Callable[[int, float], Canvas], seconds: float) -> Canvas:
    """What is on the screen when shots follow each other; `draw` makes the picture of one, by its index."""
    canvas = draw(0, seconds)
    for index, shot in enumerate(shots):
        arrival = shot.arrival(seconds)
        gone = index + 1 < len(shots) and shots[index + 1].arrival(seconds) == 1
        if index and arrival and not gone:
            canvas = over(canvas, draw(index, seconds), arrival)
    return canvas
