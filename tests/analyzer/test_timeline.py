"""From keyframe numbers to seconds: edges, ranges, coverage, and what holds whatever was found."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.drafts import Draft
from analyzer.timeline import Axis, cover, date
from sampler import SamplingPlan, Signal
from tests.analyzer.scenes import plan


def draft(*frames: int, measured: tuple[float, float] | None = None) -> Draft:
    return Draft("t", "thing", "A thing.", frames, 0.9, "detector", "test", measured=measured)


def test_an_edge_lies_midway_between_the_keyframes_around_it() -> None:
    axis = Axis(plan([0, 2, 4, 6, 8]), range(5))
    (event,) = date([draft(1, 2)], axis)
    assert (event.start_seconds, event.start_range_seconds) == (1.0, (0, 2))
    assert (event.end_seconds, event.end_range_seconds) == (5.0, (4, 6))
    assert event.evidence == (1, 2)


def test_an_edge_snaps_to_a_cut_within_its_range() -> None:
    axis = Axis(plan([0, 2, 4, 6, 8], cuts=[1.2, 5.5]), range(5))
    (event,) = date([draft(1, 2)], axis)
    assert (event.start_seconds, event.start_range_seconds) == (1.2, (1.2, 2))
    assert (event.end_seconds, event.end_range_seconds) == (5.5, (4, 5.5))


def test_an_edge_snaps_to_where_the_picture_comes_out_of_black_or_goes_there() -> None:
    black = [Signal("black", 0.0, 3.0), Signal("black", 7.5, 10.0)]
    axis = Axis(plan([1, 4, 6, 8], signals=black), range(4))
    (event,) = date([draft(1, 2)], axis)
    assert (event.start_seconds, event.start_range_seconds) == (3.0, (1, 4))
    assert (event.end_seconds, event.end_range_seconds) == (7.5, (6, 8))
    (dark,) = date([draft(0)], axis)
    assert (dark.start_seconds, dark.end_seconds) == (0.0, 3.0)


def test_where_every_frame_is_a_keyframe_edges_are_exact() -> None:
    made = plan([0, 2, 4, 6], duration=8)
    pictures = replace(made, media=replace(made.media, frame_count=4))
    (event,) = date([draft(1, 2)], Axis(pictures, range(4)))
    assert (event.start_seconds, event.start_range_seconds) == (2, (2, 2))
    assert (event.end_seconds, event.end_range_seconds) == (6, (6, 6))
    (loose,) = date([draft(3)], Axis(pictures, [0, 1, 3], lost=[2]))
    assert loose.start_range_seconds == (2, 6), "what the picture in between shows nobody knows"
    guessed = replace(pictures, media=replace(pictures.media, guessed=("frame_count",)))
    (unsure,) = date([draft(1, 2)], Axis(guessed, range(4)))
    assert (unsure.start_seconds, unsure.end_seconds) == (1, 5)


def test_of_two_cuts_within_the_range_the_shot_it_was_seen_in_counts() -> None:
    axis = Axis(plan([0, 4], cuts=[1, 3]), range(2))
    (event,) = date([draft(1)], axis)
    assert event.start_seconds == 3


def test_a_keyframe_nobody_looked_at_is_no_neighbour() -> None:
    axis = Axis(plan([0, 2, 4]), [0, 2])
    (event,) = date([draft(2)], axis)
    assert event.start_range_seconds == (0, 4)


def test_no_stretch_runs_through_keyframes_that_were_asked_about_in_vain() -> None:
    axis = Axis(plan([0, 2, 4, 6, 8, 10]), [0, 1, 4, 5], lost=[2, 3])
    early, late = axis.instances([0, 1, 4, 5])
    assert (early.keyframes, early.end_seconds, early.end_range_seconds) == ((0, 1), 3, (2, 8))
    assert (late.keyframes, late.start_seconds, late.start_range_seconds) == ((4, 5), 7, (2, 8))


def test_one_keyframe_asked_about_in_vain_is_bridged_like_one_without_the_thing() -> None:
    axis = Axis(plan([0, 2, 4]), [0, 2], lost=[1])
    assert [run.keyframes for run in axis.instances([0, 2])] == [(0, 2)]
    assert [run.keyframes for run in axis.instances([0, 2], bridged=0)] == [(0,), (2,)]


def test_an_edge_at_a_cut_is_not_put_beyond_what_was_asked_about_in_vain() -> None:
    axis = Axis(plan([0, 2, 4, 6, 8], cuts=[3, 7]), [0, 2, 4], lost=[1, 3])
    (instance,) = axis.instances([2])
    assert (instance.start_seconds, instance.start_range_seconds) == (3, (3, 4))
    assert (instance.end_seconds, instance.end_range_seconds) == (5, (4, 7))


def test_edges_stay_within_the_window() -> None:
    axis = Axis(plan([3, 5], window=(2.5, 6)), range(2))
    (event,) = date([draft(0, 1)], axis)
    assert (event.start_seconds, event.end_seconds) == (2.5, 6)


def test_what_was_measured_on_every_frame_keeps_its_exact_edges() -> None:
    axis = Axis(plan([0, 2, 4]), range(3))
    (event,) = date([draft(measured=(1.9, 2.3))], axis)
    assert (event.start_seconds, event.end_seconds) == (1.9, 2.3)
    assert event.start_range_seconds == (1.9, 1.9)
    assert event.evidence == (1,)


def test_what_passed_between_two_keyframes_is_witnessed_by_both() -> None:
    axis = Axis(plan([0, 2, 4]), range(3))
    (event,) = date([draft(measured=(2.5, 2.6))], axis)
    assert (event.start_seconds, event.end_seconds) == (2.5, 2.6)
    assert event.evidence == (1, 2)
    assert (event.start_range_seconds, event.end_range_seconds) == ((2, 2.5), (2.6, 4))


@pytest.mark.parametrize("measured", [(7.0, 8.0), (0.0, 1.0)])
def test_what_was_measured_outside_the_window_is_no_event(measured: tuple[float, float]) -> None:
    assert date([draft(measured=measured)], Axis(plan([3, 5], window=(2, 6)), range(2))) == ()


def test_a_stretch_is_interrupted_by_more_missing_keyframes_than_may_be_bridged() -> None:
    axis = Axis(plan([0, 1, 2, 3, 4, 5]), range(6))
    assert [one.keyframes for one in axis.instances([0, 2, 5])] == [(0, 2), (5,)]
    assert [one.keyframes for one in axis.instances([0, 2, 5], bridged=2)] == [(0, 2, 5)]


def test_a_stretch_is_interrupted_by_a_shot_that_does_not_show_the_thing() -> None:
    axis = Axis(plan([0, 1, 2, 3, 4, 5], cuts=[1.5, 3.5]), range(6))
    assert [one.keyframes for one in axis.instances([1, 4], bridged=3)] == [(1,), (4,)]
    assert [one.keyframes for one in axis.instances([0, 3, 5], bridged=3)] == [(0, 3, 5)]


def test_coverage_names_the_longest_unseen_stretch_and_what_lies_outside_the_window() -> None:
    coverage = cover(Axis(plan([3, 4, 7], window=(2, 8)), range(3)), {})
    assert coverage.longest_unseen_seconds == 3
    assert [(gap.start_seconds, gap.end_seconds, gap.reason) for gap in coverage.gaps] == [
        (0, 2, "outside_window"),
        (8, 10, "outside_window"),
    ]


def test_a_failed_keyframe_is_a_gap_between_its_neighbours() -> None:
    coverage = cover(Axis(plan([1, 3, 5, 7]), [0, 3]), {1: "model_failed", 2: "model_failed"})
    assert [(gap.start_seconds, gap.end_seconds, gap.reason) for gap in coverage.gaps] == [
        (1, 7, "model_failed")
    ]
    assert (coverage.keyframes, coverage.keyframes_analyzed) == (4, 2)


@st.composite
def plans(draw: st.DrawFn) -> tuple[SamplingPlan, list[int]]:
    """A plan with keyframes anywhere in its window, and those that were looked at."""
    duration = draw(st.integers(2, 500)) / 10
    tenths = st.integers(0, round(duration * 10) - 1)
    times = sorted(draw(st.sets(tenths, min_size=1, max_size=12)))
    cuts = sorted(draw(st.sets(tenths.filter(bool), max_size=5)))
    window = (
        draw(st.integers(0, times[0])) / 10,
        draw(st.integers(times[-1] + 1, round(duration * 10))) / 10,
    )
    made = plan([t / 10 for t in times], cuts=[c / 10 for c in cuts], duration=duration, window=window)
    seen = draw(st.sets(st.sampled_from(range(len(times))), min_size=1))
    return made, sorted(seen)


@given(plans(), st.data())
def test_every_event_lies_in_the_window_with_evidence_in_its_widest_range(
    made: tuple[SamplingPlan, list[int]], data: st.DataObject
) -> None:
    sampled, seen = made
    axis = Axis(sampled, seen)
    runs = data.draw(st.lists(st.sets(st.sampled_from(seen), min_size=1), max_size=6))
    edge = st.floats(0, sampled.media.duration_seconds)
    spans = data.draw(st.lists(st.tuples(edge, edge).map(sorted), max_size=4))
    events = date([*(draft(*sorted(run)) for run in runs), *(draft(measured=(a, b)) for a, b in spans)], axis)
    assert [event.start_seconds for event in events] == sorted(event.start_seconds for event in events)
    assert len({event.id for event in events}) == len(events)
    assert len(events) >= len(runs)
    for event in events:
        widest = event.start_range_seconds[0], event.end_range_seconds[1]
        assert sampled.start_seconds <= widest[0] <= event.start_seconds <= event.start_range_seconds[1]
        assert event.end_range_seconds[0] <= event.end_seconds <= widest[1] <= sampled.end_seconds
        assert event.start_seconds < event.end_seconds
        assert any(widest[0] <= axis.time(frame) <= widest[1] for frame in event.evidence)
        assert set(event.evidence) <= set(seen)


@given(plans(), st.data())
def test_instances_keep_every_keyframe_and_do_not_touch(
    made: tuple[SamplingPlan, list[int]], data: st.DataObject
) -> None:
    sampled, seen = made
    frames = sorted(data.draw(st.sets(st.sampled_from(seen), min_size=1)))
    instances = Axis(sampled, seen).instances(frames)
    assert [frame for one in instances for frame in one.keyframes] == frames
    assert all(one.end_seconds < other.start_seconds for one, other in pairwise(instances))


@given(plans())
def test_gaps_are_in_order_and_apart(made: tuple[SamplingPlan, list[int]]) -> None:
    sampled, seen = made
    failed = {one.index: "model_failed" for one in sampled.keyframes if one.index not in seen}
    coverage = cover(Axis(sampled, seen), failed)
    assert all(gap.start_seconds < gap.end_seconds for gap in coverage.gaps)
    assert all(one.end_seconds <= other.start_seconds for one, other in pairwise(coverage.gaps))
    assert any(gap.reason == "model_failed" for gap in coverage.gaps) == bool(failed)
    assert 0 <= coverage.longest_unseen_seconds <= sampled.end_seconds - sampled.start_seconds
