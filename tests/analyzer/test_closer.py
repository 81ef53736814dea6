"""A question is answered from a coarse look first; where that is not enough, from frames in between."""

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.consulting import consult
from analyzer.conversation import ModelProfile
from analyzer.requests import AnalysisRequest
from analyzer.timeline import Axis
from analyzer.zooming import SecondLook, batches_over, find_gaps, interleave, spread
from sampler import SamplerError
from tests.analyzer.talk import Talker, keyframe, keyframes_of, plan_of

TIMES = [float(n) for n in range(0, 48, 4)]
PLAN = plan_of(TIMES, duration=48.0)
FLASH = (21.2, 22.9)
"""When what is asked about is to be seen: between two keyframes."""
QUESTION = AnalysisRequest(tasks=("ask",), question="Which colour flashes?")


def looking(question, *, coarse):
    """Sees the flash on the pictures that show it; without any, what ``coarse`` says of the others."""
    if not question.keyframes:  # the question that joins what was said of the parts
        return {"answer": "Joined.", "confidence": 0.5}
    seen = [k.index for k in question.keyframes if FLASH[0] <= k.time_seconds < FLASH[1]]
    if seen:
        step = {"step": "It is red.", "frames": seen}
        moment = {"first_frame": seen[0], "last_frame": seen[-1]}
        return {"reasoning": [step], "answer": "Red.", "confidence": 0.9, "moments": [moment]}
    return coarse([k.index for k in question.keyframes])


def wishes(frames):
    """What shows 20 and 24 s wants to see what lies between; the other part saw nothing."""
    said = {"answer": "Not to be seen.", "not_visible": True, "confidence": 0.8}
    if {5, 6} <= set(frames):
        said["look_closer"] = [{"first_frame": 5, "last_frame": 6}]
    return said


def doubts(frames):
    """An answer that is not sure of its moment asks for no more, and is looked at again all the same."""
    if 5 not in frames:
        return {"answer": "Not to be seen.", "not_visible": True}
    return {"answer": "Perhaps blue.", "confidence": 0.3, "moments": [{"first_frame": 5, "last_frame": 5}]}


async def take(times):
    return [keyframe(0, time=time) for time in times]


def run(coarse, *, frames=4, request=QUESTION, take=take, per_batch=8):
    model = Talker(
        lambda question: looking(question, coarse=coarse), ModelProfile("m", images_per_batch=per_batch)
    )

    async def all_steps():
        steps = consult(PLAN, keyframes_of(PLAN), request, model, SecondLook(frames, take))
        return [step async for step in steps]

    return asyncio.run(all_steps())[-1], model


@pytest.mark.parametrize("coarse", [wishes, doubts])
def test_what_the_coarse_look_could_not_tell_closer_frames_do(coarse):
    timeline, model = run(coarse)
    result = timeline.results.ask
    assert (result.answer, result.not_visible, result.confidence) == ("Red.", False, 0.9)
    zoomed = [k for k in timeline.keyframes if k.reason == "zoom"]
    assert 0 < len(zoomed) <= 4
    assert all(16.0 < k.time_seconds < 24.0 for k in zoomed)
    times = {k.index: k.time_seconds for k in timeline.keyframes}
    assert result.reasoning[0].keyframes
    assert all(FLASH[0] <= times[frame] < FLASH[1] for frame in result.reasoning[0].keyframes)
    (instance,) = result.instances
    assert instance.start_range_seconds[0] >= 20.0
    assert instance.end_range_seconds[1] <= 24.0
    assert timeline.status == "complete"
    assert timeline.coverage.keyframes_analyzed == len(timeline.keyframes)
    assert [k.time_seconds for k in timeline.keyframes] == sorted(k.time_seconds for k in timeline.keyframes)
    again = model.asked[-1].keyframes
    assert all(one.time_seconds < other.time_seconds for one, other in pairwise(again))


def test_a_sure_answer_needs_no_closer_look():
    def sure(frames):
        return {
            "answer": "Blue.",
            "confidence": 0.9,
            "moments": [{"first_frame": frames[0], "last_frame": frames[0]}],
        }

    timeline, model = run(sure)
    assert len(timeline.keyframes) == len(TIMES)
    assert len(model.asked) == 2
    assert timeline.results.ask.answer == "Blue."


def test_frames_that_tell_nothing_new_leave_the_answer_as_it_was():
    def still_wishes(frames):
        return {"answer": "Perhaps.", "confidence": 0.7, "look_closer": [{"first_frame": 5, "last_frame": 6}]} if {
            5, 6
        } <= set(frames) else {"answer": "No.", "not_visible": True}  # fmt: skip

    async def elsewhere(_times):
        return [keyframe(0, time=20.5), keyframe(0, time=21.0)]

    timeline, _ = run(still_wishes, take=elsewhere)
    assert timeline.results.ask.answer == "Perhaps."


def test_frames_that_cannot_be_taken_are_a_warning():
    async def broken(_times):
        raise SamplerError("the file is gone")

    timeline, _ = run(wishes, take=broken)
    assert timeline.results.ask.not_visible
    assert [warning.code for warning in timeline.warnings] == ["no_second_look"]


def test_events_and_a_question_share_what_may_be_spent():
    def both(question):
        said = looking(question, coarse=wishes)
        frames = [k.index for k in question.keyframes if k.time_seconds < 30]
        event = {"first_frame": frames[0], "last_frame": frames[-1], "label": "first half", "confidence": 0.9}
        return {**said, "events": [event] if frames else [], "summary": "Halves."}

    model = Talker(both, ModelProfile("m", images_per_batch=12))
    request = AnalysisRequest(tasks=("events", "ask"), question=QUESTION.question)

    async def all_steps():
        return [s async for s in consult(PLAN, keyframes_of(PLAN), request, model, SecondLook(4, take))]

    timeline = asyncio.run(all_steps())[-1]
    zoomed = [k.time_seconds for k in timeline.keyframes if k.reason == "zoom"]
    assert len(zoomed) == 4
    assert [time for time in zoomed if 20 < time < 24] != []
    assert [time for time in zoomed if 28 < time < 32] != []
    assert timeline.results.ask.answer == "Red."
    (event,) = timeline.events
    times = {k.index: k.time_seconds for k in timeline.keyframes}
    assert times[event.evidence[-1]] < 30 <= event.end_range_seconds[1] <= 32


def test_keyframes_keep_their_numbers_where_an_answer_of_the_callers_own_form_may_hold_some():
    async def refuse(_times):
        raise AssertionError("no frame is to be taken")

    request = replace(QUESTION, tasks=("ask", "custom"))
    timeline, _ = run(wishes, request=request, take=refuse)
    assert [k.index for k in timeline.keyframes] == list(range(12))
    assert timeline.results.custom is not None


AXIS = Axis(PLAN, range(12))
spans = st.lists(
    st.tuples(st.integers(0, 11), st.integers(0, 11)).map(lambda s: tuple(sorted(s))), max_size=4
)


@given(spans, st.integers(0, 12), st.integers(2, 6))
def test_every_frame_taken_is_shown_once_and_batches_keep_their_limit(asked, frames, most):
    spent = spread(find_gaps(asked, AXIS), AXIS, frames)
    taken = [keyframe(0, time=round(time, 3)) for times in spent.values() for time in times]
    assert len(taken) <= frames
    mixed = interleave(PLAN, keyframes_of(PLAN), taken)
    batches = batches_over(asked, mixed, 3, most)
    shown = [frame for batch in batches for frame in batch.frames]
    assert len(set(shown)) == len(shown)
    assert {k.index for k in mixed.keyframes if k.reason == "zoom"} <= set(shown)
    assert all(0 < len(batch.frames) <= most for batch in batches)
    assert [batch.index for batch in batches] == list(range(3, 3 + len(batches)))


# -- writing that is too small -------------------------------------------------------------------------------

READ = AnalysisRequest(tasks=("text", "tags"))


def reading(question, *, height):
    """Takes an O for a 0 unless the picture is large."""
    shown = question.keyframes
    if question.id.startswith("tags"):
        return {"tags": []}
    large = len(shown) == 1 and shown[0].width > 1000
    top = 500 if large else 502
    text = {
        "first_frame": shown[0].index,
        "last_frame": shown[-1].index,
        "text": "TOTAL 12.80" if large else "TOTAL 12.8O",
        "language": "en",
        "box": [100, top, 400, top + height],
        "confidence": 0.95 if large else 0.6,
    }
    return {"texts": [text]}


def read_again(*, height=20, most_pixels=16_000_000, source=(1920, 1056), frames=3):
    """The text is ``height`` thousandths of the picture high; pictures come at 640 × 352 first."""
    asked: list[tuple[list[float], int]] = []

    async def enlarge(times, max_pixels):
        asked.append((list(times), max_pixels))
        return [keyframe(0, time=time, size=(1280, 704)) for time in times]

    profile = ModelProfile("m", images_per_batch=8, max_image_pixels=most_pixels)
    model = Talker(lambda question: reading(question, height=height), profile)
    plan = replace(PLAN, media=replace(PLAN.media, width=source[0], height=source[1]))

    async def all_steps():
        steps = consult(plan, keyframes_of(PLAN), READ, model, SecondLook(0, take, enlarge, frames))
        return [step async for step in steps]

    return asyncio.run(all_steps())[-1], model, asked


def test_small_writing_is_read_again_in_larger_pictures_and_corrected_where_it_stands():
    timeline, model, asked = read_again()
    ((times, pixels),) = asked
    assert times == [0.0, 24.0], "each text in the first keyframe that shows it"
    assert pixels == 4 * 640 * 352
    (text,) = timeline.results.text
    assert (text.text, text.confidence) == ("TOTAL 12.80", 0.95)
    assert text.instances[0].keyframes == tuple(range(12))
    zoomed = {k.index: (k.width, k.height) for k in timeline.keyframes if k.reason == "zoom"}
    assert zoomed == {0: (1280, 704), 6: (1280, 704)}
    assert len(timeline.keyframes) == len(TIMES), "no keyframe is added"
    again = [question for question in model.asked if len(question.keyframes) == 1]
    assert {question.id.partition(".")[0] for question in again} == {"text"}


@pytest.mark.parametrize(
    "case",
    [{"height": 60}, {"most_pixels": 300_000}, {"source": (640, 352)}, {"frames": 0}],
    ids=[
        "large enough",
        "the model takes no larger ones",
        "the source has no larger ones",
        "nothing left to spend",
    ],
)
def test_pictures_are_enlarged_only_where_that_helps(case):
    timeline, model, asked = read_again(**case)
    assert asked == []
    assert len(model.asked) == 4
    assert timeline.results.text[0].text == "TOTAL 12.8O"
