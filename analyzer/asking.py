"""Putting tasks to a model batch by batch: an unusable answer is asked for once more, then given up."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Generic, Literal, TypeVar

from analyzer.conversation import Batch, Question, Repair, Reply, VisionModel
from analyzer.errors import (
    AnalyzerError,
    BudgetExceededError,
    ModelError,
    ModelUnavailableError,
    QuestionTooLargeError,
    UnusableAnswerError,
)
from analyzer.prompting import Prompt, fill
from analyzer.spending import Ledger
from analyzer.types import TaskName

R = TypeVar("R")

GapReason = Literal["model_failed", "budget"]

_WORKERS = 16
"""Questions prepared at once; how many are really sent at once the model decides."""
_QUOTED_ANSWER = 2_000
"""Characters of an unusable answer that are shown to the model again."""
_LONGEST_FAULT = 300


@dataclass(frozen=True, slots=True)
class Inquiry(Generic[R]):
    """One task, ready to be put to a model: what is asked of a batch, and how an answer is read."""

    task: TaskName
    prompt: Prompt
    read: Callable[[Reply, Batch], R]
    """Raises ``UnusableAnswerError``."""
    schema: Mapping[str, object] | None
    words: Mapping[str, str] = field(default_factory=dict)
    """What fills the gaps of the prompt."""
    retell: Callable[[R], str] | None = None
    """What the next batch is told of an answer; None for a task whose batches need not know of each other."""
    max_output_tokens: int = 4_096
    hint: Callable[[Batch], str] | None = None
    """What else is told of a batch before it is looked at."""

    def question(self, batch: Batch, context: str = "") -> Question:
        """What is asked of one batch."""
        hints = self.hint(batch) if self.hint else ""
        words = {**self.words, "context": f"{_told_before(context)}\n{hints}"}
        return Question(
            id=f"{self.task}.b{batch.index}",
            instructions=fill(self.prompt.instructions, self.words),
            text=fill(self.prompt.question, words),
            keyframes=batch.keyframes,
            schema=self.schema,
            max_output_tokens=self.max_output_tokens,
        )


@dataclass(frozen=True, slots=True)
class Answered(Generic[R]):
    """A batch and what was said about it."""

    task: TaskName
    batch: Batch
    said: R


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A batch nobody can vouch for, and why."""

    task: TaskName
    batch: Batch
    reason: GapReason
    message: str


Outcome = Answered[Any] | Unanswered


def _told_before(context: str) -> str:
    if not context:
        return ""
    return f"Notes on what came before these pictures, for orientation only, they may be wrong:\n{context}"


async def ask_checked(
    question: Question, read: Callable[[Reply], R], model: VisionModel, ledger: Ledger
) -> R:
    """Ask; if the answer cannot be used, ask once more and say what was wrong.

    Raises:
        AnalyzerError: whatever ``VisionModel.ask`` raises.
        UnusableAnswerError: the second answer cannot be used either.
        ModelError: reading an answer failed in a way that is a fault of ours.
    """
    reply = await model.ask(question, ledger)
    try:
        return _read(question, reply, read)
    except UnusableAnswerError as error:
        complaint = f"That answer cannot be used: {error}. Answer the question again, in full."
        repair = Repair(reply.text[:_QUOTED_ANSWER] or "(nothing)", complaint)
    try:
        return _read(question, await model.ask(replace(question, repair=repair), ledger), read)
    except UnusableAnswerError as error:
        raise UnusableAnswerError(
            f"question {question.id}: no usable answer, asked twice; the last was refused with: {error}"
        ) from error


def _read(question: Question, reply: Reply, read: Callable[[Reply], R]) -> R:
    try:
        return read(reply)
    except AnalyzerError:
        raise
    except (
        Exception
    ) as error:  # what is wrong with one answer must not cost the others, which may be paid for
        said = " ".join(f"{type(error).__name__}: {error}".split())[:_LONGEST_FAULT]
        raise ModelError(
            f"question {question.id}: the answer could not be read, which is a fault of ours ({said}); "
            "please report it"
        ) from error


async def ask_all(
    inquiries: Sequence[Inquiry[Any]],
    batches: Sequence[Batch],
    model: VisionModel,
    ledger: Ledger,
    *,
    rolling: bool,
) -> AsyncGenerator[Outcome]:
    """Put every inquiry to every batch and yield what comes back, as it comes.

    Closing the generator cancels what is under way. After the budget is used up or the model is out of reach,
    nothing more is asked.
    """
    fresh = count(max((batch.index for batch in batches), default=-1) + 1)
    run = _Run(model, ledger, asyncio.Queue(), fresh)
    jobs = [job for inquiry in inquiries for job in _jobs(inquiry, batches, rolling=rolling)]
    waiting = iter(jobs)

    async def work() -> None:
        for inquiry, share in waiting:
            await run.ask_in_order(inquiry, share)

    workers = [asyncio.create_task(work()) for _ in range(min(_WORKERS, len(jobs)))]
    finished = asyncio.gather(*workers)
    finished.add_done_callback(lambda _: run.outcomes.put_nowait(None))
    try:
        while (outcome := await run.outcomes.get()) is not None:
            yield outcome
        await finished
    finally:
        finished.cancel()
        with suppress(asyncio.CancelledError):
            await finished


def _jobs(
    inquiry: Inquiry[Any], batches: Sequence[Batch], *, rolling: bool
) -> list[tuple[Inquiry[Any], Sequence[Batch]]]:
    if rolling and inquiry.retell is not None:
        return [(inquiry, batches)]
    return [(inquiry, [batch]) for batch in batches]


@dataclass(slots=True)
class _Run:
    """What the workers of one run share."""

    model: VisionModel
    ledger: Ledger
    outcomes: asyncio.Queue[Outcome | None]
    fresh: Iterator[int]
    """Indexes for batches that come of splitting others."""
    stopped: Unanswered | None = None
    """Why nothing more is asked."""

    async def ask_in_order(self, inquiry: Inquiry[Any], batches: Sequence[Batch]) -> None:
        """Ask about one batch after another, each told of the one before."""
        context = ""
        for batch in batches:
            for outcome in await self._ask(inquiry, batch, context):
                self.outcomes.put_nowait(outcome)
                if isinstance(outcome, Answered) and inquiry.retell is not None:
                    context = inquiry.retell(outcome.said)

    async def _ask(self, inquiry: Inquiry[Any], batch: Batch, context: str) -> list[Outcome]:
        if self.stopped is not None:
            return [replace(self.stopped, task=inquiry.task, batch=batch)]
        try:
            question = inquiry.question(batch, context)
            said = await ask_checked(
                question, lambda reply: inquiry.read(reply, batch), self.model, self.ledger
            )
            return [Answered(inquiry.task, batch, said)]
        except QuestionTooLargeError as error:
            if len(batch.keyframes) > 1:
                return [o for half in self._halves(batch) for o in await self._ask(inquiry, half, context)]
            return [Unanswered(inquiry.task, batch, "model_failed", str(error))]
        except BudgetExceededError as error:
            self.stopped = Unanswered(inquiry.task, batch, "budget", str(error))
        except ModelUnavailableError as error:
            self.stopped = Unanswered(inquiry.task, batch, "model_failed", str(error))
        except ModelError as error:
            return [Unanswered(inquiry.task, batch, "model_failed", str(error))]
        return [self.stopped]

    def _halves(self, batch: Batch) -> tuple[Batch, Batch]:
        """The batch in two that share a keyframe, if it is long enough for that."""
        middle = (len(batch.keyframes) + 1) // 2
        shared = 1 if len(batch.keyframes) > 2 else 0
        return (
            Batch(next(self.fresh), batch.keyframes[:middle], min(batch.overlap, middle)),
            Batch(next(self.fresh), batch.keyframes[middle - shared :], shared),
        )
