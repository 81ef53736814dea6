"""A stream whose next item is made while the last is in use."""

import threading
from collections.abc import Iterator

import pytest

from sampler.ahead import ahead


def numbers(made: list[int], most: int) -> Iterator[int]:
    for number in range(most):
        made.append(number)
        yield number


def test_all_come_in_order_false_ones_too() -> None:
    assert list(ahead(iter([0, None, "", 3]))) == [0, None, "", 3]
    assert list(ahead(iter([]))) == []


def test_one_is_made_ahead_and_no_more() -> None:
    made: list[int] = []
    coming = ahead(numbers(made, 10))
    assert next(coming) == 0
    coming.close()
    assert made == [0, 1]


def test_the_stream_is_asked_elsewhere() -> None:
    threads = ahead(threading.get_ident() for _ in range(3))
    assert len({threading.get_ident(), *threads}) == 2


def test_what_goes_wrong_is_raised_after_what_came_before() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    coming = ahead(failing())
    assert next(coming) == 1
    with pytest.raises(OSError, match="gone"):
        next(coming)


def test_nothing_runs_any_more_once_closed() -> None:
    stream = numbers([], 100)
    coming = ahead(stream)
    next(coming)
    coming.close()
    assert next(stream) == 2  # would raise if it were being asked elsewhere
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
