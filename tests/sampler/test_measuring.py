"""Thumbnails of pictures of any size are made of the same points."""

from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from sampler.frames import Plane
from sampler.measuring import HEIGHT, WIDTH, alone


@dataclass
class Picture:
    """A frame of which nothing but its planes matters."""

    luma: Plane
    pts: int = 0
    time_seconds: float = 0.0
    duration_seconds: float = 0.04
    quarter_turns: int = 0

    def planes(self) -> tuple[Plane, Plane, Plane, int]:
        chroma = np.full((self.luma.shape[0] // 2, self.luma.shape[1] // 2), 128, np.uint8)
        return self.luma, chroma, chroma, 0

    def displayed_size(self) -> tuple[int, int]:
        raise NotImplementedError

    def bgr(self, max_pixels: int) -> np.ndarray:
        raise NotImplementedError


@pytest.mark.parametrize(("width", "height"), [(640, 360), (128, 36), (1920, 1080), (642, 360), (100, 30)])
def test_points_are_those_of_the_nearest_neighbour_whether_or_not_sizes_divide(
    width: int, height: int
) -> None:
    luma = np.random.default_rng(width).integers(0, 256, (height, width), np.uint8)
    points = cv2.resize(luma, (2 * WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST).astype(np.uint16)
    assert np.array_equal(alone(Picture(luma)).luma[0], (points[:, ::2] + points[:, 1::2]) // 2)
