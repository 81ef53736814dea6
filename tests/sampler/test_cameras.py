"""What the camera does, told from windows that wander over one large picture."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sampler.cameras import MotionMeter, camera
from sampler.measuring import HEIGHT, WIDTH, Strip

FPS, SECONDS = 25, 3.0
Window = tuple[float, float, float]
"""Left and top in points of the scene, and how much of its width is in the picture, in thumbnails' widths."""


def scene() -> NDArray[np.float32]:
    """Four thumbnails wide and high, with detail of every size."""
    chance = np.random.default_rng(5)
    size = (4 * HEIGHT, 4 * WIDTH)
    layers = [
        cv2.resize(
            chance.normal(0, 30, (size[0] // k, size[1] // k)), size[::-1], interpolation=cv2.INTER_CUBIC
        )
        for k in (2, 8, 24)
    ]
    return np.asarray(np.clip(120 + sum(layers), 0, 255), np.float32)


def filmed(window: Callable[[float], Window], *, noise: float = 0.0) -> Strip:
    """A strip of what the window shows at each time."""
    chance, whole, count = np.random.default_rng(1), scene(), round(FPS * SECONDS)
    luma = np.zeros((count, HEIGHT, WIDTH), np.uint8)
    for number in range(count):
        left, top, width = window(number / FPS)
        inside = np.array([[width, 0, left], [0, width, top]], np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        picture = cv2.warpAffine(whole, inside, (WIDTH, HEIGHT), flags=flags)
        luma[number] = np.clip(picture + chance.normal(0, noise, picture.shape), 0, 255)
    zeros = np.zeros(count, np.float32)
    times = np.arange(count) / FPS
    chroma, tiles = np.zeros((count, 2, 18, 32), np.uint8), np.zeros((count, 9, 16), np.uint8)
    return Strip(np.arange(count), times, np.full(count, 1 / FPS), luma, chroma, zeros, tiles, zeros)


def told(strip: Strip) -> str | None:
    meter = MotionMeter()
    for start in range(0, len(strip), 16):
        meter.feed(strip[start : start + 16])
    return camera(meter.motion(), 0.0, SECONDS)


@pytest.mark.parametrize("noise", [0.0, 2.0])
@pytest.mark.parametrize(
    ("expected", "window"),
    [
        ("static", lambda _: (60.0, 40.0, 1.0)),
        ("pan_right", lambda t: (40 + 12 * t, 40.0, 1.0)),
        ("pan_left", lambda t: (90 - 12 * t, 40.0, 1.0)),
        ("tilt_down", lambda t: (60.0, 20 + 8 * t, 1.0)),
        ("tilt_up", lambda t: (60.0, 60 - 8 * t, 1.0)),
        ("zoom_in", lambda t: (60 + 3.2 * t, 40 + 1.8 * t, 1.4 - 0.1 * t)),
        ("zoom_out", lambda t: (60 - 3.2 * t, 40 - 1.8 * t, 1.1 + 0.1 * t)),
        ("moving", lambda t: (60 + 10 * np.sin(7 * t), 40 + 10 * np.cos(9 * t), 1.0)),
    ],
)
def test_the_camera_does(expected: str, window: Callable[[float], Window], noise: float) -> None:
    assert told(filmed(window, noise=noise)) == expected


@pytest.mark.parametrize("width", [16, 28])
def test_what_moves_before_a_camera_that_stands_moves_no_camera(width: int) -> None:
    """Something large with detail of its own walks back and forth before a still place."""
    still, walking = filmed(lambda _: (60.0, 40.0, 1.0), noise=1.0), filmed(lambda _: (150.0, 90.0, 1.0))
    for number, time in enumerate(still.times):
        left = round(12 + 10 * np.sin(3 * time))
        still.luma[number, 6:, left : left + width] = walking.luma[number, 6:, :width]
    assert told(still) == "static"


def test_a_slow_zoom_of_a_grainy_picture_is_one() -> None:
    assert told(filmed(lambda t: (60 + 1.3 * t, 40 + 0.7 * t, 1.2 - 0.04 * t), noise=4.0)) == "zoom_in"


def test_measuring_changes_no_picture() -> None:
    strip = filmed(lambda t: (40 + 12 * t, 40.0, 1.0))
    before = strip.luma.copy()
    told(strip)
    assert np.array_equal(strip.luma, before)


def test_what_stays_costs_no_correlation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "phaseCorrelate", None)
    assert told(filmed(lambda _: (60.0, 40.0, 1.0))) == "static"


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 64))
def test_the_length_of_strips_does_not_matter(length: int) -> None:
    strip = filmed(lambda t: (40 + 12 * t, 40.0, 1.0))
    whole, parts = MotionMeter(), MotionMeter()
    whole.feed(strip)
    for start in range(0, len(strip), length):
        parts.feed(strip[start : start + length])
    assert np.array_equal(whole.motion().shifts, parts.motion().shifts)
