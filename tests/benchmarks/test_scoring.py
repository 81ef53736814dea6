"""Figures worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scoring import CutScore, event_recall, match, score_cuts, score_times
from tests.truth import Cut

HARD = Cut(10.0)
SOFT = Cut(20.5, "dissolve", 20.0, 21.0)
FADE = Cut(30.0, "fade", 29.5, 30.4)


def test_a_cut_is_found_within_five_frames_and_not_beyond() -> None:
    assert len(match([10.2], [HARD]).pairs) == 1
    assert match([10.24], [HARD]).false == (10.24,)
    assert match([9.76], [HARD]).missed == (HARD,)


def test_a_gradual_transition_is_found_anywhere_in_it_but_once() -> None:
    matching = match([19.8, 20.9], [SOFT])
    assert matching.pairs == ((19.8, SOFT),)
    assert matching.false == (20.9,)


def test_each_boundary_goes_where_most_are_found() -> None:
    """Both fit the early cut, only one the late one: taking the wrong one would lose a match."""
    early, late = Cut(1.0), Cut(1.3)
    assert len(match([1.1, 1.15], [early, late]).pairs) == 2
    assert len(match([1.15, 1.2], [late, early]).pairs) == 2


def test_what_is_unclear_is_neither_right_nor_wrong() -> None:
    matching = match([5.0, 5.5], [HARD], unclear=[(4.9, 5.1)])
    assert matching.false == (5.5,)


def test_scores_by_hand() -> None:
    score = score_cuts(match([9.96, 20.5, 40.0], [HARD, SOFT, FADE]))
    assert (score.found, score.missed, score.false) == (2, 1, 1)
    assert score.precision == pytest.approx(2 / 3)
    assert score.recall == pytest.approx(2 / 3)
    assert score.f1 == pytest.approx(2 / 3)
    assert score.found_of_kind == {"cut": (1, 1), "dissolve": (1, 1), "fade": (0, 1)}
    assert score.offsets_seconds == (pytest.approx(-0.04),)


def test_scores_add_up() -> None:
    one, two = score_cuts(match([10.0], [HARD, SOFT])), score_cuts(match([1.0, 10.0], [HARD]))
    both = one + two
    assert (both.found, both.missed, both.false) == (2, 1, 1)
    assert both.found_of_kind == {"cut": (2, 2), "dissolve": (0, 1)}
    assert both.f1 == pytest.approx(4 / 6)


def test_nothing_found_where_nothing_is_counts_as_right() -> None:
    assert CutScore().f1 == CutScore().precision == CutScore().recall == 1.0
    assert score_cuts(match([], [HARD])).f1 == 0.0
    assert score_cuts(match([3.0], [])).f1 == 0.0


def test_an_event_is_hit_from_its_start_up_to_but_not_at_its_end() -> None:
    events = [(1.0, 2.0), (3.0, 4.0), (5.0, 6.0), (7.0, 8.0)]
    assert event_recall([1.0, 3.999, 6.0, 6.999], events) == pytest.approx(2 / 4)
    assert event_recall([], events) == 0.0
    assert event_recall([1.0], []) == 1.0


def test_times_are_wrong_beyond_a_millisecond() -> None:
    score = score_times([0.0, 0.5, 1.04, 2.0005], [0.0, 0.5, 1.0, 2.0])
    assert (score.delivered, score.wrong) == (4, 1)
    assert score.largest_error_seconds == pytest.approx(0.04)


@given(st.lists(st.integers(0, 400)), st.lists(st.integers(0, 40), unique=True))
def test_the_counts_of_a_matching_always_add_up(found: list[int], cuts: list[int]) -> None:
    truth = [Cut(float(cut)) for cut in sorted(cuts)]
    score = score_cuts(match([time / 10 for time in found], truth))
    assert score.found + score.missed == len(cuts)
    assert score.found + score.false == len(found)
    assert 0.0 <= score.f1 <= 1.0
