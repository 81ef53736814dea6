"""Files held open: a path that needs no permission to open anything, because its file already is."""

import io
import os
from pathlib import Path, PosixPath
from typing import Any


class HeldPath(PosixPath):
    """Behaves as the path of a regular file, but reads from a descriptor whenever it is opened.

    Readers opened from it share the descriptor and not the position, so several may be open at once.
    """

    descriptor: int

    @classmethod
    def holding(cls, path: Path, descriptor: int) -> "HeldPath":
        """``path`` for messages, ``descriptor`` for everything else; it stays the caller's to close."""
        held = cls(path)
        held.descriptor = descriptor
        return held

    def open(self, mode: str = "r", buffering: int = -1, *_: Any, **__: Any) -> io.BufferedReader:  # type: ignore[override]
        """Open for reading bytes, from the start; nothing else is possible.

        Raises:
            PermissionError: any other mode.
        """
        if mode != "rb":
            raise PermissionError(f"{self.name!r} can only be read as bytes")
        return io.BufferedReader(
            _Reader(self.descriptor), buffering if buffering > 1 else io.DEFAULT_BUFFER_SIZE
        )

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:  # noqa: ARG002 - the descriptor is past all links
        """Of the file held."""
        return os.fstat(self.descriptor)


class _Reader(io.RawIOBase):
    """Reads a descriptor at a position of its own."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._position = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill what there is of ``buffer``; bytes read, 0 at the end."""
        data = os.pread(self._descriptor, len(buffer), self._position)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; raises ValueError before the start."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position}.get(whence)
        target = offset + (os.fstat(self._descriptor).st_size if base is None else base)
        if target < 0:
            raise ValueError(f"cannot seek to {target = }")
        self._position = target
        return target
