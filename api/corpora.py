"""Corpora: the videos of a folder, of a list, or of a bucket in an S3-compatible store, each brought in when its
turn has come.
"""

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from api.errors import NotStoredError, RequestError, SetupError, StorageError
from api.records import new_id
from api.storage import object_store_errors, open_object_store
from api.uploads import FileOnDisk, ReceivedFile

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore

SUFFIXES: Final = frozenset(
    (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".wmv", ".flv",
     ".3gp", ".ogv", ".gif", ".webp", ".apng", ".pdf", ".tif", ".tiff")
)  # fmt: skip
"""What a folder or a bucket is searched for; a list may name anything."""
_COPY_BYTES: Final = 1024 * 1024
_PIECE_BYTES: Final = 4 * 1024 * 1024
"""Of an object, so much is held in memory while it comes in."""


class Video(Protocol):
    """A video of a corpus that may or may not be there."""

    @property
    def place(self) -> str:
        """Where it is, for people and results."""
        ...

    @property
    def name(self) -> str:
        """Its file name."""
        ...

    def mark(self) -> str:
        """Tells it from every other video, and from itself after a change."""
        ...

    def bring_in(self, folder: Path) -> ReceivedFile:
        """Have it as a file of our own in this folder.

        Raises:
            NotStoredError: it is not there, or must not be read.
        """
        ...


def find_videos(corpus: str) -> list[Video]:
    """The videos of ``s3://BUCKET/PREFIX``, of a folder and all below it, or those a list names, in order.

    Raises:
        RequestError: there is none, or the list or the bucket cannot be read.
    """
    if urlsplit(corpus).scheme == "s3":
        videos: list[Video] = list(_in_bucket(corpus))
    elif Path(corpus).is_dir():
        videos = [LocalVideo(path) for path in _in_folder(Path(corpus))]
    else:
        videos = list(_in_list(Path(corpus)))
    if not videos:
        raise RequestError(
            f"{corpus}: no video there; give a folder, a file with one path a line, or s3://BUCKET/PREFIX"
        )
    return videos


@dataclass(frozen=True, slots=True)
class LocalVideo:
    """A file of this machine; see ``Video``."""

    path: Path

    @property
    def place(self) -> str:
        """Its path as it was given."""
        return str(self.path)

    @property
    def name(self) -> str:
        """The last part of it."""
        return self.path.name

    def mark(self) -> str:
        """Path, length and time of the last change."""
        try:
            stat = self.path.stat()
        except OSError:
            return f"{self.path.absolute()} missing"
        return f"{self.path.absolute()} {stat.st_size} {stat.st_mtime_ns}"

    def bring_in(self, folder: Path) -> ReceivedFile:
        """A second name for it where the disk allows, else a copy."""
        try:
            digest = hashlib.sha256()
            with self.path.open("rb") as file:
                while piece := file.read(_COPY_BYTES):
                    digest.update(piece)
            path = folder / new_id()
            try:
                path.hardlink_to(self.path)
            except OSError:
                copy = FileOnDisk(folder, self.name)
                with self.path.open("rb") as file:
                    shutil.copyfileobj(file, copy, _COPY_BYTES)
                return copy.close()
            return ReceivedFile(path, self.name, digest.hexdigest(), path.stat().st_size)
        except OSError as error:
            raise NotStoredError(f"{self.path}: cannot be read ({error.strerror})") from error


def _in_folder(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())


def _in_list(manifest: Path) -> Iterator[Video]:
    try:
        lines = manifest.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{manifest}: cannot be read as a list of videos ({error})") from error
    for line in lines:
        if line.strip() and not line.startswith("#"):
            yield LocalVideo(manifest.parent / line.strip())


@dataclass(frozen=True, slots=True)
class StoredVideo:
    """An object in a bucket; see ``Video``."""

    store: "ObjectStore" = field(repr=False, compare=False)
    place: str
    key: str
    """Its path below the corpus' prefix."""
    size: int
    version: str
    """Changes with its content: the entity tag, or when it was written."""

    @property
    def name(self) -> str:
        """The last part of its key."""
        return PurePosixPath(self.key).name

    def mark(self) -> str:
        """Where it is, its length and version, as they were when the bucket was listed."""
        return f"{self.place} {self.size} {self.version}"

    def bring_in(self, folder: Path) -> ReceivedFile:
        """Download it, piece by piece."""
        import obstore  # noqa: PLC0415 - a second's work

        file = FileOnDisk(folder, self.name)
        try:
            with object_store_errors(f"{self.place}: cannot be read"):
                for piece in obstore.get(self.store, self.key).stream(min_chunk_size=_PIECE_BYTES):
                    file.write(bytes(piece))
            return file.close()
        except BaseException:
            file.discard()
            raise


def _in_bucket(corpus: str) -> Iterator[StoredVideo]:
    import obstore  # noqa: PLC0415

    try:
        store = open_object_store(corpus)
        found: list[ObjectMeta] = []
        with object_store_errors(f"{corpus}: cannot be listed"):
            for page in obstore.list(store):
                found.extend(each for each in page if PurePosixPath(each["path"]).suffix.lower() in SUFFIXES)
    except (SetupError, StorageError) as error:
        raise RequestError(f"{error}; credentials, region and AWS_ENDPOINT are read from AWS_…") from error
    for each in sorted(found, key=lambda each: each["path"]):
        version = each["e_tag"] or each["last_modified"].isoformat()
        yield StoredVideo(store, f"{corpus.rstrip('/')}/{each['path']}", each["path"], each["size"], version)
