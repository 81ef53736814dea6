"""Running the sampler to its end, and making clips for it that know every one of their frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from sampler import Keyframe, Notice, SampleRequest, SamplingPlan, Scanned, Source, sample
from sampler.frames import PacketReader
from sampler.timetables import Timetable, timetable
from tests.oracle import draw_code


@dataclass(frozen=True, slots=True)
class Pulled:
    """Everything one run delivered."""

    scanned: list[Scanned]
    plan: SamplingPlan
    keyframes: list[Keyframe]
    notices: list[Notice]


def pull(source: Source, request: SampleRequest | None = None) -> Pulled:
    steps = list(sample(source, request or SampleRequest()))
    plans = [step for step in steps if isinstance(step, SamplingPlan)]
    assert len(plans) == 1
    return Pulled(
        [step for step in steps if isinstance(step, Scanned)],
        plans[0],
        [step for step in steps if isinstance(step, Keyframe)],
        [step for step in steps if isinstance(step, Notice)],
    )


def draw_timed_clip(
    path: Path,
    milliseconds: Sequence[int],
    *,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    size: tuple[int, int] = (320, 192),
    scene_frames: int = 20,
) -> None:
    """A clip whose frame ``n`` carries the number ``n`` and is shown at ``milliseconds[n]``; shots of equal length."""
    rng = np.random.default_rng(7)
    width, height = size
    scene = np.zeros((height, width, 3), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options or {"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, stamp in enumerate(milliseconds):
            if number % scene_frames == 0:
                blocks = rng.integers(0, 256, (6, 10, 3), dtype=np.uint8)
                scene = blocks.repeat(height // 6, axis=0).repeat(width // 10, axis=1)
            picture = np.roll(scene, number % scene_frames, axis=1).copy()
            draw_code(picture, frame=number, shot=number // scene_frames)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = stamp, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def timetable_of(reader: PacketReader) -> Timetable:
    """The groups of a video that can be skimmed."""
    counting = reader.packets()
    while True:
        try:
            next(counting)
        except StopIteration as stopped:
            found = timetable(stopped.value, reader.header.time_base)
            assert isinstance(found, Timetable)
            return found
