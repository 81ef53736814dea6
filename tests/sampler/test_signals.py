"""Signals of traces whose frames are known."""

import numpy as np

from sampler.signals import faded_stretches, signals
from sampler.traces import Trace

FPS = 25


def trace(
    brightness: list[float], *, contrast: list[float] | None = None, jumps: list[float] | None = None
) -> Trace:
    count = len(brightness)
    levels = np.array(brightness, np.float32)
    moves = np.full(count, 3.0) if jumps is None else np.array(jumps)
    spread = (levels - 16) / 4 if contrast is None else np.array(contrast)
    return Trace(
        np.arange(count),
        np.arange(count) / FPS,
        levels,
        spread.astype(np.float32),
        moves.astype(np.float32),
        np.zeros(count, np.float32),
    )


def kinds(found: Trace) -> list[tuple[str, float, float]]:
    end = len(found) / FPS
    return [(s.kind, round(s.start_seconds, 2), round(s.end_seconds, 2)) for s in signals(found, end)]


def test_a_fade_out_into_black_and_back_in() -> None:
    down = np.linspace(116, 16, 26).tolist()
    levels = [116.0] * 25 + down + [16.0] * 25 + down[::-1] + [116.0] * 25
    found = kinds(trace(levels))
    assert [kind for kind, *_ in found] == ["fade_out", "black", "fade_in"]
    assert faded_stretches(trace(levels))


def test_black_that_comes_at_once_is_no_fade() -> None:
    assert kinds(trace([116.0] * 25 + [16.0] * 25 + [116.0] * 25)) == [("black", 1.0, 2.0)]
    assert not faded_stretches(trace([116.0] * 25 + [16.0] * 25 + [116.0] * 25))


def test_a_flash_is_bright_and_short() -> None:
    assert kinds(trace([100.0] * 25 + [230.0] * 2 + [100.0] * 25)) == [("flash", 1.0, 1.08)]
    assert kinds(trace([100.0] * 25 + [230.0] * 50)) == []


def test_a_freeze_interrupts_motion() -> None:
    moving, still = [3.0] * 50, [0.0] * 75
    assert [kind for kind, *_ in kinds(trace([100.0] * 175, jumps=moving + still + moving))] == ["freeze"]
    assert kinds(trace([100.0] * 175, jumps=[0.0] * 175)) == []
