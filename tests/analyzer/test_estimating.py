import asyncio
from dataclasses import replace

import pytest

from analyzer.consulting import consult
from analyzer.conversation import ModelProfile
from analyzer.estimating import estimate
from analyzer.requests import AnalysisRequest
from tests.analyzer.talk import Talker, keyframes_of, plan_of

PLAN = plan_of([float(n) for n in range(30)])


def test_running_a_plan_does_exactly_what_it_said():
    profile = ModelProfile("m", images_per_batch=8)
    request = AnalysisRequest(tasks=("events", "tags"))
    expected = estimate(PLAN, request, profile)

    def answer(_question):
        return {"events": [], "summary": "", "tags": []}

    model = Talker(answer, profile)

    async def run():
        return [step async for step in consult(PLAN, keyframes_of(PLAN), request, model)]

    asyncio.run(run())
    asked = [tuple(k.index for k in question.keyframes) for question in model.asked]
    assert sorted(asked) == sorted(expected.batches * 2)
    assert len(asked) == expected.requests
    assert sum(question.input_tokens(profile) for question in model.asked) == expected.input_tokens


def test_pictures_are_costed_at_the_size_they_will_be_sent():
    profile = ModelProfile("m", input_usd_per_million=1.0, output_usd_per_million=2.0, max_image_pixels=10**9)
    small = estimate(PLAN, AnalysisRequest(), profile, max_pixels=320 * 176)
    large = estimate(PLAN, AnalysisRequest(), profile)
    shown = sum(len(batch) for batch in large.batches)
    assert large.input_tokens - small.input_tokens == pytest.approx(shown * (220 - 55), rel=0.05)
    assert large.cost_usd == pytest.approx((large.input_tokens + 2 * large.output_tokens) / 1e6)
    assert large.cost_usd < large.worst_cost_usd


def test_an_unknown_price_is_unknown_and_joining_is_counted():
    request = AnalysisRequest(tasks=("ask",), question="Why?")
    several = estimate(PLAN, request, ModelProfile("m", images_per_batch=8))
    assert several.cost_usd is None
    assert several.requests == len(several.batches) + 1
    one = estimate(replace(PLAN, keyframes=PLAN.keyframes[:5]), request, ModelProfile("m"))
    assert (one.requests, one.batches) == (1, ((0, 1, 2, 3, 4),))


def test_what_a_run_may_cost_at_most_holds_for_the_longest_answers_and_what_joins_them():
    profile = ModelProfile(
        "m",
        images_per_batch=8,
        input_usd_per_million=1.0,
        output_usd_per_million=2.0,
        max_output_tokens=2_048,
    )
    request = AnalysisRequest(
        tasks=("ask", "describe", "custom"), question="Why?", instructions="Tell of the road. " * 100
    )
    expected = estimate(PLAN, request, profile)

    def answer(question):
        frames = [keyframe.index for keyframe in question.keyframes]
        long = f"{frames} ".ljust(7_000, "x")
        return {"answer": long, "reasoning": [], "scenes": [], "chapters": [], "summary": long, "text": long}

    model = Talker(answer, profile)

    async def run():
        return [step async for step in consult(PLAN, keyframes_of(PLAN), request, model)]

    asyncio.run(run())
    assert [q.id for q in model.asked if not q.keyframes] == ["ask.join", "describe.join", "custom.join"]
    assert len(model.asked) == expected.requests
    reserved = sum(question.worst_case_usd(profile) for question in model.asked)
    assert reserved <= expected.worst_cost_usd <= 1.3 * reserved
