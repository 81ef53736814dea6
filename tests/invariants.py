"""What holds for every timeline document, whatever the video and whoever looked at it."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from jsonschema import Draft202012Validator

from api.documents import timeline_schema

Document = dict[str, Any]

_VALIDATOR = Draft202012Validator(timeline_schema())


def assert_valid_timeline(document: Document) -> None:
    """The document follows the schema and everything that is always true of one."""
    _VALIDATOR.validate(document)
    _assert_keyframes(document)
    _assert_shots(document)
    _assert_events(document)
    _assert_coverage(document)
    for instance in _instances(document["results"]):
        _assert_span(instance, document)
        assert instance["keyframes"], instance


def _assert_keyframes(document: Document) -> None:
    keyframes, duration = document["keyframes"], document["media"]["duration_seconds"]
    budget = document["request"]["frames"]
    assert 1 <= len(keyframes) <= budget, (len(keyframes), budget)
    assert len({keyframe["pts"] for keyframe in keyframes}) == len(keyframes), "the same frame twice"
    indexes = [keyframe["index"] for keyframe in keyframes]
    assert indexes == sorted(set(indexes)), indexes
    times = [keyframe["time_seconds"] for keyframe in keyframes]
    assert times == sorted(times), times
    assert times[0] >= 0
    assert times[-1] <= duration
    assert {keyframe["shot"] for keyframe in keyframes} <= {shot["index"] for shot in document["shots"]}
    assert all(keyframe["width"] > 0 and keyframe["height"] > 0 for keyframe in keyframes)


def _assert_shots(document: Document) -> None:
    shots, media = document["shots"], document["media"]
    start, end = document["request"]["start"], document["request"]["end"]
    assert [shot["index"] for shot in shots] == list(range(len(shots)))
    assert [shot["transition"] == "start" for shot in shots] == [True] + [False] * (len(shots) - 1)
    assert all(shot["start_seconds"] < shot["end_seconds"] for shot in shots), shots
    assert all(one["end_seconds"] == other["start_seconds"] for one, other in pairwise(shots)), shots
    if start is None:
        assert shots[0]["start_seconds"] == media["start_seconds"]
    if end is None:
        assert shots[-1]["end_seconds"] == media["duration_seconds"]
    listed = [index for shot in shots for index in shot["keyframes"]]
    assert listed == [keyframe["index"] for keyframe in document["keyframes"]]
    within = {shot["index"]: (shot["start_seconds"], shot["end_seconds"]) for shot in shots}
    for keyframe in document["keyframes"]:
        first, last = within[keyframe["shot"]]
        assert first <= keyframe["time_seconds"] < last, (keyframe, first, last)


def _assert_events(document: Document) -> None:
    events = document["events"]
    starts = [event["start_seconds"] for event in events]
    assert starts == sorted(starts)
    assert len({event["id"] for event in events}) == len(events)
    times = {keyframe["index"]: keyframe["time_seconds"] for keyframe in document["keyframes"]}
    for event in events:
        _assert_span(event, document)
        earliest, latest = event["start_range_seconds"][0], event["end_range_seconds"][1]
        assert event["evidence"], event
        assert set(event["evidence"]) <= set(times), event
        assert any(earliest <= times[index] <= latest for index in event["evidence"]), event
        assert event["confidence"] is None or 0 <= event["confidence"] <= 1, event
        for box in event["boxes"]:
            x0, y0, x1, y1 = box["box"]
            assert 0 <= x0 < x1 <= 1, box
            assert 0 <= y0 < y1 <= 1, box
            assert box["keyframe"] in times, box


def _assert_span(thing: Document, document: Document) -> None:
    earliest, latest = thing["start_range_seconds"]
    from_, until = thing["end_range_seconds"]
    assert 0 <= earliest <= thing["start_seconds"] <= latest, thing
    assert from_ <= thing["end_seconds"] <= until <= document["media"]["duration_seconds"], thing
    assert thing["start_seconds"] < thing["end_seconds"], thing


def _assert_coverage(document: Document) -> None:
    coverage, duration = document["coverage"], document["media"]["duration_seconds"]
    assert coverage["keyframes"] == len(document["keyframes"])
    assert 0 <= coverage["keyframes_analyzed"] <= coverage["keyframes"]
    assert 0 <= coverage["longest_unseen_seconds"] <= duration
    gaps = coverage["gaps"]
    assert all(0 <= gap["start_seconds"] < gap["end_seconds"] <= duration for gap in gaps), gaps
    assert all(one["end_seconds"] <= other["start_seconds"] for one, other in pairwise(gaps)), gaps
    failed = any(gap["reason"] == "model_failed" for gap in gaps)
    assert (document["status"] == "partial") == (
        failed or coverage["keyframes_analyzed"] < coverage["keyframes"]
    )


def _instances(value: object) -> Iterator[Document]:
    if isinstance(value, dict):
        yield from value.get("instances", ())
        for each in value.values():
            yield from _instances(each)
    elif isinstance(value, list):
        for each in value:
            yield from _instances(each)
