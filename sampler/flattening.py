"""Pictures of any kind as opaque RGB of eight bits: deep grey, palettes, transparency."""

from typing import Final, Literal

import cv2
import numpy as np
from PIL import ExifTags, Image

Ground = Literal["white", "black"]
"""What shows through where a picture is transparent."""

_WHITES: Final = {"I": (255, 65_535), "F": (1, 255, 65_535)}
"""How bright white may be in grey whose files do not say, by Pillow's name for it."""
_PALE: Final = 192
"""Mean grey level (of 255) of outlines from which what they enclose is hard to see on white."""


def flatten(picture: Image.Image, kept_pixels: int, ground: Ground | None = None) -> Image.Image:
    """The picture in RGB, shrunk by a whole factor to about so many pixels at most; over the ground that suits it if
    none is given.
    """
    picture = _in_eight_bits(picture)
    excess = int((picture.width * picture.height / kept_pixels) ** 0.5)
    if excess > 1:
        picture = _reducible(picture).reduce(excess)
    if not _is_transparent(picture):
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    below = Image.new("RGBA", layer.size, ground or ground_of(layer))
    return Image.alpha_composite(below, layer).convert("RGB")


def shows_ground(picture: Image.Image) -> bool:
    """Whether any of the picture is transparent; not if it merely could be, as most GIFs."""
    return _is_transparent(picture) and bool((np.asarray(picture.convert("RGBA"))[..., 3] < 255).any())


def ground_of(picture: Image.Image) -> Ground:
    """White, as most viewers show transparency; black where what is there would be lost on white, as white letters.

    The outlines decide, where what is there meets the ground: a white box with black letters beside it is as well
    seen on white.
    """
    if not _is_transparent(picture):
        return "white"
    layer = np.asarray(picture.convert("RGBA"))
    opacity = layer[..., 3].astype(np.float32)
    weights = cv2.morphologyEx(opacity, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) * opacity
    grey = cv2.cvtColor(layer[..., :3], cv2.COLOR_RGB2GRAY)
    return "black" if float((grey * weights).sum()) > _PALE * float(weights.sum()) else "white"


def _is_transparent(picture: Image.Image) -> bool:
    return picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info


def _in_eight_bits(picture: Image.Image) -> Image.Image:
    """Deeper grey in 256 steps, everything else as it is; Pillow itself makes all white that is above 255."""
    if picture.mode.startswith("I;16"):
        # TIFF scans of 12 bits come in this mode too.
        bits: int = getattr(picture, "tag_v2", {}).get(ExifTags.Base.BitsPerSample, (16,))[0]
        return Image.fromarray((np.asarray(picture) >> (bits - 8)).astype(np.uint8))
    if picture.mode not in _WHITES:
        return picture
    levels = np.nan_to_num(np.asarray(picture, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    scaled = levels * (255 / _white(picture, float(levels.max())))
    return Image.fromarray(np.clip(scaled, 0, 255, out=scaled).astype(np.uint8))


def _white(picture: Image.Image, brightest: float) -> float:
    """How bright white is: what the format says, else the least usual value that nothing exceeds."""
    if picture.mode == "I" and picture.format == "PPM":
        return 65_535  # Pillow has scaled it to this
    return next((white for white in _WHITES[picture.mode] if brightest <= white), brightest)


def _reducible(picture: Image.Image) -> Image.Image:
    """The picture in a mode whose neighbours can be averaged: neither bits nor a palette."""
    if picture.mode not in {"1", "P"}:
        return picture
    return picture.convert("L" if picture.mode == "1" else "RGBA")
