"""Telling endpoints that jobs have ended: every try a workflow of its own, in a queue that is split by endpoint.

A try that must wait for hours waits outside of the queue's places, and an endpoint that is slow or gone takes up
two of them at most, so no other endpoint waits for it.
"""

import hashlib
import logging
from contextvars import Context
from functools import partial
from urllib.parse import urlsplit

from dbos import DBOS, DBOSClient, EnqueueOptions

from api import webhooks
from api.jobs.place import WORK_VERSION, Place
from api.jobs.queues import enqueued
from api.records import Job

log = logging.getLogger(__name__)

OVERDUE_SECONDS = 120.0
"""How long after its time a try is looked for that was not made."""
_ACTIVE = frozenset(("ENQUEUED", "PENDING", "DELAYED"))


class Messenger:
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

    def take_up(self, client: DBOSClient) -> None:
        """Begin anew the tries that are long overdue and wait in no queue: whoever had them ended over them.

        Between the end of a job and its place in the queue a process may die, a database may be away when the
        outcome of a try is to be written, and an earlier version may have left some.
        """
        for due in self._place.webhooks.deliveries.overdue(OVERDUE_SECONDS):
            job = self._place.records.look_up(due.job_id)
            if job is None or job.round != due.round or not job.finished:
                continue
            options = _options(job, due.attempts)
            known = client.list_workflows(
                workflow_ids=[options["workflow_id"]], load_input=False, load_output=False
            )
            waiting = [each for each in known if each.status in _ACTIVE and each.app_version == WORK_VERSION]
            if not waiting:
                client.delete_workflows([each.workflow_id for each in known])
                options.pop("delay_seconds", None)  # that time is over
                client.enqueue(options, job.id, job.round, due.attempts)
                log.warning("took up a lost webhook", extra={"job": job.id, "tries": due.attempts})

    def deliver(self, job_id: str, number: int, tried: int) -> None:
        """The workflow: one try, which begins the next if it must."""
        step = partial(Context().run, self._deliver, job_id, number, tried)
        if not DBOS.run_step({"name": "deliver"}, step):
            job = self._place.records.look_up(job_id)
            if job is not None and tried + 1 < len(webhooks.PAUSES_SECONDS):
                DBOS.enqueue_workflow_with_options(_options(job, tried + 1), job_id, number, tried + 1)

    def _deliver(self, job_id: str, number: int, tried: int) -> bool:
        """Whether nothing is left to do."""
        job = self._place.records.look_up(job_id)
        if job is None or job.round != number:
            return True  # it was deleted, or runs again: its next end will be told
        with self._place.tracing.stage("deliver", job_id):
            return self._place.webhooks.deliver(job_id, tried)


def _options(job: Job, tried: int) -> EnqueueOptions:
    endpoint = hashlib.sha256(urlsplit(job.webhook or "").netloc.encode()).hexdigest()[:32]
    name = f"{job.id}.{job.round}.deliver.{tried}"
    options = enqueued("deliver", "webhooks", name, endpoint, job.priority)
    pause_seconds = webhooks.PAUSES_SECONDS[min(tried, len(webhooks.PAUSES_SECONDS) - 1)]
    if pause_seconds > 0:
        options["delay_seconds"] = pause_seconds
    return options
