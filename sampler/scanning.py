"""The exact pass: every frame of the window seen once, as thumbnails."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sampler.cuts import CutFinder
from sampler.errors import SampleRequestError
from sampler.frames import Frame, Header, Reader
from sampler.measuring import strips
from sampler.moments import Moment, MomentKeeper
from sampler.shots import Boundary
from sampler.types import SampleRequest, Scanned

_SLICE_SECONDS = 0.5
_SLICES_PER_KEYFRAME = 4


@dataclass(frozen=True, slots=True)
class Scan:
    """What was seen in the window."""

    pts: NDArray[np.int64]
    """Of every frame."""
    times: NDArray[np.float64]
    """Of every frame; seconds on the player's clock."""
    start_seconds: float
    end_seconds: float
    whole: bool
    """Whether the window is the whole video."""
    boundaries: tuple[Boundary, ...]
    moments: tuple[Moment, ...]


def scan(reader: Reader, request: SampleRequest) -> Generator[Scanned, None, Scan]:
    """Look at every frame of the request's window; yields progress, returns what was found.

    Memory: sixteen bytes a frame, thumbnails of the last few seconds, and a bounded number of moments.

    Raises:
        SampleRequestError: no frame lies in the window.
    """
    header = reader.header
    start, end = window(header, request)
    cuts = CutFinder()
    moments = MomentKeeper(_slice_seconds(header, request, start, end))
    pts: list[NDArray[np.int64]] = []
    times: list[NDArray[np.float64]] = []
    boundaries: list[int] = []
    last_end = start
    with closing(reader.frames(start if request.start_seconds else None)) as frames:
        for strip in strips(_within(frames, start, end)):
            pts.append(strip.pts)
            times.append(strip.times)
            boundaries += cuts.feed(strip)
            moments.feed(strip)
            last_end = float(strip.times[-1] + strip.durations[-1])
            yield Scanned(min(last_end, end), header.declared_end_seconds)
    if not pts:
        raise SampleRequestError(f"no picture lies between {start:.3f} and {end:.3f} s")
    boundaries += cuts.finish()
    all_pts, all_times = np.concatenate(pts), np.concatenate(times)
    where = dict(zip(all_pts.tolist(), all_times.tolist(), strict=True))
    last_end = min(max(last_end, float(all_times[-1]) + 1e-3), end)
    return Scan(
        all_pts,
        all_times,
        max(start, header.start_seconds) if request.start_seconds else float(all_times[0]),
        last_end,
        whole=request.start_seconds is None and request.end_seconds is None,
        boundaries=tuple(Boundary(where[p], "cut") for p in boundaries),
        moments=tuple(moments.moments(last_end)),
    )


def window(header: Header, request: SampleRequest) -> tuple[float, float]:
    """Start and end of what is asked for; the end is infinite where neither the request nor a picture limits it.

    Raises:
        SampleRequestError: nothing of the video lies in it.
    """
    start = max(request.start_seconds or 0.0, 0.0)
    end = float("inf") if request.end_seconds is None else request.end_seconds
    if start >= end:
        raise SampleRequestError(
            f"the window {start:.3f} to {end:.3f} s is empty; the end must come after the start"
        )
    declared = header.declared_end_seconds
    if declared is not None and start >= declared > header.start_seconds:
        raise SampleRequestError(f"the window starts at {start:.3f} s, the video ends at {declared:.3f} s")
    if end <= header.start_seconds:
        raise SampleRequestError(
            f"the window ends at {end:.3f} s, the first picture comes at {header.start_seconds:.3f} s"
        )
    return start, end


def _within(frames: Iterable[Frame], start: float, end: float) -> Iterator[Frame]:
    for frame in frames:
        if frame.time_seconds >= end:
            return
        if frame.time_seconds + frame.duration_seconds > start:
            yield frame


def _slice_seconds(header: Header, request: SampleRequest, start: float, end: float) -> float:
    """Half a second, or less where a short window has to hold enough candidates for the budget."""
    until = min(end, header.declared_end_seconds or end)
    wanted = (until - start) / (_SLICES_PER_KEYFRAME * request.frames)
    return float(np.clip(wanted, 1e-3, _SLICE_SECONDS))
