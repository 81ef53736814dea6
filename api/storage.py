"""Where videos, pictures and timelines lie: a folder of one machine, or an S3-compatible store of many.

Keys are relative paths that this project makes itself, never a user's words. A write is whole or not there.

    jobs/ID/sources/SHA256        what was uploaded or fetched
    jobs/ID/sampled.json          what sampling found: media, shots, keyframes without their pictures
    jobs/ID/pictures/SHA256.jpg   the keyframes' pictures
    jobs/ID/questions/KEY.json    what a remote model was asked, and in answers/ what it said
    jobs/ID/timeline.json         the timeline document
"""

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

from api.errors import NotStoredError, SetupError, StorageError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_KEY = re.compile(r"[a-zA-Z0-9_-][a-zA-Z0-9._-]*(/[a-zA-Z0-9_-][a-zA-Z0-9._-]*)*")
_CHUNK_BYTES = 256 * 1024
_ASKED_AGAIN = timedelta(seconds=30)
"""How long after it was asked first an object store is asked again: a client is waiting, or a step that is tried again
as a whole. One request may take as long."""


class Storage(Protocol):
    """Keeps named blocks of bytes. Every method may raise ``StorageError``; reading, ``NotStoredError``."""

    def put(self, key: str, data: bytes) -> None:
        """Store ``data``, in place of what was there."""
        ...

    def take(self, key: str, path: Path) -> None:
        """Store the file at ``path`` and remove it from there; what is stored already stays as it is."""
        ...

    def get(self, key: str) -> bytes:
        """All of it."""
        ...

    def size(self, key: str) -> int:
        """Its length in bytes."""
        ...

    def read(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        """The bytes ``[start, stop)`` in pieces."""
        ...

    def local(self, key: str) -> AbstractContextManager[Path]:
        """A file that holds it and must not be changed, for as long as the context lasts."""
        ...

    def delete(self, prefix: str) -> None:
        """Remove this key and everything under ``prefix/``; nothing there is no error.

        Others may write there meanwhile: what they add is removed as well, or stays.
        """
        ...

    def check(self) -> None:
        """Answer quietly if something can be written."""
        ...


def open_storage(url: str, copies: Path | None = None) -> Storage:
    """Storage at ``file:///FOLDER`` or ``s3://BUCKET/PREFIX``.

    Of what lies elsewhere, files are copied into the folder ``copies`` while they are worked with, or into the system's
    temporary one. S3 takes its credentials, region and endpoint from the usual ``AWS_…`` variables.

    Raises:
        SetupError: another kind of URL, or a folder that cannot be made.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return FolderStorage(Path(url2pathname(parts.path)))
    if parts.scheme == "s3":
        return ObjectStorage(url, copies)
    raise SetupError(
        f"storage {url!r} is of no kind we know; set SCENELINE_STORAGE to file:///FOLDER or s3://BUCKET/PREFIX"
    )


def checked(key: str) -> str:
    """The key, if it can be one.

    Raises:
        ValueError: it could lead outside of storage; keys are ours, so that is a bug.
    """
    if not _KEY.fullmatch(key) or ".." in key:
        raise ValueError(f"{key!r} is not a storage key")
    return key


def job_folder(job_id: str) -> str:
    """Where everything of a job lies."""
    return f"jobs/{job_id}"


def source_key(job_id: str, sha256: str) -> str:
    """Where an input of a job lies."""
    return f"{job_folder(job_id)}/sources/{sha256}"


def picture_key(job_id: str, sha256: str) -> str:
    """Where a picture of a job lies."""
    return f"jobs/{job_id}/pictures/{sha256}.jpg"


def sampled_key(job_id: str) -> str:
    """Where the outcome of sampling lies."""
    return f"jobs/{job_id}/sampled.json"


def looked_key(job_id: str) -> str:
    """Where the keyframes lie that a timeline is about, where closer looks have added to those sampled."""
    return f"{job_folder(job_id)}/looked.json"


def closer_key(job_id: str, name: str) -> str:
    """Where frames lie that were taken for a closer look."""
    return f"{job_folder(job_id)}/closer/{name}.json"


def question_key(job_id: str, key: str) -> str:
    """Where a question to a remote model lies."""
    return f"{job_folder(job_id)}/questions/{key}.json"


def answer_key(job_id: str, key: str) -> str:
    """Where the answer to it lies."""
    return f"{job_folder(job_id)}/answers/{key}.json"


def timeline_key(job_id: str) -> str:
    """Where the timeline document lies."""
    return f"jobs/{job_id}/timeline.json"


# -- a folder ------------------------------------------------------------------------------------------------


class FolderStorage:
    """Files in a folder: written beside their place, flushed to disk, renamed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        with _ours(f"cannot use {root}"):
            root.mkdir(parents=True, exist_ok=True)

    def put(self, key: str, data: bytes) -> None:
        """Store ``data`` atomically."""
        with _ours(f"cannot store {key}"):
            place = self._place(key)
            place.parent.mkdir(parents=True, exist_ok=True)
            beside = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
            try:
                with beside.open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                beside.replace(place)
            except BaseException:
                beside.unlink(missing_ok=True)
                raise
            _flush_folder(place.parent)

    def take(self, key: str, path: Path) -> None:
        """Move the file in; copied first where it lies on another disk."""
        with _ours(f"cannot store {key}"):
            place = self._place(key)
            if place.exists():
                path.unlink()
                return
            place.parent.mkdir(parents=True, exist_ok=True)
            if path.stat().st_dev != place.parent.stat().st_dev:
                near = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
                shutil.move(path, near)
                path = near
            with path.open("rb") as file:
                os.fsync(file.fileno())
            path.replace(place)
            _flush_folder(place.parent)

    def get(self, key: str) -> bytes:
        """All of it."""
        with _ours(f"cannot read {key}"):
            return self._place(key).read_bytes()

    def size(self, key: str) -> int:
        """Its length in bytes."""
        with _ours(f"cannot read {key}"):
            return self._place(key).stat().st_size

    def read(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        """The bytes ``[start, stop)`` in pieces."""
        with _ours(f"cannot read {key}"), self._place(key).open("rb") as file:
            file.seek(start)
            while start < stop and (piece := file.read(min(_CHUNK_BYTES, stop - start))):
                start += len(piece)
                yield piece

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        """The stored file itself."""
        place = self._place(key)
        if not place.is_file():
            raise NotStoredError(f"{key} is not in storage any more")
        yield place

    def delete(self, prefix: str) -> None:
        """Remove the file or the folder; a folder first moves aside, so that nobody writes into what is removed."""
        with _ours(f"cannot delete {prefix}"):
            place = self._place(prefix)
            if place.is_file():
                place.unlink(missing_ok=True)
                return
            with suppress(FileNotFoundError):
                place.rename(place.with_name(f".{place.name}.{secrets.token_hex(4)}"))
            for aside in place.parent.glob(f".{place.name}.*"):  # also what was left by one that died over it
                _remove_aside(aside)

    def check(self) -> None:
        """Write a file and remove it."""
        self.put("check", b"ok")
        self.delete("check")

    def _place(self, key: str) -> Path:
        return self._root / checked(key)


def _remove_aside(folder: Path) -> None:
    """Remove a folder that nobody finds any more; who found it just before may add a last file."""
    for left in (2, 1, 0):
        try:
            with suppress(FileNotFoundError, NotADirectoryError):  # another removes it as well; it is a file
                shutil.rmtree(folder)
        except OSError as error:
            if error.errno != errno.ENOTEMPTY or not left:
                raise
        else:
            return


def _flush_folder(folder: Path) -> None:
    """Make a rename survive a power cut, where the system lets a folder be flushed."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _ours(what: str) -> Iterator[None]:
    """Turn the operating system's errors into ours."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotStoredError(f"{what}: it is not in storage any more") from error
    except OSError as error:
        raise StorageError(
            f"{what} ({error.strerror}); see that the disk has room and may be written"
        ) from error


# -- an object store -----------------------------------------------------------------------------------------


class ObjectStorage:
    """Objects in an S3-compatible store."""

    def __init__(self, url: str, copies: Path | None) -> None:
        self._store = open_object_store(url)
        self._copies = copies

    def put(self, key: str, data: bytes) -> None:
        """Store ``data``; object stores write atomically."""
        import obstore  # noqa: PLC0415

        with object_store_errors(f"cannot store {key}"):
            obstore.put(self._store, checked(key), data)

    def take(self, key: str, path: Path) -> None:
        """Upload the file in parts and remove it."""
        import obstore  # noqa: PLC0415

        with suppress(NotStoredError):
            self.size(key)
            path.unlink()
            return
        with object_store_errors(f"cannot store {key}"):
            obstore.put(self._store, checked(key), path)
        path.unlink()

    def get(self, key: str) -> bytes:
        """All of it."""
        import obstore  # noqa: PLC0415

        with object_store_errors(f"cannot read {key}"):
            return bytes(obstore.get(self._store, checked(key)).bytes())

    def size(self, key: str) -> int:
        """Its length in bytes."""
        import obstore  # noqa: PLC0415

        with object_store_errors(f"cannot read {key}"):
            return int(obstore.head(self._store, checked(key))["size"])

    def read(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        """The bytes ``[start, stop)`` in pieces of a few megabytes, one request each."""
        import obstore  # noqa: PLC0415

        step = 16 * _CHUNK_BYTES
        for first in range(start, stop, step):
            with object_store_errors(f"cannot read {key}"):
                yield bytes(
                    obstore.get_range(self._store, checked(key), start=first, end=min(first + step, stop))
                )

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        """A copy, called as the key ends."""
        with ExitStack() as stack:
            with _ours(f"cannot copy {key}"):
                folder = TemporaryDirectory(
                    prefix="copy-", dir=self._copies, ignore_cleanup_errors=True
                )  # one that is left behind is removed from outside
                copy = Path(stack.enter_context(folder)) / key.rpartition("/")[2]
                size = self.size(key)
                with copy.open("xb") as file:
                    for piece in self.read(key, 0, size):
                        file.write(piece)
            yield copy

    def delete(self, prefix: str) -> None:
        """Remove the object and all below it."""
        import obstore  # noqa: PLC0415

        with object_store_errors(f"cannot delete {prefix}"):
            for page in obstore.list(self._store, prefix=checked(prefix)):
                paths = [item["path"] for item in page]
                obstore.delete(
                    self._store, [path for path in paths if path == prefix or path.startswith(f"{prefix}/")]
                )
        with suppress(NotStoredError), object_store_errors(f"cannot delete {prefix}"):
            obstore.delete(self._store, prefix)

    def check(self) -> None:
        """Write an object and remove it."""
        self.put("check", b"ok")
        self.delete("check")


def open_object_store(url: str) -> "ObjectStore":
    """The bucket and prefix at ``s3://BUCKET/PREFIX``, with what the ``AWS_…`` variables say.

    Raises:
        SetupError: the URL or the variables make no sense.
    """
    import obstore.store  # noqa: PLC0415 - a second's work that a folder does not need

    try:
        return obstore.store.from_url(url, retry_config={"retry_timeout": _ASKED_AGAIN})
    except Exception as error:  # obstore raises a kind of its own for each bad option
        raise SetupError(
            f"the bucket {url!r} cannot be opened ({error}); check its address and AWS_…"
        ) from error


@contextmanager
def object_store_errors(what: str) -> Iterator[None]:
    """Turn obstore's errors into ours."""
    from obstore.exceptions import BaseError, NotFoundError  # noqa: PLC0415

    try:
        yield
    except (NotFoundError, FileNotFoundError) as error:
        raise NotStoredError(f"{what}: it is not in storage any more") from error
    except (BaseError, OSError) as error:
        first = str(error).strip().partition("\n")[0]
        advice = "see that the object store answers"
        raise StorageError(f"{what} ({first}); {advice}", for_clients=f"{what}; {advice}") from error
