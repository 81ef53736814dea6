"""Telling endpoints that jobs have ended: every try a workflow of its own, in a queue that is split by endpoint.

A try that must wait for hours waits outside of the queue's places, and an endpoint that is slow or gone takes up
two of them at most, so no other endpoint waits for it.
"""

import hashlib
from collections.abc import Callable
from contextvars import Context
from urllib.parse import urlsplit

from dbos import DBOS, DBOSClient, EnqueueOptions

from api.jobs.place import WORK_VERSION, Place
from api.records import Job
from api.webhooks import PAUSES_SECONDS


class Deliveries:
    """Makes the workflows."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def announce(self, job: Job | None, client: DBOSClient | None = None) -> None:
        """Have the job's endpoint told that this round of it has ended; by the client, outside of workflows."""
        if job is None or job.webhook is None or not job.finished:
            return
        if client is not None:
            client.enqueue(_options(job, 0), job.id, job.round, 0)
        else:
            DBOS.enqueue_workflow_with_options(_options(job, 0), job.id, job.round, 0)

    def workflow(self) -> Callable[[str, int, int], None]:
        """One try, which begins the next if it must."""

        def deliver(job_id: str, number: int, tried: int) -> None:
            if not DBOS.run_step({"name": "deliver"}, lambda: Context().run(self._deliver, job_id, number)):
                job = self._place.records.look_up(job_id)
                if job is not None and tried + 1 < len(PAUSES_SECONDS):
                    DBOS.enqueue_workflow_with_options(_options(job, tried + 1), job_id, number, tried + 1)

        return deliver

    def _deliver(self, job_id: str, number: int) -> bool:
        """Whether nothing is left to do."""
        job = self._place.records.look_up(job_id)
        if job is None or job.round != number:
            return True  # it was deleted, or runs again: its next end will be told
        with self._place.tracing.stage("deliver", job_id):
            return self._place.webhooks.deliver(job_id)


def _options(job: Job, tried: int) -> EnqueueOptions:
    endpoint = urlsplit(job.webhook or "").netloc
    options: EnqueueOptions = {
        "workflow_name": "deliver",
        "queue_name": "webhooks",
        "workflow_id": f"{job.id}.{job.round}.deliver.{tried}",
        "queue_partition_key": hashlib.sha256(endpoint.encode()).hexdigest()[:32],
        "priority": job.priority,
        "app_version": WORK_VERSION,
        "application_name": "sceneline",
    }
    if PAUSES_SECONDS[tried] > 0:
        options["delay_seconds"] = PAUSES_SECONDS[tried]
    return options
