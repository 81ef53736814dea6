"""What a source may be, decided on what its header says before it is decoded, and while it is."""

from threading import Lock

from sampler.errors import MediaLimitError
from sampler.frames import Header
from sampler.types import Limits


def check_size(size: int, limits: Limits, name: str) -> None:
    """Raises MediaLimitError when the files hold more bytes than allowed."""
    if size > limits.bytes:
        message = f"{name!r} has {size} bytes, over the limit of {limits.bytes}; shrink it"
        raise MediaLimitError(message, "bytes")


def check_pages(count: int, limits: Limits, name: str) -> None:
    """Raises MediaLimitError when a document has more pages than allowed."""
    if count > limits.pages:
        message = f"{name!r} has {count} pages, over the limit of {limits.pages}; split it"
        raise MediaLimitError(message, "pages")


def check_pixels(width: int, height: int, limits: Limits, name: str) -> None:
    """Raises MediaLimitError when one picture is too large."""
    if width * height > limits.pixels:
        message = f"{name!r} has pictures of {width} × {height}, over the limit of {limits.pixels} pixels; shrink it"
        raise MediaLimitError(message, "pixels")


def check_header(header: Header, limits: Limits, name: str) -> None:
    """Raises MediaLimitError when one picture is too large, or the declared duration too long."""
    check_pixels(header.width, header.height, limits, name)
    seconds = (header.declared_end_seconds or 0.0) - header.start_seconds
    if seconds > limits.seconds:
        message = f"{name!r} is {seconds:.0f} s long, over the limit of {limits.seconds:.0f} s; cut it"
        raise MediaLimitError(message, "seconds")


class Meter:
    """Counts what one pass over a source decodes, for any number of threads."""

    def __init__(self, limits: Limits, name: str) -> None:
        self._limits = limits
        self._name = name
        self._frames = 0
        self._pixels = 0
        self._counting = Lock()

    def add(self, pixels: int, end_seconds: float) -> None:
        """One more frame; raises MediaLimitError when they come to more than allowed, or one lies beyond all time."""
        if not end_seconds <= self._limits.seconds:
            message = (
                f"{self._name!r} has a frame at {end_seconds:.0f} s, over the limit of {self._limits.seconds:.0f} s;"
                " cut it"
            )
            raise MediaLimitError(message, "seconds")
        with self._counting:
            self._frames += 1
            self._pixels += pixels
        if self._frames > self._limits.frames:
            message = f"{self._name!r} has more than {self._limits.frames} frames, the limit; shorten it"
            raise MediaLimitError(message, "frames")
        if self._pixels > self._limits.decoded_pixels:
            message = (
                f"{self._name!r} decodes to more than {self._limits.decoded_pixels} pixels, the limit;"
                " shorten or shrink it"
            )
            raise MediaLimitError(message, "decoded_pixels")
