"""What a job has done elsewhere while it is looked at: calls to remote models, frames taken for a closer look."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from dbos import DBOS, WorkflowStatus

from api.calls import Called
from api.jobs.place import Place, QueueName
from api.jobs.queues import POLL_SECONDS, enqueued
from api.records import Job, telling_database_errors
from api.shown import name_of_times
from api.tracing import fail, note
from sampler import SamplerError


class Calls:
    """Has calls made and frames taken, and does so; see ``api.calls.Caller``."""

    def __init__(self, place: Place) -> None:
        self._place = place

    async def call(self, job: Job, key: str, turn: int) -> Called:
        """Have the call made on some machine and wait for how it ends."""
        name = f"{job.id}.{job.round}.call.{key}.{turn}"
        ended = await _done_elsewhere("call", "models", name, job, job.priority, key)
        if ended.status == "SUCCESS" and ended.output is not None:
            return Called(**ended.output)
        return Called({}, 0.0, failure="ModelError", message=f"the call ended as {ended.status.lower()}")

    async def take(self, job: Job, times: Sequence[float], max_pixels: int) -> None:
        """Have frames taken on some machine and wait for it."""
        name = f"{job.id}.{job.round}.take.{name_of_times(times, max_pixels)}"
        before = 2 * job.priority - 1  # as a stage of a job that was begun
        ended = await _done_elsewhere("take", "cpu", name, job, before, list(times), max_pixels)
        if ended.status != "SUCCESS" or ended.output is not None:
            raise SamplerError(ended.output or f"taking frames ended as {ended.status.lower()}")

    def make_take(self, job_id: str, times: Sequence[float], max_pixels: int) -> str | None:
        """Take the frames here; why not, if that fails."""
        with self._place.tracing.stage("take", job_id):
            return self._place.workshop.take(job_id, times, max_pixels)

    def make_call(self, job_id: str, key: str) -> dict[str, Any]:
        """Make the call here; the fields of ``Called``."""
        with self._place.tracing.stage("call", job_id):
            called = self._place.workshop.make_call(job_id, key)
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


async def _done_elsewhere(
    work: str, queue: QueueName, name: str, job: Job, priority: int, *arguments: object
) -> WorkflowStatus:
    """How a workflow ended that is begun under a name of its own, if it was not before."""
    options = enqueued(work, queue, name, job.tenant, priority)
    with telling_database_errors():
        await asyncio.to_thread(DBOS.enqueue_workflow_with_options, options, job.id, *arguments)
        while True:
            status = await asyncio.to_thread(DBOS.get_workflow_status, name)
            if status is not None and status.status not in ("ENQUEUED", "PENDING", "DELAYED"):
                return status
            await asyncio.sleep(POLL_SECONDS)
