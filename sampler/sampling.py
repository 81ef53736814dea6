"""The whole run: scan, plan, extract."""

from bisect import bisect_right
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from threading import Event

import numpy as np

from sampler.errors import SampleRequestError
from sampler.extracting import extract
from sampler.frames import Header, Reader
from sampler.groupwise import Unfit
from sampler.planning import choose, interval_times, standing_at, uniform_times
from sampler.scanning import Scan, scan, window
from sampler.skimming import skim
from sampler.sources import fingerprint, name_of, open_source
from sampler.surveying import survey
from sampler.types import (
    Limits,
    MediaInfo,
    Notice,
    PlannedKeyframe,
    Reason,
    SampleRequest,
    SamplerStep,
    SamplingMode,
    SamplingPlan,
    Scanned,
    Source,
)

_IRREGULAR_SHARE = 0.02
"""Share of frame intervals off the usual one above which the frame rate counts as variable."""

_LONG_SECONDS = 1800.0
"""Windows longer than this are skimmed by ``auto``; below, looking at it all takes a minute or two and finds more."""
_COUNTED_ONLY = ("frame_count", "average_fps")
"""What counting packets says of a video; that all of them decode is a guess."""


def probe(source: Source, limits: Limits | None = None) -> MediaInfo:
    """What the file says of itself and its first picture shows; decodes one frame and reads every byte once.

    Raises:
        MediaError: see ``sampler.errors``.
        SampleRequestError: an empty picture sequence, or an interval that is not positive.
    """
    with closing(open_source(source, limits or Limits())) as reader:
        header = reader.header
    return _declared(source, header, fingerprint(source))


def sample(
    source: Source, request: SampleRequest, limits: Limits | None = None
) -> Generator[SamplerStep, None, None]:
    """Yield progress, then the plan, then the keyframes in order; notices may come between any of them.

    Lazy: nothing is opened before the first step is pulled, keyframes are extracted one at a time, and
    closing the generator closes the file. Times are seconds on the clock a player shows.

    Raises:
        MediaError: see ``sampler.errors``.
        MediaLimitError: the source is more, or decodes to more, than the limits allow.
        SampleRequestError: fewer than one frame, an interval that does not fit the mode, a window without video.
    """
    _validate(request)
    limits = limits or Limits()
    plan = yield from _planned(source, request, limits)
    yield plan
    with closing(open_source(source, limits)) as reader:
        yield from extract(reader, plan.keyframes, request.max_pixels)


def _planned(
    source: Source, request: SampleRequest, limits: Limits
) -> Generator[Scanned, None, SamplingPlan]:
    """Look and choose. Its decoder, and the pictures that one holds, are gone when it returns: two would not fit."""
    with (
        closing(open_source(source, limits, draft=True)) as reader,
        _fingerprinting(source, request) as digest,
    ):
        mode, seen, notices = yield from _look(reader, request)
        if seen.whole:
            notices += reader.notices()
        media = _counted(_declared(source, reader.header, digest.result()), reader.header, seen)
    return _plan(request, mode, seen, media, reader.header, notices)


def _validate(request: SampleRequest) -> None:
    if request.frames < 1:
        raise SampleRequestError(f"{request.frames = } must be at least 1")
    if request.max_pixels < 4:
        raise SampleRequestError(f"{request.max_pixels = } must be at least 4")
    if (request.sampling == "interval") != (request.interval_seconds is not None):
        raise SampleRequestError("interval_seconds is given exactly when sampling is 'interval'")
    if request.interval_seconds is not None and not request.interval_seconds > 0:
        raise SampleRequestError(f"{request.interval_seconds = } must be above 0")


def _look(
    reader: Reader, request: SampleRequest
) -> Generator[Scanned, None, tuple[SamplingMode, Scan, list[Notice]]]:
    """Look as closely as was asked for; the mode that came of it, what was seen, and what to say about it."""
    mode = request.sampling
    if mode == "auto":
        start, end = window(reader.header, request)
        end = min(end, reader.header.declared_end_seconds or 0.0)
        mode = "fast" if end - start > _LONG_SECONDS else "exact"
    notices: list[Notice] = []
    if mode == "fast":
        seen = yield from skim(reader, request)
        if not isinstance(seen, Unfit):
            return mode, seen, []
        notices.append(Notice("exact_instead_of_fast", f"every picture was looked at: {seen.why}"))
        mode = "exact"
    seen = yield from survey(reader, request)
    if isinstance(seen, Unfit):
        seen = yield from scan(reader, request)
    return mode, seen, notices


@contextmanager
def _fingerprinting(source: Source, request: SampleRequest) -> Iterator[Future[tuple[str, int]]]:
    """Hash the source beside the scan, unless that was done before; leaving early stops it."""
    if request.fingerprint is not None:
        known: Future[tuple[str, int]] = Future()
        known.set_result(request.fingerprint)
        yield known
        return
    cancelled = Event()
    with ThreadPoolExecutor(1, "fingerprint") as pool:
        try:
            yield pool.submit(fingerprint, source, cancelled)
        finally:
            cancelled.set()


def _plan(
    request: SampleRequest,
    mode: SamplingMode,
    seen: Scan,
    media: MediaInfo,
    header: Header,
    notices: list[Notice],
) -> SamplingPlan:
    if mode in {"exact", "fast"}:
        keyframes = [
            PlannedKeyframe(
                index=index,
                time_seconds=choice.moment.time_seconds,
                pts=choice.moment.pts,
                time_base=header.time_base,
                shot=choice.shot,
                reason=choice.reason,
                sharpness=choice.moment.sharpness,
            )
            for index, choice in enumerate(choose(seen.moments, seen.shots, request.frames, seen.transitions))
        ]
    else:
        keyframes, widened = _spaced_keyframes(request, seen, header)
        notices = notices + widened
    return SamplingPlan(
        media,
        mode,
        seen.start_seconds,
        seen.end_seconds,
        seen.shots,
        seen.signals,
        tuple(keyframes),
        tuple(notices),
    )


def _spaced_keyframes(
    request: SampleRequest, seen: Scan, header: Header
) -> tuple[list[PlannedKeyframe], list[Notice]]:
    """Keyframes by the clock alone; an interval too short for the budget is widened to a multiple of itself."""
    start, end, notices = seen.start_seconds, seen.end_seconds, []
    reason: Reason
    if request.interval_seconds is None:
        targets, reason = uniform_times(start, end, request.frames), "uniform"
    else:
        targets, factor = interval_times(start, end, request.interval_seconds, request.frames)
        reason = "interval"
        if factor > 1:
            asked, used = request.interval_seconds, request.interval_seconds * factor
            message = (
                f"a keyframe every {asked:g} s exceeds the budget of {request.frames}; taken every {used:g} s"
            )
            notices.append(Notice("interval_widened", message))
    begins = [shot.start_seconds for shot in seen.shots]
    return [
        PlannedKeyframe(
            index=index,
            time_seconds=float(seen.trace.times[frame]),
            pts=int(seen.trace.pts[frame]),
            time_base=header.time_base,
            shot=max(bisect_right(begins, float(seen.trace.times[frame])) - 1, 0),
            reason=reason,
        )
        for index, frame in enumerate(standing_at(seen.trace.times, targets))
    ], notices


def _counted(media: MediaInfo, header: Header, seen: Scan) -> MediaInfo:
    """What a scan counted, in place of what the header said; of a window only, that its rate varies or not."""
    intervals = np.diff(seen.frame_times)
    irregular = False
    if len(intervals):
        usual = float(np.median(intervals))
        slack = max(0.1 * usual, 1.5 * float(header.time_base))
        irregular = float(np.mean(np.abs(intervals - usual) > slack)) > _IRREGULAR_SHARE
    if not seen.whole:
        end = max(media.duration_seconds, seen.end_seconds)
        return replace(media, duration_seconds=end, variable_frame_rate=irregular)
    count, span = len(seen.frame_times), seen.end_seconds - seen.start_seconds
    return replace(
        media,
        duration_seconds=seen.end_seconds,
        frame_count=count,
        average_fps=count / span if count > 1 and span > 0 else header.average_fps,
        variable_frame_rate=irregular,
        guessed=() if seen.decoded else _COUNTED_ONLY,
    )


def _declared(source: Source, header: Header, digest: tuple[str, int]) -> MediaInfo:
    """What the header says, marked as such."""
    return MediaInfo(
        name=name_of(source),
        sha256=digest[0],
        bytes=digest[1],
        container=header.container,
        codec=header.codec,
        width=header.width,
        height=header.height,
        rotation_degrees=header.rotation_degrees,
        duration_seconds=max(header.declared_end_seconds or 0.0, header.start_seconds),
        start_seconds=header.start_seconds,
        frame_count=header.declared_frame_count,
        average_fps=header.average_fps,
        variable_frame_rate=False,
        has_audio=header.has_audio,
        guessed=("duration_seconds", "frame_count", "average_fps", "variable_frame_rate"),
    )
