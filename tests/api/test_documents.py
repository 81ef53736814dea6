import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from analyzer import Timeline
from api.documents import SCHEMA_ID, json_text, read_timeline, rounded, timeline_document, timeline_schema
from api.errors import TimelineFileError
from tests.api import handmade
from tests.invariants import assert_valid_timeline


def test_a_document_is_valid_and_begins_with_its_version():
    document = timeline_document(handmade.timeline())
    assert_valid_timeline(document)
    assert next(iter(document)) == "schema_version"
    assert document["keyframes"][1] == {
        "index": 1, "time_seconds": 15.0, "pts": 512, "time_base": "1/12800", "shot": 1, "reason": "shot",
        "sharpness": 0.5, "width": 32, "height": 18, "image": None,
    }  # fmt: skip


def test_only_results_of_tasks_that_were_asked_are_there():
    assert set(timeline_document(handmade.timeline())["results"]) == {"text", "objects", "moderation"}


def test_the_schema_is_a_schema_and_carries_its_version():
    schema = timeline_schema()
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == SCHEMA_ID
    edge = schema["$defs"]["Instance"]["properties"]["start_range_seconds"]
    assert edge["description"].startswith("The edge lies between these"), "docstrings of fields describe them"


@pytest.mark.parametrize(
    "broken",
    [
        lambda d: d.pop("summary"),
        lambda d: d["events"][0].pop("evidence"),
        lambda d: d["events"][0].update(start_seconds="0:01"),
        lambda d: d.update(status="done"),
        lambda d: d["results"].update(text=None),
        lambda d: d["keyframes"][0].update(reason="because"),
    ],
)
def test_the_schema_refuses_what_is_no_timeline(broken):
    document = timeline_document(handmade.timeline())
    broken(document)
    assert not Draft202012Validator(timeline_schema()).is_valid(document)


def test_a_written_document_reads_back_the_same(tmp_path):
    made = rounded(handmade.timeline(33.3))
    path = tmp_path / "t.json"
    path.write_text(json_text(timeline_document(made)), "utf-8")
    assert timeline_document(read_timeline(path)) == timeline_document(made)


@pytest.mark.parametrize("content", ["", "{}", "[1, 2]", "not json", '{"schema_version": "2"}', "\x00"])
def test_what_is_no_timeline_is_told_in_one_line(tmp_path, content):
    path = tmp_path / "t.json"
    path.write_text(content)
    with pytest.raises(TimelineFileError, match="not a timeline") as caught:
        read_timeline(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("span", [(20.0, 5.0), (-5.0, 5.0)])
def test_times_that_nothing_can_have_are_told(tmp_path, span):
    document = timeline_document(handmade.timeline())
    document["events"][1] |= dict(zip(("start_seconds", "end_seconds"), span, strict=True))
    path = tmp_path / "t.json"
    path.write_text(json_text(document), "utf-8")
    with pytest.raises(TimelineFileError, match="nothing lasts from"):
        read_timeline(path)


def test_a_mark_that_editors_put_before_text_is_passed_over(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json_text(timeline_document(handmade.timeline())), "utf-8-sig")
    assert read_timeline(path).media == handmade.timeline().media


def test_a_missing_timeline_is_told(tmp_path):
    with pytest.raises(TimelineFileError, match="No such file"):
        read_timeline(tmp_path / "absent.json")


@given(st.floats(min_value=1e-5, max_value=1e5))
def test_rounding_keeps_what_always_holds(seconds):
    document = timeline_document(rounded(handmade.timeline(seconds)))
    assert_valid_timeline(document)


def test_seconds_are_rounded_to_the_millisecond():
    document = timeline_document(rounded(handmade.timeline(33.33333)))
    assert document["media"]["duration_seconds"] == 33.333
    assert document["shots"][0]["end_seconds"] == 8.333
    assert document["events"][1]["start_range_seconds"] == [4.167, 12.5]


def test_a_span_shorter_than_a_millisecond_stays_a_span():
    made = handmade.timeline()
    first = replace(made.events[0], start_seconds=1.00001, end_seconds=1.00002)
    (event, *_) = rounded(replace(made, events=(first, *made.events[1:]))).events
    assert (event.start_seconds, event.end_seconds) == (1.00001, 1.00002)


def test_rows_of_numbers_stay_on_one_line_and_texts_are_untouched():
    tricky = "[\n  1,\n  2\n]"
    document = {"row": [1, 2.5, -3e-7], "text": tricky, "texts": ["a", "b"], "nested": [[1, 2], [3, 4]]}
    text = json_text(document)
    assert '"row": [1, 2.5, -3e-07]' in text
    assert json.loads(text) == document
    assert json_text(document, compact=True).count("\n") == 1


def test_rounding_gives_a_timeline():
    assert isinstance(rounded(handmade.timeline()), Timeline)
