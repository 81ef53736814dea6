"""How often and how much at once one key may ask. Each process counts for itself; quotas are in the database."""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil

_WINDOW_SECONDS = 60.0
_MOST_KEYS = 10_000
"""Keys whose requests are remembered before those that have been silent for a minute are forgotten."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """How a key stands after a request."""

    limit: int
    """Requests in any minute."""
    remaining: int
    """-1: this one was too many."""
    reset_seconds: int
    """Until the next request of those in the window falls out of it."""

    @property
    def headers(self) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers has them."""
        return {
            "RateLimit-Policy": f'"requests";q={self.limit};w={_WINDOW_SECONDS:.0f}',
            "RateLimit": f'"requests";r={max(self.remaining, 0)};t={self.reset_seconds}',
        }


class RateLimiter:
    """Lets each key make so many requests in any sixty seconds. Safe to share between threads."""

    def __init__(self, per_minute: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._made: dict[str, deque[float]] = {}

    def take(self, key: str) -> Allowance | None:
        """Count one request of this key unless it is one too many; None where there is no limit."""
        if self._limit is None:
            return None
        with self._lock:
            now = self._clock()
            if len(self._made) > _MOST_KEYS:
                self._made = {k: m for k, m in self._made.items() if m and m[-1] > now - _WINDOW_SECONDS}
            made = self._made.setdefault(key, deque())
            while made and made[0] <= now - _WINDOW_SECONDS:
                made.popleft()
            remaining = self._limit - len(made) - 1
            if remaining >= 0:
                made.append(now)
            return Allowance(self._limit, remaining, ceil(made[0] + _WINDOW_SECONDS - now))


class Turnstile:
    """Lets each key have so many requests under way. For one event loop."""

    def __init__(self, at_once: int | None) -> None:
        self._limit = at_once
        self._inside: defaultdict[str, int] = defaultdict(int)

    @contextmanager
    def passing(self, key: str) -> Iterator[bool]:
        """Whether there is room; what was let in counts until the block ends."""
        if self._limit is None:
            yield True
            return
        if self._inside[key] >= self._limit:
            yield False
            return
        self._inside[key] += 1
        try:
            yield True
        finally:
            self._inside[key] -= 1
            if not self._inside[key]:
                del self._inside[key]
