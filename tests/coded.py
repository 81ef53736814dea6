"""Clips whose every frame carries its number and that of its shot, so that no picture can be mistaken."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import av
import numpy as np

from tests.oracle import draw_code

WIDTH, HEIGHT = 320, 192


@dataclass(frozen=True)
class CodedClip:
    """A clip and its truth."""

    path: Path
    fps: int
    shot_frames: tuple[int, ...]
    """Length of each shot in frames."""

    @property
    def spans(self) -> list[tuple[float, float]]:
        """Start and end of each shot in seconds."""
        ends = list(accumulate(self.shot_frames))
        return [
            ((end - length) / self.fps, end / self.fps)
            for end, length in zip(ends, self.shot_frames, strict=True)
        ]

    def time(self, frame: int) -> float:
        """When a source frame is shown, in seconds."""
        return frame / self.fps


def draw_clip(path: Path, shot_frames: tuple[int, ...], *, fps: int = 12, seed: int = 0) -> CodedClip:
    """Draw shots that look nothing like one another, joined by hard cuts."""
    rng = np.random.default_rng(seed)
    number = 0
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "18", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.time_base = Fraction(1, fps)
        for shot, length in enumerate(shot_frames):
            blocks = rng.integers(0, 256, (6, 10, 3), dtype=np.uint8)
            scene = blocks.repeat(HEIGHT // 6, axis=0).repeat(WIDTH // 10, axis=1)
            for step in range(length):
                picture = np.roll(scene, step // 2, axis=1).copy()
                draw_code(picture, frame=number, shot=shot)
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, fps)
                container.mux(stream.encode(frame))
                number += 1
        container.mux(stream.encode(None))
    return CodedClip(path, fps, shot_frames)
