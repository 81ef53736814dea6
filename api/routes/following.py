"""Waiting until jobs get on: however many clients follow them, the database is asked once for all at a time."""

import asyncio
from collections import defaultdict
from typing import Final

from anyio import to_thread

from api.errors import DatabaseError
from api.records import JobMark, JobRecords

POLL_SECONDS: Final = 0.25
"""How often the database is asked whether jobs have got on that anybody follows."""

NOTHING: Final = JobMark("", -1, -1)
"""What is known of a job before anything is."""


class Following:
    """Tells those who wait that a job has got on. For one event loop."""

    def __init__(self, records: JobRecords) -> None:
        self._records = records
        self._waiting: defaultdict[str, dict[asyncio.Future[JobMark | None], JobMark]] = defaultdict(dict)
        self._looking: asyncio.Task[None] | None = None

    async def change(self, job_id: str, known: JobMark) -> JobMark | None:
        """How far a job is, once that is something else than what is known; None once it was deleted.

        Who knows ``NOTHING`` yet is told soon. What is read of the job afterwards is at least as new.

        Raises:
            DatabaseError: nobody can tell.
        """
        changed: asyncio.Future[JobMark | None] = asyncio.get_running_loop().create_future()
        self._waiting[job_id][changed] = known
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            return await changed
        finally:
            del self._waiting[job_id][changed]
            if not self._waiting[job_id]:
                del self._waiting[job_id]

    async def _look(self) -> None:
        while self._waiting:
            await asyncio.sleep(POLL_SECONDS)
            asked = {job_id: tuple(waiting.items()) for job_id, waiting in self._waiting.items()}
            if not asked:
                return
            try:
                marks = await to_thread.run_sync(self._records.marks, tuple(asked))
            except DatabaseError as error:
                for waiting in asked.values():
                    for changed, _ in waiting:
                        if not changed.done():
                            changed.set_exception(error)
                continue
            for job_id, waiting in asked.items():
                for changed, known in waiting:
                    if marks.get(job_id) != known and not changed.done():
                        changed.set_result(marks.get(job_id))
