"""What one run may spend on a model and has spent: reserved before it is sent, settled when answered."""

import asyncio
from dataclasses import dataclass, field

from analyzer.errors import BudgetExceededError
from analyzer.types import Usage


@dataclass(slots=True)
class Ledger:
    """The account of one run. A request is reserved at its worst case before it leaves, so limits hold.

    Not for threads: one event loop owns it.
    """

    max_requests: int | None = None
    max_cost_usd: float | None = None
    usage: Usage = field(default_factory=Usage)
    """Everything settled so far; ``requests`` counts each request that left, repeats included."""
    at_risk_usd: float = 0.0
    """Worst case of requests that were sent and never answered: they may have been billed."""
    reserved_usd: float = 0.0
    """Worst case of requests under way."""
    _under_way: int = field(default=0, init=False, repr=False)
    _ended: asyncio.Event = field(default_factory=asyncio.Event, init=False, repr=False, compare=False)
    """Set whenever a request ends."""

    @property
    def committed_usd(self) -> float:
        """All that is or may be gone, in US dollars."""
        return (self.usage.cost_usd or 0.0) + self.at_risk_usd + self.reserved_usd

    def reserve(self, worst_case_usd: float | None, *, retry: bool = False) -> "Reservation":
        """Allow one request, or refuse it before it is sent.

        ``worst_case_usd`` is None where the price is unknown.

        Raises:
            BudgetExceededError: the request could cross a limit.
        """
        if self.max_requests is not None and self.usage.requests >= self.max_requests:
            raise BudgetExceededError(
                f"the limit of {self.max_requests} model requests is used up; raise max_requests"
            )
        if self.max_cost_usd is not None:
            if worst_case_usd is None:
                raise BudgetExceededError(
                    "a cost limit was given but the price of this model is unknown; "
                    "add its price to the model profiles, or limit max_requests instead"
                )
            if self.committed_usd + worst_case_usd > self.max_cost_usd:
                raise BudgetExceededError(
                    f"the next request could cost {worst_case_usd:.4g} USD and cross the limit of "
                    f"{self.max_cost_usd:.4g} USD ({self.committed_usd:.4g} spent or at risk); raise max_cost"
                )
        self.record(Usage(requests=1, retries=int(retry)))
        held = worst_case_usd or 0.0
        self.reserved_usd += held
        self._under_way += 1
        return Reservation(self, held)

    async def reserve_in_turn(self, worst_case_usd: float | None, *, retry: bool = False) -> "Reservation":
        """The same, but after requests under way where only what they could cost at worst leaves no room for it.

        Raises:
            BudgetExceededError: the request could cross a limit whatever those under way cost.
        """
        while self._is_room_ahead(worst_case_usd):
            self._ended.clear()
            await self._ended.wait()
        return self.reserve(worst_case_usd, retry=retry)

    def _is_room_ahead(self, worst_case_usd: float | None) -> bool:
        """Whether there is no room now, but may be when those under way have ended."""
        if self.max_cost_usd is None or worst_case_usd is None or not self._under_way:
            return False
        if self.max_requests is not None and self.usage.requests >= self.max_requests:
            return False
        committed = self.committed_usd + worst_case_usd
        return committed - self.reserved_usd <= self.max_cost_usd < committed

    def end_one(self) -> None:
        """A request has ended, and what was held for it is free again; called by its reservation."""
        self._under_way -= 1
        self._ended.set()

    def record(self, usage: Usage) -> None:
        """Add what was spent, for instance by an answer that was kept from an earlier, interrupted run."""
        self.usage = add_usage(self.usage, usage)


@dataclass(slots=True)
class Reservation:
    """One request's place in the ledger; ends in exactly one of its three ways."""

    ledger: Ledger
    held_usd: float

    def settle(self, usage: Usage) -> None:
        """The request was answered and this is what it cost."""
        self.ledger.record(usage)
        self._release()

    def refuse(self) -> None:
        """The server turned the request away: nothing was spent."""
        self._release()

    def lose(self) -> None:
        """The request was sent and no answer came: it may have been billed."""
        self.ledger.at_risk_usd += self.held_usd
        self._release()

    def _release(self) -> None:
        self.ledger.reserved_usd -= self.held_usd
        self.held_usd = 0.0
        self.ledger.end_one()


def add_usage(a: Usage, b: Usage) -> Usage:
    """Sum of two accounts; a cost nobody knows counts as nothing, two unknown costs stay unknown."""
    known = [usage.cost_usd for usage in (a, b) if usage.cost_usd is not None]
    return Usage(
        requests=a.requests + b.requests,
        retries=a.retries + b.retries,
        input_tokens=a.input_tokens + b.input_tokens,
        output_tokens=a.output_tokens + b.output_tokens,
        cost_usd=sum(known) if known else None,
        decode_seconds=a.decode_seconds + b.decode_seconds,
        analyze_seconds=a.analyze_seconds + b.analyze_seconds,
        wall_seconds=a.wall_seconds + b.wall_seconds,
    )
