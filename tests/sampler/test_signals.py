"""Signals of traces whose frames are known."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

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


def test_a_fade_is_told_without_the_drift_before_and_after_it() -> None:
    levels = [*np.linspace(116.4, 116, 50), *np.linspace(116, 16, 25), *[16.0] * 25]
    (fade,) = [found for found in kinds(trace(levels)) if found[0] == "fade_out"]
    assert 1.9 <= fade[1] <= 2.1
    assert 2.85 <= fade[2] <= 3.0


def test_a_title_on_black_is_not_black_and_one_fade_leads_to_it_and_one_away() -> None:
    down = np.linspace(116, 17, 25).tolist()
    levels = [116.0] * 50 + down + [17.0] * 75 + down[::-1] + [116.0] * 50
    spread = [25.0] * 50 + (np.array(down) / 5).tolist()
    spread += (
        [0.0] * 10 + [8.5] * 20 + [7.5] * 20 + [9.0] * 15 + [0.0] * 10
    )  # the letters come, dim, flare and go
    spread += spread[:75][::-1]
    found = kinds(trace(levels, contrast=spread))
    assert [kind for kind, *_ in found] == ["fade_out", "black", "black", "fade_in"]


@given(st.lists(st.tuples(st.floats(16, 60), st.integers(1, 12)), min_size=1, max_size=12))
def test_whatever_light_does_signals_lie_within_the_video_in_order(steps: list[tuple[float, int]]) -> None:
    found = trace([level for level, frames in steps for _ in range(frames)])
    end = len(found) / FPS
    seen = signals(found, end)
    assert list(seen) == sorted(seen, key=lambda signal: signal.start_seconds)
    assert all(0 <= signal.start_seconds < signal.end_seconds <= end for signal in seen)


def test_a_light_in_the_night_is_not_black() -> None:
    assert kinds(trace([19.0] * 100, contrast=[5.0] * 100)) == []


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


def test_a_freeze_is_painted_anew_by_sync_frames_and_lies_between_repeated_frames() -> None:
    moving, still = [3.0, 0.0] * 25, [0.0] * 40
    jumps = moving + still + [1.2] + still + moving
    (freeze,) = kinds(trace([100.0] * len(jumps), jumps=jumps))
    assert freeze == ("freeze", 1.92, 5.24)
    assert kinds(trace([100.0] * len(jumps), jumps=[9.0 if jump == 1.2 else jump for jump in jumps])) == []


def test_what_begins_to_move_was_not_frozen_and_what_stops_for_good_was() -> None:
    moving, still = [3.0] * 50, [0.0] * 75
    assert kinds(trace([100.0] * 125, jumps=still + moving)) == []
    assert kinds(trace([100.0] * 125, jumps=moving + still)) == [("freeze", 1.96, 5.0)]


def test_a_slide_that_is_cut_to_or_dissolved_to_is_no_freeze() -> None:
    moving, still = [3.0] * 50, [0.0] * 75
    found = trace([100.0] * 175, jumps=moving + still + moving)
    assert [s.kind for s in signals(found, 7.0)] == ["freeze"]
    assert signals(found, 7.0, [(2.0, 2.0)]) == signals(found, 7.0, [(4.9, 5.6)]) == ()
    assert signals(found, 7.0, [(1.0, 1.0), (6.0, 6.0)]) == signals(found, 7.0)


def test_a_first_picture_that_stands_long_repeats_nothing() -> None:
    slow = replace(trace([100.0] * 4, jumps=[0.0, 9.0, 9.0, 9.0]), times=np.arange(4) * 3.0)
    assert signals(slow, 12.0) == ()
