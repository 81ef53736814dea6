"""Rounds of jobs, seen from outside of their stages: begun once more, ended before their time, removed."""

import logging

from dbos import DBOSClient

from api.errors import StorageError
from api.jobs.delivering import Messenger
from api.jobs.place import Place
from api.jobs.queues import stage_options
from api.problems import CANCELLED
from api.records import Job, Problem
from api.storage import job_folder

log = logging.getLogger(__name__)


class Rounds:
    """Begins and ends them."""

    def __init__(self, place: Place, client: DBOSClient, messenger: Messenger) -> None:
        self._place = place
        self._client = client
        self._messenger = messenger

    def begin(self, job: Job) -> None:
        """Put the present round of a job into the queue."""
        options = stage_options("sample", "cpu", job.id, job.round, job.tenant, job.priority)
        self._client.enqueue(options, job.id, job.round)

    def begin_anew(self, job: Job) -> None:
        """Begin one that has not ended once more, with all that it has: nobody works on it any more."""
        if again := self._place.records.queue_again(job.id, job.traceparent, unfinished=True):
            self.begin(again)

    def end(self, job: Job, problem: Problem) -> None:
        """End one that nobody works on any more."""
        ended = self._place.records.fail(job.id, job.round, problem)
        self._messenger.announce(ended, self._client)
        if ended is not None and ended.round == job.round and ended.status != "cancelled":
            self._place.tracing.end_job(ended)

    def cancel(self, job: Job) -> Job | None:
        """End one because somebody wants it so; the job as it then stands, None if it was deleted."""
        ended = self._cancelled(job)
        self._messenger.announce(ended, self._client)
        return ended

    def _cancelled(self, job: Job) -> Job | None:
        ended = self._place.records.fail(job.id, job.round, CANCELLED, "cancelled")
        if ended is not None and ended.status == "cancelled" and not job.finished:
            self._place.tracing.end_job(ended)
        return ended

    def delete(self, job: Job) -> None:
        """Cancel the job and remove all that is known of it, and the questions about it.

        What works on it still notices and removes at its end what it has stored since.
        """
        for question in self._place.records.questions_about(job.id):
            self.delete(question)
        self._cancelled(job)
        self._place.records.delete(job.id)
        try:
            self._place.storage.delete(job_folder(job.id))
        except StorageError as error:  # it is deleted all the same, and the keeper removes what is left
            log.warning("files of a deleted job are left", extra={"job": job.id, "reason": str(error)})
        self._delete_workflows(job.id, running=False)

    def clear(self, job_id: str) -> None:
        """Remove what was left of a job that was deleted long ago, or never added."""
        self._place.storage.delete(job_folder(job_id))
        self._delete_workflows(job_id, running=True)
        self._place.records.forget_deleted(job_id)

    def _delete_workflows(self, job_id: str, *, running: bool) -> None:
        known = self._client.list_workflows(
            workflow_id_prefix=f"{job_id}.", load_input=False, load_output=False
        )
        # One that runs would be missed by the engine when it ends.
        self._client.delete_workflows(
            [each.workflow_id for each in known if running or each.status != "PENDING"]
        )
