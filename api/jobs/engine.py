"""The job engine: takes jobs in, runs their stages, takes over from dead processes."""

import asyncio
import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable, Sequence
from contextvars import Context
from dataclasses import asdict, replace
from functools import partial
from typing import Any, Final, Literal, TypeVar, get_args

from dbos import DBOS, DBOSClient, EnqueueOptions, StepOptions, WorkflowStatus
from dbos import error as dbos_errors

from api.calls import Called
from api.errors import DatabaseError, ServiceError
from api.jobs.delivering import Deliveries
from api.jobs.place import WORK_VERSION, Place, QueueName
from api.problems import BROKEN_OFF, BUG, CANCELLED, LATE, problem_of
from api.records import Job, NewJob, Quotas, Settling, telling_database_errors
from api.shown import name_of_times
from api.storage import job_folder
from api.tracing import current_traceparent, fail, note
from api.working import MOST_ATTEMPTS, RETRIED, Next
from sampler import SamplerError

log = logging.getLogger(__name__)
T = TypeVar("T")

KEPT_LOOKS_SECONDS = 7 * 86_400.0
"""How long what local models saw is kept: longer than any job is taken up again."""
POLL_SECONDS = 0.1
"""How often a queue is looked at: the longest a job waits for a free worker."""

Stage = Literal["sample", "analyze"]

_AFTER_SAMPLING: Final[dict[Next, QueueName]] = {"local": "cpu", "remote": "waiting"}
_RETRY: Final[StepOptions] = {
    "retries_allowed": True,
    "max_attempts": MOST_ATTEMPTS,  # the last one's error is told: a fourth would only say that it gave up
    "interval_seconds": 2.0,
    "backoff_rate": 4.0,
    "should_retry": lambda error: isinstance(error, RETRIED),
}


class JobEngine:
    """Takes jobs in and, where ``works``, works on them. One in a process; start it once, close it once."""

    def __init__(self, place: Place, *, works: bool) -> None:
        self._place = place
        self._works = works
        self.executor: Final[str] = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._closing = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._client: DBOSClient | None = None
        self._deliveries = Deliveries(place)

    def start(self) -> None:
        """Connect to the queues; begin to work where this process does.

        Raises:
            DatabaseError: the database cannot be used.
        """
        settings = self._place.settings
        # The engine counts attempts too, but a take-over resets its count: ours, kept with the job, decides.
        stages: dict[Stage, Callable[[str, int], None]] = {
            "sample": self._sample,
            "analyze": self._analyze,
        }
        for name, stage in stages.items():
            DBOS.workflow(name=name, max_recovery_attempts=None)(_as_function(stage))
        DBOS.workflow(name="deliver", max_recovery_attempts=None)(self._deliveries.workflow())
        DBOS.workflow(name="call", max_recovery_attempts=MOST_ATTEMPTS)(_as_step("call", self._make_call))
        DBOS.workflow(name="take", max_recovery_attempts=MOST_ATTEMPTS)(_as_step("take", self._take))
        url = self._place.database.engine.url.set(drivername=self._place.database.engine.dialect.name)
        DBOS(
            config={
                "name": "sceneline",
                "system_database_url": url.render_as_string(hide_password=False),
                "executor_id": self.executor,
                "application_version": WORK_VERSION,
                "log_level": "WARNING",
            }
        )
        DBOS.listen_queues(list(get_args(QueueName)) if self._works else [])
        try:
            DBOS.launch()
        except Exception as error:
            raise DatabaseError(
                f"the job queue cannot be opened ({error}); check SCENELINE_DATABASE_URL"
            ) from error
        if self._works:
            self._register_queue("cpu", settings.jobs_at_once)
            self._register_queue("waiting", settings.remote_jobs_at_once)
            self._register_queue(
                "models",
                settings.model_calls_at_once,
                of_one=settings.model_calls_at_once_per_tenant,
                in_a_minute=settings.model_calls_per_minute,
            )
            self._register_queue("webhooks", 8, of_one=2)
        self._client = DBOSClient(
            system_database_engine=self._place.database.engine, application_name="sceneline"
        )
        self._place.executors.beat(self.executor, works=self._works)
        if self._works:
            # A database of our own has no other living process: nothing has to fall silent first.
            shared = self._place.database.is_postgresql
            self.take_over(settings.silent_seconds if shared else 0.0)
            self._take_up_from_earlier_versions()
        self._keeper.start()

    def _register_queue(
        self, name: QueueName, at_once: int, *, of_one: int | None = None, in_a_minute: int | None = None
    ) -> None:
        DBOS.register_queue(
            name,
            worker_concurrency=at_once,
            partition_worker_concurrency=min(of_one or at_once, at_once),
            limiter={"limit": in_a_minute, "period": 60.0} if in_a_minute else None,
            polling_interval_sec=POLL_SECONDS,
            on_conflict="always_update",
        )

    def close(self, grace_seconds: float = 0.0) -> None:
        """Take no more work, let what runs end for a while, leave the rest to others."""
        self._closing.set()
        if self._keeper.is_alive():
            self._keeper.join()
        DBOS.destroy(workflow_completion_timeout_sec=round(grace_seconds), destroy_registry=True)
        self._place.executors.leave(self.executor)

    # -- taking in ---------------------------------------------------------------------------------------

    def submit(
        self, new: NewJob, job_id: str, quotas: Quotas | None = None, once: Settling | None = None
    ) -> Job:
        """Write the job and its place in the queue in one transaction: both are there, or neither.

        Raises:
            RefusedError: quotas are given, and it is one job too many for its tenant; or it is to be made once,
                and has been made.
        """
        new = replace(new, traceparent=current_traceparent())
        with self._place.records.adding(new, job_id) as connection:
            if quotas is not None:
                quotas.charge(connection, new)
            if once is not None:
                once.settle(connection, job_id)
            options = self._options("sample", "cpu", job_id, 0, new.tenant, new.priority)
            self._connected.enqueue_in_transaction(connection, options, job_id, 0)
        return self._place.records.get(job_id)

    def retry(self, job: Job) -> Job | None:
        """Begin a job that ended without a whole timeline once more; None if it is not such a job.

        What was sampled is not sampled again, what a model has answered is not asked again.
        """
        again = self._place.records.queue_again(job.id, current_traceparent())
        if again is not None:
            options = self._options("sample", "cpu", job.id, again.round, again.tenant, again.priority)
            self._connected.enqueue(options, job.id, again.round)
        return again

    def cancel(self, job: Job) -> Job:
        """End a job; whoever works on it notices within a second."""
        ended = self._cancelled(job)
        self._deliveries.announce(ended, self._connected)
        return ended or job

    def _cancelled(self, job: Job) -> Job | None:
        ended = self._place.records.fail(job.id, job.round, CANCELLED, "cancelled")
        if ended is not None and ended.status == "cancelled" and not job.finished:
            self._place.tracing.end_job(ended)
        return ended

    def delete(self, job: Job) -> None:
        """Cancel the job and remove all that is known of it, and the questions about it."""
        for question in self._place.records.questions_about(job.id):
            self.delete(question)
        self._cancelled(job)
        self._place.records.delete(job.id)
        self._place.storage.delete(job_folder(job.id))
        known = self._connected.list_workflows(
            workflow_id_prefix=f"{job.id}.", load_input=False, load_output=False
        )
        self._connected.delete_workflows([workflow.workflow_id for workflow in known])

    @property
    def _connected(self) -> DBOSClient:
        if self._client is None:
            raise ServiceError("the job engine was not started")
        return self._client

    @staticmethod
    def _options(
        stage: Stage, queue: QueueName, job_id: str, number: int, tenant: str, priority: int
    ) -> EnqueueOptions:
        before = 2 * priority - (stage != "sample")  # what was begun is ended first: few videos lie half done
        return _enqueued(stage, queue, _name(job_id, number, stage), tenant, before)

    # -- the stages, each run again from its first unfinished step when it was broken off -----------------

    def _sample(self, job_id: str, number: int) -> None:
        what_next = self._step("sample", job_id, number, self._place.workshop.sample)
        job = self._place.records.look_up(job_id)
        if what_next is not None and what_next != "ended" and job is not None:
            queue = _AFTER_SAMPLING[what_next]
            options = self._options("analyze", queue, job_id, number, job.tenant, job.priority)
            DBOS.enqueue_workflow_with_options(options, job_id, number)
        else:
            self._end(job, number)

    def _analyze(self, job_id: str, number: int) -> None:
        self._step("analyze", job_id, number, partial(self._place.workshop.analyze, caller=self))
        self._end(self._place.records.look_up(job_id), number)

    def _step(self, name: Stage, job_id: str, number: int, work: Callable[[str, int], T]) -> T | None:
        """Run one recorded step; what it could not do after several tries ends the job."""

        def traced() -> T:
            with self._place.tracing.stage(name, job_id):
                return work(job_id, number)

        try:
            # A step's context must not reach into the work: its threads and loops are its own.
            return DBOS.run_step({"name": name, **_RETRY}, lambda: Context().run(traced))
        except dbos_errors.DBOSMaxStepRetriesExceeded as error:
            problem = problem_of(error.errors[-1]) if error.errors else None
            self._place.records.fail(job_id, number, problem or BUG)
            return None

    def _end(self, job: Job | None, number: int) -> None:
        """The last stage of a round of a job is over."""
        self._deliveries.announce(job)
        if job is not None and job.round == number and job.status != "cancelled":
            self._place.tracing.end_job(job)

    # -- calls to remote models --------------------------------------------------------------------------

    async def call(self, job: Job, key: str, turn: int, *, once: bool) -> Called:
        """Have the call made on some machine and wait for how it ends; see ``api.calls.Caller``."""
        name = f"{job.id}.{job.round}.call.{key}.{turn}"
        ended = await self._done_elsewhere("call", "models", name, job, job.priority, key, once)
        if ended.status == "SUCCESS" and ended.output is not None:
            return Called(**ended.output)
        return Called({}, 0.0, failure="ModelError", message=f"the call ended as {ended.status.lower()}")

    async def take(self, job: Job, times: Sequence[float], max_pixels: int) -> None:
        """Have frames taken on some machine and wait for it; see ``api.calls.Caller``."""
        name = f"{job.id}.{job.round}.take.{name_of_times(times, max_pixels)}"
        before = 2 * job.priority - 1  # as a stage of a job that was begun
        ended = await self._done_elsewhere("take", "cpu", name, job, before, list(times), max_pixels)
        if ended.status != "SUCCESS" or ended.output is not None:
            raise SamplerError(ended.output or f"taking frames ended as {ended.status.lower()}")

    @staticmethod
    async def _done_elsewhere(
        work: str, queue: QueueName, name: str, job: Job, priority: int, *arguments: object
    ) -> WorkflowStatus:
        """How a workflow ended that is begun under a name of its own, if it was not before."""
        options = _enqueued(work, queue, name, job.tenant, priority)
        with telling_database_errors():
            await asyncio.to_thread(DBOS.enqueue_workflow_with_options, options, job.id, *arguments)
            while True:
                status = await asyncio.to_thread(DBOS.get_workflow_status, name)
                if status is not None and status.status not in ("ENQUEUED", "PENDING", "DELAYED"):
                    return status
                await asyncio.sleep(POLL_SECONDS)

    def _take(self, job_id: str, times: Sequence[float], max_pixels: int) -> str | None:
        with self._place.tracing.stage("take", job_id):
            return self._place.workshop.take(job_id, times, max_pixels)

    def _make_call(self, job_id: str, key: str, once: bool) -> dict[str, Any]:  # noqa: FBT001 - the engine's way
        with self._place.tracing.stage("call", job_id):
            called = self._place.workshop.make_call(job_id, key, once=once)
            note(
                {
                    "gen_ai.operation.name": "chat",
                    "gen_ai.usage.input_tokens": called.usage.get("input_tokens"),
                    "gen_ai.usage.output_tokens": called.usage.get("output_tokens"),
                    "sceneline.call.requests": called.usage.get("requests"),
                    "sceneline.call.cost_usd": called.usage.get("cost_usd"),
                    "gen_ai.response.finish_reason": called.finish if called.text is not None else None,
                }
            )
            if called.failure is not None:
                fail(called.failure)
            return asdict(called)

    # -- staying alive -----------------------------------------------------------------------------------

    def _keep(self) -> None:
        """Say that this process lives, free what dead ones had begun, remove what is too old."""
        silent_seconds = self._place.settings.silent_seconds
        while not self._closing.wait(silent_seconds / 4):
            try:
                self._place.executors.beat(self.executor, works=self._works)
                if self._works:
                    self.take_over(silent_seconds)
                    self._end_lost()
                    self._remove_old()
            except ServiceError as error:
                # The next beat may find the database again; ending here would look like dying.
                log.warning("housekeeping failed", extra={"reason": str(error)})
            except Exception:
                log.exception("housekeeping failed")

    def take_over(self, silent_seconds: float) -> None:
        """Put back into their queues the workflows of processes that have been silent for so long."""
        for dead in self._place.executors.claim_silent(self.executor, silent_seconds):
            left = self._connected.list_workflows(
                status="PENDING", executor_id=[dead], load_input=False, load_output=False
            )
            for workflow in left:
                self._connected.resume_workflow(workflow.workflow_id, queue_name=workflow.queue_name)
            self._place.executors.forget(dead)
            log.warning("took over from a dead process", extra={"executor": dead, "workflows": len(left)})

    def _end_lost(self) -> None:
        """See to jobs nobody works on any more: long past their deadline, or broken off as nothing could be written."""
        for job in self._place.records.overdue():
            self._end(self._place.records.fail(job.id, job.round, LATE), job.round)
        broken = self._connected.list_workflows(
            status="ERROR", name=list(get_args(Stage)), limit=100, load_input=False, load_output=False
        )
        names = [workflow.workflow_id for workflow in broken]
        for job_id, number in (name.split(".")[:2] for name in names):
            lost = self._place.records.look_up(job_id)
            if lost is None or lost.finished or lost.round != int(number):
                continue
            if lost.round < MOST_ATTEMPTS:
                self._begin_anew(lost)
            else:
                self._end(self._place.records.fail(job_id, lost.round, BROKEN_OFF), lost.round)
        self._connected.delete_workflows(names)

    def _take_up_from_earlier_versions(self) -> None:
        """Begin anew, with all that they have, the jobs that wait for a process of an earlier version.

        Should one be alive still and work on such a job, it stops: the round it knows is over.
        """
        active = self._connected.list_workflows(
            status=["ENQUEUED", "PENDING", "DELAYED"],
            name=list(get_args(Stage)),
            load_input=False,
            load_output=False,
        )
        stale = {each.workflow_id.partition(".")[0] for each in active if each.app_version != WORK_VERSION}
        for job_id in sorted(stale):
            job = self._place.records.look_up(job_id)
            if job:
                self._begin_anew(job)
        if stale:
            log.info("took up jobs of an earlier version", extra={"jobs": len(stale)})

    def _begin_anew(self, job: Job) -> None:
        if again := self._place.records.queue_again(job.id, job.traceparent, unfinished=True):
            options = self._options("sample", "cpu", job.id, again.round, again.tenant, again.priority)
            self._connected.enqueue(options, job.id, again.round)

    def _remove_old(self) -> None:
        self._place.workshop.looks.forget_older(KEPT_LOOKS_SECONDS)
        if self._place.settings.keep_days is not None:
            for job in self._place.records.finished_before(self._place.settings.keep_days * 86400):
                self.delete(job)


def _enqueued(work: str, queue: QueueName, name: str, tenant: str, priority: int) -> EnqueueOptions:
    return {
        "workflow_name": work,
        "queue_name": queue,
        "workflow_id": name,
        "queue_partition_key": tenant,
        "priority": priority,
        "app_version": WORK_VERSION,
        "application_name": "sceneline",
    }


def _name(job_id: str, number: int, stage: Stage) -> str:
    """The name of a workflow: one stage of one round of a job has one, however often it is asked for."""
    return f"{job_id}.{number}.{stage}"


def _as_function(method: Callable[[str, int], None]) -> Callable[[str, int], None]:
    """The engine leaves marks on what it runs, and a bound method takes none."""

    def run(job_id: str, number: int) -> None:
        method(job_id, number)

    return run


def _as_step(name: str, work: Callable[..., T]) -> Callable[..., T]:
    """A workflow of a single step, so that its outcome is recorded as soon as it is there."""

    def run(*arguments: Any) -> T:
        return DBOS.run_step({"name": name}, lambda: Context().run(work, *arguments))

    return run
