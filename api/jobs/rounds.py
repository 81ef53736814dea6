"""Rounds of jobs, seen from outside of their stages: begun once more, ended before their time, removed."""

from dbos import DBOSClient

from api.jobs.delivering import Messenger
from api.jobs.place import Place
from api.jobs.queues import stage_options
from api.problems import CANCELLED
from api.records import Job, Problem
from api.storage import job_folder


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
        """Cancel the job and remove all that is known of it, and the questions about it."""
        for question in self._place.records.questions_about(job.id):
            self.delete(question)
        self._cancelled(job)
        self._place.records.delete(job.id)
        self._place.storage.delete(job_folder(job.id))
        known = self._client.list_workflows(
            workflow_id_prefix=f"{job.id}.", load_input=False, load_output=False
        )
        self._client.delete_workflows([workflow.workflow_id for workflow in known])
