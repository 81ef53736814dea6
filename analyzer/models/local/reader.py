"""Text on a picture: PP-OCR through rapidocr, run by ONNX Runtime."""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from analyzer.models.local.weights import WeightsFile, locate
from analyzer.types import Box, TextLine

_FINDER: Final = WeightsFile(
    "rapidocr", "PP-OCRv6_det_small.onnx", "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f"
)
_READER: Final = WeightsFile(
    "rapidocr", "PP-OCRv6_rec_small.onnx", "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884"
)
_COARSE_PIXELS: Final = 300_000
"""Every picture is searched for text at about this size: enough for captions and titles."""
_FINE_PIXELS: Final = 800_000
"""Pictures with small print are searched again at about this size."""
_SMALL_PRINT: Final = 16.0
"""Height of a line, in pixels of the coarse search, under which print counts as small."""
_LINES: Final = 48
"""Lines read per keyframe at most, tallest first: a page of dense print must not cost a minute."""
_UNCHANGED: Final = 6.0
"""Grey levels (of 255) by which the worst tile of two pictures may differ, and still show the same text."""
_TILE: Final = 8
"""Side of such a tile in pixels: smaller than a digit, so that one ticking digit fills several."""

Pixels = NDArray[np.uint8]
Quad = NDArray[np.float32]
"""Four corners, clockwise from the top left of the text, in pixels."""


@dataclass(frozen=True, slots=True)
class _Read:
    quad: Quad
    crop: Pixels
    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class _Page:
    grey: Pixels
    reads: tuple[_Read, ...]


class Reader:
    """The loaded networks, and the last page read: what did not change is not read again.

    Not safe to call from two threads at once.
    """

    def __init__(self, threads: int) -> None:
        from rapidocr import RapidOCR  # noqa: PLC0415 - opens its log handler at import

        # Given paths, rapidocr neither looks for models nor downloads any.
        self._engine: Any = RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.use_cls": False,
                "Global.max_side_len": 10_000,
                "Det.model_path": str(locate(_FINDER)),
                "Det.limit_type": "max",
                "Det.limit_side_len": 10_000,
                "Rec.model_path": str(locate(_READER)),
                "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )
        self._last: _Page | None = None

    def read(self, picture: Pixels) -> tuple[TextLine, ...]:
        """Read a BGR picture, top to bottom."""
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
        if self._last is None or not _is_unchanged(grey, self._last.grey):
            self._last = _Page(grey, tuple(self._read_lines(picture)))
        height, width = grey.shape
        return tuple(
            TextLine(read.text, _box(read.quad, width, height), read.confidence)
            for read in self._last.reads
            if read.text
        )

    def _read_lines(self, picture: Pixels) -> list[_Read]:
        quads = sorted(self._find(picture), key=lambda quad: -_height(quad))[:_LINES]
        reads = [self._read_line(quad, _cut_out(picture, quad)) for quad in quads]
        return sorted(reads, key=lambda read: (float(read.quad[0, 1]), float(read.quad[0, 0])))

    def _find(self, picture: Pixels) -> list[Quad]:
        quads, scale = self._search(picture, _COARSE_PIXELS)
        if quads and min(_height(quad) for quad in quads) * scale < _SMALL_PRINT:
            quads, _ = self._search(picture, _FINE_PIXELS)
        return quads

    def _search(self, picture: Pixels, pixels: int) -> tuple[list[Quad], float]:
        height, width = picture.shape[:2]
        scale = (pixels / (height * width)) ** 0.5
        size = max(32, round(width * scale)), max(32, round(height * scale))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        found = self._engine(
            cv2.resize(picture, size, interpolation=method), use_det=True, use_cls=False, use_rec=False
        )
        if found.boxes is None:
            return [], scale
        back = np.array([width / size[0], height / size[1]], np.float32)
        return [np.asarray(quad, np.float32) * back for quad in found.boxes], scale

    def _read_line(self, quad: Quad, crop: Pixels) -> _Read:
        for known in self._last.reads if self._last else ():
            if np.abs(known.quad - quad).max() < 3 and known.crop.shape == crop.shape:
                if _is_unchanged(_grey(crop), _grey(known.crop)):
                    return _Read(quad, crop, known.text, known.confidence)
        answer = self._engine(crop, use_det=False, use_cls=False, use_rec=True)
        if not answer.txts:
            return _Read(quad, crop, "", 0.0)
        return _Read(quad, crop, " ".join(answer.txts[0].split()), float(answer.scores[0]))


def _is_unchanged(one: Pixels, other: Pixels) -> bool:
    """Say whether no tile of two grey pictures differs by more than compression noise does."""
    if one.shape != other.shape:
        return False
    difference = cv2.absdiff(one, other).astype(np.float32)
    return float(cv2.blur(difference, (_TILE, _TILE)).max()) < _UNCHANGED


def _grey(picture: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def _height(quad: Quad) -> float:
    return float(min(np.linalg.norm(quad[3] - quad[0]), np.linalg.norm(quad[2] - quad[1])))


def _cut_out(picture: Pixels, quad: Quad) -> Pixels:
    """Turn the quadrilateral upright."""
    width = max(1, round(float(max(np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[2] - quad[3])))))
    height = max(1, round(float(max(np.linalg.norm(quad[3] - quad[0]), np.linalg.norm(quad[2] - quad[1])))))
    upright = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    turn = cv2.getPerspectiveTransform(quad, upright)
    return np.asarray(
        cv2.warpPerspective(
            picture, turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        ),
        np.uint8,
    )


def _box(quad: Quad, width: int, height: int) -> Box:
    x0, y0 = np.clip(quad.min(axis=0) / (width, height), 0, 1 - 1e-6).tolist()
    x1, y1 = np.clip(quad.max(axis=0) / (width, height), 0, 1).tolist()
    return x0, y0, max(x1, x0 + 1e-6), max(y1, y0 + 1e-6)
