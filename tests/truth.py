"""The form in which a test clip knows what it shows.

All times are seconds on the clock a player shows (0 is the container's start), all intervals half-open.
"""

from dataclasses import dataclass
from typing import Literal

Span = tuple[float, float]
"""Start and end in seconds, half-open."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom, as shares (0..1) of width and height as displayed."""
Manner = Literal["cut", "dissolve", "fade", "wipe", "push", "iris"]
Direction = Literal["left", "right", "up", "down"]
Camera = Literal["static", "pan", "handheld", "mixed"]


@dataclass(frozen=True, slots=True)
class Cut:
    """Where one shot ends and the next begins."""

    time_seconds: float
    """The first frame of the new shot; of a gradual transition, where the new shot takes over."""
    manner: Manner = "cut"
    start_seconds: float | None = None
    """First frame that is a mixture; None for a hard cut."""
    end_seconds: float | None = None
    """First frame that is all of the new shot; None for a hard cut."""
    tolerance_seconds: float = 0.05
    """How far off `time_seconds` a hard cut may be reported and still be right."""

    @property
    def transition(self) -> Literal["cut", "gradual"]:
        return "cut" if self.manner == "cut" else "gradual"

    @property
    def span(self) -> Span:
        """From the last frame that is all old to the first that is all new, at the widest."""
        start = self.time_seconds if self.start_seconds is None else self.start_seconds
        end = self.time_seconds if self.end_seconds is None else self.end_seconds
        return start, end


@dataclass(frozen=True, slots=True)
class Seen:
    """A thing, and the stretch it can be seen."""

    label: str
    """COCO name."""
    start_seconds: float
    """Where about half of it is in the picture."""
    end_seconds: float
    start_range_seconds: Span | None = None
    """From the first sliver to all of it; None: there at once, with the first frame or with a cut."""
    end_range_seconds: Span | None = None
    """From the last moment all of it is there to the last sliver."""
    direction: Direction | None = None
    """Where it moves to across the picture; None: it stays, or moves to and fro."""
    note: str = ""
    """What tells it from others of its name."""
    hard: bool = False
    """Small, dark, blurred or half hidden: a detector that misses it is no worse for that."""


@dataclass(frozen=True, slots=True)
class Read:
    """A text, and the stretch it can be read."""

    text: str
    start_seconds: float
    end_seconds: float
    tolerance_seconds: float = 0.1
    box: Box | None = None
    hard: bool = False
    """Small or blurred: a reader that misses it is no worse for that."""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happens, in one sentence."""

    description: str
    start_seconds: float
    end_seconds: float
    tolerance_seconds: float = 0.5
    """How far off each edge may be reported and still be right."""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is shown."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of one clip. What could not be seen with certainty is left out."""

    duration_seconds: float
    camera: Camera | None = None
    """None: could not tell."""
    cuts: tuple[Cut, ...] = ()
    """All of them, in time order."""
    unclear: tuple[Span, ...] = ()
    """Where people may differ on whether a shot begins: reporting a cut there is neither right nor wrong."""
    things: tuple[Seen, ...] = ()
    """The things worth naming, not all there are."""
    texts: tuple[Read, ...] = ()
    """The texts that a person can read, not all there are."""
    happenings: tuple[Happening, ...] = ()
    tables: tuple[Table, ...] = ()
    first_frame_seconds: float = 0.0

    def things_at(self, seconds: float, label: str) -> int:
        """How many things of a name are to be seen at a time."""
        return sum(
            thing.label == label and thing.start_seconds <= seconds < thing.end_seconds
            for thing in self.things
        )

    def unbroken(self, margin_seconds: float = 0.1) -> tuple[Span, ...]:
        """The stretches that hold no cut, no transition and nothing unclear, a margin away from each."""
        breaks = sorted([cut.span for cut in self.cuts] + list(self.unclear))
        starts = [self.first_frame_seconds, *(end + margin_seconds for _, end in breaks)]
        ends = [*(start - margin_seconds for start, _ in breaks), self.duration_seconds]
        return tuple((start, end) for start, end in zip(starts, ends, strict=True) if start < end)
