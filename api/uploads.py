"""Taking in a request's body: files go to disk piece by piece while they arrive, hashed and counted.

No more than a piece is ever in memory, however large or many the files are. A file that did not arrive whole,
or was too large, leaves nothing behind.
"""

import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote

import anyio
from anyio import to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from api.errors import RefusedError, StorageError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MAX_FIELD_BYTES = 1024 * 1024
"""Bytes of a part that is not a file: the request with its instructions, examples and schemas."""
_PIECE_BYTES = 256 * 1024
_LONGEST_NAME = 200
ABANDONED_SECONDS = 24 * 3600.0
"""A file that nobody has written to for so long is not being received any more."""
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_WHOLE_NAME = re.compile(r"; *filename\*=(utf-8|iso-8859-1)'[^']*'([^;\s]*)", re.IGNORECASE)
_HEADER_BYTES = 40_000
"""Of one part, with its boundary: the parser takes eight lines of four kilobytes at most."""
FILE_PART = "video"
REQUEST_PART = "request"
_KEPT_FREE_BYTES = 256 << 20
"""What uploads leave of the disk, or a quarter of a small one: a database that cannot write could end no job."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may bring."""

    bytes: int
    """All files together."""
    files: int


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file that arrived whole."""

    path: Path
    """Where it waits for being taken into storage."""
    name: str
    """The client's name for it, without folders; for people only."""
    sha256: str
    bytes: int


@dataclass(slots=True)
class Received:
    """What a multipart body held."""

    files: list[ReceivedFile] = field(default_factory=list)
    """The parts called ``video``, in order."""
    request: str | None = None
    """The part called ``request``."""

    def discard(self) -> None:
        """Remove the files that nobody has taken."""
        for file in self.files:
            file.path.unlink(missing_ok=True)


@asynccontextmanager
async def received(
    pieces: AsyncIterable[bytes], content_type: str, folder: Path, limits: Limits
) -> AsyncIterator[Received]:
    """Read a multipart body to its end; what is not taken out of it is removed on leaving.

    Raises:
        RefusedError: it is malformed, too large, has a part twice, or one that nobody knows.
        StorageError: the disk is full or may not be written.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise RefusedError(415, "unsupported_media_type", "send multipart/form-data with a boundary, or JSON")
    parts = _Parts(folder, limits)
    try:
        parser = MultipartParser(options[b"boundary"], parts.callbacks())
        held, left = bytearray(), limits.bytes + MAX_FIELD_BYTES + (limits.files + 1) * _HEADER_BYTES
        async for piece in pieces:
            held += piece
            left -= len(piece)
            if left < 0:  # also what comes before the first part, and after the last
                raise too_large(limits.bytes)
            if len(held) >= _PIECE_BYTES:
                await to_thread.run_sync(parser.write, bytes(held))
                held.clear()
        await to_thread.run_sync(parser.write, bytes(held))
        await to_thread.run_sync(parser.finalize)
        parts.end()
        yield parts.received
    except FormParserError as error:
        raise RefusedError(400, "malformed_multipart", f"the body is not valid multipart: {error}") from error
    except OSError as error:
        raise StorageError(
            f"the upload cannot be kept ({error.strerror}); see that the disk has room"
        ) from error
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(parts.discard)


def name_for_people(name: str) -> str:
    """A client's file name without folders and unprintable signs; never used as a path."""
    last = PureWindowsPath(PurePosixPath(name.replace("\x00", "")).name).name
    return "".join(sign for sign in last if sign.isprintable())[:_LONGEST_NAME] or "video"


def abandoned_after(job_timeout_seconds: float) -> float:
    """After how many seconds nobody works any more with what lies beside uploads."""
    return max(ABANDONED_SECONDS, 2 * job_timeout_seconds)


def clear_abandoned(
    folder: Path, age_seconds: float, seen: frozenset[tuple[str, float]] | None = None
) -> frozenset[tuple[str, float]]:
    """Remove what a process left when it was killed, so long ago at least: files half received, copies in folders.

    Where it is said what was ``seen`` the last time, only what was as old then and has not changed since: after a clock
    has jumped, all that is on its way looks left behind. Returns what was seen now.
    """
    old = set()
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # it has come in meanwhile
            changed_at = path.stat().st_mtime
            if changed_at > time.time() - age_seconds:
                continue
            old.add((path.name, changed_at))
            if seen is None or (path.name, changed_at) in seen:
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()
    return frozenset(old)


class _Parts:
    """Follows the parser through the parts of one body. Not for threads: one piece after another."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.received = Received()
        self._folder = folder
        self._limits = limits
        self._bytes = 0
        self._finished = False
        self._header_name = b""
        self._header_value = b""
        self._headers: dict[bytes, bytes] = {}
        self._part = ""
        self._text = bytearray()
        self._file: FileOnDisk | None = None

    def callbacks(self) -> "MultipartCallbacks":
        """What the parser calls, by the names it knows."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_header_name,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_data,
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }

    def end(self) -> None:
        """The body has ended; see that it was whole.

        Raises:
            RefusedError: it broke off in the middle.
        """
        if not self._finished:
            raise RefusedError(400, "malformed_multipart", "the body breaks off; send it again")

    def discard(self) -> None:
        """Remove what nobody took."""
        if self._file is not None:
            self._file.discard()
        self.received.discard()

    def _begin(self) -> None:
        self._headers = {}

    def _on_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _on_headers_finished(self) -> None:
        disposition, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if disposition != b"form-data" or b"name" not in options:
            raise RefusedError(400, "malformed_multipart", "a part has no name")
        self._part = options[b"name"].decode("utf-8", "replace")
        self._text = bytearray()
        if self._part == FILE_PART:
            if len(self.received.files) >= self._limits.files:
                raise RefusedError(
                    413, "too_many_files", f"more than {self._limits.files} files; send fewer pictures"
                )
            plain = _unescaped(options.get(b"filename", b"").decode("utf-8", "replace"))
            whole = _whole_name(self._headers[b"content-disposition"].decode("latin-1"))
            self._file = FileOnDisk(self._folder, name_for_people(whole or plain))
        elif self._part != REQUEST_PART:
            raise RefusedError(
                422,
                "invalid_request",
                f"unknown part: {self._part[:_LONGEST_NAME]!r}; send {FILE_PART} and {REQUEST_PART}",
            )
        elif self.received.request is not None:
            raise RefusedError(400, "malformed_multipart", f"the part {self._part!r} came twice")

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is None:
            self._text += data[start:end]
            if len(self._text) > MAX_FIELD_BYTES:
                raise RefusedError(
                    413, "field_too_large", f"the part {self._part!r} is over {MAX_FIELD_BYTES} bytes"
                )
            return
        self._bytes += end - start
        if self._bytes > self._limits.bytes:
            raise too_large(self._limits.bytes)
        self._file.write(data[start:end])

    def _on_part_end(self) -> None:
        if self._file is not None:
            self.received.files.append(self._file.close())
            self._file = None
            return
        try:
            self.received.request = self._text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise RefusedError(400, "malformed_multipart", f"the part {self._part!r} is not UTF-8") from error

    def _on_end(self) -> None:
        self._finished = True


class FileOnDisk:
    """A file that is being received: new, hashed while it is written, flushed when it is whole."""

    def __init__(self, folder: Path, name: str) -> None:
        self._name = name
        self._path = folder / secrets.token_hex(16)
        self._file: BinaryIO = self._path.open("xb")
        self._hash = hashlib.sha256()
        self.bytes = 0

    def write(self, data: bytes) -> None:
        """Add the next piece.

        Raises:
            StorageError: what is left of the disk is for ending what was begun.
        """
        _see_room(self._path.parent)
        self._file.write(data)
        self._hash.update(data)
        self.bytes += len(data)

    def close(self) -> ReceivedFile:
        """It is whole: make it survive a power cut."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return ReceivedFile(self._path, self._name, self._hash.hexdigest(), self.bytes)

    def discard(self) -> None:
        """It will not be whole: remove it."""
        self._file.close()
        self._path.unlink(missing_ok=True)


def _see_room(folder: Path) -> None:
    disk = os.statvfs(folder)
    kept = min(_KEPT_FREE_BYTES, disk.f_blocks * disk.f_frsize // 4)
    if disk.f_bavail * disk.f_frsize < kept:
        raise StorageError("the disk is all but full, so nothing new is taken in; make room")


def too_large(limit: int) -> RefusedError:
    """The refusal of a body beyond the limit."""
    return RefusedError(413, "upload_too_large", f"more than {limit} bytes; see /v1/limits")


def _unescaped(name: str) -> str:
    """The name before a client escaped what would end its line (HTML, "multipart/form-data encoding algorithm").

    A file whose own name holds ``%22`` cannot be told from one with a quotation mark: clients leave ``%`` as it is.
    """
    return re.sub("%(22|0D|0A)", lambda escaped: chr(int(escaped[1], 16)), name)


def _whole_name(disposition: str) -> str:
    """The name as RFC 5987 has it, which holds any character; empty where there is none.

    Multipart bodies are not to have it (RFC 7578, 4.2), but some clients send it alone, or something useless beside it.
    """
    said = _WHOLE_NAME.search(_QUOTED.sub('""', disposition))
    return unquote(said[2], said[1], "replace") if said else ""
