"""Tasks that need not wait for one another, their results in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Event, Lock
from typing import Generic, TypeVar

T = TypeVar("T")

_PATIENCE_SECONDS = 0.2


class Once(Generic[T]):
    """What several tasks need, computed by whichever asks first."""

    def __init__(self, compute: Callable[[], T]) -> None:
        self._compute = compute
        self._lock = Lock()
        self._result: list[T] = []

    def __call__(self) -> T:
        """The result; others wait for it."""
        with self._lock:
            if not self._result:
                self._result.append(self._compute())
            return self._result[0]


def ahead(
    tasks: Iterable[Callable[[], T]], threads: int, most: int, stopped: Event
) -> Generator[T | None, None, None]:
    """Results in the order of their tasks, and None a few times a second while there is none yet.

    Args:
        tasks: Pulled by the caller's thread as they are needed.
        threads: How many work on them.
        most: How many tasks, or their results, may be under way.
        stopped: Set when nobody wants the results any more, so that tasks can end early.
    """
    under_way: deque[Future[T]] = deque()
    with ThreadPoolExecutor(threads, "ahead") as pool:
        try:
            for task in tasks:
                under_way.append(pool.submit(task))
                if len(under_way) >= most:
                    yield from _result(under_way.popleft())
            while under_way:
                yield from _result(under_way.popleft())
        finally:
            stopped.set()
            for future in under_way:
                future.cancel()


def _result(future: "Future[T]") -> "Generator[T | None, None, None]":
    while not wait([future], _PATIENCE_SECONDS).done:
        yield None
    yield future.result()
