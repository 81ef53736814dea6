"""Pictures that are not video: a single one, several in order, animations that FFmpeg does not decode or flatten."""

from collections.abc import Generator, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from sampler.errors import SampleRequestError
from sampler.flattening import Ground, flatten, ground_of, shows_ground
from sampler.frames import Frame, Header, Plane, fit, pick
from sampler.pillow import (
    PILLOW_ERRORS,
    STILL_FORMATS,
    open_still,
    opened_as,
    quietly,
    unreadable,
    upright_size,
)
from sampler.sheets import PAGE, Sheet, open_sheets
from sampler.types import DEFAULT_MAX_PIXELS, Limits, Notice

_MILLISECOND = Fraction(1, 1000)
_SHORTEST_MILLISECONDS = 10
"""Animations that declare less are shown slower by every browser; 100 ms is what they use instead."""
_REPLACEMENT_MILLISECONDS = 100
_KEPT_PIXELS = 8_000_000
"""Larger pictures are shrunk by whole factors first; no keyframe is asked for in more."""
_MEASURED_PIXELS = 640 * 640
_NARROW = 300
"""Pixels of a keyframe's shorter side under which lines as wide as that are hardly 10 pixels high, and misread."""


class PictureFrame:
    """One upright picture; see ``sampler.frames.Frame``."""

    __slots__ = ("_rgb", "duration_seconds", "pts", "quarter_turns", "time_seconds")

    def __init__(
        self, picture: Image.Image, pts: int, time: float, duration: float, ground: Ground | None = None
    ) -> None:
        self._rgb = np.asarray(flatten(picture, _KEPT_PIXELS, ground))
        self.quarter_turns = 0
        self.pts = pts
        self.time_seconds = time
        self.duration_seconds = duration

    def planes(self) -> tuple[Plane, Plane, Plane, int]:
        """Luma, blue and red difference of the shrunk picture."""
        y, red, blue = cv2.split(cv2.cvtColor(self._shrunk(_MEASURED_PIXELS), cv2.COLOR_RGB2YCrCb))
        return np.asarray(y, np.uint8), np.asarray(blue, np.uint8), np.asarray(red, np.uint8), 0

    def bgr(self, max_pixels: int) -> NDArray[np.uint8]:
        """The picture."""
        return cv2.cvtColor(self._shrunk(max_pixels), cv2.COLOR_RGB2BGR)  # type: ignore[return-value]

    def _shrunk(self, max_pixels: int) -> NDArray[np.uint8]:
        height, width = self._rgb.shape[:2]
        size = fit(width, height, max_pixels)
        if size == (width, height):
            return self._rgb
        return cv2.resize(self._rgb, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


class SequenceReader:
    """Several pictures in order, each standing ``interval_seconds``; they may differ in size.

    Raises (on construction): SampleRequestError for an empty sequence or an interval that is not positive.
    """

    def __init__(self, sheets: Sequence[Sheet], interval_seconds: float) -> None:
        if not sheets:
            raise SampleRequestError("a picture sequence needs at least one picture")
        if not interval_seconds > 0:
            raise SampleRequestError(f"{interval_seconds = } must be above 0")
        self._sheets = sheets
        self._interval = Fraction(interval_seconds).limit_denominator(1_000_000)
        width, height = sheets[0].size
        kinds = {sheet.kind for sheet in sheets}
        self._header = Header(
            container="pictures" if len(sheets) > 1 and kinds != {PAGE} else sheets[0].kind,
            codec=sheets[0].kind,
            width=width,
            height=height,
            rotation_degrees=0,
            time_base=self._interval,
            start_seconds=0.0,
            declared_end_seconds=float(self._interval * len(sheets)),
            declared_frame_count=len(sheets),
            average_fps=float(1 / self._interval),
            has_audio=False,
            apart=PAGE in kinds,
        )

    @property
    def header(self) -> Header:
        """Size of the first picture, times of all."""
        return self._header

    def frames(self, start_seconds: float | None = None) -> Generator[Frame, None, None]:
        """The pictures, decoded one at a time."""
        first = max(0, int(Fraction(start_seconds or 0.0) / self._interval))
        for index in range(min(first, len(self._sheets) - 1), len(self._sheets)):
            yield self._frame(index)

    def picked(self, pts: Sequence[int]) -> Generator[Frame, None, None]:
        """See ``sampler.frames.Reader``."""
        for index in pts:
            if 0 <= index < len(self._sheets):
                yield self._frame(index)

    def _frame(self, index: int) -> Frame:
        time, picture = float(index * self._interval), self._sheets[index].picture()
        return PictureFrame(picture, index, time, float(self._interval))

    def notices(self) -> tuple[Notice, ...]:
        """That long pictures become narrow; one that cannot be read is an error."""
        long = [sheet.size for sheet in self._sheets if _becomes_narrow(*sheet.size)]
        if not long:
            return ()
        (width, height), others = long[0], len(long) - 1
        which = f"a picture of {width} × {height}" + (f" (and {others} more)" if others else "")
        message = (
            f"{which} is shrunk until writing on it may be too small to read; cut it into several pictures"
        )
        return (Notice("narrow_picture", message),)

    def close(self) -> None:
        """Release all documents the pictures are pages of."""
        for sheet in self._sheets:
            sheet.close()


class AnimationReader:
    """Frames of one animated picture with their own durations."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path = path
        self._limits = limits
        self._stamps = _stamps(path, limits)
        with open_still(path, limits) as picture:
            width, height = upright_size(path, picture)
            kind = (picture.format or "picture").lower()
        self._header = Header(
            container=kind,
            codec=kind,
            width=width,
            height=height,
            rotation_degrees=0,
            time_base=_MILLISECOND,
            start_seconds=0.0,
            declared_end_seconds=self._stamps[-1] / 1000,
            declared_frame_count=len(self._stamps) - 1,
            average_fps=1000 * (len(self._stamps) - 1) / self._stamps[-1],
            has_audio=False,
        )

    @property
    def header(self) -> Header:
        """Size and times."""
        return self._header

    def frames(self, start_seconds: float | None = None) -> Generator[Frame, None, None]:
        """Frames in order; all are decoded, those before ``start_seconds`` are not delivered."""
        with open_still(self._path, self._limits) as picture:
            spans, ground = pairwise(self._stamps), None
            for (start, end), frame in zip(spans, _each(self._path, picture), strict=False):
                ground = ground or ground_of(frame)  # one for all: a change of it would look like a cut
                if end / 1000 > (start_seconds or 0.0):
                    yield PictureFrame(frame, start, start / 1000, (end - start) / 1000, ground)

    def picked(self, pts: Sequence[int]) -> Generator[Frame, None, None]:
        """See ``sampler.frames.Reader``."""
        return pick(self.frames(), pts)

    def notices(self) -> tuple[Notice, ...]:
        """Nothing."""
        return ()

    def close(self) -> None:
        """Nothing stays open between runs."""


def _becomes_narrow(width: int, height: int) -> bool:
    """Whether a keyframe has less than half of the picture's shorter side left, and hardly room for a line."""
    left = min(fit(width, height, DEFAULT_MAX_PIXELS))
    return left < min(_NARROW, min(width, height) / 2)


def open_picture(path: Path, limits: Limits, still_seconds: float) -> SequenceReader | AnimationReader | None:
    """A reader if ``path`` is a kind of picture read here; None leaves it to FFmpeg (video, most GIF and APNG, HEIC).

    What does not move stands for ``still_seconds``, every page of it.

    Raises:
        MediaLimitError: it has more pixels than allowed.
    """
    try:
        with quietly(), path.open("rb") as file, opened_as(path, file, STILL_FORMATS, limits) as picture:
            # How many there are, Pillow finds out by reading them all.
            moves, kind = getattr(picture, "is_animated", False), picture.format
            is_ours = moves and (kind in {"WEBP", "AVIF"} or _is_seen_through(picture))
    except PILLOW_ERRORS:
        return None
    if not moves or kind in {"MPO", "TIFF"}:
        return SequenceReader(open_sheets(path, limits), still_seconds)
    return AnimationReader(path, limits) if is_ours else None


def _is_seen_through(picture: Image.Image) -> bool:
    """Whether an animation is transparent from its first frame on, which FFmpeg leaves out of account.

    One that begins with a picture for those who cannot show animations is left to it all the same.
    """
    return (
        picture.format in {"GIF", "PNG"}
        and not getattr(picture, "default_image", False)
        and shows_ground(picture)
    )


def _each(path: Path, picture: Image.Image) -> Iterator[Image.Image]:
    """Frames up to the first damaged one; at least one.

    Raises:
        UnreadableMediaError: not even the first can be decoded.
    """
    delivered = False
    try:
        for frame in ImageSequence.Iterator(picture):
            frame.load()
            yield frame
            delivered = True
    except PILLOW_ERRORS as error:
        if not delivered:
            raise unreadable(path, error) from error


def _stamps(path: Path, limits: Limits) -> Sequence[int]:
    """Start of every frame in milliseconds, and the end of the last."""
    stamps = [0]
    with open_still(path, limits) as picture:
        for frame in _each(path, picture):
            declared = round(frame.info.get("duration") or 0)
            stamps.append(
                stamps[-1] + (declared if declared > _SHORTEST_MILLISECONDS else _REPLACEMENT_MILLISECONDS)
            )
    return stamps
