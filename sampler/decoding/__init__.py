"""The only place that knows FFmpeg: files become frames, and its errors become ours."""

from sampler.decoding.preloading import preload
from sampler.decoding.reading import VideoReader

__all__ = ["VideoReader", "preload"]
