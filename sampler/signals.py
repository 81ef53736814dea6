"""Things that only a look at every frame can tell: black, freezes, fades, flashes. Pure functions of a trace."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sampler.traces import Trace
from sampler.types import Signal, SignalKind

_DARK, _DARK_CONTRAST = 24.0, 12.0
"""Mean luma and deviation up to which a frame is dark: black, or black but for a title or a light."""
_BLACK_CONTRAST = 3.0
"""Deviation up to which a dark frame is black."""
_PLAIN_CONTRAST = 2.5
"""Deviation up to which a frame is one plain surface, whatever its brightness."""
_BLANK = 3.0
"""Levels off black or white up to which a picture is blank."""
_SHORTEST_BLACK_SECONDS = 0.1
_SHORTEST_FREEZE_SECONDS = 2.0
_STILL = 0.15
"""Jump, in levels, up to which a frame repeats the one before."""
_MOVING = 1.0
"""Jump of the frames right before and after a freeze."""
_BESIDE_FRAMES = 4
"""Of these the second largest jump counts: every other frame may be a repetition, and a single jump is no motion."""
_SETTLING_SECONDS = 0.5
"""A picture that stands so soon after a transition has been cut to, and one that stands till then stood on."""
_REPAINTED = 2.0
"""Jump up to which one frame in the midst of a freeze only shows it anew: a sync frame is coarse in other places."""
_FADE_SECONDS = (0.2, 4.0)
_FADE_RISE = 12.0
"""Levels by which brightness has to change in a fade."""
_FADE_ENDS = 0.05
"""Share of the way at either end of a fade that is left out: light drifts before and after it."""
_LEVEL = 0.2
"""Levels that brightness may go back on its way in a fade."""
_ONE_STEP, _FADE_FRAMES = 0.6, 5
"""Share of a fade that no single frame may make up, and how many frames of it are looked at."""
_PALES_SECONDS = 0.25
"""So long before or after a plain frame it is asked whether the picture pales."""
_ALL_ONE_WAY = 0.35
"""How much brighter or darker a fading picture becomes at the least, as a share of what changes: 0.62 and more on one
side of all fades, 0.17 and less where credits roll off black or come on."""
_ALL_OVER = 4.0
"""How much further from plain the whole of a fading picture, or its middle, comes at the most, in the same measure: up
to 3.2 in fades, 4.3 and more where a line appears on a white slide, since little of it changes by much."""
_FLASH_RISE = 25.0
_FLASH_SECONDS = 0.3

Span = tuple[float, float]
Run = tuple[int, int]
"""First frame of a stretch and the first one after it."""


def signals(trace: Trace, end_seconds: float, transitions: Sequence[Span] = ()) -> tuple[Signal, ...]:
    """All signals of the window in time order.

    Args:
        trace: Of the window's frames.
        end_seconds: When the last one ends.
        transitions: Start and end of each, the same for a cut.
    """
    dark, black = (
        [run for run in _runs(mask) if _seconds(trace, run, end_seconds) >= _SHORTEST_BLACK_SECONDS]
        for mask in (_dark_frames(trace), black_frames(trace))
    )
    found = [_signal("black", trace, run, end_seconds) for run in black]
    found += _fades(trace, dark, end_seconds)
    found += [_signal("freeze", trace, run, end_seconds) for run in _freezes(trace, end_seconds, transitions)]
    found += [_signal("flash", trace, run, end_seconds) for run in _flashes(trace)]
    return tuple(sorted(found, key=lambda signal: (signal.start_seconds, signal.kind)))


def black_frames(trace: Trace) -> NDArray[np.bool_]:
    """Which frames are black."""
    return _dark_frames(trace) & (trace.contrast <= _BLACK_CONTRAST)


def _dark_frames(trace: Trace) -> NDArray[np.bool_]:
    return (trace.brightness <= _DARK) & (trace.contrast <= _DARK_CONTRAST)


def faded_stretches(trace: Trace) -> list[tuple[float, float]]:
    """Times of the first and last frame of each plain stretch that a picture fades into or out of, on both sides of it.

    A flash is plain as well, but comes and goes at once. Bars and logos may stay.
    """
    plain = trace.contrast <= _PLAIN_CONTRAST
    runs = [
        *_faded_runs(trace, trace.contrast, plain),
        *_faded_runs(trace, trace.picture, blank_frames(trace) & ~plain),
    ]
    return sorted((float(trace.times[a]), float(trace.times[b - 1])) for a, b in runs)


def _faded_runs(trace: Trace, levels: NDArray[np.float32], mask: NDArray[np.bool_]) -> list[Run]:
    """Those with frames on both sides, but for what comes before or after all of the fade."""
    found = []
    for a, b in _runs(mask):
        if 0 < a < b < len(levels):
            out = _goes_slowly(levels[max(0, a - _FADE_FRAMES) : a + 1]) and _pales(trace, levels, a, -1)
            back = _goes_slowly(levels[b - 1 : b + _FADE_FRAMES]) and _pales(trace, levels, b - 1, 1)
            if out or back:
                found.append((a if out else b - 1, b if back else a + 1))
    return found


def _pales(trace: Trace, levels: NDArray[np.float32], edge: int, way: int) -> bool:
    """Whether all of the picture pales towards a plain frame, or away from it, instead of leaving or coming in."""
    other = int(np.searchsorted(trace.times, trace.times[edge] + way * _PALES_SECONDS))
    other = min(max(other, 0), len(trace) - 1)
    first, last = sorted((edge, other))
    changed = float(np.nansum(trace.jumps[first + 1 : last + 1]))
    brighter = abs(float(trace.brightness[other]) - float(trace.brightness[edge]))
    return (
        brighter >= _ALL_ONE_WAY * changed
        and abs(float(levels[other]) - float(levels[edge])) <= _ALL_OVER * changed
    )


def blank_frames(trace: Trace) -> NDArray[np.bool_]:
    """Which frames are black or white all over, but for what stays at the edges."""
    return trace.picture <= _BLANK


def _goes_slowly(levels: NDArray[np.float32]) -> bool:
    """Whether no single step covers most of the way from the first to the last."""
    way = abs(float(levels[-1]) - float(levels[0]))
    return len(levels) > 2 and way > 0 and float(np.abs(np.diff(levels)).max()) < _ONE_STEP * way


def _freezes(trace: Trace, end_seconds: float, transitions: Sequence[Span]) -> list[Run]:
    """Stretches that repeat one picture in the midst of motion, which stops and goes on at once.

    What never moves is a still, what comes to rest or begins to move is seen to do so, and what is cut to or from and
    stands is a slide.
    """
    found = []
    for first, after in _still_runs(trace.jumps):
        run = (max(first - 1, 0), after)
        repeats = run[1] - run[0] > 1  # the first picture has none before it
        if not repeats or _seconds(trace, run, end_seconds) < _SHORTEST_FREEZE_SECONDS:
            continue
        if black_frames(trace)[first]:
            continue
        before = trace.jumps[max(first - _BESIDE_FRAMES, 1) : first]
        beyond = trace.jumps[after : after + _BESIDE_FRAMES]
        goes_on = after == len(trace) or _moves(beyond)
        low, high = trace.times[run[0]] - _SETTLING_SECONDS, trace.times[run[1] - 1] + _SETTLING_SECONDS
        turned = any(start <= high and end >= low for start, end in transitions)
        if _moves(before) and goes_on and not turned:
            found.append(run)
    return found


def _moves(jumps: NDArray[np.float32]) -> bool:
    """Whether there is motion in a few frames; those that were not looked at say nothing."""
    known = np.sort(jumps[~np.isnan(jumps)])
    return len(known) > 0 and float(known[-2:][0]) >= _MOVING


def _still_runs(jumps: NDArray[np.float32]) -> list[Run]:
    """Stretches without motion, over single frames that only paint the same picture again."""
    found: list[Run] = []
    for first, after in _runs(jumps <= _STILL):
        again = found and first - found[-1][1] == 1 and jumps[first - 1] <= _REPAINTED
        found.append((found.pop()[0] if again else first, after))
    return found


def _flashes(trace: Trace) -> list[Run]:
    """Stretches much brighter than what comes before and after, and over at once."""
    bright = trace.brightness
    found: list[Run] = []
    for index in np.flatnonzero(np.diff(bright) >= _FLASH_RISE).tolist():
        before = float(bright[index])
        last = int(np.searchsorted(trace.times, trace.times[index + 1] + _FLASH_SECONDS, side="right"))
        over = np.flatnonzero(bright[index + 1 : last] <= before + 0.4 * (bright[index + 1] - before))
        if len(over) and index > 0 and (not found or index + 1 >= found[-1][1]):
            found.append((index + 1, index + 1 + int(over[0])))
    return found


def _fades(trace: Trace, dark: list[Run], end_seconds: float) -> list[Signal]:
    """The fades that lead into dark stretches, and those that lead out of them; none leads through another one."""
    found = []
    bounds = [0, *(edge for run in dark for edge in run), len(trace)]
    for place, (first, after) in enumerate(dark):
        out = _falling(trace.brightness, bounds[2 * place], first, after)
        back = _falling(
            trace.brightness[::-1], len(trace) - bounds[2 * place + 3], len(trace) - after, len(trace) - first
        )
        ends: list[tuple[SignalKind, Run]] = [
            ("fade_out", out),
            ("fade_in", (len(trace) - 1 - back[1], len(trace) - 1 - back[0])),
        ]
        found += [
            Signal(kind, float(trace.times[start]), float(trace.times[end]))
            for kind, (start, end) in ends
            if _is_fade(trace, start, end, end_seconds)
        ]
    return found


def _falling(levels: NDArray[np.float32], earliest: int, first: int, after: int) -> Run:
    """First and last frame of the way down into a dark stretch ``[first, after)``, but for its drifting ends."""
    start, end = first, first
    while start > earliest and levels[start - 1] > levels[start] - _LEVEL:
        start -= 1
    while end + 1 < after and levels[end + 1] < levels[end] + _LEVEL:
        end += 1
    above, below = levels[start : first + 1], levels[first : end + 1]
    aside = _FADE_ENDS * float(above.max() - below.min())
    last_above = int(np.flatnonzero(above >= above.max() - aside)[-1])
    return start + last_above, first + int(np.flatnonzero(below <= below.min() + aside)[0])


def _is_fade(trace: Trace, start: int, end: int, end_seconds: float) -> bool:
    """Whether brightness goes a long way, in the time a fade takes, and no single frame goes most of it."""
    part = trace.brightness[start : end + 1]
    way = abs(float(part[-1]) - float(part[0]))
    seconds = _seconds(trace, (start, end), end_seconds)
    if way < _FADE_RISE or not _FADE_SECONDS[0] <= seconds <= _FADE_SECONDS[1]:
        return False
    return _goes_slowly(part)


def _runs(mask: NDArray[np.bool_]) -> list[Run]:
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _end(trace: Trace, index: int, end_seconds: float) -> float:
    return float(trace.times[index]) if index < len(trace) else end_seconds


def _seconds(trace: Trace, run: Run, end_seconds: float) -> float:
    return _end(trace, run[1], end_seconds) - float(trace.times[run[0]])


def _signal(kind: SignalKind, trace: Trace, run: Run, end_seconds: float) -> Signal:
    return Signal(kind, float(trace.times[run[0]]), _end(trace, run[1], end_seconds))
