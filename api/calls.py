"""Calls to a remote model, each made durably and once: asked here, made wherever there is room, kept for ever. Frames
taken for a closer look go the same way.

A question is stored under the hash of all that it says and shows, so that a job which is taken up again asks the
same questions by the same names and finds the answers it has got already.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any, Final, Protocol

from pydantic import TypeAdapter

from analyzer import (
    AnalyzerError,
    BudgetExceededError,
    Ledger,
    ModelError,
    ModelInfo,
    ModelProfile,
    ModelUnavailableError,
    Question,
    QuestionTooLargeError,
    Reply,
    RetryPolicy,
    TurnedAwayError,
    UnreachedError,
    Usage,
    VisionModel,
)
from api.errors import NotStoredError, StorageError
from api.records import Job
from api.schemas import TimelineRequest
from api.shown import load_frames, name_of_times
from api.storage import Storage, answer_key, picture_key, question_key
from sampler import DEFAULT_MAX_PIXELS, Keyframe

log = logging.getLogger(__name__)

PATIENCE: Final = RetryPolicy()
"""With which a question is asked anew after a call that ended without an answer but may end better: not counting those
that met a server which said when to come back, and was waited for."""

_QUESTION = TypeAdapter(Question)
_FAILURES: Final[dict[str, type[AnalyzerError]]] = {
    each.__name__: each
    for each in (
        QuestionTooLargeError,
        UnreachedError,
        ModelUnavailableError,
        ModelError,
        TurnedAwayError,
        BudgetExceededError,
    )
}


_CUT_SHORT: Final = frozenset({UnreachedError.__name__, BudgetExceededError.__name__})
"""Failures of calls that would have been patient, had they been allowed more than one request."""


@dataclass(frozen=True, slots=True)
class Called:
    """How a call ended: with an answer or with the name of a failure, and what it cost either way."""

    usage: Mapping[str, Any]
    """The fields of ``Usage``."""
    at_risk_usd: float
    """Worst case of requests that were sent and not answered."""
    text: str | None = None
    finish: str = "stop"
    failure: str | None = None
    message: str = ""

    @property
    def spent(self) -> Usage:
        """What it cost."""
        return Usage(**self.usage)


NOT_CALLED: Final = Called({}, 0.0, failure=ModelError.__name__, message="the job had ended")


class Caller(Protocol):
    """Has calls made, somewhere, each of them once."""

    async def call(self, job: Job, key: str, turn: int) -> Called:
        """Have the stored question asked, or give what that call ended with when it was made before."""
        ...

    async def take(self, job: Job, times: Sequence[float], max_pixels: int) -> None:
        """Have the frames shown at these times taken and stored, or find that they were before.

        Raises:
            SamplerError: they cannot be had.
        """
        ...


class CloserFrames:
    """The frames a job looks at more closely: taken where there is room, once, and kept."""

    def __init__(self, job: Job, storage: Storage, caller: Caller) -> None:
        self._job = job
        self._storage = storage
        self._caller = caller
        self.taken: list[Keyframe] = []
        """All that were taken so far."""

    async def take(self, times: Sequence[float], max_pixels: int = DEFAULT_MAX_PIXELS) -> Sequence[Keyframe]:
        """See ``SecondLook``."""
        frames = await asyncio.to_thread(self._kept, times, max_pixels)
        if frames is None:
            await self._caller.take(self._job, times, max_pixels)
            frames = await asyncio.to_thread(self._kept, times, max_pixels) or ()
        self.taken += frames
        return frames

    def _kept(self, times: Sequence[float], max_pixels: int) -> tuple[Keyframe, ...] | None:
        try:
            return load_frames(self._storage, self._job.id, name_of_times(times, max_pixels))
        except NotStoredError:
            return None


class DurableModel:
    """A model whose every answer is kept; see ``VisionModel``."""

    def __init__(self, model: VisionModel, job: Job, storage: Storage, caller: Caller) -> None:
        self._model = model
        self._job = job
        self._storage = storage
        self._caller = caller
        self._random = Random()  # noqa: S311 - jitter, not a secret

    @property
    def info(self) -> ModelInfo:
        """The model's own."""
        return self._model.info

    @property
    def profile(self) -> ModelProfile:
        """The model's own."""
        return self._model.profile

    async def ask(self, question: Question, ledger: Ledger) -> Reply:
        """Have it asked; what was answered before is not asked again but accounted for again."""
        key = await asyncio.to_thread(store_question, self._storage, self._job.id, question, self.info.name)
        turn = unanswered = 0
        while True:
            called = await self._turn(question, key, ledger, turn)
            turn += 1
            if called.text is not None:
                return Reply(called.text, called.spent, _finish(called.finish))
            if called.failure == TurnedAwayError.__name__:
                continue
            if called.failure not in _CUT_SHORT:
                raise _FAILURES.get(called.failure or "", ModelError)(called.message)
            # What was reserved for each call is used up, not what the job may spend: other questions go on.
            unanswered += 1
            if unanswered == PATIENCE.attempts:
                if called.failure == UnreachedError.__name__:
                    raise ModelUnavailableError(called.message)
                raise ModelError(f"question {question.id}: no answer in {turn} calls; retry the job later")
            await asyncio.sleep(PATIENCE.backoff_seconds(unanswered, self._random))

    async def _turn(self, question: Question, key: str, ledger: Ledger, turn: int) -> Called:
        """How one call ended, and what it cost accounted for."""
        reservation = await ledger.reserve_in_turn(question.worst_case_usd(self.profile), retry=turn > 0)
        try:
            called = await _kept(self._storage, self._job.id, key) or await self._caller.call(
                self._job, key, turn
            )
        except BaseException:  # cancelled in mid-call: it may have been billed
            reservation.lose()
            raise
        reservation.settle(replace(called.spent, requests=max(0, called.spent.requests - 1)))
        ledger.at_risk_usd += called.at_risk_usd
        return called


async def make_call(
    model: VisionModel, storage: Storage, job_id: str, key: str, request: TimelineRequest
) -> Called:
    """Ask a stored question and keep the answer; one that was kept when the process died is not asked again."""
    kept = await _kept(storage, job_id, key)
    if kept is not None:
        return kept
    question = await asyncio.to_thread(load_question, storage, job_id, key)
    ledger = _reserved(request, question.worst_case_usd(model.profile))
    try:
        reply = await model.ask(question, ledger)
        called = Called(asdict(reply.usage), ledger.at_risk_usd, reply.text, reply.finish)
    except tuple(_FAILURES.values()) as error:
        kind = next(name for name, each in _FAILURES.items() if isinstance(error, each))
        return Called(asdict(ledger.usage), ledger.at_risk_usd, failure=kind, message=str(error))
    try:
        await asyncio.to_thread(storage.put, answer_key(job_id, key), json.dumps(asdict(called)).encode())
    except StorageError as error:  # it is paid for, and recorded as how this call ended
        log.warning("an answer is not kept beyond this run", extra={"job": job_id, "reason": str(error)})
    return called


def _reserved(request: TimelineRequest, worst_case_usd: float | None) -> Ledger:
    """What a call may spend: where its job is limited, a single request's worth, which was reserved for it.

    Requests that a server turns away cost nothing, so where cost alone is limited they are repeated here as often
    as without a limit; where requests are counted, the job reserves each.
    """
    if request.max_requests is not None:
        return Ledger(max_requests=1)
    return Ledger(max_cost_usd=worst_case_usd if request.max_cost is not None else None)


async def _kept(storage: Storage, job_id: str, key: str) -> Called | None:
    """An answer that has come before."""
    try:
        return Called(**json.loads(await asyncio.to_thread(storage.get, answer_key(job_id, key))))
    except NotStoredError:
        return None


def store_question(storage: Storage, job_id: str, question: Question, model: str) -> str:
    """Store a question and the pictures it shows; give the name that follows from all it holds."""
    pictures = []
    for keyframe in question.keyframes:
        sha256 = hashlib.sha256(keyframe.jpeg).hexdigest()
        pictures.append(sha256)
        try:
            storage.size(picture_key(job_id, sha256))
        except NotStoredError:
            storage.put(picture_key(job_id, sha256), keyframe.jpeg)
    bare = replace(question, keyframes=tuple(replace(each, jpeg=b"") for each in question.keyframes))
    document = {"model": model, "question": _QUESTION.dump_python(bare, mode="json"), "pictures": pictures}
    key = hashlib.sha256(_as_bytes(document | {"question": _nameless(document["question"])})).hexdigest()[:32]
    storage.put(question_key(job_id, key), _as_bytes(document))
    return key


def _as_bytes(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, ensure_ascii=False).encode()


def _nameless(question: Mapping[str, Any]) -> dict[str, Any]:
    """A question under its task's name alone: the number of its batch may be another when it is put again."""
    return {**question, "id": str(question["id"]).partition(".")[0]}


def load_question(storage: Storage, job_id: str, key: str) -> Question:
    """A stored question with its pictures."""
    document = json.loads(storage.get(question_key(job_id, key)))
    question = _QUESTION.validate_python(document["question"])
    keyframes = tuple(
        replace(keyframe, jpeg=storage.get(picture_key(job_id, sha256)))
        for keyframe, sha256 in zip(question.keyframes, document["pictures"], strict=True)
    )
    return replace(question, keyframes=keyframes)


def _finish(said: str) -> Any:
    return said if said in ("stop", "length", "filtered") else "other"
