import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.consulting import consult
from analyzer.conversation import ModelProfile
from analyzer.errors import ModelError
from analyzer.requests import AnalysisRequest
from analyzer.timeline import Axis
from analyzer.zooming import LooseEdge, SecondLook, interleave, renumber, spread
from sampler import SamplerError
from tests.analyzer.talk import Talker, keyframe, keyframes_of, plan_of

TIMES = [float(n) for n in range(0, 48, 4)]
PLAN = plan_of(TIMES, shots=[(0.0, 30.0), (30.0, 48.0)], duration=48.0)
EDGES = [0.0, 9.3, 17.1, 30.0, 48.0]
"""What really happens: four events, the third edge a cut."""


def truth(question):
    """Tells of each picture what happens at its time."""
    runs = []
    for picture in question.keyframes:
        number = sum(picture.time_seconds >= edge for edge in EDGES)
        if runs and runs[-1][0] == number:
            runs[-1][1].append(picture.index)
        else:
            runs.append((number, [picture.index]))
    events = [
        {"first_frame": frames[0], "last_frame": frames[-1], "label": f"part {number}", "confidence": 0.9}
        for number, frames in runs
    ]
    tags = [
        {"first_frame": e["first_frame"], "last_frame": e["last_frame"], "tag": e["label"]} for e in events
    ]
    return {"events": events, "tags": tags, "summary": f"{len(events)} parts."}


async def take(times):
    return [keyframe(0, time=time, shot=int(time >= 30.0)) for time in times]


def run(answer, frames, request=None, take=take):
    model = Talker(answer, ModelProfile("m", images_per_batch=6))
    look = SecondLook(frames, take)

    async def all_steps():
        request_ = request or AnalysisRequest()
        return [step async for step in consult(PLAN, keyframes_of(PLAN), request_, model, look)]

    return asyncio.run(all_steps())[-1], model


def edge_errors(timeline):
    starts = sorted(event.start_seconds for event in timeline.events)
    return [abs(ours - theirs) for ours, theirs in zip(starts, EDGES, strict=False)]


def test_a_second_look_tightens_the_loose_edges_and_shows_what_it_looked_at():
    before, _model = run(truth, 0)
    after, model = run(truth, 6)
    assert len(before.events) == len(after.events) == 4
    assert max(edge_errors(after)) < 0.6 < max(edge_errors(before))
    zoomed = [k for k in after.keyframes if k.reason == "zoom"]
    assert len(zoomed) == 6
    assert [k.index for k in after.keyframes] == list(range(18))
    assert [k.time_seconds for k in after.keyframes] == sorted(k.time_seconds for k in after.keyframes)
    assert all(8.0 < k.time_seconds < 12.0 or 16.0 < k.time_seconds < 20.0 for k in zoomed)
    assert after.summary == before.summary
    assert after.coverage.keyframes_analyzed == after.coverage.keyframes == 18
    assert sorted(n for shot in after.shots for n in shot.keyframes) == list(range(18))
    assert "- part 2" in model.asked[-1].text
    for event in after.events:
        shown = [after.keyframes[n].time_seconds for n in event.evidence]
        start, end = EDGES[int(event.label[-1]) - 1 :][:2]
        assert all(start <= time < end for time in shown)


def test_other_results_keep_pointing_at_their_pictures():
    request = AnalysisRequest(tasks=("tags", "events"))
    timeline, _model = run(truth, 6, request)
    for tag in timeline.results.tags:
        start, end = EDGES[int(tag.tag[-1]) - 1 :][:2]
        for instance in tag.instances:
            assert all(start <= timeline.keyframes[n].time_seconds < end for n in instance.keyframes)


def test_nothing_loose_is_no_second_look():
    timeline, model = run(lambda q: truth(q) | {"events": []}, 6)
    assert len(timeline.keyframes) == 12
    assert len(model.asked) == 3


@pytest.mark.parametrize("answer", ["garbage", ModelError("down")])
def test_a_second_look_that_fails_leaves_what_there_was(answer):
    def fails_on_zoom(question):
        return truth(question) if int(question.id.partition(".b")[2]) < 3 else answer

    before, _model = run(truth, 0)
    after, _model = run(fails_on_zoom, 6)
    assert [(e.label, e.start_seconds, e.end_seconds) for e in after.events] == [
        (e.label, e.start_seconds, e.end_seconds) for e in before.events
    ]
    assert after.status == "complete"
    assert [warning.code for warning in after.warnings] == ["model_failed"] * len(after.warnings) != []
    assert after.coverage.keyframes_analyzed == 12


def test_frames_that_cannot_be_taken_leave_what_there_was():
    async def broken(_times):
        raise SamplerError("the file is gone")

    timeline, _model = run(truth, 6, take=broken)
    assert len(timeline.events) == 4
    assert [warning.code for warning in timeline.warnings] == ["no_second_look"]


def test_the_budget_holds_for_both_looks():
    timeline, model = run(truth, 6, AnalysisRequest(max_requests=4))
    assert len(model.asked) <= 5
    assert len(timeline.events) == 4


AXIS = Axis(PLAN, range(12))
loose = st.lists(
    st.builds(lambda at, weight: LooseEdge(at, at + 1, weight), st.integers(0, 10), st.integers(1, 4)),
    unique_by=lambda edge: edge.before,
)


@given(loose, st.integers(0, 20))
def test_times_lie_inside_their_gaps_in_order_and_within_the_budget(edges, frames):
    spent = spread(edges, AXIS, frames)
    times = [time for each in spent.values() for time in each]
    assert len(times) <= frames
    assert times == sorted(set(times))
    for edge, each in spent.items():
        assert all(AXIS.time(edge.before) < time < AXIS.time(edge.after) for time in each)
    if edges and frames:
        assert times


@given(st.lists(st.floats(0, 47.9), max_size=10, unique=True))
def test_interleaving_keeps_order_and_every_picture(times):
    keyframes = keyframes_of(PLAN)
    mixed = interleave(PLAN, keyframes, [keyframe(0, time=round(time, 3)) for time in times])
    assert [k.index for k in mixed.keyframes] == list(range(len(mixed.keyframes)))
    assert [k.time_seconds for k in mixed.keyframes] == sorted(k.time_seconds for k in mixed.keyframes)
    for old in keyframes:
        assert replace(mixed.keyframes[mixed.numbers[old.index]], index=old.index) == old
    assert len({k.pts for k in mixed.keyframes}) == len(mixed.keyframes)


def test_renumbering_reaches_every_number():
    timeline, _model = run(truth, 0, AnalysisRequest(tasks=("events", "tags")))
    moved = renumber(timeline.results, {n: n + 100 for n in range(12)})
    numbers = {n for tag in moved.tags for instance in tag.instances for n in instance.keyframes}
    assert numbers == set(range(100, 112))
    assert moved.tags[0].confidence == timeline.results.tags[0].confidence
