"""Tasks done ahead of time, their results in order."""

from contextlib import closing
from functools import partial
from threading import Barrier, Event, Lock
from time import sleep

import pytest

from sampler.ahead import Once, ahead


def test_results_come_in_order_whichever_is_done_first() -> None:
    def task(number: int) -> int:
        sleep(0.02 * (number % 3 == 0))
        return number

    found = [
        result for result in ahead((partial(task, n) for n in range(20)), 3, 6, Event()) if result is not None
    ]
    assert found == list(range(20))


def test_tasks_run_at_the_same_time() -> None:
    meeting = Barrier(2, timeout=10)
    tasks = [meeting.wait, meeting.wait]
    assert len([found for found in ahead(tasks, 2, 2, Event()) if found is not None]) == 2


def test_no_more_are_under_way_than_may_be() -> None:
    pulled = 0

    def tasks():
        nonlocal pulled
        for number in range(9):
            pulled += 1
            yield partial(int, number)

    for number, _ in enumerate(ahead(tasks(), 2, 3, Event())):
        assert pulled <= number + 3


def test_while_a_result_is_awaited_the_caller_gets_its_turn() -> None:
    go_on = Event()
    with closing(ahead([go_on.wait], 1, 1, Event())) as results:
        assert next(results) is None
        go_on.set()
        assert [found for found in results if found is not None] == [True]


def test_closing_tells_tasks_to_stop_and_waits_for_them() -> None:
    stopped, ended = Event(), []

    def task() -> None:
        stopped.wait(10)
        ended.append(stopped.is_set())

    results = ahead([task, task, task], 2, 3, stopped)
    assert next(results) is None
    results.close()
    assert ended == [True, True]


def test_an_error_of_a_task_comes_out_in_its_turn() -> None:
    results = ahead([partial(int, "1"), partial(int, "one")], 2, 2, Event())
    assert next(found for found in results if found is not None) == 1
    with pytest.raises(ValueError, match="one"):
        list(results)


def test_what_several_need_is_computed_once() -> None:
    counted, lock = [], Lock()

    def compute() -> int:
        with lock:
            counted.append(1)
        sleep(0.05)
        return 7

    once = Once(compute)
    assert [found for found in ahead([once] * 4, 4, 4, Event()) if found is not None] == [7] * 4
    assert len(counted) == 1
