"""What must hold of every choice of keyframes, and what a good one finds."""

import time
import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.datasets import Coding, events_of, write_film
from benchmarks.films import sparse_film
from benchmarks.scoring import event_recall
from sampler import SampleRequest, VideoFile
from sampler.moments import LOOK_SHAPE, Moment, difference, thinned
from sampler.planning import choose, interval_times, standing_at, uniform_times
from sampler.shots import Boundary, tile
from tests.sampler.pulling import pull


def look(*, scene: int = 0, tile_at: int | None = None, levels: int = 60) -> np.ndarray:
    """A picture of its own for each scene; one tile may differ."""
    picture = np.random.default_rng(scene).integers(40, 180, LOOK_SHAPE, dtype=np.uint8)
    if tile_at is not None:
        picture[0].flat[tile_at] += levels
    return picture


def moment(start: float, end: float, picture: np.ndarray, quality: float = 0.5) -> Moment:
    middle = (start + end) / 2
    return Moment(start, end, round(middle * 1000), middle, 0.5, quality, 0.0, picture)


@st.composite
def scans(draw: st.DrawFn) -> tuple[list[Moment], list[float]]:
    """Moments that tile a window, and cuts somewhere in it."""
    lengths = draw(st.lists(st.floats(0.05, 30), min_size=1, max_size=40))
    edges = np.concatenate(([0.0], np.cumsum(lengths)))
    scenes = draw(st.lists(st.integers(0, 4), min_size=len(lengths), max_size=len(lengths)))
    moments = [
        moment(float(a), float(b), look(scene=s), quality=s / 10)
        for (a, b), s in zip(pairwise(edges), scenes, strict=True)
    ]
    cuts = draw(st.lists(st.floats(0, float(edges[-1])), max_size=10))
    return moments, cuts


@settings(max_examples=60, deadline=None)
@given(scans(), st.integers(1, 50))
def test_any_choice_keeps_to_the_budget_and_to_order(
    scan: tuple[list[Moment], list[float]], budget: int
) -> None:
    moments, cuts = scan
    shots = tile([Boundary(cut, "cut") for cut in cuts], 0.0, moments[-1].end_seconds)
    choices = choose(moments, shots, budget)
    assert 1 <= len(choices) <= budget
    times = [choice.moment.time_seconds for choice in choices]
    assert all(a < b for a, b in pairwise(times))
    for choice in choices:
        shot = shots[choice.shot]
        assert shot.start_seconds <= choice.moment.time_seconds < shot.end_seconds
    peopled = {choice.shot for choice in choose(moments, shots, 10**6)}
    if len(peopled) <= budget:
        assert {choice.shot for choice in choices} == peopled
    assert choose(moments, shots, budget) == choices


def test_the_rare_short_event_is_found() -> None:
    rng = np.random.default_rng(5)
    events = sorted(rng.choice(np.arange(5, 895, 12), 8, replace=False).tolist())
    moments = []
    for start in np.arange(0, 900, 0.5):
        inside = [event for event in events if event <= start < event + 3]
        tile_at = int((start - inside[0]) * 20) if inside else None
        moments.append(moment(float(start), float(start) + 0.5, look(tile_at=tile_at, levels=15)))
    shots = tile([], 0.0, 900.0)
    for budget in (16, 32):
        times = [choice.moment.time_seconds for choice in choose(moments, shots, budget)]
        assert all(any(event <= time < event + 3 for time in times) for event in events)


def test_the_moment_before_an_event_does_not_stand_for_it_however_crisp() -> None:
    moments = [moment(float(start), float(start) + 1, look()) for start in range(600)]
    for event in (100, 300, 500):
        moments[event] = moment(event, event + 1, look(tile_at=event, levels=20), quality=0.3)
        moments[event - 1] = moment(event - 1, event, look(), quality=0.9)
    times = [choice.moment.time_seconds for choice in choose(moments, tile([], 0.0, 600.0), 8)]
    assert {100.5, 300.5, 500.5} <= set(times)


@settings(max_examples=60, deadline=None)
@given(scans(), st.integers(4, 50))
def test_nothing_is_unseen_for_long(scan: tuple[list[Moment], list[float]], budget: int) -> None:
    moments, _ = scan
    end = moments[-1].end_seconds
    times = [choice.moment.time_seconds for choice in choose(moments, tile([], 0.0, end), budget)]
    gaps = np.diff([moments[0].time_seconds, *times, moments[-1].time_seconds])
    coarsest = max(b.time_seconds - a.time_seconds for a, b in pairwise([moments[0], *moments]))
    assert gaps.max() <= max(4 * end / budget, 3 * max(coarsest, 2.0)) + 1e-6


def test_a_long_slow_shot_among_short_ones_gets_what_they_leave() -> None:
    short = [moment(second, second + 0.5, look(scene=second)) for second in range(20)]
    slow = [moment(20.0 + second, 21.0 + second, look(tile_at=second // 12)) for second in range(600)]
    shots = tile([Boundary(float(cut), "cut") for cut in range(1, 21)], 0.0, 620.0)
    chosen = choose([*short, *slow], shots, 32)
    assert {choice.shot for choice in chosen} == set(range(21))
    times = [choice.moment.time_seconds for choice in chosen if choice.shot == 20]
    assert np.diff([20.0, *times, 620.0]).max() <= 4 * 620 / 32


@settings(max_examples=60, deadline=None)
@given(scans(), st.integers(1, 50), st.floats(0.1, 3.0))
def test_a_picture_of_a_transition_is_taken_only_where_a_shot_has_no_other(
    scan: tuple[list[Moment], list[float]], budget: int, half: float
) -> None:
    moments, cuts = scan
    shots = tile([Boundary(cut, "gradual") for cut in cuts], 0.0, moments[-1].end_seconds)
    spans = [(cut - half, cut + half) for cut in cuts]

    def mixed(one: Moment) -> bool:
        return any(start <= one.time_seconds <= end for start, end in spans)

    for choice in choose(moments, shots, budget, spans):
        shot = shots[choice.shot]
        inside = [one for one in moments if shot.start_seconds <= one.time_seconds < shot.end_seconds]
        assert not mixed(choice.moment) or all(map(mixed, inside))


def test_text_on_its_way_waits_until_it_stands() -> None:
    states = [look(tile_at=50 * state, levels=40) for state in range(1, 9)]
    moments, moving, second = [], [], 0.0
    for state in states:
        for step in range(4):
            moments.append(moment(second, second + 0.15, look(tile_at=15 + step, levels=70 + step)))
            moving.append(moments[-1].time_seconds)
            second += 0.15
        moments.append(moment(second, second + 4, state))
        second += 4
    inside = set(moving[4:])  # nothing is at rest before the first four
    times = {choice.moment.time_seconds for choice in choose(moments, tile([], 0.0, second), 24)}
    assert not times & inside
    assert {m.time_seconds for m in moments if m.seconds == 4} <= times


def test_where_nothing_happens_keyframes_spread_evenly() -> None:
    moments = [moment(float(start), float(start) + 1, look()) for start in range(320)]
    times = [choice.moment.time_seconds for choice in choose(moments, tile([], 0.0, 320.0), 16)]
    gaps = np.diff([0.0, *times, 320.0])
    assert len(times) == 16
    assert gaps.max() <= 2.5 * 320 / 16


def test_where_shots_outnumber_the_budget_each_keyframe_shows_another_shot() -> None:
    moments = [moment(start / 2, start / 2 + 0.5, look(scene=start // 6)) for start in range(240)]
    shots = tile([Boundary(3.0 * shot, "cut") for shot in range(1, 40)], 0.0, 120.0)
    for budget in (8, 16, 32):
        chosen = [choice.shot for choice in choose(moments, shots, budget)]
        assert len(set(chosen)) == budget


def test_near_duplicates_are_not_worth_a_keyframe() -> None:
    moments = [moment(start / 4, start / 4 + 0.25, look()) for start in range(32)]
    assert len(choose(moments, tile([], 0.0, 8.0), 32)) <= 5


def test_the_crisper_of_two_equal_moments_is_taken() -> None:
    moments = [moment(0.0, 1.0, look(), 0.1), moment(1.0, 2.0, look(), 0.9), moment(2.0, 3.0, look(), 0.1)]
    (choice,) = choose(moments, tile([], 0.0, 3.0), 1)
    assert choice.moment.quality == pytest.approx(0.9)


@pytest.mark.parametrize("busy", [False, True], ids=["still", "busy"])
def test_as_many_moments_and_keyframes_as_can_be_are_planned_at_once(busy: bool) -> None:
    scenes = np.arange(1200) if busy else np.zeros(1200, int)
    moments = [moment(float(s), float(s) + 1, look(scene=int(scene))) for s, scene in enumerate(scenes)]
    shots = tile([], 0.0, 1200.0)
    tracemalloc.start()
    started = time.process_time()
    chosen = choose(moments, shots, 512)
    seconds = time.process_time() - started
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 480 <= len(chosen) <= 512
    assert peak < 100 << 20
    assert seconds < 3  # about half of one


@pytest.mark.usefixtures("media")
def test_rare_events_of_a_film_are_found(tmp_path: Path) -> None:
    film = sparse_film("intel_classroom.gif", 20263, 2.0, 4)
    path = tmp_path / "rare.mp4"
    write_film(film, path, Coding(options=(("crf", "26"), ("preset", "veryfast"))))
    plan = pull(VideoFile(path), SampleRequest(6, "exact")).plan
    assert event_recall([k.time_seconds for k in plan.keyframes], events_of(film.truth)) == 1.0


@settings(deadline=None)
@given(scans(), st.integers(1, 40))
def test_thinning_keeps_the_tiling(scan: tuple[list[Moment], list[float]], count: int) -> None:
    moments, _ = scan
    kept = thinned(moments, count)
    assert len(kept) == min(count, len(moments))
    assert kept[0].start_seconds == moments[0].start_seconds
    assert kept[-1].end_seconds == moments[-1].end_seconds
    assert all(a.end_seconds == b.start_seconds for a, b in pairwise(kept))
    assert all(k.start_seconds <= k.time_seconds <= k.end_seconds for k in kept)


def test_thinning_spares_what_is_different() -> None:
    moments = [moment(float(s), float(s) + 1, look(tile_at=7 if s == 50 else None)) for s in range(100)]
    kept = thinned(moments, 3)
    assert [(k.start_seconds, k.end_seconds) for k in kept] == [(0, 50), (50, 51), (51, 100)]
    assert difference(kept[0].look, kept[1].look) == 60


@given(st.lists(st.floats(-5, 200), max_size=30), st.floats(0, 50), st.floats(0.001, 100))
def test_shots_tile_whatever_the_boundaries(cuts: list[float], start: float, length: float) -> None:
    end = start + length
    shots = tile([Boundary(cut, "cut") for cut in cuts], start, end)
    assert (shots[0].start_seconds, shots[-1].end_seconds) == (start, end)
    assert all(a.end_seconds == b.start_seconds for a, b in pairwise(shots))
    assert all(s.start_seconds < s.end_seconds for s in shots)
    assert [s.index for s in shots] == list(range(len(shots)))
    assert [s.transition == "start" for s in shots] == [i == 0 for i in range(len(shots))]


@given(st.floats(0, 100), st.floats(0.01, 1000), st.floats(0.01, 50), st.integers(1, 64))
def test_an_interval_never_exceeds_its_budget(
    start: float, length: float, interval: float, most: int
) -> None:
    times, factor = interval_times(start, start + length, interval, most)
    assert 1 <= len(times) <= most
    assert times[0] == start
    assert factor == 1 or np.ceil(length / interval) > most - 1e-6
    assert np.allclose(np.diff(times), interval * factor)


def test_the_frame_on_screen_is_the_one_that_began_last() -> None:
    frames = np.array([0.0, 1.0, 5.0, 5.5])
    assert standing_at(frames, np.array([0.0, 0.99, 4.9, 5.2, 99.0])) == [0, 1, 2, 3]
    assert standing_at(frames, uniform_times(0.0, 6.0, 3)) == [1, 2]


@pytest.mark.parametrize("budget", [1, 2, 3, 4])
def test_pages_that_look_alike_are_pages_all_the_same(budget: int) -> None:
    pages = [moment(float(number), number + 1.0, look()) for number in range(4)]
    shots = tile([Boundary(float(number), "cut") for number in range(1, 4)], 0.0, 4.0)
    assert len(choose(pages, shots, budget)) == budget
