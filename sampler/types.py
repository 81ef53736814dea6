"""The sampler's values. All frozen; times are seconds on the clock a player shows unless the name says
otherwise.

That clock has its zero at the container's start time, so that seeking a player to any time here lands on the
picture that is meant. Intervals are half-open: ``[start, end)``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

SamplingMode = Literal["auto", "exact", "fast", "uniform", "interval"]
Transition = Literal["start", "cut", "gradual"]
Camera = Literal["static", "pan_left", "pan_right", "tilt_up", "tilt_down", "zoom_in", "zoom_out", "moving"]
SignalKind = Literal["black", "freeze", "fade_in", "fade_out", "flash"]
Reason = Literal[
    "only", "first", "last", "shot", "change", "settled", "coverage", "uniform", "interval", "zoom"
]

DEFAULT_FRAMES = 32
DEFAULT_MAX_PIXELS = 1280 * 736
"""Pixels of an encoded keyframe at most; 1280 × 720 of a 16:9 video pass unscaled."""


@dataclass(frozen=True, slots=True)
class VideoFile:
    """One file on disk: a video, an animation, a single picture, or a PDF or TIFF as a sequence of its pages."""

    path: Path
    page_seconds: float = 1.0
    """How long a picture or each page stands; what moves has times of its own."""


@dataclass(frozen=True, slots=True)
class PictureSequence:
    """Several pictures in order, shown one after another; a PDF or TIFF among them stands for its pages."""

    paths: Sequence[Path]
    interval_seconds: float = 1.0
    """How long each picture or page stands."""


Source = VideoFile | PictureSequence


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """What to look at and how many keyframes may be spent on it."""

    frames: int = DEFAULT_FRAMES
    """The FrameBudget: keyframes at most, over the whole window; at least 1."""
    sampling: SamplingMode = "auto"
    interval_seconds: float | None = None
    """Distance between keyframes; given exactly when ``sampling`` is ``interval``."""
    start_seconds: float | None = None
    end_seconds: float | None = None
    """The window to spend the budget in; times stay on the source's clock."""
    max_pixels: int = DEFAULT_MAX_PIXELS
    """Pixels of an encoded keyframe at most; smaller videos are never enlarged."""
    fingerprint: tuple[str, int] | None = None
    """SHA-256 and size of the source where the caller knows them; it is read from end to end for them otherwise."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one source may be and may cost. The defaults let pass what a person may own and stop what is absurd."""

    bytes: int = 1 << 40
    """Size of the files together."""
    pixels: int = 180_000_000
    """Of one picture as displayed."""
    seconds: float = 14 * 86_400.0
    """Declared duration."""
    frames: int = 20_000_000
    """Frames decoded in one pass."""
    pages: int = 5_000
    """Pages of one document."""
    decoded_pixels: int = 10**14
    """Pixels of all frames decoded in one pass; a day of 1080p is 5 × 10¹²."""
    memory_bytes: int = 3 << 30
    """Address space of the decoding process on top of what it needs before it opens the source."""
    cpu_seconds: int = 86_400
    """Processor time of the decoding process, summed over threads."""
    silent_seconds: float = 600.0
    """Wall time between two signs of life of the decoding process."""


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What the file is. Fields the file only claims and nobody counted are listed in ``guessed``."""

    name: str
    sha256: str
    bytes: int
    container: str
    codec: str
    width: int
    """As displayed: after rotation and with square pixels."""
    height: int
    rotation_degrees: int
    """Clockwise turn a player applies: 0, 90, 180 or 270. Keyframes have it applied already."""
    duration_seconds: float
    """End of the last frame on our clock."""
    start_seconds: float
    """Where the first frame lies on our clock."""
    frame_count: int | None
    average_fps: float | None
    variable_frame_rate: bool
    has_audio: bool
    guessed: tuple[str, ...] = ()
    """Names of the fields above that come from the header and were not counted by decoding."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A stretch of video between two transitions. Shots tile the video: no hole, no overlap."""

    index: int
    start_seconds: float
    end_seconds: float
    transition: Transition
    """How the shot begins."""
    camera: Camera | None = None
    """Dominant camera motion; None where it was not measured."""
    brightness: float | None = None
    """Mean luma, 0 (black) to 1 (white); None where it was not measured."""
    activity: float | None = None
    """How much of the picture changes from frame to frame, 0 (still) to 1; None where it was not measured."""


@dataclass(frozen=True, slots=True)
class Signal:
    """Something measured on every frame rather than seen on keyframes: black, freeze, fade, flash."""

    kind: SignalKind
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a reader of the result must know. Becomes a warning of the timeline."""

    code: str
    """Stable, snake_case: ``truncated``, ``corrupt_packets``, ``no_index`` …"""
    message: str
    start_seconds: float | None = None
    end_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class PlannedKeyframe:
    """A frame chosen to be shown to a model, not extracted yet."""

    index: int
    """Position among the chosen frames, from 0, in time order."""
    time_seconds: float
    pts: int
    """Presentation timestamp in the stream's own units; exact."""
    time_base: Fraction
    """Seconds per unit of ``pts``."""
    shot: int
    """Index of the shot it lies in."""
    reason: Reason
    sharpness: float | None = None
    """0 (flat) to 1 (crisp), comparable within one video only; None where it was not measured."""


@dataclass(frozen=True, slots=True)
class Keyframe:
    """A chosen frame with its picture: all that crosses from the sampler to the analyzer besides the plan."""

    index: int
    time_seconds: float
    pts: int
    time_base: Fraction
    shot: int
    reason: Reason
    sharpness: float | None
    width: int
    """Of the encoded picture, in pixels."""
    height: int
    jpeg: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SamplingPlan:
    """Everything known before a single keyframe is extracted or paid for."""

    media: MediaInfo
    sampling: SamplingMode
    """The mode that was used, ``auto`` resolved."""
    start_seconds: float
    end_seconds: float
    """The window that was looked at."""
    shots: tuple[Shot, ...]
    signals: tuple[Signal, ...]
    keyframes: tuple[PlannedKeyframe, ...]
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class Scanned:
    """Progress of the scan: everything before this time has been looked at."""

    time_seconds: float
    duration_seconds: float | None
    """From the header, None where the file does not say."""


SamplerStep = Scanned | SamplingPlan | Keyframe | Notice
"""What a sampler run yields: many ``Scanned``, one ``SamplingPlan``, then the keyframes in order."""
