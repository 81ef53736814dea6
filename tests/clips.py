"""The catalogue of test clips: each knows what it is and, where somebody looked, what it shows.

    @pytest.mark.parametrize("clip", real_clips(), ids=str)
    def test_something(clip: Clip, media: Path) -> None: ...

The samples come with the code. The real, tricky and malformed clips lie in the footage folder (environment
variable SCENELINE_TEST_MEDIA, else `../shared/media`); where it is missing, the last two lists are empty. The
fixture `media` skips such tests with a reason; in continuous integration nothing may be skipped.
"""

import csv
import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from tests.footage import FOOTAGE
from tests.truth import Cut, Happening, Read, Seen, Table, Truth

ROOT = Path(__file__).parent.parent
Kind = Literal["sample", "real", "tricky", "malformed"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a look with PyAV alone (at most 3000 frames) found in a file; None: it could not tell."""

    codec: str | None
    """Video and audio codecs as "h264+aac"."""
    pixel_format: str | None
    container: str | None
    width: int | None
    """As stored, before rotation."""
    height: int | None
    duration_seconds: float | None
    start_seconds: float | None
    average_fps: float | None
    rotation_degrees: int
    """As PyAV gives it: counter-clockwise."""
    video_streams: int | None
    audio_streams: int | None
    frames_decoded: int
    error: str | None
    """Name of the exception met while opening (after "OPEN: ") or decoding."""
    note: str
    license: str

    @property
    def opens(self) -> bool:
        return self.error is None or not self.error.startswith("OPEN")


@dataclass(frozen=True, slots=True)
class Clip:
    """A file to test with."""

    name: str
    """File name."""
    kind: Kind
    path: Path
    truth: Truth | None = None
    """What it shows; None: nobody wrote it down."""
    facts: Facts | None = None
    """What it is; None: not known, as the footage folder is missing."""

    def __str__(self) -> str:
        return self.name


def media_folder() -> Path:
    """Where the footage lies, whether it is there or not."""
    return Path(os.environ.get("SCENELINE_TEST_MEDIA", ROOT.parent / "shared" / "media"))


@cache
def sample_clips() -> tuple[Clip, ...]:
    """The videos this project drew itself, with the truth they were drawn from."""
    files = sorted((ROOT / "samples").glob("*.truth.json"))
    return tuple(_sample(file) for file in files)


@cache
def real_clips() -> tuple[Clip, ...]:
    """Footage of the world, with its truth by eye; listed even where the files are missing."""
    facts = _facts()
    folder = media_folder() / "real"
    return tuple(
        Clip(name, "real", folder / name, truth, facts.get(f"real/{name}")) for name, truth in FOOTAGE.items()
    )


@cache
def tricky_clips() -> tuple[Clip, ...]:
    """Files that are in order and yet go wrong easily: odd clocks, codecs, sizes, rotations, streams."""
    return _listed("tricky")


@cache
def malformed_clips() -> tuple[Clip, ...]:
    """Files that are broken, lie, or attack."""
    return _listed("malformed")


def clip(name: str) -> Clip:
    """The clip of a file name.

    Raises:
        LookupError: No clip has that name, or the footage folder that would list it is missing.
    """
    for found in (*sample_clips(), *real_clips(), *tricky_clips(), *malformed_clips()):
        if found.name == name:
            return found
    raise LookupError(f"no clip is called {name!r} (footage folder: {media_folder()})")


def _listed(kind: Literal["tricky", "malformed"]) -> tuple[Clip, ...]:
    """What the index of the footage folder lists under a kind."""
    rows = [(Path(file), facts) for file, facts in _facts().items()]
    return tuple(
        Clip(file.name, kind, media_folder() / file, facts=facts)
        for file, facts in rows
        if file.parts[0] == kind
    )


@cache
def _facts() -> dict[str, Facts]:
    """The index of the footage folder by file; empty where it is missing."""
    index = media_folder() / "INDEX.tsv"
    if not index.is_file():
        return {}
    with index.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["file"]: _read_facts(row) for row in rows}


def _read_facts(row: dict[str, str | None]) -> Facts:
    def known(name: str) -> str | None:
        value = row.get(name)
        return None if value in {None, "", "-", "none"} else value

    def number(name: str) -> float | None:
        value = known(name)
        return None if value is None else float(value)

    size = known("WxH")
    width, height = (int(part) for part in size.split("x")) if size else (None, None)
    streams = known("v/a/other_streams")
    video, audio, _ = (int(part) for part in streams.split("/")) if streams else (None, None, None)
    return Facts(
        codec=known("codec"),
        pixel_format=known("pix_fmt"),
        container=known("container"),
        width=width,
        height=height,
        duration_seconds=number("duration_s"),
        start_seconds=number("start_s"),
        average_fps=number("fps"),
        rotation_degrees=int(number("rotation") or 0),
        video_streams=video,
        audio_streams=audio,
        frames_decoded=int(number("frames_decoded") or 0),
        error=known("decode_error"),
        note=known("note") or "",
        license=known("license") or "",
    )


def _sample(file: Path) -> Clip:
    data = json.loads(file.read_text("utf-8"))
    return Clip(data["video"], "sample", file.parent / data["video"], _read_truth(data))


def _read_truth(data: dict[str, Any]) -> Truth:
    return Truth(
        duration_seconds=data["duration_seconds"],
        camera="static" if data["camera"] == "static" else "mixed",
        cuts=tuple(_read_cut(cut) for cut in data["cuts"]),
        things=tuple(
            Seen(
                thing["label"],
                thing["start_seconds"],
                thing["end_seconds"],
                tuple(thing["start_range_seconds"]),
                tuple(thing["end_range_seconds"]),
                thing["direction"],
            )
            for thing in data["things"]
        ),
        texts=tuple(
            Read(text["text"], text["start_seconds"], text["end_seconds"], box=tuple(text["box"]))
            for text in data["texts"]
        ),
        happenings=tuple(
            Happening(
                event["description"], event["start_seconds"], event["end_seconds"], label=event["label"]
            )
            for event in data["events"]
        ),
        tables=tuple(
            Table(
                table["title"],
                tuple(table["columns"]),
                tuple(tuple(row) for row in table["rows"]),
                table["start_seconds"],
                table["end_seconds"],
            )
            for table in data["tables"]
        ),
    )


def _read_cut(cut: dict[str, Any]) -> Cut:
    if cut["transition"] == "cut":
        return Cut(cut["time_seconds"])
    return Cut(cut["time_seconds"], "dissolve", cut["start_seconds"], cut["end_seconds"])
