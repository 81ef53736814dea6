"""The exact pass: every frame of the window seen once, as thumbnails."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sampler.cameras import MotionMeter
from sampler.cuts import CutFinder
from sampler.dissolves import DissolveFinder, Gradual
from sampler.errors import SampleRequestError
from sampler.frames import Frame, Header, Reader
from sampler.measuring import Strip, strips
from sampler.moments import Moment, MomentKeeper
from sampler.shots import Boundary, boundaries, described, tile
from sampler.signals import signals
from sampler.traces import Trace, Tracer
from sampler.types import SampleRequest, Scanned, Shot, Signal

_SHORTEST_SECONDS = 1e-3
"""A window that ends with a frame of no length still ends after it."""
_ONE_CUT_SECONDS = 0.2
"""Where not all pictures were looked at, a cut is seen up to so much later than it is."""
_SLICE_SECONDS = 0.5
_SLICES_PER_KEYFRAME = 4


@dataclass(frozen=True, slots=True)
class Scan:
    """What was seen in the window."""

    trace: Trace
    start_seconds: float
    end_seconds: float
    whole: bool
    """Whether the window is the whole video."""
    shots: tuple[Shot, ...]
    transitions: tuple[tuple[float, float], ...]
    """While which times the picture is of neither shot alone."""
    signals: tuple[Signal, ...]
    moments: tuple[Moment, ...]
    frame_times: NDArray[np.float64]
    """Of every frame of the window, looked at or not."""
    decoded: bool
    """Whether every frame was."""


def scan(reader: Reader, request: SampleRequest) -> Generator[Scanned, None, Scan]:
    """Look at every frame of the request's window; yields progress, returns what was found.

    Memory: 36 bytes a frame, thumbnails of the last seconds, and a bounded number of moments.

    Raises:
        SampleRequestError: no frame lies in the window.
    """
    header = reader.header
    start, end = window(header, request)
    look = Look(slice_seconds(header, request, start, end))
    last_end = start
    with closing(reader.frames(request.start_seconds)) as frames:
        for strip in strips(within(frames, start, end)):
            look.feed(strip)
            last_end = float(strip.times[-1] + strip.durations[-1])
            yield Scanned(min(last_end, end), header.declared_end_seconds)
    if not look.anything:
        raise SampleRequestError(f"no picture lies between {start:.3f} and {end:.3f} s")
    whole = request.start_seconds is None and request.end_seconds is None
    seen = look.result(start if request.start_seconds else None, min(last_end, end), whole=whole)
    return _apart(seen) if header.apart else seen


def _apart(seen: Scan) -> Scan:
    """The same with every picture a shot of its own, and nothing made of how they follow one another."""
    turns = [Boundary(float(seconds), "cut") for seconds in seen.trace.times[1:]]
    return replace(seen, shots=tile(turns, seen.start_seconds, seen.end_seconds), signals=())


class Look:
    """Everything that looks at strips, fed together."""

    def __init__(self, slice_seconds: float) -> None:
        self._cuts: list[float] = []
        self._told: list[float] = []
        self._graduals: list[Gradual] = []
        self._cut_finder = CutFinder()
        self._dissolve_finder = DissolveFinder()
        self._motion_meter = MotionMeter()
        self._moment_keeper = MomentKeeper(slice_seconds)
        self._tracer = Tracer()
        self.anything = False

    def feed(self, strip: Strip, *, apart: bool = False) -> None:
        """Look at more frames; ``apart`` says that some were left out before the first."""
        if apart and self.anything:
            self._end_stretch()
        self._cuts += self._cut_finder.feed(strip)
        self._dissolve_finder.feed(strip)
        self._motion_meter.feed(strip)
        self._moment_keeper.feed(strip)
        self._tracer.feed(strip, apart=apart and self.anything)
        self.anything = True

    def cut(self, seconds: float) -> None:
        """Take in a cut that was found by other means, and to the very frame."""
        self._told.append(seconds)

    def _end_stretch(self) -> None:
        self._cuts += self._cut_finder.finish()
        self._graduals += self._dissolve_finder.finish()
        self._cut_finder, self._dissolve_finder = CutFinder(), DissolveFinder()

    def result(
        self,
        start_seconds: float | None,
        end_seconds: float,
        *,
        whole: bool,
        frame_times: NDArray[np.float64] | None = None,
    ) -> Scan:
        """What was found; ``frame_times`` are those of all frames where not all were looked at."""
        self._end_stretch()
        trace = self._tracer.trace()
        start = float(trace.times[0]) if start_seconds is None else start_seconds
        end = max(end_seconds, float(trace.times[-1]) + _SHORTEST_SECONDS)
        seen = [cut for cut in self._cuts if all(abs(cut - told) > _ONE_CUT_SECONDS for told in self._told)]
        found = boundaries(sorted([*seen, *self._told]), self._graduals, trace)
        return Scan(
            trace,
            start,
            end,
            whole,
            described(tile(found, start, end), trace, self._motion_meter.motion()),
            tuple(boundary.span for boundary in found if boundary.span),
            signals(
                trace, end, [boundary.span or (boundary.seconds, boundary.seconds) for boundary in found]
            ),
            tuple(self._moment_keeper.moments(end)),
            trace.times if frame_times is None else frame_times,
            frame_times is None,
        )


def window(header: Header, request: SampleRequest) -> tuple[float, float]:
    """Start and end of what is asked for; the end is infinite where neither the request nor a picture limits
    it.

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


def within(frames: Iterable[Frame], start: float, end: float) -> Iterator[Frame]:
    """Those that are on screen between two times."""
    for frame in frames:
        if frame.time_seconds >= end:
            return
        if frame.time_seconds + frame.duration_seconds > start:
            yield frame
        del frame


def slice_seconds(header: Header, request: SampleRequest, start: float, end: float) -> float:
    """Half a second, or less where a short window has to hold enough candidates for the budget."""
    until = min(end, header.declared_end_seconds or end)
    wanted = (until - start) / (_SLICES_PER_KEYFRAME * request.frames)
    return float(np.clip(wanted, 1e-3, _SLICE_SECONDS))
