"""The next of a stream is made while the last is still looked at: decoding goes on beside analysis."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(stream: Iterator[T]) -> Generator[T, None, None]:
    """The same items in the same order, each made by a thread of its own while the one before is in use.

    Only that thread asks the stream; when this generator has been closed, nothing does any more.
    """
    with ThreadPoolExecutor(1, "ahead") as pool:
        coming = pool.submit(_next, stream)
        while item := coming.result():
            coming = pool.submit(_next, stream)
            yield item[0]


def _next(stream: Iterator[T]) -> tuple[T] | None:
    """The next item; None at the end, which no future can raise."""
    return next(((item,) for item in stream), None)
