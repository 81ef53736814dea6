import asyncio
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.errors import ModelUnavailableError
from analyzer.models.openai.retries import (
    Breaker,
    Gate,
    RetryBudget,
    RetryPolicy,
    failure_of,
    retry_after_seconds,
)

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 524, 529])
def test_what_can_heal_is_waited_for(status):
    assert failure_of(status, "", {}, NOW).remedy == "wait"


@pytest.mark.parametrize(
    ("status", "message", "remedy"),
    [
        (400, "bad request", "give_up"),
        (422, "unprocessable", "give_up"),
        (401, "no key", "stop"),
        (402, "Insufficient credits", "stop"),
        (403, "forbidden", "stop"),
        (403, "Your input was flagged", "give_up"),
        (404, "no such model", "stop"),
        (413, "", "shrink"),
        (400, "At most 1 image(s) may be provided in one request.", "shrink"),
        (400, "This model's maximum context length is 8192 tokens", "shrink"),
        (400, "max_tokens is too large: 4096. The maximum context length is 8192 tokens", "shrink"),
        (400, "max_tokens is too large: 4096", "give_up"),
        (429, "You exceeded your current quota insufficient_quota", "stop"),
        (500, "image input is not supported - hint: you may need to provide the mmproj", "stop"),
        (400, "m is not a multimodal model", "stop"),
    ],
)
def test_what_cannot_heal_is_never_waited_for(status, message, remedy):
    assert failure_of(status, message, {}, NOW).remedy == remedy


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_forms(value, seconds):
    assert retry_after_seconds(value, NOW) == seconds


@given(st.integers(1, 40), st.integers())
def test_backoff_is_anywhere_below_its_bound(failures, seed):
    policy = RetryPolicy(base_seconds=0.5, longest_backoff_seconds=20.0)
    assert 0.0 <= policy.backoff_seconds(failures, Random(seed)) <= min(20.0, 0.5 * 2 ** (failures - 1))


def test_a_gate_closed_for_longer_in_the_meantime_holds_for_longer():
    now = [0.0]
    slept = []

    async def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds
        if len(slept) == 1:
            gate.close_for(3.0)

    gate = Gate(lambda: now[0], sleep)
    gate.close_for(2.0)
    gate.close_for(1.0)
    asyncio.run(gate.passed())
    assert slept == [2.0, 3.0]


def test_an_open_gate_costs_no_time():
    async def sleep(_seconds):
        raise AssertionError

    asyncio.run(Gate(lambda: 5.0, sleep).passed())


def test_retries_are_bounded_by_what_succeeds():
    budget = RetryBudget(tokens=2.0, most=2.0, earned_by_success=0.5)
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    budget.earn()
    budget.earn()
    assert [budget.spend() for _ in range(2)] == [True, False]


def test_the_breaker_opens_lets_one_through_and_closes_again():
    now = [0.0]
    breaker = Breaker(lambda: now[0], after_failures=2, pause_seconds=10.0)
    breaker.fail("HTTP 500")
    breaker.check()
    breaker.fail("HTTP 502")
    with pytest.raises(ModelUnavailableError, match=r"2 questions in a row .* HTTP 502"):
        breaker.check()
    now[0] = 10.0
    breaker.check()
    with pytest.raises(ModelUnavailableError):
        breaker.check()
    breaker.succeed()
    breaker.check()
