"""Where more happens than usual by the sizes of packets, and what looking there may cost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sampler.frames import Packets
from sampler.swells import leaders, steps, unusual

YARD = [4000, *([100] * 49)]
VISIT = [4000, *([100] * 20), *([220] * 10), *([100] * 19)]
SETTLING = 3


def packets_of(
    groups: list[list[int]], pts: NDArray[np.int64] | None = None
) -> tuple[Packets, NDArray[np.int64]]:
    """Packets of these sizes, a unit of time each, and where the groups begin."""
    sizes = np.array([size for group in groups for size in group], np.int64)
    starts = np.cumsum([0, *(len(group) for group in groups)])
    sync = np.isin(np.arange(len(sizes)), starts)
    times = np.arange(len(sizes), dtype=np.int64) if pts is None else pts
    return Packets(times, np.ones(len(sizes), np.int64), sizes, sync, 0), starts


def test_a_visitor_is_found_and_looked_at_until_gone() -> None:
    found = unusual(*packets_of([YARD] * 30 + [VISIT] + [YARD] * 30), SETTLING)
    assert list(found) == [30]
    assert 30 * 50 + 31 <= found[30] <= 30 * 50 + 31 + 8 + SETTLING


def test_where_it_is_always_busy_nothing_is_unusual() -> None:
    assert unusual(*packets_of([VISIT] * 40), SETTLING) == {}


def test_what_is_usual_by_day_is_unusual_at_night() -> None:
    day, night = [VISIT] * 300, [YARD] * 150 + [VISIT] + [YARD] * 149
    assert list(unusual(*packets_of(day + night), SETTLING)) == [450]


def test_the_most_unusual_come_first_where_not_all_can_be_afforded() -> None:
    louder = [4000, *([100] * 20), *([400] * 10), *([100] * 19)]
    groups = [YARD] * 30 + [VISIT] * 12 + [louder] + [YARD] * 30
    found = unusual(*packets_of(groups), SETTLING)
    assert 42 in found
    assert 0 < len(found) < 13


def test_where_half_is_sync_frames_nothing_more_can_be_afforded() -> None:
    groups = [[4000, 100]] * 60 + [[4000, 900]] + [[4000, 100]] * 60
    assert unusual(*packets_of(groups), SETTLING) == {}


def test_pictures_between_others_are_cheap() -> None:
    """Stored I P b b b P b b b ..., shown in another order: twice as many groups for the same money."""
    order = np.array([0, *(4 * n + k for n in range(12) for k in (4, 1, 2, 3)), 49])
    pts = np.concatenate([order + 50 * number for number in range(100)])
    groups = [YARD if number % 4 else VISIT for number in range(100)]
    thin, whole = unusual(*packets_of(groups, pts), SETTLING), unusual(*packets_of(groups), SETTLING)
    assert len(leaders(order)) == 13
    assert len(thin) > 1.5 * len(whole) > 0


@given(st.lists(st.lists(st.integers(1, 5000), min_size=1, max_size=40), min_size=1, max_size=40))
def test_looking_never_costs_more_than_its_share(groups: list[list[int]]) -> None:
    packets, starts = packets_of(groups)
    found = unusual(packets, starts, SETTLING)
    seen = sum(until - int(starts[number]) - SETTLING for number, until in found.items())
    assert seen + 5 * len(groups) * bool(found) <= 0.17 * len(packets)
    assert all(starts[number] < until < starts[number + 1] + SETTLING for number, until in found.items())


def test_a_level_that_gives_way_to_another_makes_a_step_where_it_does() -> None:
    step = steps(np.array([50.0, 52, 49, 51, 50, 60, 101, 99, 100, 102, 98]), 3)
    assert int(step.argmax()) + 3 == 5
    assert step.max() == pytest.approx(np.log(98 / 52), abs=0.1)


@given(st.lists(st.floats(1, 1e6), min_size=7, max_size=40))
def test_steps_are_the_same_backwards_and_at_any_rate_of_bits(sizes: list[float]) -> None:
    step = steps(np.array(sizes), 3)
    assert len(step) == len(sizes) - 6
    assert steps(np.array(sizes[::-1]), 3)[::-1] == pytest.approx(step)
    assert steps(np.array(sizes) * 8, 3) == pytest.approx(step, abs=1e-6)


def test_one_large_packet_and_levels_that_come_and_go_make_no_step() -> None:
    assert steps(np.array([50.0] * 10 + [900] + [50] * 10), 4).max() <= 0
    assert steps(np.array([50.0, 90] * 12), 4).max() < 0
