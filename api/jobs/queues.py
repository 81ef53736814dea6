"""What workflows are called, where they wait, and which of them run in this process."""

from collections import Counter
from collections.abc import Callable
from contextvars import Context
from threading import Lock
from typing import Any, Final, Literal, TypeVar

from dbos import DBOS, EnqueueOptions, StepOptions

from api.jobs.place import WORK_VERSION, QueueName
from api.working import MOST_TRIES, RETRIED

T = TypeVar("T")

POLL_SECONDS = 0.1
"""How often a queue is looked at: the longest a job waits for a free worker."""

RETRY: Final[StepOptions] = {
    "retries_allowed": True,
    "max_attempts": MOST_TRIES,  # the last one's error is told: a fourth would only say that it gave up
    "interval_seconds": 2.0,
    "backoff_rate": 4.0,
    "should_retry": lambda error: isinstance(error, RETRIED),
}
"""How every step is tried again where our own database or storage failed it."""

Stage = Literal["sample", "analyze"]


def stage_name(job_id: str, number: int, stage: Stage) -> str:
    """The name of a workflow: one stage of one round of a job has one, however often it is asked for."""
    return f"{job_id}.{number}.{stage}"


def stage_options(
    stage: Stage, queue: QueueName, job_id: str, number: int, tenant: str, priority: int
) -> EnqueueOptions:
    """How a stage is put into its queue."""
    before = 2 * priority - (stage != "sample")  # what was begun is ended first: few videos lie half done
    return enqueued(stage, queue, stage_name(job_id, number, stage), tenant, before)


def enqueued(work: str, queue: QueueName, name: str, partition: str, priority: int) -> EnqueueOptions:
    """How a workflow is put into a queue that is split, by tenant as a rule."""
    return {
        "workflow_name": work,
        "queue_name": queue,
        "workflow_id": name,
        "queue_partition_key": partition,
        "priority": priority,
        "app_version": WORK_VERSION,
        "application_name": "sceneline",
    }


class UnderWay:
    """The workflows that run in this process now."""

    def __init__(self) -> None:
        self._names: Counter[str] = Counter()
        self._lock = Lock()

    def names(self) -> frozenset[str]:
        """What they are called."""
        with self._lock:
            return frozenset(+self._names)

    def workflow(self, work: Callable[..., T]) -> Callable[..., T]:
        """The same work as a plain function, for the engine leaves marks on what it runs; listed while it runs."""

        def run(*arguments: Any) -> T:
            name = DBOS.workflow_id or ""
            with self._lock:
                self._names[name] += 1
            try:
                return work(*arguments)
            finally:
                with self._lock:
                    self._names[name] -= 1

        return run


def as_step(name: str, work: Callable[..., T]) -> Callable[..., T]:
    """Work of a single step, so that its outcome is recorded as soon as it is there."""

    def run(*arguments: Any) -> T:
        return DBOS.run_step({"name": name, **RETRY}, lambda: Context().run(work, *arguments))

    return run
