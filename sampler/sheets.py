"""Single pictures of a sequence: files of their own, pages of a TIFF; ``sampler.pages`` has those of PDFs."""

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Protocol

from PIL import ExifTags, Image

from sampler.errors import UnreadableMediaError
from sampler.limiting import check_pages, check_pixels
from sampler.pillow import PILLOW_ERRORS, decode, enter, open_still, quietly, unreadable, upright_size
from sampler.types import Limits

PAGE = "pdf"
"""Kind of a sheet that is a page of a document."""
_NO_PAGE = 0b101
"""Of what a TIFF says of one of its pictures: it is a smaller copy of another, or a mask."""


class Sheet(Protocol):
    """One picture of a sequence, wherever it comes from: a file of its own, or a page of a document."""

    @property
    def kind(self) -> str:
        """Format, lower case."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as displayed."""
        ...

    def picture(self) -> Image.Image:
        """Decoded and upright; raises UnreadableMediaError."""
        ...

    def close(self) -> None:
        """Release what it comes from; may be called twice."""
        ...


class PictureSheet:
    """A picture in a file of its own.

    Raises (on construction): the errors of ``open_still``.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path = path
        self._limits = limits
        with open_still(path, limits) as picture:
            self.size = upright_size(path, picture)
            self.kind = (picture.format or "picture").lower()

    def picture(self) -> Image.Image:
        """See ``Sheet``."""
        with open_still(self._path, self._limits) as picture:
            return decode(self._path, picture)

    def close(self) -> None:
        """Nothing stays open between pictures."""


class TiffPage:
    """One page of an open TIFF."""

    kind = "tiff"

    def __init__(self, path: Path, limits: Limits, document: Image.Image, number: int) -> None:
        self._path = path
        self._limits = limits
        self._document = document
        self._number = number

    @property
    def size(self) -> tuple[int, int]:
        """See ``Sheet``."""
        return upright_size(self._path, self._turned_to())

    def picture(self) -> Image.Image:
        """See ``Sheet``; what was given before is not to be used any more."""
        try:
            return decode(self._path, self._turned_to())
        except UnreadableMediaError as error:
            where = f"page {self._number + 1} of {self._path.name!r}"
            raise UnreadableMediaError(f"{where} is damaged and cannot be decoded") from error

    def _turned_to(self) -> Image.Image:
        try:
            with quietly():
                self._document.seek(self._number)
        except PILLOW_ERRORS as error:
            raise unreadable(self._path, error) from error
        check_pixels(*self._document.size, self._limits, self._path.name)
        return self._document

    def close(self) -> None:
        """Close the TIFF."""
        self._document.close()


def open_sheets(path: Path, limits: Limits) -> Sequence[Sheet]:
    """The picture in a file, or every page of a TIFF; closing any of these closes it.

    Raises: the errors of ``open_still``, and MediaLimitError when there are more pages than allowed.
    """
    with ExitStack() as opened:
        picture = enter(path, opened, limits)
        numbers = _pages(picture, limits) if picture.format == "TIFF" else ()
        if len(numbers) > 1:
            check_pages(len(numbers), limits, path.name)
            opened.pop_all()  # the pages hold it open
            return [TiffPage(path, limits, picture, number) for number in numbers]
    return [PictureSheet(path, limits)]


def _pages(picture: Image.Image, limits: Limits) -> Sequence[int]:
    """Where the pages of a TIFF are, up to the first that is damaged: not the smaller copies and masks of others."""
    numbers = [0]
    with quietly(), suppress(*PILLOW_ERRORS):  # EOFError behind the last
        for number in range(1, limits.pages + 1):
            picture.seek(number)
            if not picture.tag_v2.get(ExifTags.Base.NewSubfileType, 0) & _NO_PAGE:  # type: ignore[attr-defined]
                numbers.append(number)
    return numbers
