"""What is measured on: films with known truth, each encoded once into a folder and kept there.

A dataset is a file and what is true of it. The same code and the same footage give the same pictures; where a recipe
changes, RECIPES changes, so that nothing stale is measured.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Literal

import av
import cv2
import numpy as np
from av.container import OutputContainer

from benchmarks.films import (
    EVENT,
    Film,
    busy_film,
    clock_film,
    montage_film,
    shaken_film,
    slides_film,
    sparse_film,
)
from tests.clips import media_folder
from tests.montages import FPS, HEIGHT, WIDTH, Style, plan_montage
from tests.truth import Cut, Happening, Span, Truth

RECIPES = "1"
"""Names the folder that datasets are kept in; raise it when a recipe changes what is drawn or encoded."""
_SOUND_RATE, _SOUND_FRAME = 16000, 1024
Group = Literal["cuts", "codecs", "skimming", "events", "long", "times"]


class FootageMissingError(Exception):
    """The clips that all datasets are made of are not there."""


@dataclass(frozen=True, slots=True)
class Coding:
    """How a film is encoded."""

    codec: str = "libx264"
    options: tuple[tuple[str, str], ...] = (("crf", "20"), ("preset", "veryfast"))
    width: int = WIDTH
    height: int = HEIGHT
    late: int = 0
    """Frames by which the first picture comes after the first sound; without a sound if 0."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A file to measure on, described before it is made."""

    name: str
    """Name of its file."""
    group: Group
    style: str
    """What results are summed over: datasets of one style are rows of one line."""
    film: Callable[[], Film] = field(repr=False)
    """Plans it; pictures are drawn when they are read."""
    coding: Coding = Coding()
    laps: int = 1
    """How often the packets of `lap` follow one another in the file."""
    lap: "Dataset | None" = None
    """What a file of several laps is made of; none where it is encoded itself."""
    quick: bool = False
    """Whether a quick run measures it as well."""
    reference: bool = False
    """Whether competitors that take minutes are measured on it as well."""

    def truth(self) -> Truth:
        """What is true of the whole file; where nothing is ever cut, neither is it between laps."""
        truth = self.film().truth
        length = truth.duration_seconds
        return Truth(
            duration_seconds=length * self.laps,
            camera=truth.camera,
            cuts=tuple(
                cut
                for lap in range(self.laps)
                for cut in (
                    *([Cut(lap * length)] if lap and truth.cuts else []),
                    *(_later(cut, lap * length) for cut in truth.cuts),
                )
            ),
            first_frame_seconds=self.coding.late / FPS,
            happenings=tuple(
                _happening_later(happening, lap * length)
                for lap in range(self.laps)
                for happening in truth.happenings
            ),
        )


def events_of(truth: Truth) -> list[Span]:
    """The spans of what a keyframe ought to hit."""
    return [(one.start_seconds, one.end_seconds) for one in truth.happenings if one.label == EVENT]


def shots_of(truth: Truth) -> list[Span]:
    """What is of one shot alone: from the end of a transition to the start of the next."""
    starts = [0.0, *(cut.span[1] for cut in truth.cuts)]
    ends = [*(cut.span[0] for cut in truth.cuts), truth.duration_seconds]
    return list(zip(starts, ends, strict=True))


def default_folder() -> Path:
    """Where datasets are kept if nobody says otherwise."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sceneline" / "benchmarks"


def prepare(dataset: Dataset, folder: Path) -> Path:
    """The dataset's file, made first if it is not there.

    Raises:
        FootageMissingError: it has to be made and there is nothing to make it of.
    """
    path = folder / f"v{RECIPES}" / dataset.name
    if path.exists():
        return path
    if not (media_folder() / "real").is_dir():
        raise FootageMissingError(
            f"no footage in {media_folder()}: set SCENELINE_TEST_MEDIA to the folder that holds real/"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"part-{os.getpid()}-{path.name}")
    if dataset.lap:
        once = prepare(dataset.lap, folder)
        repeat(once, part, dataset.laps, dataset.lap.truth().duration_seconds)
    else:
        write_film(dataset.film(), part, dataset.coding)
    part.replace(path)
    return path


# --- encoding -----------------------------------------------------------------------------------------------


def write_film(film: Film, path: Path, coding: Coding) -> None:
    """Encode a film; the ending of the path chooses the container."""
    with av.open(path, "w") as container:
        stream = container.add_stream(coding.codec, rate=film.rate, options=dict(coding.options))
        stream.width, stream.height, stream.pix_fmt = coding.width, coding.height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, film.rate)
        if coding.late:
            _add_silence(container, film.truth.duration_seconds + coding.late / film.rate)
        for number, picture in film.frames:
            sized = picture
            if (coding.width, coding.height) != (WIDTH, HEIGHT):
                size = (coding.width, coding.height)
                sized = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), np.uint8)
            frame = av.VideoFrame.from_ndarray(sized, format="rgb24")
            frame.pts, frame.time_base = number + coding.late, Fraction(1, film.rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _add_silence(container: OutputContainer, seconds: float) -> None:
    """A track of silence from the clock's zero on."""
    stream = container.add_stream("aac", rate=_SOUND_RATE, layout="mono")
    for start in range(0, round(seconds * _SOUND_RATE), _SOUND_FRAME):
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, _SOUND_FRAME), np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate, frame.pts, frame.time_base = _SOUND_RATE, start, Fraction(1, _SOUND_RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def repeat(source: Path, path: Path, times: int, seconds: float) -> None:
    """Write a file whose packets are those of another, several times over; nothing is encoded again."""
    with av.open(path, "w") as out:
        stream = None
        for lap in range(times):
            with av.open(source) as container:
                video = container.streams.video[0]
                stream = stream or out.add_stream_from_template(video)
                for packet in container.demux(video):
                    if packet.dts is None or packet.pts is None or packet.time_base is None:
                        continue
                    later = round(Fraction(seconds).limit_denominator(1000) * lap / packet.time_base)
                    packet.pts, packet.dts = packet.pts + later, packet.dts + later
                    packet.stream = stream
                    out.mux(packet)


def _later(cut: Cut, seconds: float) -> Cut:
    return replace(
        cut,
        time_seconds=cut.time_seconds + seconds,
        start_seconds=None if cut.start_seconds is None else cut.start_seconds + seconds,
        end_seconds=None if cut.end_seconds is None else cut.end_seconds + seconds,
    )


def _happening_later(happening: Happening, seconds: float) -> Happening:
    start, end = happening.start_seconds + seconds, happening.end_seconds + seconds
    return replace(happening, start_seconds=start, end_seconds=end)


# --- the catalogue ------------------------------------------------------------------------------------------


def catalogue() -> Iterator[Dataset]:
    """All datasets, those that are made fastest first within a group."""
    yield from _cut_datasets()
    yield from _codec_datasets()
    yield from _paced_datasets()
    yield from _event_datasets()
    yield from _long_datasets()
    yield from _clock_datasets()


def selected(*, quick: bool, groups: Iterable[str] = ()) -> list[Dataset]:
    """The datasets of some groups (of all, if none is named), in a quick run only the quick ones."""
    wanted = set(groups)
    return [d for d in catalogue() if (d.quick or not quick) and (not wanted or d.group in wanted)]


_REFERENCES = frozenset({12, 51})
"""Seeds of the montages on which all are measured: with dissolves, and with all kinds."""


def _cut_datasets() -> Iterator[Dataset]:
    styles: tuple[tuple[Style, str, tuple[int, ...]], ...] = (
        ("cuts", "hard cuts", (1, 2)),
        ("dissolves", "a third dissolved", (11, 12, 13)),
        ("fades", "a third faded", (21, 22)),
        ("wipes", "a third wiped", (31, 32)),
        ("pushes", "a third pushed", (33, 34)),
        ("irises", "a third opened in a circle", (35, 36)),
        ("flashes", "hard cuts, flashes", (41, 42)),
        ("mixed", "all kinds, flashes", (51, 52)),
    )
    for style, told, seeds in styles:
        for seed in seeds:
            yield _montage(f"{style}-{seed}.mp4", told, seed, style, quick=seed in {1, 11})
    for style, seed in (("cuts", 61), ("dissolves", 62)):
        yield _montage(f"variable-{seed}.mp4", "variable frame rate", seed, style, variable=True)
    for seed in (71, 72):
        yield Dataset(f"shake-{seed}.mp4", "cuts", "hand-held shake", partial(shaken_film, seed, 12))
    for seed in (81, 82):
        yield Dataset(f"slides-{seed}.mp4", "cuts", "slide builds", partial(slides_film, seed, 7))
    fixed = Coding(options=(("crf", "20"), ("preset", "veryfast"), ("g", "125"), ("sc_threshold", "0")))
    for seed in (91, 92):
        film = partial(_planned, seed, "dissolves", 16)
        yield Dataset(f"fixed-gop-{seed}.mp4", "cuts", "a third dissolved, fixed GOPs", film, fixed)


def _montage(
    name: str, told: str, seed: int, style: Style, *, variable: bool = False, quick: bool = False
) -> Dataset:
    film = partial(_planned, seed, style, 14, variable=variable)
    return Dataset(name, "cuts", told, film, quick=quick, reference=seed in _REFERENCES)


def _planned(seed: int, style: Style, shots: int, *, variable: bool = False) -> Film:
    return montage_film(plan_montage(seed, style=style, shots=shots, variable_frame_rate=variable))


_STILLS = ("intel_person-bicycle-car.gif", "intel_store-aisle.gif")
_GRAINY = Coding(options=(("crf", "26"), ("preset", "veryfast")))


def _codec_datasets() -> Iterator[Dataset]:
    film = partial(_planned, 101, "dissolves", 7)
    codings = {
        "h264-1080p.mp4": ("H.264 1080p", Coding(width=1920, height=1080)),
        "hevc.mp4": (
            "HEVC 360p",
            Coding("libx265", (("preset", "ultrafast"), ("x265-params", "log-level=none"))),
        ),
        "vp9.webm": (
            "VP9 360p",
            Coding("libvpx-vp9", (("deadline", "realtime"), ("cpu-used", "8"), ("b", "1500k"))),
        ),
        "av1.mp4": ("AV1 360p", Coding("libsvtav1", (("preset", "12"), ("crf", "35")))),
    }
    for name, (told, coding) in codings.items():
        yield Dataset(name, "codecs", told, film, coding)


def _paced_datasets() -> Iterator[Dataset]:
    """A cut every four seconds, with sync frames where encoders put them."""
    styles: tuple[tuple[Style, str, tuple[int, ...]], ...] = (
        ("cuts", "hard cuts", (901, 902)),
        ("dissolves", "a third dissolved", (911, 912)),
    )
    for style, told, seeds in styles:
        for seconds in (2, 5, 10):
            fixed = (("g", str(seconds * FPS)), ("sc_threshold", "0"))
            coding = Coding(options=(("crf", "23"), ("preset", "veryfast"), *fixed))
            for seed in seeds:
                film = partial(_paced, seed, style)
                name = f"paced-{style}-{seed}-{seconds}s.mp4"
                yield Dataset(name, "skimming", f"{told}, every {seconds} s", film, coding)
        for seed in seeds:
            own = Coding(options=(("crf", "23"), ("preset", "medium")))
            film = partial(_paced, seed, style)
            yield Dataset(f"paced-{style}-{seed}.mp4", "skimming", f"{told}, at cuts", film, own)


def _paced(seed: int, style: Style) -> Film:
    return montage_film(plan_montage(seed, style=style, shots=20, lengths=(3 * FPS, 5 * FPS)))


def _event_datasets() -> Iterator[Dataset]:
    film = partial(sparse_film, _STILLS[0], 7, 3.0, 3)
    yield Dataset("sparse-quick.mp4", "events", "rare events, 3 minutes", film, _GRAINY, quick=True)
    for seed in (121, 122):
        film = partial(_planned, seed, "dissolves", 24)
        yield Dataset(f"shots-{seed}.mp4", "events", "24 shots", film)
    yield _busy()
    yield from (_sparse(number) for number in range(len(_STILLS)))


def _sparse(number: int) -> Dataset:
    film = partial(sparse_film, _STILLS[number], number + 1, 15.0, 8)
    return Dataset(f"sparse-{number + 1}.mp4", "events", "8 rare events in 15 still minutes", film, _GRAINY)


def _busy() -> Dataset:
    film = partial(busy_film, 111, 72, 30)
    return Dataset("busy.mp4", "events", "72 busy shots, 30 events", film)


def _long_datasets() -> Iterator[Dataset]:
    for name, told, lap, laps in (
        ("long-cut-4.mp4", "a quarter of an hour of montage", _busy(), 4),
        ("long-still-4.mp4", "an hour of a fixed camera", _sparse(0), 4),
    ):
        yield Dataset(name, "long", told, lap.film, laps=laps, lap=lap)


def _clock_datasets() -> Iterator[Dataset]:
    steady, variable = (
        partial(clock_film, 141, 400, variable=False),
        partial(clock_film, 142, 400, variable=True),
    )
    frames = (("crf", "23"), ("preset", "veryfast"), ("bf", "3"), ("g", "60"))
    opened = Coding(
        "libx265", (("preset", "ultrafast"), ("x265-params", "log-level=none:open-gop=1:keyint=48:bframes=4"))
    )
    yield Dataset("clock.mp4", "times", "B-frames", steady, Coding(options=frames), quick=True)
    yield Dataset("clock-variable.mp4", "times", "variable frame rate", variable, Coding(options=frames))
    yield Dataset("clock-variable.mkv", "times", "variable frame rate", variable, Coding(options=frames))
    yield Dataset("clock.ts", "times", "transport stream", steady, Coding(options=frames))
    yield Dataset("clock-open.mp4", "times", "open GOPs", steady, opened)
    yield Dataset("clock-late.mp4", "times", "late first frame", steady, Coding(options=frames, late=FPS))
