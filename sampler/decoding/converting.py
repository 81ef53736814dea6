"""Decoded FFmpeg frames as arrays: cheap views for measuring, upright full-quality pictures for keeping."""

import re
from fractions import Fraction
from functools import lru_cache
from typing import cast

import numpy as np
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray
from PIL import Image

from sampler.flattening import flatten
from sampler.frames import Plane, fit

_PLANAR = re.compile(
    r"yuvj?4\d\dp(?P<bits>\d+le)?|gray(?P<gray>\d+le)?|(?P<semi>nv12|nv21|nv16|nv24)|p0(?P<p>\d+)le"
)
_MEASURED_WIDTH = 640
_OPAQUE, _GREY = 255, 128
_HD_HEIGHT = 576
"""Above this, untagged video is taken for BT.709 as players do, else for BT.601."""
_COLORSPACES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.SMPTE170M,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}


class Converter:
    """Turns the frames of one video into arrays; owns the scaler state, so one per reader and thread."""

    def __init__(self, sample_aspect_ratio: Fraction) -> None:
        self._aspect = sample_aspect_ratio
        self._measuring = VideoReformatter()
        self._picturing = VideoReformatter()

    def displayed_size(self, frame: VideoFrame) -> tuple[int, int]:
        """Width and height after rotation and with square pixels."""
        width, height = self._square(frame)
        return (height, width) if quarter_turns(frame) % 2 else (width, height)

    def _square(self, frame: VideoFrame) -> tuple[int, int]:
        """Size before rotation with square pixels; the wider of the two ways, so that nothing is thrown away."""
        return max(1, round(frame.width * self._aspect)), frame.height

    def planes(self, frame: VideoFrame) -> tuple[Plane, Plane, Plane, int]:
        """See ``sampler.frames.Frame.planes``; views wherever the pixel format allows.

        What is transparent shows grey, on which both black and white are seen, and which is the same for every frame.
        """
        drop = _bits_to_drop(frame.format.name)
        if drop is None:
            width = min(frame.width, _MEASURED_WIDTH)
            height = max(1, frame.height * width // frame.width)
            into = "yuva444p" if _has_alpha(frame.format.name) else "yuv444p"
            frame = self._measuring.reformat(
                frame, width, height, into, interpolation=Interpolation.FAST_BILINEAR, threads=1
            )
            if into == "yuva444p":
                y, blue, red, alpha = (_view(plane, wide=False) for plane in frame.planes)
                return _over_grey(y, alpha), _over_grey(blue, alpha), _over_grey(red, alpha), 0
            drop = 0
        planes = frame.planes
        luma = _view(planes[0], wide=drop != 0)
        if len(planes) == 1:
            flat = np.full((2, 2), 128, np.uint8)
            return luma, flat, flat, drop
        if len(planes) == 2 or frame.format.name.startswith(("nv", "p0")):
            pairs = _view(planes[1], wide=drop != 0, components=2)
            return luma, pairs[:, 0::2], pairs[:, 1::2], drop
        return luma, _view(planes[1], wide=drop != 0), _view(planes[2], wide=drop != 0), drop

    def bgr(self, frame: VideoFrame, max_pixels: int) -> NDArray[np.uint8]:
        """See ``sampler.frames.Frame.bgr``; what is transparent shows what suits the picture, as of pictures."""
        width, height = fit(*self._square(frame), max_pixels)
        untagged = Colorspace.ITU709 if frame.height > _HD_HEIGHT else Colorspace.ITU601
        same = (width, height) == (frame.width, frame.height)
        seen_through = _has_alpha(frame.format.name)
        picture = self._picturing.reformat(
            frame,
            width,
            height,
            "rgba" if seen_through else "bgr24",
            src_colorspace=_COLORSPACES.get(frame.colorspace, untagged),
            dst_colorspace=Colorspace.DEFAULT,
            src_color_range=frame.color_range or ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            interpolation=(Interpolation.BICUBIC if same else Interpolation.AREA)
            | Interpolation.ACCURATE_RND
            | Interpolation.FULL_CHR_H_INT,
            threads=1,
        )
        array = cast("NDArray[np.uint8]", picture.to_ndarray())
        if seen_through:
            array = np.asarray(flatten(Image.fromarray(array), width * height))[..., ::-1]
        return np.ascontiguousarray(np.rot90(array, quarter_turns(frame)))


def quarter_turns(frame: VideoFrame) -> int:
    """Anticlockwise quarter turns that bring the picture upright (FFmpeg's display matrix, rounded)."""
    return round(frame.rotation / 90) % 4


@lru_cache(maxsize=64)
def _has_alpha(pixel_format: str) -> bool:
    return any(component.is_alpha for component in VideoFormat(pixel_format).components)


def _over_grey(plane: Plane, alpha: Plane) -> Plane:
    if alpha.min() == _OPAQUE:
        return plane
    return ((plane.astype(np.int32) - _GREY) * alpha // _OPAQUE + _GREY).astype(np.uint8)


@lru_cache(maxsize=64)
def _bits_to_drop(pixel_format: str) -> int | None:
    """How many low bits to drop from a sample for 8 bits; None where no plane holds the luma by itself."""
    match = _PLANAR.fullmatch(pixel_format)
    if match is None:
        return None
    if match["p"]:
        return 8  # P010 and kin keep their bits at the top
    deep = match["bits"] or match["gray"]
    return int(deep.removesuffix("le")) - 8 if deep else 0


def _view(plane: VideoPlane, *, wide: bool, components: int = 1) -> Plane:
    kind = np.dtype(np.uint16 if wide else np.uint8)
    shape, steps = (plane.height, plane.width * components), (abs(plane.line_size), kind.itemsize)
    view: Plane = np.ndarray(shape, kind, memoryview(plane), strides=steps)
    return view
