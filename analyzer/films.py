"""A drawn film with known events: large numbers and coloured shapes on plain ground, to try a model out with."""

import io
from dataclasses import dataclass, replace
from fractions import Fraction

from PIL import Image, ImageDraw, ImageFont

from analyzer.types import Box
from sampler import Keyframe

SIDES = (640, 352)
"""Width and height of a picture in pixels: whole patches for every model known."""
_NUMBERS = (41, 17, 86, 23, 59, 38, 72, 94)
"""In no order that could be guessed."""
_TIMES = (0.0, 1.3, 2.9, 4.0, 5.2, 6.8, 8.1, 9.6)
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A coloured shape and the keyframes that show it."""

    colour: str
    first: int
    last: int
    box: Box


SHAPES = (
    Shape("red", 0, 3, (0.55, 0.15, 0.9, 0.5)),
    Shape("blue", 5, 6, (0.1, 0.55, 0.4, 0.95)),
)


@dataclass(frozen=True, slots=True)
class Film:
    """Keyframes and what is on them."""

    keyframes: tuple[Keyframe, ...]
    numbers: tuple[int, ...]
    """The number drawn in each."""
    shapes: tuple[Shape, ...]

    def first(self, count: int) -> "Film":
        """The film up to a keyframe."""
        return Film(
            self.keyframes[:count],
            self.numbers[:count],
            tuple(
                replace(shape, last=min(shape.last, count - 1))
                for shape in self.shapes
                if shape.first < count
            ),
        )

    def looped(self, count: int) -> tuple[Keyframe, ...]:
        """So many keyframes in the order of time, the film over and over."""
        length = _TIMES[-1] + 1.0
        rounds = (divmod(index, len(self.keyframes)) for index in range(count))
        return tuple(
            replace(
                self.keyframes[at],
                index=index,
                time_seconds=self.keyframes[at].time_seconds + turn * length,
            )
            for index, (turn, at) in enumerate(rounds)
        )


def draw_film(sides: tuple[int, int] = SIDES) -> Film:
    """Draw the film with pictures of this width and height."""
    keyframes = tuple(
        Keyframe(
            index=index,
            time_seconds=time,
            pts=round(time * 1000),
            time_base=Fraction(1, 1000),
            shot=0,
            reason="uniform",
            sharpness=None,
            width=sides[0],
            height=sides[1],
            jpeg=_draw(index, sides),
        )
        for index, time in enumerate(_TIMES)
    )
    return Film(keyframes, _NUMBERS, SHAPES)


def _draw(index: int, sides: tuple[int, int]) -> bytes:
    width, height = sides
    picture = Image.new("RGB", sides, (225, 225, 220))
    pen = ImageDraw.Draw(picture)
    pen.text(
        (width * 0.06, height * 0.05), str(_NUMBERS[index]), "black", ImageFont.load_default(height * 0.4)
    )
    for shape in SHAPES:
        if shape.first <= index <= shape.last:
            x0, y0, x1, y1 = shape.box
            corners = (round(x0 * width), round(y0 * height), round(x1 * width) - 1, round(y1 * height) - 1)
            pen.rectangle(corners, fill=(200, 20, 20) if shape.colour == "red" else (20, 40, 210))
    packed = io.BytesIO()
    picture.save(packed, "JPEG", quality=90)
    return packed.getvalue()
