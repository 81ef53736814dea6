"""Where results go: standard output, or files that appear whole or not at all."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from api.errors import OutputError, RequestError

STANDARD_OUTPUT = "-"


def write_out(text: str) -> None:
    """Write to standard output, as UTF-8 whatever the locale says.

    Raises:
        OutputError: it cannot be written.
        BrokenPipeError: nobody reads it any more.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(
            f"standard output cannot be written ({error.strerror}); make room, or choose another place"
        ) from error


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader sees the old content or the whole new one, never a part; see ``draft_of``.

    Raises:
        OutputError: the place cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    with draft_of(path) as draft:
        draft.write_bytes(data)


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """Where to write what appears at ``path`` when all of it is there, and not at all when it breaks off.

    What is not a plain file (``/dev/null``, a named pipe) is written to directly.

    Raises:
        OutputError: the place cannot be written.
    """
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            yield target
            return
        part = target.with_name(f".sceneline-{os.getpid()}.part")  # no longer than any name may be
        try:
            yield part
            part.replace(target)
        finally:
            with suppress(OSError):
                part.unlink()
    except OSError as error:
        raise _cannot_write(path, error) from error


def make_folder(path: Path) -> None:
    """See to it that the folder is there.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(path, error) from error


def remove_files(folder: Path, names: Iterable[str]) -> None:
    """See to it that none of these is in the folder.

    Raises:
        OutputError: one cannot be removed.
    """
    try:
        for name in names:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise _cannot_write(folder, error) from error


def _cannot_write(path: Path, error: OSError) -> OutputError:
    return OutputError(f"{path}: cannot be written ({error.strerror}); choose another place")


def deliver(place: Path | None, text: str) -> None:
    """Write a result to its place; None is standard output.

    Raises:
        OutputError: the place cannot be written.
    """
    if place is None:
        write_out(text)
    else:
        write_file(place, text)


def place_of(output: str, source: Path, suffix: str) -> Path | None:
    """Where the result of one input goes: a file, one in a folder named after the input, or standard output.

    Raises:
        OutputError: the place cannot be written.
        RequestError: the result would replace its input.
    """
    if output == STANDARD_OUTPUT:
        return None
    if Path(output).is_dir() or output.endswith(("/", os.sep)):
        return places(output, [source], suffix)[0]
    prepare(Path(output), [source])
    return Path(output)


def places(folder: str, sources: Sequence[Path], suffix: str) -> list[Path]:
    """One file in the folder for each input, named after it.

    Raises:
        OutputError: the folder cannot be made.
        RequestError: a result would replace an input.
    """
    found = [Path(folder) / f"{name}{suffix}" for name in distinct_names(sources)]
    for place in found:
        prepare(place, sources)
    return found


def distinct_names(videos: Iterable[Path]) -> list[str]:
    """The videos' names without ending; the second of a name gets ``-2`` and so on."""
    names: list[str] = []
    for video in videos:
        name, number = video.stem, 1
        while name in names:
            number += 1
            name = f"{video.stem}-{number}"
        names.append(name)
    return names


def prepare(place: Path, sources: Sequence[Path]) -> None:
    """Make the folder of a result.

    Raises:
        OutputError: it cannot be made.
        RequestError: the result would replace an input.
    """
    if any(place.exists() and source.exists() and place.samefile(source) for source in sources):
        raise RequestError(f"{place}: is the input itself; choose another --output")
    make_folder(place.parent)
