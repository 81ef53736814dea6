"""Every expected figure here is worked out by hand or taken from the definition, never from the code."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import TruthFileError
from api.scoring import measures as m
from api.scoring import read_truth, score_timeline, unasked

seconds = st.floats(0, 100, allow_nan=False).map(lambda x: round(x, 2))
intervals = st.tuples(seconds, seconds).map(lambda pair: (min(pair), max(pair) + 0.5))


def test_interval_iou_by_hand():
    assert m.interval_iou((0, 10), (5, 15)) == pytest.approx(5 / 15)
    assert m.interval_iou((0, 10), (10, 20)) == 0
    assert m.interval_iou((2, 4), (0, 8)) == pytest.approx(0.25)


@given(intervals, intervals)
def test_interval_iou_is_symmetric_and_one_only_for_itself(one, other):
    assert m.interval_iou(one, other) == m.interval_iou(other, one)
    assert (m.interval_iou(one, other) == 1) == (one == other)


def test_matching_is_the_largest_not_the_first():
    # 0 could take either truth, 1 only the first: a greedy matcher gives truth 0 to prediction 0.
    allowed = {(0, 0), (0, 1), (1, 0)}
    assert m.count_matches(2, 2, lambda p, t: (p, t) in allowed) == 2


def test_event_agreement_counts_each_truth_once():
    got = m.event_agreement([(0, 10), (0, 9.9), (50, 60)], [(0, 10), (20, 30)], 0.5)
    assert got == m.Agreement(precision=1 / 3, recall=1 / 2, f1=2 / 5)


def test_nothing_to_measure_is_none_and_not_zero():
    assert m.event_agreement([], [], 0.5) == m.Agreement(None, None, None)
    assert m.character_error_rate([]) is None
    assert m.mean_average_precision([], 0, lambda p, t: 1.0) is None


def test_average_precision_by_hand():
    # ranked hit, miss, hit of two truths: precision 1 at recall .5, 2/3 at recall 1.
    assert m.average_precision([(0.9, True), (0.8, False), (0.7, True)], 2) == pytest.approx(
        0.5 + 0.5 * 2 / 3
    )


def test_mean_average_precision_over_thresholds():
    # IoU 0.8: found at 0.5, 0.55 … 0.80 (seven of ten thresholds).
    assert m.mean_average_precision([1.0], 1, lambda p, t: 0.8) == pytest.approx(0.7)


def test_soda_keeps_the_order_of_time():
    expected = [((0, 10), "a dog runs"), ((10, 20), "a cat sits")]
    assert m.soda(expected, expected).f1 == pytest.approx(1.0)
    swapped = [((0, 10), "a cat sits"), ((10, 20), "a dog runs")]
    # only the word "a" agrees in place: token F1 1/3 for each of the two pairs.
    assert m.soda(swapped, expected).f1 == pytest.approx(1 / 3)


def test_token_f1_and_edit_distance_by_hand():
    assert m.token_f1("The red car", "a red car passes") == pytest.approx(2 * 2 / 7)
    assert m.edit_distance("kitten", "sitting") == 3
    assert m.character_error_rate([("MONARCH  mixer", "Monarch Mixer"), ("", "abc")]) == pytest.approx(3 / 16)


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_edit_distance_is_a_metric(one, other, third):
    assert m.edit_distance(one, other) == m.edit_distance(other, one)
    assert (m.edit_distance(one, other) == 0) == (one == other)
    assert m.edit_distance(one, third) <= m.edit_distance(one, other) + m.edit_distance(other, third)


def test_calibration_error_by_hand():
    # bin 0.9–1.0: mean confidence .95, accuracy .5; bin 0.2–0.3: .25 against 0: (2·.45 + 1·.25) / 3
    assert m.calibration_error([(0.95, True), (0.95, False), (0.25, False)]) == pytest.approx(
        (0.9 + 0.25) / 3
    )


def test_boundaries_match_one_to_one_within_tolerance():
    assert m.boundary_agreement([9.0, 11.0], [10.0], 1.0).f1 == pytest.approx(2 / 3)


def _timeline(**parts):
    request = {"tasks": ["events", "text", "objects", "tags", "moderation", "describe"]}
    return {"request": request, "shots": [], "keyframes": [], "events": [], "results": {}, **parts}


def _event(start, end, label, confidence=None):
    return {
        "start_seconds": start,
        "end_seconds": end,
        "label": label,
        "description": "",
        "confidence": confidence,
    }


def test_only_what_the_truth_speaks_of_is_scored(tmp_path):
    truth = tmp_path / "clip.truth.json"
    truth.write_text(
        json.dumps(
            {
                "video": "clip.mp4",
                "events": [
                    {"label": "dog", "start_seconds": 0, "end_seconds": 4},
                    {"label": "cat", "start_seconds": 6, "end_seconds": 8},
                ],
            }
        )
    )
    doc = _timeline(
        events=[_event(0, 4, "dog", 0.9)],
        keyframes=[{"index": 0, "time_seconds": 1.0}, {"index": 1, "time_seconds": 8.0}],
    )
    got = score_timeline(doc, read_truth(truth, "clip.mp4"))
    assert set(got) == {"events", "sampler"}
    assert got["events"]["f1_at_0.5"] == {"precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3)}
    assert got["sampler"]["event_recall"] == 0.5, "8.0 lies outside the half-open [6, 8)"


def test_text_is_read_from_the_element_on_screen_at_the_time(tmp_path):
    truth = tmp_path / "t.json"
    truth.write_text(json.dumps({"texts": [{"text": "Hello", "start_seconds": 0, "end_seconds": 2}]}))
    here, later = {"start_seconds": 0, "end_seconds": 2}, {"start_seconds": 5, "end_seconds": 6}
    doc = _timeline(
        results={"text": [{"text": "Hallo", "instances": [here]}, {"text": "Hello", "instances": [later]}]}
    )
    assert score_timeline(doc, read_truth(truth, "t.mp4"))["text"]["character_error_rate"] == pytest.approx(
        0.2
    )


def test_what_was_not_asked_for_is_not_scored_as_missed(tmp_path):
    truth = tmp_path / "t.json"
    text = {"text": "Hello", "start_seconds": 0, "end_seconds": 2}
    truth.write_text(json.dumps({"texts": [text], "things": [], "cuts": []}))
    doc = _timeline(request={"tasks": ["events"]})
    known = read_truth(truth, "t.mp4")
    assert set(score_timeline(doc, known)) == {"cuts"}
    assert unasked(doc, known) == ["text", "things"]


def test_activitynet_captions_are_read(tmp_path):
    path = tmp_path / "val.json"
    path.write_text(
        json.dumps(
            {
                "v_abc": {"duration": 9, "timestamps": [[0, 3]], "sentences": [" A man runs. "]},
                "v_xyz": {"duration": 9, "timestamps": [[1, 2]], "sentences": ["no"]},
            }
        )
    )
    (event,) = read_truth(path, "abc.mp4").events
    assert (event.description, event.end_seconds) == ("A man runs.", 3)
    with pytest.raises(TruthFileError, match="nothere is not among its 2 videos"):
        read_truth(path, "nothere.mp4")


def test_qvhighlights_are_read_and_ranked_by_text(tmp_path):
    path = tmp_path / "val.jsonl"
    rows = [
        {"qid": 1, "query": "a dog runs", "vid": "clip", "duration": 30, "relevant_windows": [[10, 20]]},
        {"qid": 2, "query": "a cat sleeps", "vid": "other", "duration": 30, "relevant_windows": [[0, 2]]},
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    doc = _timeline(events=[_event(0, 30, "a cat sleeps"), _event(10, 18, "dog runs")])
    got = score_timeline(doc, read_truth(path, "clip.mp4"))["retrieval"]
    assert (got["recall_at_1_tiou_0.5"], got["recall_at_1_tiou_0.7"]) == (1.0, 1.0)
    # IoU 0.8 ranked first: hit at seven thresholds of ten.
    assert got["map_0.5_0.95"] == pytest.approx(0.7)


@pytest.mark.parametrize(
    "text", ["", "not json", "[]", '{"nothing": 1}', '{"events": [{"label": "no times"}]}']
)
def test_what_is_no_truth_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "truth.json"
    path.write_text(text)
    with pytest.raises(TruthFileError) as refusal:
        read_truth(path, "clip.mp4")
    assert "\n" not in str(refusal.value)
    assert str(path) in str(refusal.value)
