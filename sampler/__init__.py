"""From a video to a plan and its keyframes: decode, find shots, choose frames within a budget.

Synchronous and lazy: nothing is decoded before the first step is pulled, and closing the generator stops the
work.
"""

from sampler.errors import (
    LimitName,
    MediaError,
    MediaLimitError,
    MediaNotFoundError,
    NoVideoError,
    SampleRequestError,
    SamplerError,
    UnreadableMediaError,
)
from sampler.sampling import probe, sample
from sampler.sandbox import available_layers, probe_isolated, sample_isolated, start_sandbox
from sampler.sources import source_of
from sampler.types import (
    DEFAULT_FRAMES,
    DEFAULT_MAX_PIXELS,
    Camera,
    Keyframe,
    Limits,
    MediaInfo,
    Notice,
    PictureSequence,
    PlannedKeyframe,
    Reason,
    SampleRequest,
    SamplerStep,
    SamplingMode,
    SamplingPlan,
    Scanned,
    Shot,
    Signal,
    SignalKind,
    Source,
    Transition,
    VideoFile,
)

__all__ = [
    "DEFAULT_FRAMES",
    "DEFAULT_MAX_PIXELS",
    "Camera",
    "Keyframe",
    "LimitName",
    "Limits",
    "MediaError",
    "MediaInfo",
    "MediaLimitError",
    "MediaNotFoundError",
    "NoVideoError",
    "Notice",
    "PictureSequence",
    "PlannedKeyframe",
    "Reason",
    "SampleRequest",
    "SampleRequestError",
    "SamplerError",
    "SamplerStep",
    "SamplingMode",
    "SamplingPlan",
    "Scanned",
    "Shot",
    "Signal",
    "SignalKind",
    "Source",
    "Transition",
    "UnreadableMediaError",
    "VideoFile",
    "available_layers",
    "probe",
    "probe_isolated",
    "sample",
    "sample_isolated",
    "source_of",
    "start_sandbox",
]
