"""What the rest of the sampler sees of a picture and of the thing that delivers pictures.

Two families implement these: ``sampler.decoding`` (everything FFmpeg reads) and ``sampler.pictures`` (single
pictures, sequences of them, animated WebP).
"""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sampler.types import Notice

Plane = NDArray[np.uint8] | NDArray[np.uint16]
"""One component of a picture, ``(height, width)``; a view that dies with its frame."""

STILL_SECONDS = 1.0
"""How long a single picture stands: it has no duration of its own, and an empty interval could hold nothing.
"""


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a video once its first picture has been decoded. Times are seconds on the player's
    clock.
    """

    container: str
    codec: str
    width: int
    """As displayed: after rotation and with square pixels."""
    height: int
    rotation_degrees: int
    """Clockwise turn a player applies: 0, 90, 180 or 270."""
    time_base: Fraction
    """Seconds per unit of ``pts``."""
    start_seconds: float
    """Of the first picture that could be decoded."""
    declared_end_seconds: float | None
    """Where the file says its pictures end; None where it does not say."""
    declared_frame_count: int | None
    average_fps: float | None
    """From the header; None where it does not say or is not credible."""
    has_audio: bool
    apart: bool = False
    """Whether every picture stands for itself, as pages do: then each is a shot and none is like its neighbour."""


class Frame(Protocol):
    """One decoded picture. Nothing may hold on to its planes.

    Whoever is done with one lets go of it before the next is decoded: of 8K each takes 50 MB.
    """

    @property
    def pts(self) -> int:
        """Presentation timestamp in units of the header's ``time_base``, strictly increasing."""
        ...

    @property
    def time_seconds(self) -> float:
        """The same on the player's clock."""
        ...

    @property
    def duration_seconds(self) -> float:
        """How long it stands, as far as the file says; the next frame's time is the better answer."""
        ...

    @property
    def quarter_turns(self) -> int:
        """Anticlockwise quarter turns, 0..3, that bring the planes upright."""
        ...

    def planes(self) -> tuple[Plane, Plane, Plane, int]:
        """Luma, blue and red difference as stored (before rotation), and how many bits to drop for 8-bit
        values.
        """
        ...

    def bgr(self, max_pixels: int) -> NDArray[np.uint8]:
        """The picture as displayed, upright, square pixels, ``(height, width, 3)``, shrunk to ``max_pixels``."""
        ...


FrameT = TypeVar("FrameT", bound=Frame)


class Reader(Protocol):
    """Delivers the pictures of one source in order. One reader serves one thread."""

    @property
    def header(self) -> Header:
        """Known from the moment the reader exists."""
        ...

    def frames(self, start_seconds: float | None = None) -> Generator[Frame, None, None]:
        """Pictures in display order, from the first one that still stands at ``start_seconds``, to the end.

        May be called again; each call starts over and ends the one before.
        """
        ...

    def picked(self, pts: Sequence[int]) -> Generator[Frame, None, None]:
        """Exactly the frames with these timestamps, which ascend; those that do not turn up are left out."""
        ...

    def notices(self) -> tuple[Notice, ...]:
        """What the last complete run over ``frames`` found wrong with the file."""
        ...

    def close(self) -> None:
        """Release the file. May be called twice."""
        ...


@dataclass(frozen=True, slots=True)
class Packets:
    """Every packet of a video in the order it is stored, from the first sync frame on. Parallel arrays."""

    pts: NDArray[np.int64]
    """Unlike those of frames, in no order; ``UNTIMED`` where the file gives none."""
    durations: NDArray[np.int64]
    """In units of ``pts``; 0 where the file says nothing."""
    sizes: NDArray[np.int64]
    """Bytes."""
    sync: NDArray[np.bool_]
    """Whether a decoder can start here."""
    flawed: int
    """How many are damaged, or marked as not to be shown."""

    def __len__(self) -> int:
        return len(self.pts)


UNTIMED = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a picture comes from."""

    frame: Frame
    """The picture, right only as far as it does not come from others."""
    earlier: float
    """How much of it was predicted from pictures shown before it: 0 for nothing, 1 for all."""
    later: float
    """The same of pictures shown after it."""
    band: float = 1.0
    """As ``earlier``, of that band from edge to edge, upright or level, of which it is least."""


@dataclass(frozen=True, slots=True)
class Origins:
    """Of pictures in the order they are shown."""

    pictures: Sequence[Origin]
    complete: bool
    """Whether all are there that were asked for; otherwise some are missing before the first."""


class Group(Protocol):
    """A sync frame and what is decoded from it; serves any thread, but one at a time."""

    @property
    def end_pts(self) -> int | None:
        """Of the next sync frame, with which ``frames`` end; None where there is none."""
        ...

    def sync_frame(self) -> Frame | None:
        """The first picture, decoded by itself; None where it does not decode alone to the picture it should."""
        ...

    def frames(self, quiet: Sequence[bool]) -> Generator[Frame, None, None]:
        """Pictures in display order, the next group's sync frame included.

        Those that nothing refers to may be missing where ``quiet``, an entry a packet, allows it.
        """
        ...

    def origin(self, packet: int) -> Origin | None:
        """Of the picture stored in a packet; None where the file does not tell without decoding what comes before."""
        ...

    def origins_between(self, packet: int) -> Origins:
        """Of the pictures that are stored after the one in a packet but shown before it."""
        ...

    def glimpses(self, packets: Sequence[int]) -> Generator[Frame, None, None]:
        """The pictures stored in these packets, decoded from the sync frame and from one another alone.

        Some may be missing; what comes from other pictures is wrong.
        """
        ...


@runtime_checkable
class PacketReader(Reader, Protocol):
    """A reader that can tell where pictures lie before it decodes them."""

    def packets(self) -> Generator[None, None, Packets]:
        """Read all packets and decode none; yields now and then, so that it can be stopped."""
        ...

    @property
    def parallel(self) -> int:
        """How many groups are worth looking at at a time, each by a thread."""
        ...

    def groups(self, sync_pts: Sequence[int]) -> Generator[Group, None, None]:
        """The groups that begin with these timestamps, which follow one another in the file.

        Fewer come where the file does not lead to them.
        """
        ...


def pick(frames: Iterable[Frame], pts: Sequence[int]) -> Generator[Frame, None, None]:
    """Those of ``frames`` whose timestamps are asked for; stops pulling after the last."""
    waiting = set(pts)
    for frame in frames if waiting else ():
        if frame.pts in waiting:
            yield frame
            waiting.remove(frame.pts)
            if not waiting:
                return


def standing_from(frames: Iterable[FrameT], seconds: float) -> Generator[FrameT, None, None]:
    """From the last one that is shown at a time or before it on; what a file says of durations may be wrong."""
    rest = iter(frames)
    held = next(rest, None)
    while held is not None and (after := next(rest, None)) is not None:
        if after.time_seconds > seconds:
            yield held
            held = None
            yield after
        else:
            held = after
        del after
    if held is not None:
        yield held
    yield from rest


_LONGEST_SIDE = 16_384
"""JPEG ends at 65,535; models, browsers and graphics cards well before."""


def fit(width: int, height: int, max_pixels: int) -> tuple[int, int]:
    """The largest even size with the aspect ratio of ``width`` × ``height`` within ``max_pixels``; never
    larger, and no side longer than a JPEG may have.

    Sides below two pixels stay as they are.
    """
    scale = min(1.0, (max_pixels / (width * height)) ** 0.5, _LONGEST_SIDE / max(width, height))
    return _even(width * scale), _even(height * scale)


def _even(length: float) -> int:
    return max(int(length) // 2 * 2, min(2, int(length)), 1)
