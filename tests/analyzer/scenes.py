"""Plans, keyframes and findings made by hand, for tests of what lies behind perception."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from analyzer import Detection, Findings, TagScore, TextLine
from sampler import Keyframe, MediaInfo, PlannedKeyframe, SamplingPlan, Shot, Signal

Box = tuple[float, float, float, float]
_TIME_BASE = Fraction(1, 1000)


def plan(
    times: Sequence[float],
    *,
    cuts: Sequence[float] = (),
    duration: float = 10.0,
    start: float = 0.0,
    window: tuple[float, float] | None = None,
    signals: Sequence[Signal] = (),
    shots: Mapping[int, Mapping[str, object]] | None = None,
) -> SamplingPlan:
    """Keyframes at the given seconds; ``shots`` sets fields of single shots by their index."""
    edges = pairwise([start, *cuts, duration])
    made = tuple(
        replace(Shot(index, one, other, "cut" if index else "start"), **(shots or {}).get(index, {}))  # type: ignore[arg-type]
        for index, (one, other) in enumerate(edges)
    )
    planned = tuple(
        PlannedKeyframe(
            index, time, round(time * 1000), _TIME_BASE, sum(cut <= time for cut in cuts), "uniform"
        )
        for index, time in enumerate(times)
    )
    media = MediaInfo(
        name="made.mp4",
        sha256="0" * 64,
        bytes=1,
        container="mp4",
        codec="h264",
        width=640,
        height=360,
        rotation_degrees=0,
        duration_seconds=duration,
        start_seconds=start,
        frame_count=None,
        average_fps=25.0,
        variable_frame_rate=False,
        has_audio=False,
    )
    first, last = window or (start, duration)
    return SamplingPlan(media, "uniform", first, last, made, tuple(signals), planned, ())


def keyframes(made: SamplingPlan, jpeg: bytes = b"") -> tuple[Keyframe, ...]:
    """The plan's keyframes, each with the same picture."""
    return tuple(
        Keyframe(
            one.index, one.time_seconds, one.pts, one.time_base, one.shot, one.reason, None, 640, 360, jpeg
        )
        for one in made.keyframes
    )


def found(
    keyframe: int,
    *things: tuple[str, Box, float],
    text: Sequence[tuple[str, Box, float]] = (),
    tags: Sequence[tuple[str, float]] = (),
    unsafe: float | None = None,
) -> Findings:
    """What a model found on one keyframe."""
    return Findings(
        keyframe,
        objects=tuple(Detection(*thing) for thing in things),
        text=tuple(TextLine(*line) for line in text),
        tags=tuple(TagScore(*tag) for tag in tags),
        unsafe=unsafe,
    )
