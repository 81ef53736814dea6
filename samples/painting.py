"""Pictures, letters and grain on a 640 x 360 canvas, and the way from there into a file."""

import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT, FPS = 640, 360, 25
Canvas = npt.NDArray[np.float32]
"""Height x width x 3, red green blue, 0..255."""
Mask = npt.NDArray[np.float32]
"""Height x width x 1, 0 (nothing) .. 1 (opaque)."""
Span = tuple[float, float]
"""Start and end in seconds, half-open."""


@cache
def picture(name: str) -> Canvas:
    """A picture out of the scikit-image wheel, in its own size."""
    package = importlib.util.find_spec("skimage")
    if package is None or package.origin is None:
        raise SystemExit("scikit-image is missing: pip install scikit-image")
    with Image.open(Path(package.origin).parent / "data" / name) as image:
        return np.asarray(image.convert("RGB"), np.float32)


@dataclass(frozen=True, slots=True)
class View:
    """What of a picture fills the frame: a 16:9 window."""

    x: float
    """Its centre, as a share of the picture's width; moved inwards where it would leave the picture."""
    y: float
    width: float
    """Share of the widest window that fits."""

    def towards(self, other: "View", progress: float) -> "View":
        """Where a camera move has got to, slow at both ends; progress is held within 0..1."""
        p = min(max(progress, 0.0), 1.0)
        p = p * p * (3 - 2 * p)
        return View(
            *(a + (b - a) * p for a, b in ((self.x, other.x), (self.y, other.y), (self.width, other.width)))
        )


def look(source: Canvas, view: View) -> Canvas:
    height, width = source.shape[:2]
    scale = view.width * min(width, height * WIDTH / HEIGHT) / WIDTH
    half_width, half_height = scale * WIDTH / 2, scale * HEIGHT / 2
    left = min(max(view.x * width, half_width), width - half_width) - half_width
    top = min(max(view.y * height, half_height), height - half_height) - half_height
    matrix = np.array([[scale, 0, left], [0, scale, top]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    seen = cv2.warpAffine(source, matrix, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(seen, np.float32)


def blank(*colour: float) -> Canvas:
    return np.full((HEIGHT, WIDTH, 3), colour, np.float32)


def over(below: Canvas, above: Canvas, mask: Mask | float) -> Canvas:
    return np.asarray(below + (above - below) * mask, np.float32)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text on the screen."""

    text: str
    x: float
    """Left edge of the letters (their centre, if centred) in pixels."""
    y: float
    """Top of the line in pixels."""
    size: int
    """Font size in pixels."""
    span: Span
    colour: tuple[int, int, int] = (255, 255, 255)
    bold: bool = False
    centred: bool = False
    plate: bool = False
    """Whether a dark plate lies behind the letters."""
    bullet: bool = False
    fade_seconds: float = 0.0
    """How long it takes to come and to go; `span` counts from and to the half of that."""

    @property
    def stroke(self) -> float:
        return self.size / 40 if self.bold else 0.0

    def presence(self, seconds: float) -> float:
        """How much of it shows, 0..1."""
        start, end = self.span
        if not self.fade_seconds:
            return float(start <= seconds < end)
        return min(max(min(seconds - start, end - seconds) / self.fade_seconds + 0.5, 0.0), 1.0)

    def ink(self, pen: ImageDraw.ImageDraw) -> tuple[float, tuple[float, float, float, float]]:
        """Where to start writing, and the inked letters' left, top, right and bottom, in pixels."""
        left, top, right, bottom = pen.textbbox(
            (0, self.y), self.text, font(self.size), stroke_width=self.stroke
        )
        shift = self.x - ((left + right) / 2 if self.centred else left)
        return shift, (left + shift, top, right + shift, bottom)

    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the inked letters, as shares (0..1) of width and height."""
        _, (left, top, right, bottom) = self.ink(ImageDraw.Draw(Image.new("L", (1, 1))))
        return left / WIDTH, top / HEIGHT, right / WIDTH, bottom / HEIGHT


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    letters = ImageFont.load_default(size)
    if not isinstance(letters, ImageFont.FreeTypeFont):
        raise SystemExit("this Pillow was built without FreeType, so it has no font of any size")
    return letters


@cache
def inked(line: Line) -> tuple[Canvas, Mask]:
    """The line's colours and opacity, over a whole frame."""
    image = Image.new("RGBA", (WIDTH, HEIGHT), (*line.colour, 0))
    pen = ImageDraw.Draw(image)
    x, (left, top, right, bottom) = line.ink(pen)
    if line.plate:
        pen.rounded_rectangle((left - 14, top - 9, right + 14, bottom + 9), 6, fill=(14, 18, 28, 200))
    if line.bullet:
        middle = line.y + 0.66 * line.size
        pen.ellipse((left - 26, middle - 4, left - 18, middle + 4), fill=(*line.colour, 255))
    pen.text((x, line.y), line.text, (*line.colour, 255), font(line.size), stroke_width=line.stroke)
    rgba = np.asarray(image, np.float32)
    return rgba[:, :, :3], rgba[:, :, 3:] / np.float32(255)


def write_lines(canvas: Canvas, lines: Iterable[Line], seconds: float) -> Canvas:
    for line in lines:
        if presence := line.presence(seconds):
            ink, mask = inked(line)
            canvas = over(canvas, ink, mask * np.float32(presence))
    return canvas


def grain(seed: int = 7, pictures: int = 8, strength: float = 1.6) -> list[Canvas]:
    """A few pictures of soft noise, shown in turn, so that no area is as flat as only drawings are."""
    random = np.random.default_rng(seed)
    noises = (random.normal(0, strength, (HEIGHT, WIDTH, 1)) for _ in range(pictures))
    return [np.asarray(cv2.GaussianBlur(noise, (0, 0), 0.7), np.float32)[:, :, None] for noise in noises]


def encode(draw: Callable[[float], Canvas], duration_seconds: float, path: Path) -> None:
    """Writes H.264 in MP4; one thread, so that the same versions write the same bytes."""
    noises = grain()
    with av.open(path, "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, FPS)
        stream.codec_context.thread_count = 1
        stream.options = {"crf": "26", "preset": "slow", "g": "125"}
        for index in range(round(duration_seconds * FPS)):
            canvas = draw(index / FPS) + noises[index % len(noises)]
            pixels = np.clip(np.rint(canvas), 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
