"""How fast an endpoint is asked, and how long it is waited for: what all its callers share.

As many requests are under way as the server bears: one more for a round of answers, half as many once it asks for
quiet (additive increase, multiplicative decrease, as TCP avoids congestion; Chiu and Jain, 1989). So a server with a
limit a minute is met with a few requests when its minute begins, not with all that wait.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from analyzer.models.openai.retries import Failure, Gate

LONGEST_WAITING_SECONDS: Final = 600.0
"""Of waits a server asks for, what is borne in all: of one question, and of all until somebody is answered."""


@dataclass(slots=True)
class Patience:
    """What asking one question has taken so far."""

    failures: int = 0
    attempts: int = 0
    """The failures without those of a server that said when to come back."""
    waited_seconds: float = 0.0
    """What such a server has asked for in all."""
    told_to_wait: bool = False
    """Whether the last failure was one of those."""
    unreached: str = ""
    """What the last failure said, where it reached nobody."""


@dataclass(slots=True)
class Pace:
    """Lets as many through at once as the server bears, and nobody while it asked for quiet.

    Not for threads: one event loop owns it.
    """

    gate: Gate
    most: int
    """Requests under way at once when all goes well."""
    allowed: float = field(init=False)
    quiet_seconds: float = field(init=False, default=0.0)
    """How long nobody was let through since the last answer."""
    _under_way: int = field(init=False, default=0)
    _left: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Begin with all that is allowed."""
        self.allowed = float(self.most)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Enter when there is room and the gate is open, leave when the request is over."""
        await self._enter()
        try:
            yield
        finally:
            self._leave()

    def answered(self) -> None:
        """The server bears this many."""
        self.allowed = min(float(self.most), self.allowed + 1.0 / self.allowed)
        self.quiet_seconds = 0.0

    def crowded(self, wait_seconds: float) -> None:
        """The server asks everybody to slow down; what was sent together counts once."""
        now = self.gate.clock()
        opened = max(self.gate.opens_at, now)
        if opened == now:
            self.allowed = max(1.0, self.allowed / 2.0)
        self.gate.close_for(wait_seconds)
        self.quiet_seconds += max(0.0, self.gate.opens_at - opened)

    async def _enter(self) -> None:
        while True:
            await self.gate.passed()
            opened = self.gate.opens_at
            while self._under_way >= int(self.allowed):
                self._left.clear()
                await self._left.wait()
            if self.gate.opens_at == opened:  # else somebody was told to wait in the meantime
                self._under_way += 1
                return

    def _leave(self) -> None:
        self._under_way -= 1
        self._left.set()


def is_told_to_wait(failure: Failure) -> bool:
    """Whether the server is well, only busy, and said when to come back: no reason to give anything up."""
    return failure.crowded and failure.after_seconds is not None
