"""Transitions become shots that tile the video."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sampler.cameras import Motion, camera
from sampler.dissolves import Gradual
from sampler.signals import blank_frames, faded_stretches
from sampler.traces import Trace
from sampler.types import Shot, Transition

_BESIDE_SECONDS = 0.25
"""Transitions this close to a plain stretch are the fades into and out of it."""
_LONGEST_PAUSE_SECONDS = 2.0
"""A plain stretch up to this length is part of one transition, whose middle it marks."""
_UNSEEN_SHARE, _UNSEEN_SECONDS = 0.125, 0.08
"""How much further than it was measured a transition reaches: the first and last tenth of a mixture, and what lies
between two of the thumbnails compared."""
_STEPS_SECONDS = 0.4
"""Two cuts no further apart may be steps of one gradual transition."""
_BLANK_SHARE = 0.25
"""Share of blank pictures between two boundaries from which they are the beginning and the end of one fade."""
_BLACK_LEVEL, _LEVELS = 16.0, 219.0
"""Of luma in the limited range almost all video uses."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where a shot begins."""

    seconds: float
    transition: Transition
    span: tuple[float, float] | None = None
    """While which time the picture is of neither shot alone; None for a cut."""


def boundaries(cuts: Sequence[float], graduals: Sequence[Gradual], trace: Trace) -> tuple[Boundary, ...]:
    """One boundary a transition: cuts as they are, dissolves at their middle, fades through a plain picture
    once.
    """
    cuts, graduals = _steps_as_one(cuts, graduals)
    found = [Boundary(seconds, "cut") for seconds in cuts]
    for start, end in faded_stretches(trace):
        low, high = start - _BESIDE_SECONDS, end + _BESIDE_SECONDS
        beside = [g for g in graduals if g.start_seconds <= high and g.end_seconds >= low]
        graduals = [g for g in graduals if g not in beside]
        if not any(low <= cut <= high for cut in cuts):
            seconds = (start + end) / 2 if end - start <= _LONGEST_PAUSE_SECONDS else end
            spans = [(start, end), *map(_whole_span, beside)]
            span = min(span[0] for span in spans), max(span[1] for span in spans)
            found.append(Boundary(_frame_at(trace, seconds), "gradual", span))
    found += [Boundary(gradual.middle_seconds, "gradual", _whole_span(gradual)) for gradual in graduals]
    return _through_blank(sorted(found, key=lambda boundary: boundary.seconds), trace)


def _steps_as_one(
    cuts: Sequence[float], graduals: Sequence[Gradual]
) -> tuple[Sequence[float], Sequence[Gradual]]:
    """Without transitions of which one large step was seen, a cut, and without cuts that are two steps of one."""
    kept: list[Gradual] = []
    for gradual in graduals:
        start, end = _whole_span(gradual)
        steps = [cut for cut in cuts if start <= cut <= end]
        if not steps:
            kept.append(gradual)
        elif len(steps) > 1 and steps[-1] - steps[0] <= _STEPS_SECONDS:
            kept.append(gradual)
            cuts = [cut for cut in cuts if cut not in steps]
    return cuts, kept


def _through_blank(found: Sequence[Boundary], trace: Trace) -> tuple[Boundary, ...]:
    """The same, with those made one between which the picture is blank: a fade may begin or end with a step."""
    result: list[Boundary] = []
    for boundary in found:
        blank = _blank_between(result[-1], boundary, trace) if result else None
        if blank is None:
            result.append(boundary)
        else:
            start, end = _span(result.pop())[0], _span(boundary)[1]
            result.append(Boundary(blank, "gradual", (start, end)))
    return tuple(result)


def _blank_between(one: Boundary, other: Boundary, trace: Trace) -> float | None:
    """When the picture is blank between two boundaries, if they may be one fade."""
    if other.seconds - one.seconds > _LONGEST_PAUSE_SECONDS:
        return None
    first, last = np.searchsorted(trace.times, (one.seconds, other.seconds))
    if first == last or float(blank_frames(trace)[first:last].mean()) < _BLANK_SHARE:
        return None
    return float(trace.times[first + int(trace.picture[first:last].argmin())])


def _span(boundary: Boundary) -> tuple[float, float]:
    return boundary.span or (boundary.seconds, boundary.seconds)


def tile(found: Sequence[Boundary], start_seconds: float, end_seconds: float) -> tuple[Shot, ...]:
    """Shots from ``start_seconds`` to ``end_seconds`` with no hole and no overlap; boundaries outside are
    left out.
    """
    begins = [Boundary(start_seconds, "start")]
    for boundary in sorted(found, key=lambda b: b.seconds):
        if begins[-1].seconds < boundary.seconds < end_seconds:
            begins.append(boundary)
    ends = [*(boundary.seconds for boundary in begins[1:]), end_seconds]
    return tuple(
        Shot(index, begin.seconds, end, begin.transition)
        for index, (begin, end) in enumerate(zip(begins, ends, strict=True))
    )


def described(shots: Sequence[Shot], trace: Trace, motion: Motion) -> tuple[Shot, ...]:
    """The same shots with what was measured in them."""
    result = []
    for shot in shots:
        first, after = np.searchsorted(trace.times, (shot.start_seconds, shot.end_seconds))
        if after <= first:
            result.append(shot)
            continue
        level = (float(trace.brightness[first:after].mean()) - _BLACK_LEVEL) / _LEVELS
        changed = trace.changed[first + 1 : after]
        changed = changed[~np.isnan(changed)]
        activity = float(changed.mean()) if len(changed) else None
        result.append(
            replace(
                shot,
                camera=camera(motion, shot.start_seconds, shot.end_seconds),
                brightness=min(max(level, 0.0), 1.0),
                activity=activity,
            )
        )
    return tuple(result)


def _whole_span(gradual: Gradual) -> tuple[float, float]:
    """From the last picture of the one shot to the first of the other."""
    margin = _UNSEEN_SHARE * (gradual.end_seconds - gradual.start_seconds) + _UNSEEN_SECONDS
    return gradual.start_seconds - margin, gradual.end_seconds + margin


def _frame_at(trace: Trace, seconds: float) -> float:
    return float(trace.times[max(int(np.searchsorted(trace.times, seconds + 1e-6, side="right")) - 1, 0)])
