"""When to ask again, and how long to wait: pure decisions, and the memory an endpoint's callers share.

The rules are the usual ones for a shared service: exponential backoff with full jitter and a retry budget
(AWS Builders' Library, "Timeouts, retries and backoff with jitter"), ``Retry-After`` honoured by all
callers at once, a circuit breaker.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random
from typing import Literal

from analyzer.errors import ModelUnavailableError
from analyzer.models.openai.dialect import is_about_output

Remedy = Literal["wait", "shrink", "give_up", "stop"]
"""What a failure calls for: ask again later, show less, drop this question, stop asking this endpoint."""

_HEAL = frozenset({408, 409, 425, 429})
_REFUSES_US = frozenset({401, 402, 403, 404})
_TOO_LARGE = re.compile(
    r"at most \d+ image|too many images|context (length|size|window)|maximum context|too large|exceeds the",
    re.IGNORECASE,
)
_CANNOT_SEE = re.compile(
    r"image input is not supported|not a multimodal model|not support (image|vision)|support image input",
    re.IGNORECASE,
)
_OUT_OF_MONEY = re.compile(r"insufficient_quota|insufficient credits", re.IGNORECASE)
_CONTENT_FLAGGED = re.compile(r"flagged|moderation|content.?(policy|filter|management)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request brought no answer."""

    remedy: Remedy
    message: str
    after_seconds: float | None = None
    """The wait the server asked for."""
    crowded: bool = False
    """The server is asking everybody to slow down, not only this request."""
    maybe_billed: bool = False
    """The request was sent and no answer came back."""
    unreachable: bool = False
    """Nobody answered at that address."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patiently to ask again."""

    attempts: int = 6
    base_seconds: float = 0.5
    longest_backoff_seconds: float = 20.0
    longest_retry_after_seconds: float = 120.0
    """A server that asks for a longer wait is given up."""

    def backoff_seconds(self, failures: int, random: Random) -> float:
        """Wait after so many failures in a row: anywhere from nothing to the exponential bound."""
        bound = min(self.longest_backoff_seconds, self.base_seconds * 2.0 ** (failures - 1))
        return random.uniform(0.0, bound)


def failure_of(status: int, message: str, headers: Mapping[str, str], now: datetime) -> Failure:
    """What an error response calls for."""
    said = f"HTTP {status}: {message}" if message else f"HTTP {status}"
    if _CANNOT_SEE.search(message):
        return Failure("stop", f"{said}; this model takes no pictures, choose a vision-language model")
    if _OUT_OF_MONEY.search(message):
        return Failure("stop", said)
    if status in _HEAL or status >= 500:
        wait = retry_after_seconds(headers.get("retry-after"), now)
        return Failure("wait", said, after_seconds=wait, crowded=status == 429 or wait is not None)
    if status == 413 or (_TOO_LARGE.search(message) and not is_about_output(message)):
        return Failure("shrink", said)
    if status in _REFUSES_US and not (status == 403 and _CONTENT_FLAGGED.search(message)):
        return Failure("stop", f"{said}; check the API key" if status == 401 else said)
    return Failure("give_up", said)


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Seconds of a ``Retry-After`` header, written as seconds or as a date (RFC 9110, 10.2.3), or None."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())


@dataclass(slots=True)
class Gate:
    """Holds back everyone who would send to an endpoint that asked for quiet."""

    clock: Callable[[], float]
    """Seconds that only go forward."""
    sleep: Callable[[float], Awaitable[None]]
    opens_at: float = 0.0

    def close_for(self, seconds: float) -> None:
        """Nobody sends for so long; a longer wait already set stays."""
        self.opens_at = max(self.opens_at, self.clock() + seconds)

    async def passed(self) -> None:
        """Return once the gate is open."""
        waited_for = 0.0
        while self.opens_at != waited_for:  # somebody may close it for longer in the meantime
            waited_for = self.opens_at
            await self.sleep(max(0.0, waited_for - self.clock()))


@dataclass(slots=True)
class RetryBudget:
    """Bounds retries to a share of the successes, so that a struggling server is not asked ever more."""

    tokens: float
    most: float
    earned_by_success: float = 0.5

    def earn(self) -> None:
        """A request succeeded."""
        self.tokens = min(self.most, self.tokens + self.earned_by_success)

    def spend(self) -> bool:
        """Whether one more retry is allowed; takes its price if so."""
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


@dataclass(slots=True)
class Breaker:
    """Opens when asking on is of no use; lets one question through to try after a pause."""

    clock: Callable[[], float]
    after_failures: int = 5
    """Questions in a row that are given up before it opens."""
    pause_seconds: float = 30.0
    failures: int = 0
    opened_at: float | None = None
    reason: str = ""

    def check(self) -> None:
        """Let a request pass.

        Raises:
            ModelUnavailableError: the breaker is open.
        """
        if self.opened_at is None:
            return
        remaining = self.opened_at + self.pause_seconds - self.clock()
        if remaining > 0:
            raise ModelUnavailableError(self.reason)
        self.opened_at = self.clock()

    def succeed(self) -> None:
        """A question was answered."""
        self.failures, self.opened_at = 0, None

    def fail(self, reason: str) -> None:
        """A question was given up."""
        self.failures += 1
        if self.failures >= self.after_failures:
            self.trip(f"{self.failures} questions in a row were left unanswered, the last with: {reason}")

    def trip(self, reason: str) -> None:
        """Any question would be refused."""
        self.opened_at, self.reason = self.clock(), reason


async def pause(seconds: float) -> None:
    """Sleep; named so that a replay can do without."""
    await asyncio.sleep(seconds)
