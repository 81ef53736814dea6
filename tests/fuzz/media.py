"""What is done with the files of strangers: probed and decoded, here and in the sandbox."""

import os
from contextlib import closing
from pathlib import Path

from sampler import (
    Keyframe,
    Limits,
    MediaInfo,
    SampleRequest,
    SamplerError,
    SamplerStep,
    SamplingPlan,
    VideoFile,
    probe,
    probe_isolated,
    sample,
    sample_isolated,
)
from sampler.sandbox.holding import HeldPath

_LIMITS = Limits(
    pixels=1 << 20,
    frames=300,
    decoded_pixels=1 << 24,
    seconds=3600.0,
    memory_bytes=1 << 30,
    cpu_seconds=20,
    silent_seconds=20.0,
)
_REQUEST = SampleRequest(frames=2)
_NAME = Path("strange.mp4")


def decoding(data: bytes) -> None:
    """Probe and sample a file in this process, where a coverage guide sees what is done."""
    descriptor = os.memfd_create("fuzz")
    try:
        os.write(descriptor, data)
        source = VideoFile(HeldPath.holding(_NAME, descriptor))
        try:
            info = probe(source, _LIMITS)
            with closing(sample(source, _REQUEST, _LIMITS)) as steps:
                _check(info, list(steps))
        except SamplerError as error:
            _is_one_line(error)
        except MemoryError:
            pass  # the sandbox says so in its own words
    finally:
        os.close(descriptor)


def sandboxed(data: bytes) -> None:
    """The same as users have it: in a process of its own, which may die and nothing else."""
    descriptor = os.memfd_create("fuzz")
    try:
        os.write(descriptor, data)
        source = VideoFile(Path(f"/proc/self/fd/{descriptor}"))
        try:
            info = probe_isolated(source, _LIMITS)
            with closing(sample_isolated(source, _REQUEST, _LIMITS)) as steps:
                _check(info, list(steps))
        except SamplerError as error:
            _is_one_line(error)
    finally:
        os.close(descriptor)


def _check(info: MediaInfo, steps: list[SamplerStep]) -> None:
    (plan,) = (step for step in steps if isinstance(step, SamplingPlan))
    keyframes = [step for step in steps if isinstance(step, Keyframe)]
    assert info.width > 0
    assert info.height > 0
    assert 1 <= len(keyframes) <= _REQUEST.frames
    assert [k.index for k in keyframes] == [k.index for k in plan.keyframes]
    assert all(0 <= k.time_seconds <= plan.media.duration_seconds for k in keyframes)
    assert all(k.jpeg.startswith(b"\xff\xd8") for k in keyframes)
    assert all(shot.start_seconds < shot.end_seconds for shot in plan.shots)


def _is_one_line(error: SamplerError) -> None:
    assert str(error)
    assert "\n" not in str(error)


MEDIA = {"decoding": (decoding, False), "sandbox": (sandboxed, False)}
"""The attack and whether its input is JSON."""
