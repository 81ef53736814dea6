"""Text on a picture: PP-OCR through rapidocr, run by ONNX Runtime.

Reading is the dearest of the local looks, and most of a screen recording stands still. A picture is compared, tile by
tile, with the one before, and only where something has changed are lines searched for and read.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from analyzer.findings import TextLine
from analyzer.models.local.runtime import load_runtime
from analyzer.models.local.weights import WeightsFile, locate
from analyzer.types import Box

_FINDER: Final = WeightsFile(
    "rapidocr",
    "PP-OCRv6_det_small.onnx",
    "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
)
_READER: Final = WeightsFile(
    "rapidocr",
    "PP-OCRv6_rec_small.onnx",
    "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
)
_COARSE_PIXELS: Final = 240_000
"""Every picture is searched for text at about this size: enough for captions and titles."""
_FINE_PIXELS: Final = 600_000
"""Pictures with small print are searched again at about this size."""
_SMALL_PRINT: Final = 14.0
"""Height of a line, in pixels of the coarse search, under which print counts as small."""
_LEGIBLE: Final = 9.5
"""Height of a line, in pixels of the picture, under which what is read is mostly wrong."""
_LINES: Final = 40
"""New lines read per keyframe at most, tallest first: a page of dense print must not cost a minute."""
_LONGEST: Final = 10_000
"""Longest side of a picture that is searched, in pixels; rapidocr makes longer ones smaller."""
_LEAST: Final = 32
"""Shortest side: the finder halves a picture five times."""
_UNCHANGED: Final = 6.0
"""Grey levels (of 255) by which a tile of two pictures may differ and still show the same text."""
_TILE: Final = 8
"""Side of such a tile in pixels: smaller than a digit, so that one ticking digit changes several."""
_MARGIN: Final = 16
"""Pixels searched around what changed, at least."""
_WORD_GAP: Final = 0.08
"""The same as a share of the picture's shorter side; with less than a gap between words, large type falls apart."""
_HELD: Final = 0.7
"""Share of a line that lies within a longer one of which it is the beginning or the end."""
_GROWN: Final = 1.3
"""How much larger that one is, at least."""
_YEAR: Final = 4
"""Digits from which a number is none of a score."""
_MOST: Final = 0.6
"""Share of the picture from which it is searched as a whole."""

Pixels = NDArray[np.uint8]
Quad = NDArray[np.float32]
"""Four corners, clockwise from the top left of the text, in pixels of the picture."""
Window = tuple[int, int, int, int]
"""``(left, top, right, bottom)`` in pixels of the picture."""
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Line:
    quad: Quad
    text: str
    confidence: float


class Reader:
    """The loaded networks and what was read last. Not safe to call from two threads at once."""

    def __init__(self, threads: int) -> None:
        load_runtime()
        from rapidocr import RapidOCR  # noqa: PLC0415 - opens its log handler at import

        # Given paths, rapidocr neither looks for models nor downloads any.
        self._engine: Any = RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.use_cls": False,
                "Global.max_side_len": _LONGEST,
                "Det.model_path": str(locate(_FINDER)),
                "Det.limit_type": "max",
                "Det.limit_side_len": _LONGEST,
                "Rec.model_path": str(locate(_READER)),
                "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )
        self._grey: Pixels | None = None
        """The picture last searched."""
        self._lines: list[_Line] = []

    def read(self, picture: Pixels) -> tuple[TextLine, ...]:
        """Read a BGR picture, top to bottom."""
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
        changed = self._changed(grey)
        if changed.any():
            self._lines = self._reread(picture, changed)
            self._grey = grey
        height, width = grey.shape
        return tuple(
            TextLine(line.text, _box(line.quad, width, height), line.confidence)
            for line in self._lines
            if line.text
        )

    def _changed(self, grey: Pixels) -> Mask:
        """Mark the pixels whose tile does not look as it did on the picture before."""
        if self._grey is None or self._grey.shape != grey.shape:
            self._lines = []
            return np.ones(grey.shape, np.bool_)
        difference = cv2.absdiff(grey, self._grey).astype(np.float32)
        return np.asarray(cv2.blur(difference, (_TILE, _TILE)) > _UNCHANGED)

    def _reread(self, picture: Pixels, changed: Mask) -> list[_Line]:
        """Keep the lines around which nothing has changed, and search where something has."""
        kept = []
        for line in self._lines:
            left, top, right, bottom = _window(line.quad, round(_height(line.quad)))
            if changed[top:bottom, left:right].any():
                changed[top:bottom, left:right] = True  # the line is looked for as a whole
            else:
                kept.append(line)
        quads: list[Quad] = []
        for left, top, right, bottom in _windows(changed):
            offset = np.array([left, top], np.float32)
            quads.extend(quad + offset for quad in self._find(picture, (left, top, right, bottom)))
        kept = [line for line in kept if not any(_outgrows(quad, line.quad) for quad in quads)]
        new = [quad for quad in quads if not any(_overlap(quad, line.quad) for line in kept)]
        new.sort(key=lambda quad: -_height(quad))
        lines = kept + [self._read_line(picture, quad) for quad in new[:_LINES]]
        return sorted(lines, key=lambda line: (float(line.quad[0, 1]), float(line.quad[0, 0])))

    def _find(self, picture: Pixels, window: Window) -> list[Quad]:
        """Find the legible lines in a window of the picture, in the window's pixels."""
        left, top, right, bottom = window
        part = picture[top:bottom, left:right]
        area = picture.shape[0] * picture.shape[1]
        coarse, fine = (min(2.0, (pixels / area) ** 0.5) for pixels in (_COARSE_PIXELS, _FINE_PIXELS))
        quads = self._search(part, coarse)
        if quads and min(_height(quad) for quad in quads) * coarse < _SMALL_PRINT:
            quads = self._search(part, fine)
        return [quad for quad in quads if _height(quad) >= _LEGIBLE]

    def _search(self, picture: Pixels, scale: float) -> list[Quad]:
        height, width = picture.shape[:2]
        size = max(_LEAST, round(width * scale)), max(_LEAST, round(height * scale))
        if min(size) * _LONGEST < _LEAST * max(size):
            return []  # nothing would be left of its shorter side, and no line is that long
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        resized = cv2.resize(picture, size, interpolation=method)
        found = self._engine(resized, use_det=True, use_cls=False, use_rec=False)
        if found.boxes is None:
            return []
        back = np.array([width / size[0], height / size[1]], np.float32)
        return [np.asarray(quad, np.float32) * back for quad in found.boxes]

    def _read_line(self, picture: Pixels, quad: Quad) -> _Line:
        answer = self._engine(_upright(picture, quad), use_det=False, use_cls=False, use_rec=True)
        if not answer.txts:
            return _Line(quad, "", 0.0)
        return _Line(quad, _with_zeros(answer.txts[0]), float(answer.scores[0]))


def _with_zeros(text: str) -> str:
    """The words of a line, a single O beside a number or another O as the nought it is: ``HOME 0 0 AWAY`` on a score
    board reads as ``HOME O O AWAY``.
    """
    words = text.split()
    counts = [word == "O" or (word.isdecimal() and len(word) < _YEAR) for word in words]
    return " ".join(
        "0"
        if word == "O" and any(counts[max(0, place - 1) : place] + counts[place + 1 : place + 2])
        else word
        for place, word in enumerate(words)
    )


def _windows(changed: Mask) -> list[Window]:
    """Return rectangles around what changed, with a margin; the whole picture when they would cover most of it."""
    height, width = changed.shape
    margin = max(_MARGIN, round(_WORD_GAP * min(height, width)))
    around = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(cv2.dilate(changed.astype(np.uint8), around))
    windows = [(left, top, left + wide, top + high) for left, top, wide, high, _ in stats[1:].tolist()]
    if sum((right - left) * (bottom - top) for left, top, right, bottom in windows) > _MOST * height * width:
        return [(0, 0, width, height)]
    return windows


def _window(quad: Quad, margin: int = 0) -> Window:
    """Return the upright rectangle around a quadrilateral, nowhere left of or above the picture."""
    left, top = np.floor(quad.min(axis=0)).astype(int).tolist()
    right, bottom = np.ceil(quad.max(axis=0)).astype(int).tolist()
    return max(0, left - margin), max(0, top - margin), right + margin, bottom + margin


def _overlap(one: Quad, other: Quad) -> bool:
    """Say whether two lines are the same, or one is a part of the other."""
    return _shared(one, other) > 0.3 * min(_area(one), _area(other))


def _outgrows(new: Quad, old: Quad) -> bool:
    """Say whether a line holds another one and more, as of a line that is being typed more is there to be read."""
    return _shared(new, old) > _HELD * _area(old) and _area(new) > _GROWN * _area(old)


def _shared(one: Quad, other: Quad) -> int:
    a, b = _window(one), _window(other)
    return max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))


def _area(quad: Quad) -> int:
    left, top, right, bottom = _window(quad)
    return (right - left) * (bottom - top)


def _height(quad: Quad) -> float:
    return float(min(np.linalg.norm(quad[3] - quad[0]), np.linalg.norm(quad[2] - quad[1])))


def _upright(picture: Pixels, quad: Quad) -> Pixels:
    """Cut out the quadrilateral as an upright rectangle."""
    width = max(np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[2] - quad[3]))
    height = max(np.linalg.norm(quad[3] - quad[0]), np.linalg.norm(quad[2] - quad[1]))
    right, bottom = max(1, round(float(width))), max(1, round(float(height)))
    turn = cv2.getPerspectiveTransform(
        quad, np.array([[0, 0], [right, 0], [right, bottom], [0, bottom]], np.float32)
    )
    cut = cv2.warpPerspective(
        picture, turn, (right, bottom), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cut, np.uint8)


def _box(quad: Quad, width: int, height: int) -> Box:
    x0, y0 = np.clip(quad.min(axis=0) / (width, height), 0, 1 - 1e-6).tolist()
    x1, y1 = np.clip(quad.max(axis=0) / (width, height), 0, 1).tolist()
    return x0, y0, max(x1, x0 + 1e-6), max(y1, y0 + 1e-6)
