"""Detections linked into things followed over time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.findings import Findings
from analyzer.timeline import Axis
from analyzer.tracking import Trail, track
from tests.analyzer.scenes import Box, found, plan

LEFT: Box = (0.1, 0.4, 0.3, 0.8)
RIGHT: Box = (0.7, 0.4, 0.9, 0.8)


def trails(*findings: Findings, cuts: tuple[float, ...] = (), seconds: float = 1.0) -> tuple[Trail, ...]:
    times = [seconds * number for number in range(len(findings))]
    return track(findings, Axis(plan(times, cuts=cuts, duration=times[-1] + seconds), range(len(findings))))


def shifted(box: Box, right: float = 0.0, down: float = 0.0) -> Box:
    return box[0] + right, box[1] + down, box[2] + right, box[3] + down


def test_two_things_side_by_side_are_two_tracks() -> None:
    seen = [found(n, ("bottle", LEFT, 0.9), ("bottle", RIGHT, 0.9)) for n in range(3)]
    assert [(one.label, one.frames, one.sightings[0].box) for one in trails(*seen)] == [
        ("bottle", (0, 1, 2), LEFT),
        ("bottle", (0, 1, 2), RIGHT),
    ]


def test_a_moving_thing_stays_one_track() -> None:
    seen = [found(n, ("dog", shifted(LEFT, right=0.15 * n), 0.9)) for n in range(4)]
    (trail,) = trails(*seen)
    assert trail.frames == (0, 1, 2, 3)


def test_things_that_cross_keep_to_their_way() -> None:
    away = (0.1, 0.4, 0.2, 0.6)
    seen = [
        found(
            n,
            ("person", shifted(away, right=0.15 * n), 0.9),
            ("person", shifted(away, right=0.6 - 0.15 * n, down=0.12), 0.9),
        )
        for n in range(5)
    ]
    first, second = trails(*seen)
    assert {round(box.box[1], 2) for box in first.sightings} == {0.4}
    assert {round(box.box[1], 2) for box in second.sightings} == {0.52}


def test_a_thing_missed_once_is_still_the_same() -> None:
    (trail,) = trails(found(0, ("cat", LEFT, 0.9)), found(1), found(2, ("cat", LEFT, 0.9)))
    assert trail.frames == (0, 2)


def test_a_cut_ends_every_track() -> None:
    seen = [found(n, ("person", LEFT, 0.9)) for n in range(4)]
    assert [(one.shot, one.frames) for one in trails(*seen, cuts=(1.5,))] == [(0, (0, 1)), (1, (2, 3))]


def test_what_left_by_the_edge_is_not_what_comes_in_later() -> None:
    gone, coming = (0.4, 0.0, 0.5, 0.2), (0.2, 0.0, 0.3, 0.2)
    seen = [found(0, ("car", gone, 0.9)), found(1), found(2, ("car", coming, 0.9))]
    assert [one.frames for one in trails(*seen, seconds=2.0)] == [(0,), (2,)]


def test_a_name_that_changes_within_its_family_is_settled_by_weight() -> None:
    seen = [found(0, ("dog", LEFT, 0.9)), found(1, ("cat", LEFT, 0.5)), found(2, ("dog", LEFT, 0.8))]
    (trail,) = trails(*seen)
    assert trail.label == "dog"
    assert trail.frames == (0, 1, 2)
    assert trail.sightings[1].confidence is None


def test_what_drives_through_the_picture_is_no_telephone() -> None:
    seen = [
        found(
            n, ("cell phone", shifted(LEFT, right=0.15 * n), 0.9), ("car", shifted(LEFT, right=0.15 * n), 0.3)
        )
        for n in range(4)
    ]
    (trail,) = trails(*seen)
    assert trail.label == "car"
    assert trail.confidence == pytest.approx(0.3)


@pytest.mark.parametrize(("step", "label"), [(0.15, "car"), (0.0, "chair")])
def test_what_crosses_the_picture_and_may_be_a_car_is_no_chair(step: float, label: str) -> None:
    places = [shifted(LEFT, right=step * n) for n in range(4)]
    seen = [found(n, ("chair", place, 0.8), ("car", place, 0.3)) for n, place in enumerate(places)]
    assert {one.label for one in trails(*seen)} == {label}


def test_what_lies_still_may_be_a_telephone() -> None:
    seen = [found(n, ("cell phone", LEFT, 0.99), ("car", LEFT, 0.22)) for n in range(2)]
    assert [one.label for one in trails(*seen, found(2, ("cell phone", LEFT, 1.0)))] == ["cell phone"]


@pytest.mark.parametrize(
    ("thing", "score", "believed"),
    [("person", 0.6, False), ("person", 0.8, True), ("traffic light", 0.9, False)],
)
def test_one_sighting_must_be_sure(thing: str, score: float, believed: bool) -> None:
    assert bool(trails(found(0, (thing, LEFT, score)), found(1), found(2))) is believed


def test_several_sightings_need_less() -> None:
    assert trails(found(0, ("person", LEFT, 0.6)), found(1, ("person", LEFT, 0.4)), found(2))


def test_guesses_make_no_track_however_many() -> None:
    assert not trails(*(found(n, ("person", LEFT, 0.4)) for n in range(8)))


def test_a_single_picture_is_its_own_second_opinion() -> None:
    assert trails(found(0, ("person", LEFT, 0.6)))


def test_on_a_page_of_print_only_people_are_believed() -> None:
    page = [(f"line number {n}", (0.1, 0.1 * n, 0.9, 0.1 * n + 0.05), 0.99) for n in range(9)]
    seen = [found(n, ("clock", LEFT, 0.99), ("person", RIGHT, 0.9), text=page) for n in range(2)]
    assert [one.label for one in trails(*seen)] == ["person"]


def test_a_title_card_is_no_television() -> None:
    title = [("A small tour", (0.2, 0.4, 0.8, 0.5), 0.99)]
    assert not trails(*(found(n, ("tv", (0.05, 0.05, 0.95, 0.95), 0.95), text=title) for n in range(2)))


def test_a_screen_that_fills_the_picture_is_the_picture() -> None:
    filling, large = (0.0, 0.05, 0.98, 1.0), (0.1, 0.1, 0.9, 0.95)
    assert not trails(*(found(n, ("tv", filling, 0.7)) for n in range(3)))
    assert trails(*(found(n, ("tv", large, 0.7)) for n in range(3)))


_BOXES = st.tuples(st.floats(0, 0.9), st.floats(0, 0.9), st.floats(0.02, 0.5), st.floats(0.02, 0.5)).map(
    lambda box: (box[0], box[1], min(1.0, box[0] + box[2]), min(1.0, box[1] + box[3]))
)
_THINGS = st.lists(
    st.tuples(st.sampled_from(["person", "car", "cell phone", "cat"]), _BOXES, st.floats(0.2, 1))
)


@given(st.lists(_THINGS, min_size=1, max_size=6))
def test_every_sighting_is_a_detection_and_belongs_to_one_track(
    scene: list[list[tuple[str, Box, float]]],
) -> None:
    seen = [found(number, *things) for number, things in enumerate(scene)]
    boxes = []
    for trail in trails(*seen):
        assert list(trail.frames) == sorted(set(trail.frames))
        assert 0 < trail.confidence <= 1
        assert any(trail.label == label for things in scene for label, _, _ in things)
        boxes += [(sighting.keyframe, sighting.box) for sighting in trail.sightings]
    for keyframe, box in boxes:
        assert boxes.count((keyframe, box)) <= sum(box == given for _, given, _ in scene[keyframe])
