"""Many who follow jobs are one question to the database at a time."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from api.errors import DatabaseError
from api.records import JobMark
from api.routes.following import NOTHING, Following


class Records:
    """Says how far jobs are, and counts how often it is asked."""

    def __init__(self, *job_ids: str) -> None:
        self.known = {job_id: JobMark("queued", 0, 1) for job_id in job_ids}
        self.asked = 0
        self.away = False

    def marks(self, job_ids: Sequence[str]) -> dict[str, JobMark]:
        self.asked += 1
        if self.away:
            raise DatabaseError("the database failed (it is gone)")
        return {job_id: self.known[job_id] for job_id in job_ids if job_id in self.known}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.routes.following.POLL_SECONDS", 0.01)


def test_a_crowd_is_asked_for_at_once_and_told_of_its_own_jobs_only() -> None:
    async def follow() -> None:
        records: Any = Records("a", "b", "c")
        following = Following(records)
        crowd = {
            job_id: [asyncio.create_task(following.change(job_id, NOTHING)) for _ in range(100)]
            for job_id in "abc"
        }
        marks = await asyncio.gather(*(task for tasks in crowd.values() for task in tasks))
        assert set(marks) == {JobMark("queued", 0, 1)}
        assert records.asked == 1
        waiting = {job_id: asyncio.create_task(following.change(job_id, marks[0])) for job_id in "abc"}
        await asyncio.sleep(0.1)
        assert not any(task.done() for task in waiting.values())
        records.known["b"] = JobMark("sampling", 0, 2)
        del records.known["c"]
        assert await waiting["b"] == JobMark("sampling", 0, 2)
        assert await waiting["c"] is None
        assert not waiting["a"].done()
        waiting["a"].cancel()
        await asyncio.gather(waiting["a"], return_exceptions=True)
        await asyncio.sleep(0.1)
        asked = records.asked
        await asyncio.sleep(0.1)
        assert records.asked == asked, "nobody follows, nothing is asked"

    asyncio.run(follow())


def test_who_waits_is_told_that_nobody_knows() -> None:
    async def follow() -> None:
        records: Any = Records("a")
        following = Following(records)
        records.away = True
        with pytest.raises(DatabaseError):
            await following.change("a", NOTHING)
        records.away = False
        assert await following.change("a", NOTHING) == JobMark("queued", 0, 1)

    asyncio.run(follow())
