"""Shots as editors take them: an edit decision list (CMX 3600), a timeline of OpenTimelineIO.

Both count frames. A video of constant frame rate is counted at its own rate, exactly. An EDL numbers the frames of each
second and names no rate: where the video's is not one to number by (12.5), or varies, it counts at one that is and says
so, right to half a frame of that. An OTIO timeline of a variable rate is counted in milliseconds.
"""

import json
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from urllib.parse import quote

from analyzer import TimelineShot
from api.exports.wording import one_line
from api.plans import Plan
from sampler import MediaInfo

_BROADCAST_RATES = tuple(
    Fraction(rate) for rate in ("24000/1001", "24", "25", "30000/1001", "30", "48", "50", "60000/1001", "60")
)
_RATE_SLACK = 0.001
"""Share by which a counted rate may be off a broadcast one and still be meant as that."""
_NTSC = Fraction(1001, 1000)
"""What a rate of American television is below the number by which its frames are counted."""
_RATE_UNKNOWN = Fraction(25)
_MILLISECONDS = Fraction(1000)
_EVENT_DIGITS = 3


@dataclass(frozen=True, slots=True)
class _Span:
    """A shot in frames; the end is the first frame that is no longer part of it."""

    shot: TimelineShot
    start: int
    end: int


def shots_edl(plan: Plan) -> str:
    """The shots as a CMX 3600 edit decision list, one event a shot, timecode without dropped frames.

    Gradual transitions are cuts at their middle, with a comment that says what they are: the format wants the length of
    a dissolve, which nobody measured.
    """
    rate = _timecode_rate(plan.media)
    spans = _spans(plan, rate)
    name = one_line(plan.media.name)
    lines = [f"TITLE: {name}", "FCM: NON-DROP FRAME", ""]
    for number, span in enumerate(spans, 1):
        times = (span.start, span.end, span.start - spans[0].start, span.end - spans[0].start)
        codes = " ".join(_timecode(frame, rate) for frame in times)
        lines.append(f"{number:0{_EVENT_DIGITS}}  AX       V     C        {codes}")
        lines.append(f"* FROM CLIP NAME: {name}")
        if span.shot.transition == "gradual":
            lines.append("* COMMENT: GRADUAL TRANSITION, CUT AT ITS MIDDLE")
        if number == 1 and (plan.media.variable_frame_rate or rate != _frame_rate(plan.media)):
            lines.append(
                f"* COMMENT: TIMECODE AT {float(rate):.6g} FRAMES A SECOND, NOT THE RATE OF THE VIDEO"
            )
    return "\n".join(lines) + "\n"


def shots_otio(plan: Plan) -> str:
    """The shots as an OpenTimelineIO timeline: one track of clips, the keyframes as markers on them."""
    rate = _MILLISECONDS if plan.media.variable_frame_rate else _frame_rate(plan.media)
    name = one_line(plan.media.name)
    whole = _range(0, round(Fraction(plan.media.duration_seconds) * rate), rate)
    reference = {
        "OTIO_SCHEMA": "ExternalReference.1",
        "target_url": quote(plan.media.name),
        "available_range": whole,
        "metadata": {"sceneline": {"sha256": plan.media.sha256}},
    }
    times = {keyframe.index: keyframe.time_seconds for keyframe in plan.keyframes}
    clips = [
        {
            "OTIO_SCHEMA": "Clip.2",
            "name": f"{name} {span.shot.index}",
            "source_range": _range(span.start, span.end, rate),
            "media_references": {"DEFAULT_MEDIA": reference},
            "active_media_reference_key": "DEFAULT_MEDIA",
            "markers": [
                _marker(index, times[index], rate) for index in span.shot.keyframes if index in times
            ],
            "metadata": {"sceneline": {"transition": span.shot.transition}},
        }
        for span in _spans(plan, rate)
    ]
    track = {"OTIO_SCHEMA": "Track.1", "name": "shots", "kind": "Video", "children": clips}
    stack = {"OTIO_SCHEMA": "Stack.1", "name": "tracks", "children": [track]}
    return json.dumps({"OTIO_SCHEMA": "Timeline.1", "name": name, "tracks": stack}, indent=2) + "\n"


def _frame_rate(media: MediaInfo) -> Fraction:
    if not media.average_fps:
        return _RATE_UNKNOWN
    nearest = min(_BROADCAST_RATES, key=lambda rate: abs(rate - Fraction(str(media.average_fps))))
    near = abs(float(nearest) - media.average_fps) <= _RATE_SLACK * media.average_fps
    return nearest if near else Fraction(str(media.average_fps))


def _timecode_rate(media: MediaInfo) -> Fraction:
    """The rate at which timecode neither drifts nor skips a number; the video's own where it is one."""
    rate = _frame_rate(media)
    if media.variable_frame_rate:
        return Fraction(max(round(rate), 1))
    nominal = round(rate)
    if rate in _BROADCAST_RATES or nominal in (rate, round(rate * _NTSC, 3)):
        return rate
    times = ((other / rate, other) for other in _BROADCAST_RATES)
    multiples = (other for ratio, other in times if abs(ratio - round(ratio)) <= _RATE_SLACK)
    return next(multiples, Fraction(max(nominal, 1)))


def _spans(plan: Plan, rate: Fraction) -> list[_Span]:
    """The shots in frames, but for those shorter than half of one."""
    spans = [
        _Span(shot, round(Fraction(shot.start_seconds) * rate), round(Fraction(shot.end_seconds) * rate))
        for shot in plan.shots
    ]
    return [span for span in spans if span.start < span.end]


def _timecode(frame: int, rate: Fraction) -> str:
    """``HH:MM:SS:FF``, which counts every frame at the next whole rate."""
    seconds, frames = divmod(frame, max(round(rate), 1))
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{frames:02}"


def _range(start: int, end: int, rate: Fraction) -> dict[str, Any]:
    return {
        "OTIO_SCHEMA": "TimeRange.1",
        "start_time": _time(start, rate),
        "duration": _time(end - start, rate),
    }


def _time(value: int, rate: Fraction) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "RationalTime.1", "rate": float(rate), "value": float(value)}


def _marker(index: int, seconds: float, rate: Fraction) -> dict[str, Any]:
    frame = round(Fraction(seconds) * rate)
    return {
        "OTIO_SCHEMA": "Marker.2",
        "name": f"keyframe {index}",
        "color": "GREEN",
        "marked_range": _range(frame, frame + 1, rate),
    }
