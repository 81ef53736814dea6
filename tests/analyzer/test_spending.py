import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.errors import BudgetExceededError
from analyzer.spending import Ledger
from analyzer.types import Usage


def test_the_request_beyond_the_limit_is_refused_before_it_is_sent():
    ledger = Ledger(max_requests=2)
    ledger.reserve(None).settle(Usage(input_tokens=10))
    ledger.reserve(None, retry=True).refuse()
    with pytest.raises(BudgetExceededError, match="limit of 2 model requests"):
        ledger.reserve(None)
    assert ledger.usage == Usage(requests=2, retries=1, input_tokens=10)


def test_a_tiny_limit_is_named_as_it_was_given():
    with pytest.raises(BudgetExceededError, match=r"cross the limit of 2e-05 USD \(0 spent or at risk\)"):
        Ledger(max_cost_usd=0.00002).reserve(0.0021)


def test_requests_under_way_count_at_their_worst():
    ledger = Ledger(max_cost_usd=1.0)
    first = ledger.reserve(0.6)
    with pytest.raises(BudgetExceededError, match=r"could cost 0\.6 USD"):
        ledger.reserve(0.6)
    first.settle(Usage(cost_usd=0.1))
    ledger.reserve(0.6)


@pytest.mark.parametrize(
    ("end", "allowed"),
    [
        (lambda first: first.settle(Usage(cost_usd=0.1)), True),
        (lambda first: first.refuse(), True),
        (lambda first: first.lose(), False),
        (lambda first: first.settle(Usage(cost_usd=0.5)), False),
    ],
    ids=["cheap", "refused", "lost", "dear"],
)
def test_a_request_waits_for_what_those_under_way_really_cost(end, allowed):
    async def run():
        ledger = Ledger(max_cost_usd=1.0)
        first = ledger.reserve(0.6)
        waiting = asyncio.create_task(ledger.reserve_in_turn(0.6))
        await asyncio.sleep(0)
        assert not waiting.done()
        end(first)
        async with asyncio.timeout(5):
            if allowed:
                await waiting
            else:
                with pytest.raises(BudgetExceededError, match=r"could cost 0\.6 USD"):
                    await waiting

    asyncio.run(run())


def test_nobody_waits_for_what_cannot_be_afforded_at_all():
    async def run():
        ledger = Ledger(max_cost_usd=1.0)
        ledger.reserve(0.3).settle(Usage(cost_usd=0.3))
        ledger.reserve(0.1)
        with pytest.raises(BudgetExceededError, match=r"could cost 0\.8 USD"):
            await ledger.reserve_in_turn(0.8)

    asyncio.run(run())


def test_a_request_without_an_answer_may_have_been_billed():
    ledger = Ledger(max_cost_usd=1.0)
    ledger.reserve(0.6).lose()
    assert ledger.usage.cost_usd is None
    with pytest.raises(BudgetExceededError):
        ledger.reserve(0.6)


def test_an_unknown_price_under_a_cost_limit_is_refused():
    with pytest.raises(BudgetExceededError, match="price of this model is unknown"):
        Ledger(max_cost_usd=1.0).reserve(None)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.sampled_from(["settle", "refuse", "lose"]))))
def test_what_is_committed_never_crosses_the_limit(requests):
    ledger = Ledger(max_cost_usd=2.0)
    for worst, share, end in requests:
        try:
            reservation = ledger.reserve(worst)
        except BudgetExceededError:
            continue
        if end == "settle":
            reservation.settle(Usage(cost_usd=worst * share))
        elif end == "refuse":
            reservation.refuse()
        else:
            reservation.lose()
    assert ledger.committed_usd <= 2.0 + 1e-9
    assert ledger.reserved_usd == pytest.approx(0)
