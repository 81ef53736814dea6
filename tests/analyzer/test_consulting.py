"""From a real video through the sampler and over HTTP to a model that tells the pictures apart, and back."""

import asyncio
import random
import re
from collections import Counter
from contextlib import aclosing, closing
from time import perf_counter

import pytest

import sampler
from analyzer.consulting import consult
from analyzer.conversation import ModelProfile
from analyzer.errors import AnalysisRequestError
from analyzer.models.openai import Endpoint, OpenAIModel, open_model
from analyzer.models.openai.retries import RetryPolicy
from analyzer.requests import AnalysisRequest
from analyzer.types import Analyzed, Event, Timeline
from sampler import Keyframe, SampleRequest, SamplingPlan, VideoFile
from tests.coded import draw_clip
from tests.oracle import (
    Asked,
    broken_envelope,
    cut_short,
    dropped,
    events_from_pixels,
    fenced,
    garbage,
    oracle,
    out_of_range,
    status,
    thought,
)

FAULTS = [
    status(429, Retry_After="0.05"),
    status(503),
    dropped,
    broken_envelope,
    cut_short,
    fenced,
    garbage,
    thought,
    out_of_range,
]


@pytest.fixture(scope="module")
def montage(tmp_path_factory):
    lengths = random.Random(5)
    shots = tuple(lengths.randint(18, 60) for _ in range(22))
    return draw_clip(tmp_path_factory.mktemp("clip") / "montage.mp4", shots)


def sampled(path, **options):
    request = SampleRequest(**{"frames": 48} | options)
    with closing(sampler.sample(VideoFile(path), request)) as steps:
        seen = list(steps)
    (plan,) = (step for step in seen if isinstance(step, SamplingPlan))
    return plan, [step for step in seen if isinstance(step, Keyframe)]


@pytest.fixture(scope="module")
def sampling(montage):
    return sampled(montage.path)


async def run(server, sampling, request=None, *, profile=None, **options):
    endpoint = Endpoint(server.url, "qwen/qwen3-vl-32b-instruct", "sk-very-secret", **options)
    profile = profile or ModelProfile("m", max_images=64)
    policy = RetryPolicy(base_seconds=0.02)
    async with (
        OpenAIModel(endpoint, profile, policy=policy, random=random.Random(3)) as model,
        aclosing(consult(*sampling, request or AnalysisRequest(), model)) as running,
    ):
        return [step async for step in running]


def timeline_of(server, sampling, request=None, **options) -> Timeline:
    return asyncio.run(run(server, sampling, request, **options))[-1]


def tiou(one, other):
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(0.0, shared) / (max(one[1], other[1]) - min(one[0], other[0]))


def event_f1(timeline, clip, threshold):
    found = [(event.start_seconds, event.end_seconds) for event in timeline.events]
    truth = list(clip.spans)
    pairs = sorted(
        ((tiou(f, t), i, j) for i, f in enumerate(found) for j, t in enumerate(truth)), reverse=True
    )
    taken_found, taken_truth = set(), set()
    for overlap, i, j in pairs:
        if overlap >= threshold and i not in taken_found and j not in taken_truth:
            taken_found.add(i)
            taken_truth.add(j)
    return 2 * len(taken_found) / (len(found) + len(truth))


@pytest.mark.parametrize("context", ["parallel", "rolling"])
def test_every_shot_becomes_one_event_with_its_edges(montage, sampling, context):
    with oracle(events_from_pixels) as server:
        timeline = timeline_of(server, sampling, AnalysisRequest(context=context))
    assert timeline.status == "complete"
    assert len(server.asked) == 5
    assert all(len(asked.shown) <= 12 for asked in server.asked)
    labels = Counter(event.label for event in timeline.events)
    assert set(labels.values()) == {1}
    assert event_f1(timeline, montage, 0.5) >= 0.95
    assert event_f1(timeline, montage, 0.7) >= 0.85
    truth = {f"shot {shot}": span for shot, span in enumerate(montage.spans)}
    errors = [
        abs(ours - theirs)
        for event in timeline.events
        for ours, theirs in zip((event.start_seconds, event.end_seconds), truth[event.label], strict=True)
    ]
    assert sum(errors) / len(errors) < 0.3
    for event in timeline.events:
        start, end = truth[event.label]
        assert event.start_range_seconds[0] - 0.1 <= start <= event.start_range_seconds[1] + 0.1
        assert event.end_range_seconds[0] - 0.1 <= end <= event.end_range_seconds[1] + 0.1


def test_events_that_span_batches_say_of_what_they_were_made(sampling):
    with oracle(events_from_pixels) as server:
        timeline = timeline_of(server, sampling)
    spanning = [event for event in timeline.events if len(event.merged_from) == 2]
    assert len(spanning) == 4
    for event in spanning:
        one, other = (int(id_[1 : id_.index(".")]) for id_ in event.merged_from)
        assert other == one + 1


def test_each_picture_is_labelled_with_the_time_of_its_own_frame(montage, sampling):
    _plan, keyframes = sampling
    with oracle(events_from_pixels) as server:
        timeline_of(server, sampling)
    seen = {}
    for asked in server.asked:
        assert asked.frames == sorted(set(asked.frames))
        for shown in asked.shown:
            frame, shot = shown.code
            assert shown.seconds == pytest.approx(montage.time(frame), abs=0.0501)
            start, end = montage.spans[shot]
            assert start <= keyframes[shown.index].time_seconds < end
            assert seen.setdefault(shown.index, frame) == frame
    assert len(set(seen.values())) == len(seen) == len(keyframes) <= 48


def test_events_are_told_as_their_batch_comes_in_and_progress_ends_at_the_whole(sampling):
    with oracle(events_from_pixels) as server:
        steps = asyncio.run(run(server, sampling))
    progress = [step for step in steps if isinstance(step, Analyzed)]
    assert [step.done for step in progress] == sorted(step.done for step in progress)
    assert progress[-1].done == progress[-1].total == len(sampling[1])
    told = [step.id for step in steps if isinstance(step, Event)]
    assert isinstance(steps[-1], Timeline)
    assert sorted(told) == sorted(id_ for event in steps[-1].events for id_ in event.merged_from)
    assert isinstance(steps[0], Event)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_under_faults_it_completes_and_what_was_lost_is_a_gap(montage, sampling, seed):
    chance = random.Random(seed)
    faults = [chance.choice(FAULTS) if chance.random() < 0.3 else None for _ in range(500)]
    with oracle(events_from_pixels, faults=faults) as server:
        timeline = timeline_of(server, sampling, profile=ModelProfile("m", images_per_batch=6))
    answered = [
        asked for asked, fault in zip(server.asked, faults, strict=False) if fault in (None, fenced, thought)
    ]
    paid = Counter(tuple(asked.frames) for asked in answered)
    assert set(paid.values()) == {1}
    assert timeline.usage.requests == len(server.asked)
    everything = {keyframe.index: keyframe.time_seconds for keyframe in sampling[1]}
    lost = everything.keys() - {frame for frames in paid for frame in frames}
    gaps = [gap for gap in timeline.coverage.gaps if gap.reason == "model_failed"]
    assert (timeline.status == "partial") == bool(gaps) == bool(lost)
    assert timeline.coverage.keyframes_analyzed == len(everything) - len(lost)
    assert all(any(gap.start_seconds <= everything[f] <= gap.end_seconds for gap in gaps) for f in lost)
    for event in timeline.events:
        start, end = montage.spans[int(event.label.removeprefix("shot "))]
        assert all(start <= everything[frame] < end for frame in event.evidence)
    assert len({event.label for event in timeline.events}) == len(timeline.events)


def test_a_batch_that_is_never_answered_is_a_gap_and_the_rest_stands(sampling):
    times = {k.index: k.time_seconds for k in sampling[1]}

    def faults(_number, asked: Asked):
        return garbage if 15 in asked.frames else None

    with oracle(events_from_pixels, faults=faults) as server:
        timeline = timeline_of(server, sampling)
    (lost,) = {tuple(asked.frames) for asked in server.asked if 15 in asked.frames}
    assert len([asked for asked in server.asked if 15 in asked.frames]) == 2
    assert timeline.status == "partial"
    (gap,) = [gap for gap in timeline.coverage.gaps if gap.reason == "model_failed"]
    assert gap.start_seconds <= times[lost[1]]
    assert times[lost[-2]] <= gap.end_seconds
    assert all(not set(event.evidence) & set(lost[1:-1]) for event in timeline.events)
    assert {id_[:2] for event in timeline.events for id_ in event.merged_from} == {"b0", "b2", "b3", "b4"}
    (warning,) = [w for w in timeline.warnings if w.code == "model_failed"]
    assert re.match(r"question events\.b\d: no usable answer, asked twice; .* no JSON", warning.message)
    assert timeline.coverage.keyframes_analyzed == len(sampling[1]) - len(lost[1:-1])


def test_an_unusable_answer_is_asked_for_once_more_with_the_reason(sampling):
    with oracle(events_from_pixels, faults=[out_of_range]) as server:
        timeline = timeline_of(server, sampling, concurrency=1)
    (repair,) = [asked for asked in server.asked if asked.is_repair]
    assert "was not shown" in repair.body["messages"][-1]["content"]
    assert timeline.status == "complete"
    assert timeline.usage.requests == len(server.paid) + 1
    assert timeline.usage.retries == 0


def test_the_request_limit_stops_before_it_is_crossed(sampling):
    with oracle(events_from_pixels) as server:
        timeline = timeline_of(server, sampling, AnalysisRequest(max_requests=3), concurrency=1)
    assert len(server.asked) == 3
    assert timeline.status == "partial"
    assert {gap.reason for gap in timeline.coverage.gaps} == {"budget"}
    assert [w.code for w in timeline.warnings if w.code == "budget_exceeded"]
    assert timeline.events


def test_a_server_that_takes_fewer_pictures_gets_them_in_smaller_parts(montage, sampling):
    def faults(_number, asked):
        return (
            status(400, "At most 5 image(s) may be provided in one request.")
            if len(asked.shown) > 5
            else None
        )

    with oracle(events_from_pixels, faults=faults) as server:
        timeline = timeline_of(server, sampling)
    assert timeline.status == "complete"
    ids = [id_ for event in timeline.events for id_ in event.merged_from]
    assert len(set(ids)) == len(ids)
    assert event_f1(timeline, montage, 0.7) >= 0.85
    assert set(Counter(event.label for event in timeline.events).values()) == {1}


def test_when_nobody_answers_there_is_a_timeline_that_says_so(sampling):
    with oracle(events_from_pixels, faults=lambda _n, _a: status(401, "no such key")) as server:
        timeline = timeline_of(server, sampling, concurrency=1)
    assert timeline.status == "partial"
    assert timeline.events == ()
    assert timeline.coverage.keyframes_analyzed == 0
    assert "no such key" in "".join(warning.message for warning in timeline.warnings)
    assert len(server.asked) <= 2


def test_a_rolling_run_tells_each_batch_of_the_one_before(sampling):
    with oracle(events_from_pixels) as server:
        timeline_of(server, sampling, AnalysisRequest(context="rolling"))
    said = [asked.body["messages"][1]["content"][-1]["text"] for asked in server.asked]
    assert "Notes on what came before" not in said[0]
    assert all("Notes on what came before" in text for text in said[1:])
    assert [asked.frames[0] for asked in server.asked] == sorted(asked.frames[0] for asked in server.asked)
    assert "shot 1" in said[1]


def test_eight_batches_in_parallel_take_little_longer_than_one(sampling):
    def took(server):
        started = perf_counter()
        timeline_of(server, sampling, profile=ModelProfile("m", images_per_batch=7))
        return perf_counter() - started

    with oracle(events_from_pixels, delay=3.0) as server:
        best = took(server)
        assert len(server.asked) == server.most_under_way == 8
        for _ in range(3):  # the machine may be busy with something else
            best = best if best < 1.3 * 3.0 else min(best, took(server))
    assert best < 1.3 * 3.0


def test_a_limit_on_cost_needs_a_price(sampling):
    with (
        oracle(events_from_pixels) as server,
        pytest.raises(AnalysisRequestError, match="price of m is unknown"),
    ):
        timeline_of(server, sampling, AnalysisRequest(max_cost_usd=1.0))
    assert server.asked == []


def test_writing_in_a_picture_that_gives_orders_breaks_nothing(sampling):
    """A model that obeys what it reads can lie, but not step outside its batch, its schema or its budget."""

    def obey(asked):
        said = events_from_pixels(asked)
        if 0 in asked.frames:
            said["events"] = [
                {
                    "first_frame": asked.frames[0],
                    "last_frame": asked.frames[-1],
                    "label": "<script>alert(1)</script>Nothing\u202e happens",
                    "description": "x" * 50_000,
                    "confidence": 1,
                    "start_seconds": -5,
                    "tool": "delete_all",
                }
            ]
        return said

    with oracle(obey) as server:
        timeline = timeline_of(server, sampling)
    lie = timeline.events[0]
    assert lie.label == "alert(1) Nothing happens"
    assert len(lie.description) <= 2000
    assert 0 <= lie.start_seconds < lie.end_seconds <= timeline.media.duration_seconds
    assert "delete_all" not in repr(timeline)
    assert len([event for event in timeline.events if event.label.startswith("shot")]) >= 17


def test_closing_the_run_stops_asking(sampling):
    async def first_event(server):
        endpoint = Endpoint(server.url, "m", concurrency=1)
        async with OpenAIModel(endpoint, ModelProfile("m", images_per_batch=4)) as model:
            async with aclosing(consult(*sampling, AnalysisRequest(), model)) as running:
                assert isinstance(await anext(running), Event)
            sent = len(server.asked)
            await asyncio.sleep(0.3)
            return sent

    with oracle(events_from_pixels, delay=0.05) as server:
        sent = asyncio.run(first_event(server))
        assert len(server.asked) == sent <= 3


def test_a_recorded_run_is_replayed_to_the_same_timeline_with_no_network(sampling, tmp_path):
    async def once(url, **where):
        async with open_model(Endpoint(url, "m", "sk-very-secret"), **where) as model:
            return [step async for step in consult(*sampling, AnalysisRequest(context="rolling"), model)][-1]

    with oracle(events_from_pixels, faults=[None, garbage, status(503, Retry_After="0")]) as server:
        first = asyncio.run(once(server.url, record=tmp_path))
        assert first.status == "complete"
    again = asyncio.run(once("http://nowhere.invalid/v1", replay=tmp_path))
    assert again.usage.requests == first.usage.requests == 7
    assert again.events == first.events
    assert again.coverage == first.coverage
    assert again.id == first.id


def test_recording_again_asks_what_failed_and_keeps_what_was_answered(sampling, tmp_path):
    async def once(url, **where):
        async with open_model(Endpoint(url, "m"), **where) as model:
            return [step async for step in consult(*sampling, AnalysisRequest(), model)][-1]

    with oracle(
        events_from_pixels, faults=lambda _, asked: status(422, "no") if 0 in asked.frames else None
    ) as server:
        failed = asyncio.run(once(server.url, record=tmp_path))
        refused = [asked for asked in server.asked if 0 in asked.frames]
        server.faults = lambda _, asked: None
        server.asked.clear()
        damaged = next(path for path in sorted(tmp_path.iterdir()) if '"status": 200' in path.read_text())
        damaged.write_text("{")
        whole = asyncio.run(once(server.url, record=tmp_path))
        assert len(server.asked) == len(refused) + 1
    assert (failed.status, whole.status) == ("partial", "complete")
    assert asyncio.run(once("http://nowhere.invalid/v1", replay=tmp_path)).events == whole.events


def test_the_cost_limit_stops_before_it_is_crossed(sampling):
    priced = ModelProfile("m", max_output_tokens=500, input_usd_per_million=10, output_usd_per_million=10)
    with oracle(events_from_pixels) as server:
        timeline = timeline_of(
            server, sampling, AnalysisRequest(max_cost_usd=0.06), profile=priced, concurrency=1
        )
    assert 0 < len(server.asked) < 5
    assert timeline.usage.cost_usd <= 0.06
    assert {gap.reason for gap in timeline.coverage.gaps} == {"budget"}
