"""PDF documents as picture sequences: one page, one picture. The only module that knows PDFium.

PDFium draws pages itself: it brings its own fonts for what a document does not embed, and this build of it has no
JavaScript. A page has no size in pixels, so each is drawn as large as keyframes can use.
"""

import threading
from collections.abc import Sequence
from math import ceil, sqrt
from pathlib import Path

import pypdfium2 as pdfium  # type: ignore[import-untyped]
from PIL import Image
from pypdfium2 import raw

from sampler.errors import UnreadableMediaError
from sampler.limiting import check_pages
from sampler.sheets import PAGE
from sampler.types import Limits

_PAGE_PIXELS = 2_000_000
"""About A4 at 144 dots an inch."""
_MOST_ENLARGED = 4.0
"""Pixels for each point, 1/72 inch, at most: a stamp does not become a poster."""
_MARK, _MARKED_BYTES = b"%PDF-", 1024
"""Readers find the mark within the first kilobyte, whatever stands before it."""
_ERRORS = (pdfium.PdfiumError, OSError, ValueError, OverflowError)
_lock = threading.Lock()
"""PDFium serves one thread at a time."""


def preload() -> None:
    """Draw an empty page, so that a process that can open nothing later has all that drawing takes."""
    with _lock, pdfium.PdfDocument.new() as document:
        document.new_page(10, 10).render().to_pil()


def is_document(path: Path) -> bool:
    """Whether the file, which must exist, says that it is a PDF."""
    with path.open("rb") as file:
        return _MARK in file.read(_MARKED_BYTES)


def open_pages(path: Path, limits: Limits) -> Sequence["PageSheet"]:
    """The pages of a document in order; closing any of them closes it.

    Raises:
        UnreadableMediaError: it is protected by a password or damaged.
        MediaLimitError: it has more pages than allowed.
    """
    document = _Document(path)
    try:
        count = document.count()
        check_pages(count, limits, path.name)
        pixels = min(_PAGE_PIXELS, limits.pixels)
        return [PageSheet(document, number, pixels) for number in range(count)]
    except BaseException:
        document.close()
        raise


class PageSheet:
    """One page; see ``sampler.sheets.Sheet``."""

    kind = PAGE

    def __init__(self, document: "_Document", number: int, pixels: int) -> None:
        self._document = document
        self._number = number
        width, height = document.points(number)
        self._scale = min(_MOST_ENLARGED, _largest_scale(width, height, pixels))
        self.size = ceil(width * self._scale), ceil(height * self._scale)

    def picture(self) -> Image.Image:
        """The page drawn on white, with what its form fields hold."""
        return self._document.draw(self._number, self._scale)

    def close(self) -> None:
        """Close the document."""
        self._document.close()


def _largest_scale(width: float, height: float, pixels: int) -> float:
    """The scale at which a page has so many pixels at most, its sides rounded up."""
    area, sides = width * height, width + height
    # The positive root of (scale × width + 1) × (scale × height + 1) = pixels.
    return (sqrt(sides * sides + 4 * area * max(pixels - 1, 1)) - sides) / (2 * area)


class _Document:
    """An open document. Its errors are ours."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._file = path.open("rb")
        try:
            with _lock:
                self._opened: pdfium.PdfDocument | None = pdfium.PdfDocument(self._file)
                self._opened.init_forms()
        except _ERRORS as error:
            self._file.close()
            raise self._unreadable(error) from error

    def count(self) -> int:
        with _lock:
            return len(self._there)

    def points(self, number: int) -> tuple[float, float]:
        """Width and height of a page as displayed, 1/72 inch each; a side is at least 1."""
        try:
            with _lock:
                width, height = self._there.get_page_size(number)
        except _ERRORS as error:
            raise self._broken(number) from error
        return max(1.0, width), max(1.0, height)

    def draw(self, number: int, scale: float) -> Image.Image:
        """Raises UnreadableMediaError."""
        try:
            with _lock:
                page = self._there[number]
                try:
                    bitmap = page.render(scale=scale)
                    picture: Image.Image = bitmap.to_pil().convert("RGB")
                    bitmap.close()
                finally:
                    page.close()
        except _ERRORS as error:
            raise self._broken(number) from error
        return picture

    def close(self) -> None:
        if self._opened is not None:
            with _lock:
                self._opened.close()
            self._opened = None
            self._file.close()

    @property
    def _there(self) -> pdfium.PdfDocument:
        if self._opened is None:
            raise ValueError("the document has been closed")
        return self._opened

    def _unreadable(self, error: Exception) -> UnreadableMediaError:
        code = getattr(error, "err_code", None)
        if code == raw.FPDF_ERR_PASSWORD:
            return UnreadableMediaError(f"{self._name!r} is protected by a password; give a copy without one")
        if code == raw.FPDF_ERR_SECURITY:
            return UnreadableMediaError(
                f"{self._name!r} is encrypted in a way we cannot read; give a plain copy"
            )
        return UnreadableMediaError(f"{self._name!r} is a damaged PDF and cannot be opened")

    def _broken(self, number: int) -> UnreadableMediaError:
        return UnreadableMediaError(f"page {number + 1} of {self._name!r} is damaged and cannot be drawn")
