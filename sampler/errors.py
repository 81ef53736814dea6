"""What the sampler refuses, split by what the caller does next.

    SamplerError                the root; catch this to catch them all
    ├── MediaError              the input cannot be used: fix the input
    │   ├── MediaNotFoundError      no such file, or not a file
    │   ├── UnreadableMediaError    not a format we read, damaged beyond use, or encrypted
    │   └── NoVideoError            readable, but holds no picture (audio only, cover art only, zero frames)
    ├── MediaLimitError         decoding it would take more than it may: raise the limit or refuse the file
    └── SampleRequestError      the request cannot be met (window outside the video, budget below one): fix the request

Every message is one line that says what is wrong and what to do about it.
"""

from typing import Literal

LimitName = Literal[
    "bytes",
    "pixels",
    "seconds",
    "frames",
    "pages",
    "decoded_pixels",
    "memory_bytes",
    "cpu_seconds",
    "silent_seconds",
]
"""A field of ``sampler.Limits``."""


class SamplerError(Exception):
    """Root of everything the sampler raises on purpose."""


class MediaError(SamplerError):
    """The input cannot be used as it is."""


class MediaNotFoundError(MediaError):
    """The path does not lead to a readable file."""


class UnreadableMediaError(MediaError):
    """FFmpeg cannot make sense of the file: unknown format, damage, or encryption."""


class NoVideoError(MediaError):
    """The file is readable but has no picture in it."""


class MediaLimitError(SamplerError):
    """The source is more, or takes more to decode, than ``sampler.Limits`` allow."""

    def __init__(self, message: str, limit: LimitName) -> None:
        super().__init__(message, limit)
        self.limit = limit
        """The field of ``Limits`` that was reached."""

    def __str__(self) -> str:
        return str(self.args[0])


class SampleRequestError(SamplerError):
    """The request asks for something this video does not have."""
