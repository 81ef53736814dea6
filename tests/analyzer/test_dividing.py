"""Some tasks by local specialists, the others by a remote model, one timeline of both."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from analyzer import (
    AnalysisRequest,
    AnalysisRequestError,
    Analyzed,
    Findings,
    ModelError,
    ModelProfile,
    ModelUnavailableError,
    ScriptedModel,
    SecondLook,
    Timeline,
    analyze,
    check,
    estimate,
)
from tests.analyzer import scenes
from tests.analyzer.talk import Talker

TIMES = [0.5 + step for step in range(8)]
SIGN = ("OPEN", (0.1, 0.1, 0.4, 0.2), 0.99)
CUP = ("cup", (0.5, 0.5, 0.7, 0.8), 0.9)
REQUEST = AnalysisRequest(
    tasks=("events", "text", "objects"), local=("text", "objects"), instructions="Be brief."
)


def whole(question):
    """One event over the first half of what is shown."""
    frames = [keyframe.index for keyframe in question.keyframes]
    event = {"first_frame": frames[0], "last_frame": frames[len(frames) // 2], "label": "pour",
             "description": "Coffee is poured.", "confidence": 0.8}  # fmt: skip
    return {"events": [event], "summary": "Coffee."}


def scripted(*missing: int) -> ScriptedModel:
    """A sign and a cup on the keyframes 2 to 5."""
    seen = {index: scenes.found(index, CUP, text=[SIGN]) for index in range(2, 6)}
    found = {
        index: seen.get(index, scenes.found(index)) for index in range(len(TIMES)) if index not in missing
    }
    return ScriptedModel(found.values())


def run(request=REQUEST, specialists=None, answer=whole, second_look=None) -> tuple[Timeline, list, Talker]:
    plan = scenes.plan(TIMES)
    talker = Talker(answer, ModelProfile("talker", images_per_batch=8))

    async def collect():
        looking = analyze(plan, scenes.keyframes(plan), request, talker, second_look, specialists)
        async with aclosing(looking) as steps:
            return [step async for step in steps]

    steps = asyncio.run(collect())
    (timeline,) = (step for step in steps if isinstance(step, Timeline))
    return timeline, steps, talker


def test_each_is_asked_for_its_own_tasks_and_one_timeline_holds_both():
    specialists = scripted()
    timeline, steps, talker = run(specialists=specialists)
    assert [question.id for question in talker.asked] == ["events.b0"]
    assert specialists.looked == list(range(len(TIMES)))
    (event,) = timeline.events
    assert (event.label, event.source) == ("pour", "talker")
    (text,) = timeline.results.text
    assert (text.text, text.instances[0].keyframes) == ("OPEN", (2, 3, 4, 5))
    (track,) = timeline.results.objects.tracks
    assert (track.label, [box.keyframe for box in track.boxes]) == ("cup", [2, 3, 4, 5])
    assert (timeline.model.name, timeline.model.backend) == ("talker+scripted", "openai")
    assert timeline.request["tasks"] == ["events", "text", "objects"]
    assert (timeline.status, timeline.summary, timeline.warnings) == ("complete", "Coffee.", ())
    done = [step.done for step in steps if isinstance(step, Analyzed)]
    assert done == sorted(done)
    assert done[-1] == len(TIMES)


def test_what_the_specialists_failed_on_is_a_gap_and_the_rest_is_told():
    timeline, _, _ = run(specialists=scripted(4))
    assert timeline.status == "partial"
    assert [(gap.reason, gap.start_seconds, gap.end_seconds) for gap in timeline.coverage.gaps] == [
        ("model_failed", TIMES[3], TIMES[5])
    ]
    assert timeline.coverage.keyframes_analyzed == len(TIMES) - 1
    assert [warning.code for warning in timeline.warnings] == ["model_failed"]
    assert timeline.results.text[0].text == "OPEN"
    assert timeline.events


def test_what_the_model_failed_on_leaves_what_the_specialists_found():
    timeline, _, _ = run(specialists=scripted(), answer=lambda _: ModelError("no answer"))
    assert (timeline.status, timeline.events) == ("partial", ())
    assert timeline.results.text[0].text == "OPEN"
    assert timeline.coverage.keyframes_analyzed == 0


def test_specialists_that_cannot_work_are_found_out_before_anything_is_paid_for():
    class Missing(ScriptedModel):
        def look(self, *_) -> Findings:
            raise ModelUnavailableError("weights are missing")

    plan = scenes.plan(TIMES)
    talker = Talker(whole)

    async def drain():
        async with aclosing(
            analyze(plan, scenes.keyframes(plan), REQUEST, talker, None, Missing(()))
        ) as steps:
            async for _ in steps:
                pass

    with pytest.raises(ModelUnavailableError, match="weights are missing"):
        asyncio.run(drain())
    assert talker.asked == []


def test_after_a_second_look_the_specialists_results_cite_the_new_numbers():
    async def take(times):
        plan = scenes.plan(TIMES)
        (first, *_) = scenes.keyframes(plan)
        return [replace(first, time_seconds=time, pts=round(time * 1000)) for time in times]

    plain, _, _ = run(specialists=scripted())
    timeline, _, _ = run(specialists=scripted(), second_look=SecondLook(3, take))
    assert len(timeline.keyframes) > len(TIMES)
    times = {keyframe.index: keyframe.time_seconds for keyframe in timeline.keyframes}
    (text,) = timeline.results.text
    assert [times[index] for index in text.instances[0].keyframes] == TIMES[2:6]
    (track,) = timeline.results.objects.tracks
    assert [times[box.keyframe] for box in track.boxes] == TIMES[2:6]
    assert text.instances[0].start_seconds == plain.results.text[0].instances[0].start_seconds


def test_with_all_tasks_served_locally_the_model_is_not_asked():
    request = AnalysisRequest(tasks=("text",), local=("text",))
    timeline, _, talker = run(request, scripted())
    assert talker.asked == []
    assert timeline.model.name == "scripted"
    check(request, talker)


def test_only_what_the_model_is_asked_is_estimated():
    plan = scenes.plan(TIMES)
    profile = ModelProfile("m")
    alone = estimate(plan, AnalysisRequest(tasks=("events",), instructions="Be brief."), profile)
    assert estimate(plan, REQUEST, profile) == alone


def test_what_neither_can_serve_is_refused_at_once():
    talker = Talker(whole)
    with pytest.raises(AnalysisRequestError, match="cannot serve the task 'documents'"):
        check(AnalysisRequest(tasks=("events", "documents"), local=("documents",)), talker)
    with pytest.raises(AnalysisRequestError, match="nobody is there"):
        run(specialists=None)
