"""Very long and very large videos: memory stays flat, the first keyframes come soon, stopping is quick."""

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks.datasets import repeat
from sampler.sandbox.nursery import FRUGAL

MOST_BYTES = 400_000_000
HOUR_SECONDS = 3600

PROGRAM = """
import json, sys, time
from pathlib import Path
from sampler import Keyframe, SampleRequest, SamplingPlan, VideoFile, sample

def peak():
    line = next(l for l in Path("/proc/self/status").read_text().splitlines() if l.startswith("VmHWM"))
    return int(line.split()[1]) * 1024

path, mode = sys.argv[1:]
began = time.monotonic()
steps = sample(VideoFile(Path(path)), SampleRequest(sampling=mode))
first = plan = None
keyframes = 0
for step in steps:
    if isinstance(step, SamplingPlan):
        plan = step
    if isinstance(step, Keyframe):
        first = first or time.monotonic() - began
        keyframes += 1
print(json.dumps({
    "peak_bytes": peak(), "first_keyframe_seconds": first, "keyframes": keyframes, "mode": plan.sampling,
    "shots": [shot.start_seconds for shot in plan.shots], "duration": plan.media.duration_seconds,
    "notices": [notice.code for notice in plan.notices], "width": plan.media.width,
}))
"""


def sampled(path: Path, mode: str) -> dict[str, object]:
    """What a process of its own, with the sampler and nothing else, found and took: as a decoder's does."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path), mode],
        env={**FRUGAL, **os.environ},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


def draw_yard(path: Path, *, seconds: int, fps: int, size: tuple[int, int], shot_seconds: int) -> None:
    """Grainy pictures with something that crosses them; another place every ``shot_seconds``."""
    rng = np.random.default_rng(5)
    width, height = size
    place = grain = np.zeros((height, width, 3), np.uint8)
    with av.open(str(path), "w") as container:
        options = {"preset": "ultrafast", "g": str(4 * fps), "sc_threshold": "0", "bf": "2"}
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, fps)
        for number in range(seconds * fps):
            if number % (shot_seconds * fps) == 0:
                rough = rng.integers(30, 220, (9, 16, 3), np.uint8)
                place = np.kron(rough, np.ones((-(-height // 9), -(-width // 16), 1), np.uint8))[
                    :height, :width
                ]
                grain = rng.integers(0, 20, place.shape, np.uint8)
            picture = place + grain
            left = number * width // 400 % (width - width // 16)
            picture[height // 2 : height // 2 + height // 8, left : left + width // 16] = 250
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.fixture(scope="module")
def lap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lap") / "lap.mp4"
    draw_yard(path, seconds=300, fps=10, size=(320, 180), shot_seconds=100)
    return path


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("mode", ["fast", "exact"])
def test_a_day_takes_no_more_memory_than_an_hour(tmp_path: Path, lap: Path, mode: str) -> None:
    day = tmp_path / "day.mp4"
    repeat(lap, day, 24 * HOUR_SECONDS // 300, 300)
    found = sampled(day, mode)
    assert found["mode"] == mode
    assert found["duration"] == pytest.approx(24 * HOUR_SECONDS)
    assert found["keyframes"] == 32
    assert found["shots"] == pytest.approx([100 * number for number in range(24 * 36)], abs=0.01)
    assert found["peak_bytes"] < MOST_BYTES


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_the_first_keyframes_of_three_hours_come_within_seconds(tmp_path: Path, lap: Path) -> None:
    hours = tmp_path / "hours.mp4"
    repeat(lap, hours, 3 * HOUR_SECONDS // 300, 300)
    found = sampled(hours, "auto")
    assert found["mode"] == "fast"
    assert found["first_keyframe_seconds"] < 60  # a few on a machine that does nothing else
    assert found["peak_bytes"] < MOST_BYTES


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_pictures_of_eight_thousand_points_fit(tmp_path: Path) -> None:
    path = tmp_path / "8k.mp4"
    draw_yard(path, seconds=6, fps=5, size=(7680, 4320), shot_seconds=3)
    found = sampled(path, "exact")
    assert found["width"] == 7680
    assert found["shots"] == pytest.approx([0, 3])
    assert found["peak_bytes"] < 560_000_000  # decoding alone takes 510: a picture is 50 MB, its motion 17
