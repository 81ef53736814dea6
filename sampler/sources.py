"""Which reader serves which source, and what its bytes are."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from sampler.decoding import VideoReader
from sampler.errors import MediaLimitError, MediaNotFoundError, SamplerError
from sampler.frames import Reader
from sampler.limiting import check_header, check_size
from sampler.pages import is_document, open_pages
from sampler.pictures import SequenceReader, open_picture
from sampler.sheets import Sheet, open_sheets
from sampler.types import Limits, PictureSequence, Source, VideoFile

_CHUNK_BYTES = 1 << 20


def open_source(source: Source, limits: Limits, *, draft: bool = False) -> Reader:
    """A reader positioned at the first picture, held to the limits; the caller closes it.

    Pictures of a ``draft`` are for measuring, not for showing.

    Raises:
        MediaError: see ``sampler.errors``.
        MediaLimitError: the source is more than the limits allow.
        SampleRequestError: an empty picture sequence, or an interval that is not positive.
    """
    check_size(_bytes(source), limits, name_of(source))
    reader = _open(source, limits, draft=draft)
    try:
        check_header(reader.header, limits, name_of(source))
    except MediaLimitError:
        reader.close()
        raise
    return reader


def _open(source: Source, limits: Limits, *, draft: bool) -> Reader:
    if isinstance(source, PictureSequence):
        return _sequence(source.paths, source.interval_seconds, limits)
    if not source.path.is_file():
        what = "is a directory" if source.path.is_dir() else "does not exist"
        raise MediaNotFoundError(f"{str(source.path)!r} {what}; give a video or picture file")
    if (picture := open_picture(source.path, limits, source.page_seconds)) is not None:
        return picture
    if is_document(source.path):
        return _sequence([source.path], source.page_seconds, limits)
    return VideoReader(source.path, limits, draft=draft)


def _sequence(paths: Sequence[Path], interval_seconds: float, limits: Limits) -> SequenceReader:
    """Pictures and the pages of documents, in the order given."""
    sheets: list[Sheet] = []
    try:
        for path in paths:
            is_pages = path.is_file() and is_document(path)
            sheets += open_pages(path, limits) if is_pages else open_sheets(path, limits)
        return SequenceReader(sheets, interval_seconds)
    except SamplerError:
        for sheet in sheets:
            sheet.close()
        raise


def source_of(paths: Sequence[Path], interval_seconds: float) -> Source:
    """What these files are: pictures and documents to be looked through in order, or one file of any kind."""
    (first, *others) = paths
    return PictureSequence(tuple(paths), interval_seconds) if others else VideoFile(first, interval_seconds)


def _bytes(source: Source) -> int:
    """Of all files together; one that is missing has none, and whoever opens it says so."""
    paths = source.paths if isinstance(source, PictureSequence) else (source.path,)
    return sum(path.stat().st_size for path in paths if path.is_file())


def name_of(source: Source) -> str:
    """The file's name; for a sequence the first picture's and how many follow. Bytes that are no text become �."""
    if isinstance(source, PictureSequence):
        more = len(source.paths) - 1
        return _text(source.paths[0].name) + (f" (+{more})" if more else "")
    return _text(source.path.name)


def _text(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "replace")


def fingerprint(source: Source, cancelled: Event | None = None) -> tuple[str, int]:
    """SHA-256 (hex) and size in bytes; of a sequence, the hash over its pictures' hashes and the sum of
    sizes.

    Setting ``cancelled`` ends the reading early; what is returned then means nothing.
    """
    if isinstance(source, PictureSequence):
        parts = [_fingerprint(path, cancelled) for path in source.paths]
        whole = hashlib.sha256("".join(digest for digest, _ in parts).encode())
        return whole.hexdigest(), sum(size for _, size in parts)
    return _fingerprint(source.path, cancelled)


def _fingerprint(path: Path, cancelled: Event | None) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            if cancelled is not None and cancelled.is_set():
                break
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size
