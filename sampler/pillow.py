"""Pillow: pictures opened within our limits and decoded upright. Its errors become ours here."""

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from sampler.errors import MediaNotFoundError, UnreadableMediaError
from sampler.limiting import check_pixels
from sampler.types import Limits

STILL_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "TIFF", "GIF")
_SEQUENCE_FORMATS = (*STILL_FORMATS, "PPM", "JPEG2000")
"""Pillow knows dozens more, one of which (EPS) runs a program on what it is given."""
_opening = Lock()
"""Pillow's own limit is one variable for all threads."""
PILLOW_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    TypeError,
    AttributeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What Pillow's plugins let out for a bad picture. The type says little, so callers classify by where it was raised."""


@contextmanager
def open_still(path: Path, limits: Limits) -> Iterator[Image.Image]:
    """Open one picture without decoding it, and close it.

    Raises:
        MediaNotFoundError: no such file.
        UnreadableMediaError: not a picture.
        MediaLimitError: it has more pixels than allowed.
    """
    with ExitStack() as opened:
        yield enter(path, opened, limits)


def opened_as(path: Path, file: BinaryIO, formats: tuple[str, ...], limits: Limits) -> Image.Image:
    """The picture, held to our limit in place of Pillow's, which is one for all and the same for everybody."""
    with _opening:
        theirs, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            picture = Image.open(file, formats=formats)
        finally:
            Image.MAX_IMAGE_PIXELS = theirs
    check_pixels(picture.width, picture.height, limits, path.name)
    return picture


def enter(path: Path, opened: ExitStack, limits: Limits) -> Image.Image:
    """Open one picture without decoding it, to be closed with all that was ``opened``; see ``open_still``."""
    try:
        with quietly():
            file = opened.enter_context(path.open("rb"))
            return opened.enter_context(opened_as(path, file, _SEQUENCE_FORMATS, limits))
    except UnidentifiedImageError as error:
        raise UnreadableMediaError(
            f"{path.name!r} is not a picture we read; use JPEG, PNG, WebP, AVIF or TIFF"
        ) from error
    except FileNotFoundError as error:
        raise MediaNotFoundError(f"cannot open {path.name!r}: no such file") from error
    except IsADirectoryError as error:
        raise MediaNotFoundError(f"{path.name!r} is a directory") from error
    except PILLOW_ERRORS as error:
        raise unreadable(path, error) from error


@contextmanager
def quietly() -> Iterator[None]:
    """Large and slightly wrong pictures are read all the same; too large ones are refused elsewhere."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def decode(path: Path, picture: Image.Image) -> Image.Image:
    """The picture, upright; raises UnreadableMediaError."""
    try:
        with quietly():
            picture.load()
            # Turning costs a copy, which only pictures that need it should pay.
            return ImageOps.exif_transpose(picture) if _is_turned(picture) else picture
    except PILLOW_ERRORS as error:
        raise unreadable(path, error) from error


def upright_size(path: Path, picture: Image.Image) -> tuple[int, int]:
    """Width and height as displayed; raises UnreadableMediaError."""
    try:
        with quietly():
            sideways = picture.getexif().get(ExifTags.Base.Orientation, 1) in {5, 6, 7, 8}
    except PILLOW_ERRORS as error:
        raise unreadable(path, error) from error
    return (picture.height, picture.width) if sideways else (picture.width, picture.height)


def _is_turned(picture: Image.Image) -> bool:
    return bool(picture.getexif().get(ExifTags.Base.Orientation, 1) != 1)


def unreadable(path: Path, error: Exception) -> UnreadableMediaError:
    """What an error of Pillow's means to who gave the file."""
    if isinstance(error, Image.DecompressionBombError | MemoryError):
        return UnreadableMediaError(f"{path.name!r} holds too large a picture; shrink it")
    return UnreadableMediaError(f"{path.name!r} is damaged and cannot be decoded")
