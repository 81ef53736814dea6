import asyncio

import pytest

from analyzer.models.openai.pacing import Pace
from analyzer.models.openai.retries import Gate


class Clock:
    """Time that goes on only while somebody sleeps."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    async def sleep(self, seconds):
        until = self.now + seconds
        await asyncio.sleep(0)
        self.now = max(self.now, until)


def pace_of(most):
    clock = Clock()
    return Pace(Gate(clock, clock.sleep), most), clock


def test_after_a_refusal_half_as_many_start_and_not_before_they_may():
    pace, clock = pace_of(8)
    started, under_way, most = [], 0, 0

    async def caller():
        nonlocal under_way, most
        async with pace.turn():
            started.append(clock.now)
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            under_way -= 1

    async def run():
        for _ in range(8):
            pace.crowded(5.0)  # eight that were sent together
        await asyncio.gather(*(caller() for _ in range(20)))

    asyncio.run(run())
    assert most == 4
    assert set(started) == {5.0}


def test_each_round_of_answers_lets_one_more_through_up_to_all():
    pace, clock = pace_of(3)
    for time in (0.0, 10.0, 20.0):
        clock.now = time
        pace.crowded(1.0)
    assert pace.allowed == 1.0
    pace.answered()
    assert pace.allowed == 2.0
    for _ in range(9):
        pace.answered()
    assert pace.allowed == 3.0


def test_quiet_is_counted_once_and_forgotten_with_an_answer():
    pace, clock = pace_of(8)
    pace.crowded(5.0)
    pace.crowded(4.0)
    pace.crowded(7.0)
    assert pace.quiet_seconds == pytest.approx(7.0)
    clock.now = 10.0
    pace.crowded(5.0)
    assert pace.quiet_seconds == pytest.approx(12.0)
    pace.answered()
    assert pace.quiet_seconds == 0.0


def test_whoever_waits_is_held_back_as_well_when_the_gate_closes():
    pace, clock = pace_of(1)
    started = []

    async def first():
        async with pace.turn():
            await asyncio.sleep(0)
            pace.crowded(5.0)

    async def second():
        async with pace.turn():
            started.append(clock.now)

    async def run():
        await asyncio.gather(first(), second())

    asyncio.run(run())
    assert started == [5.0]


def test_a_caller_that_is_cancelled_leaves_its_place():
    pace, _ = pace_of(1)

    async def hold(entered):
        async with pace.turn():
            entered.set()
            await asyncio.sleep(60)

    async def run():
        entered = asyncio.Event()
        holding = asyncio.create_task(hold(entered))
        await entered.wait()
        waiting = asyncio.create_task(hold(asyncio.Event()))
        await asyncio.sleep(0)
        for task in (waiting, holding):
            task.cancel()
        await asyncio.gather(waiting, holding, return_exceptions=True)
        async with asyncio.timeout(5), pace.turn():
            pass

    asyncio.run(run())
