"""A vision-language model behind an OpenAI-compatible endpoint."""

from collections.abc import Awaitable, Callable
from random import Random
from time import monotonic
from types import TracebackType
from typing import Self

import httpx

from analyzer.conversation import ModelProfile, Question, Reply
from analyzer.errors import (
    BudgetExceededError,
    ModelError,
    ModelUnavailableError,
    QuestionTooLargeError,
    TurnedAwayError,
    UnreachedError,
)
from analyzer.models.openai.dialect import Dialect, adapt
from analyzer.models.openai.endpoint import Endpoint
from analyzer.models.openai.exchange import Refusal, exchange, open_client
from analyzer.models.openai.pacing import LONGEST_WAITING_SECONDS, Pace, Patience, is_told_to_wait
from analyzer.models.openai.retries import Breaker, Failure, Gate, RetryBudget, RetryPolicy, pause
from analyzer.models.openai.wire import Answer, packed_body
from analyzer.spending import Ledger, Reservation, add_usage
from analyzer.types import ModelInfo, Usage


class OpenAIModel:
    """Asks questions of one model; all runs of one event loop may share it. Close it after use."""

    def __init__(
        self,
        endpoint: Endpoint,
        profile: ModelProfile,
        *,
        policy: RetryPolicy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = pause,
        random: Random | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._profile = profile
        self._policy = policy or RetryPolicy()
        self._client = open_client(endpoint, transport)
        self._sleep = sleep
        self._random = random or Random()  # noqa: S311 - jitter, not a secret
        self._dialect = Dialect(schema=profile.schema_support)
        self._reached = False
        self._pace = Pace(Gate(monotonic, sleep), endpoint.concurrency)
        # All that are asked at once, and as many that wait after a failure, may ride out one outage.
        retries = 2.0 * endpoint.concurrency * self._policy.attempts
        self._retries = RetryBudget(retries, retries)
        self._breaker = Breaker(monotonic)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    @property
    def info(self) -> ModelInfo:
        """Named without anything secret."""
        return ModelInfo("openai", self._endpoint.model, self._endpoint.shown_url)

    @property
    def profile(self) -> ModelProfile:
        """What the model can take."""
        return self._profile

    @property
    def dialect(self) -> Dialect:
        """What the server has been found to understand so far."""
        return self._dialect

    def forget_dialect(self) -> None:
        """Find out anew what the server understands, whatever the profile says."""
        self._dialect = Dialect()

    @property
    def reached(self) -> bool:
        """Whether the server has ever said anything, if only no."""
        return self._reached

    async def ask(self, question: Question, ledger: Ledger) -> Reply:
        """Ask until it is answered or must be given up; see ``VisionModel.ask``."""
        spent = Usage()
        patience = Patience()
        while True:
            try:
                outcome, usage = await self._ask_once(question, ledger, retry=spent.requests > 0)
            except BudgetExceededError as error:
                if patience.told_to_wait:
                    raise TurnedAwayError(str(error)) from error
                if patience.unreached:
                    raise UnreachedError(patience.unreached) from error
                raise
            spent = add_usage(spent, usage)
            match outcome:
                case Answer():
                    self._breaker.succeed()
                    self._pace.answered()
                    self._retries.earn()
                    return Reply(outcome.text, spent, outcome.finish, outcome.field)
                case Failure():
                    await self._wait_or_give_up(question, outcome, patience)
                case None:
                    continue

    async def _ask_once(
        self, question: Question, ledger: Ledger, *, retry: bool
    ) -> tuple[Answer | Failure | None, Usage]:
        """Send once. None: refused for its form, which has been changed for the next time."""
        dialect = self._dialect
        packed = packed_body(
            question,
            model=self._endpoint.model,
            dialect=dialect,
            openrouter=self._endpoint.is_openrouter,
        )
        async with self._pace.turn():
            self._breaker.check()
            worst_case = question.worst_case_usd(self._profile)
            reservation = await ledger.reserve_in_turn(worst_case, retry=retry)
            try:
                outcome = await exchange(
                    self._client, self._endpoint, packed, expects_json=question.schema is not None
                )
            except BaseException:  # cancelled in mid-request: it may have been billed
                reservation.lose()
                raise
        self._reached = self._reached or isinstance(outcome, Answer | Refusal)
        usage = Usage(requests=1, retries=int(retry))
        if isinstance(outcome, Answer):
            cost = self._settle(reservation, outcome)
            return outcome, add_usage(usage, cost)
        if isinstance(outcome, Refusal):
            reservation.refuse()
            return self._learn(dialect, outcome), usage
        reservation.lose() if outcome.maybe_billed else reservation.refuse()
        return outcome, usage

    def _settle(self, reservation: Reservation, answer: Answer) -> Usage:
        cost = answer.cost_usd
        if cost is None:
            cost = self._profile.cost_usd(answer.input_tokens, answer.output_tokens)
        usage = Usage(input_tokens=answer.input_tokens, output_tokens=answer.output_tokens, cost_usd=cost)
        reservation.settle(usage)
        return usage

    def _learn(self, dialect: Dialect, refusal: Refusal) -> Failure | None:
        better = adapt(dialect, refusal.status, refusal.message)
        if better is None:
            return refusal.failure
        if self._dialect == dialect:  # else another question has learned in the meantime
            self._dialect = better
        return None

    async def _wait_or_give_up(self, question: Question, failure: Failure, patience: Patience) -> None:
        """Wait as long as the failure calls for.

        Raises:
            ModelUnavailableError: asking any more questions is of no use.
            QuestionTooLargeError: the same question with fewer pictures may be answered.
            ModelError: this question is given up.
        """
        about = f"question {question.id}: {failure.message}"
        if failure.remedy == "shrink":
            raise QuestionTooLargeError(about)
        if failure.remedy == "give_up":
            raise ModelError(about)
        if failure.remedy == "stop":
            reason = f"{self._endpoint.shown_url} refuses us: {failure.message}"
            self._breaker.trip(reason)
            raise ModelUnavailableError(reason)
        patience.failures += 1
        patience.unreached = failure.message if failure.unreachable else ""
        wait = self._policy.backoff_seconds(patience.failures, self._random)
        wait = max(wait, failure.after_seconds or 0.0)
        patient = (failure.after_seconds or 0.0) <= self._policy.longest_retry_after_seconds
        if not patient or self._is_worn_out(failure, patience, wait):
            self._breaker.fail(failure.message)
            if failure.unreachable or not patient:
                raise ModelUnavailableError(failure.message)
            raise ModelError(f"{about}; given up after {patience.failures} attempts")
        if failure.crowded:
            self._pace.crowded(wait)
        else:
            await self._sleep(wait)

    def _is_worn_out(self, failure: Failure, patience: Patience, wait: float) -> bool:
        """Whether this was the last try. A server that says when to come back is only bounded in how long it takes."""
        patience.told_to_wait = is_told_to_wait(failure)
        if patience.told_to_wait:
            patience.waited_seconds += wait
            return max(patience.waited_seconds, self._pace.quiet_seconds) > LONGEST_WAITING_SECONDS
        patience.attempts += 1
        return patience.attempts >= self._policy.attempts or not self._retries.spend()
