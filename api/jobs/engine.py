"""The job engine: takes jobs in and runs their stages."""

import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable
from contextvars import Context
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar, get_args

from dbos import DBOS, DBOSClient
from dbos import error as dbos_errors

from api.errors import DatabaseError, ServiceError
from api.jobs.calling import Calls
from api.jobs.delivering import Messenger
from api.jobs.keeping import Keeper
from api.jobs.place import WORK_VERSION, Place, QueueName
from api.jobs.queues import POLL_SECONDS, RETRY, Stage, UnderWay, as_step, stage_options
from api.jobs.rounds import Rounds
from api.jobs.speaking import hear_engine
from api.problems import BUG, problem_of
from api.records import Job, NewJob, Quotas, Settling
from api.tracing import current_traceparent
from api.working import MOST_TRIES, Next

T = TypeVar("T")

log = logging.getLogger(__name__)

FAREWELL_SECONDS: Final = 8.0
"""How long leaving may take beyond the time that running work is given."""
_AFTER_SAMPLING: Final[dict[Next, QueueName]] = {"local": "cpu", "remote": "waiting"}


class JobEngine:
    """Takes jobs in and, where ``works``, works on them. One in a process; start it once, close it once."""

    def __init__(self, place: Place, *, works: bool) -> None:
        self._place = place
        self._works = works
        self.executor: Final[str] = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._under_way = UnderWay()
        self._calls = Calls(place)
        self._messenger = Messenger(place)
        self._started: tuple[DBOSClient, Rounds, Keeper] | None = None

    def start(self) -> None:
        """Connect to the queues; begin to work where this process does.

        Raises:
            DatabaseError: the database cannot be used.
        """
        self._name_workflows()
        url = self._place.database.engine.url.set(drivername=self._place.database.engine.dialect.name)
        DBOS(
            config={
                "name": "sceneline",
                "system_database_url": url.render_as_string(hide_password=False),
                "db_engine_kwargs": self._place.database.engine_options,
                "executor_id": self.executor,
                "application_version": WORK_VERSION,
                "log_level": "WARNING",
            }
        )
        hear_engine()
        DBOS.listen_queues(list(get_args(QueueName)) if self._works else [])
        try:
            DBOS.launch()
        except Exception as error:
            raise DatabaseError(
                f"the job queue cannot be opened ({error}); check SCENELINE_DATABASE_URL"
            ) from error
        if self._works:
            self._register_queues()
        client = DBOSClient(system_database_engine=self._place.database.engine, application_name="sceneline")
        rounds = Rounds(self._place, client, self._messenger)
        keeper = Keeper(self._place, self.executor, client, rounds, self._under_way if self._works else None)
        self._started = client, rounds, keeper
        keeper.start()

    def _name_workflows(self) -> None:
        """Say what is run under which name.

        The engine counts attempts too, but a take-over resets its count: ours, kept with the job, decides.
        """
        listed = self._under_way.workflow
        stages: dict[Stage, Callable[[str, int], None]] = {"sample": self._sample, "analyze": self._analyze}
        for name, stage in stages.items():
            DBOS.workflow(name=name, max_recovery_attempts=None)(listed(stage))
        DBOS.workflow(name="deliver", max_recovery_attempts=None)(listed(self._messenger.deliver))
        for work, made in (("call", self._calls.make_call), ("take", self._calls.make_take)):
            DBOS.workflow(name=work, max_recovery_attempts=MOST_TRIES)(listed(as_step(work, made)))

    def _register_queues(self) -> None:
        settings = self._place.settings
        self._register_queue("cpu", settings.jobs_at_once)
        self._register_queue("waiting", settings.remote_jobs_at_once)
        self._register_queue(
            "models",
            settings.model_calls_at_once,
            of_one=settings.model_calls_at_once_per_tenant,
            in_a_minute=settings.model_calls_per_minute,
        )
        self._register_queue("webhooks", 8, of_one=2)

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
        """Take no more work, let what runs end for a while, leave the rest to others.

        A database that does not answer is not waited for: then others find out by themselves that we have left.
        """
        leaving = threading.Thread(target=self._leave, args=(grace_seconds,), name="leaving", daemon=True)
        leaving.start()
        leaving.join(grace_seconds + FAREWELL_SECONDS)
        if leaving.is_alive():
            log.warning("left without a word", extra={"reason": "the database does not answer"})

    def _leave(self, grace_seconds: float) -> None:
        if self._started is not None:
            self._started[2].close()
        DBOS.destroy(workflow_completion_timeout_sec=round(grace_seconds), destroy_registry=True)
        try:
            for name in self._under_way.names():
                job_id, number, work, *_ = name.split(".")
                if work in get_args(Stage):
                    self._place.records.forget_attempt(job_id, int(number))
            self._place.executors.leave(self.executor)
        except DatabaseError as error:
            log.warning("left without a word", extra={"reason": str(error)})

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
            options = stage_options("sample", "cpu", job_id, 0, new.tenant, new.priority)
            self._client.enqueue_in_transaction(connection, options, job_id, 0)
        return self._place.records.get(job_id)

    def retry(self, job: Job) -> Job | None:
        """Begin a job that ended without a whole timeline once more; None if it is not such a job.

        What was sampled is not sampled again, what a model has answered is not asked again.
        """
        again = self._place.records.queue_again(job.id, current_traceparent())
        if again is not None:
            self._rounds.begin(again)
        return again

    def cancel(self, job: Job) -> Job:
        """End a job; whoever works on it notices within a second."""
        return self._rounds.cancel(job) or job

    def delete(self, job: Job) -> None:
        """Cancel the job and remove all that is known of it, and the questions about it."""
        self._rounds.delete(job)

    @property
    def _client(self) -> DBOSClient:
        return self._running[0]

    @property
    def _rounds(self) -> Rounds:
        return self._running[1]

    @property
    def _running(self) -> tuple[DBOSClient, Rounds, Keeper]:
        if self._started is None:
            raise ServiceError("the job engine was not started")
        return self._started

    # -- the stages, each run again from its first unfinished step when it was broken off -----------------

    def _sample(self, job_id: str, number: int) -> None:
        what_next = self._step("sample", job_id, number, self._place.workshop.sample)
        job = self._place.records.look_up(job_id)
        if what_next is not None and what_next != "ended" and job is not None:
            queue = _AFTER_SAMPLING[what_next]
            options = stage_options("analyze", queue, job_id, number, job.tenant, job.priority)
            DBOS.enqueue_workflow_with_options(options, job_id, number)
        else:
            self._end(job, number)

    def _analyze(self, job_id: str, number: int) -> None:
        self._step("analyze", job_id, number, partial(self._place.workshop.analyze, caller=self._calls))
        self._end(self._place.records.look_up(job_id), number)

    def _step(self, name: Stage, job_id: str, number: int, work: Callable[[str, int], T]) -> T | None:
        """Run one recorded step; what it could not do after several tries ends the job."""

        def traced() -> T:
            with self._place.tracing.stage(name, job_id):
                return work(job_id, number)

        try:
            # A step's context must not reach into the work: its threads and loops are its own.
            return DBOS.run_step({"name": name, **RETRY}, lambda: Context().run(traced))
        except dbos_errors.DBOSMaxStepRetriesExceeded as error:
            problem = problem_of(error.errors[-1]) if error.errors else None
            self._place.records.fail(job_id, number, problem or BUG)
            return None

    def _end(self, job: Job | None, number: int) -> None:
        """The last stage of a round of a job is over."""
        self._messenger.announce(job)
        if job is not None and job.round == number and job.status != "cancelled":
            self._place.tracing.end_job(job)
