"""Jobs: one row each from being accepted until being deleted, and the events of their progress."""

import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any, Literal, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from api.records import searching
from api.records.database import Database
from api.records.deliveries import owe
from api.records.quotas import add_used
from api.records.tables import DELETED, DELIVERIES, EVENTS, IDEMPOTENCY, JOBS
from api.records.totals import add_totals
from api.records.types import (
    FINISHED,
    EventKind,
    Job,
    JobEvent,
    JobFilter,
    JobMark,
    JobSource,
    JobStatus,
    NewJob,
    Outcome,
    Problem,
)

_AT_A_TIME = 500
"""Jobs that are asked about in one statement."""


def new_id() -> str:
    """32 hexadecimal digits that sort by time and cannot be guessed."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


class JobRecords:
    """Reads and writes jobs; each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- accepting ---------------------------------------------------------------------------------------

    def foresee(self, job_id: str) -> None:
        """Say that files of a job come before the job: should it never be added, they are as those of a deleted one."""
        with self._database.begin() as connection:
            row = {"job_id": job_id, "deleted_at": self._database.now_seconds(connection)}
            self._insert_new(connection, DELETED, [row])

    @contextmanager
    def adding(self, new: NewJob, job_id: str) -> Iterator[sa.Connection]:
        """Write a queued job, and whatever else is done with the connection, in one transaction."""
        with self._database.begin() as connection:
            now = self._database.now_seconds(connection)
            row = asdict(new) | {
                "id": job_id,
                "status": "queued",
                "progress": 0.0,
                "attempts": 0,
                "round": 0,
                "summary": "",
                "created_at": now,
                "queued_at": now,
            }
            connection.execute(sa.insert(JOBS).values(row))
            connection.execute(sa.delete(DELETED).where(DELETED.c.job_id == job_id))
            yield connection

    def set_sources(self, job_id: str, name: str, sources: Sequence[JobSource]) -> None:
        """Remember what was fetched for a job that began with a URL."""
        with self._database.begin() as connection:
            connection.execute(
                sa.update(JOBS)
                .where(JOBS.c.id == job_id)
                .values(name=name, sources=[asdict(source) for source in sources])
            )
            tenant = connection.execute(sa.select(JOBS.c.tenant).where(JOBS.c.id == job_id)).scalar()
            if tenant is not None:
                now = self._database.now_seconds(connection)
                add_used(connection, tenant, now, size=sum(source.bytes for source in sources))

    # -- reading -----------------------------------------------------------------------------------------

    def find(self, job_id: str, tenant: str) -> Job | None:
        """The job, if this tenant has it."""
        with self._database.begin(reading=True) as connection:
            row = connection.execute(
                sa.select(JOBS).where(JOBS.c.id == job_id, JOBS.c.tenant == tenant)
            ).first()
        return None if row is None else _job(row)

    def look_up(self, job_id: str) -> Job | None:
        """The job, whoever has it; None if it was deleted."""
        with self._database.begin(reading=True) as connection:
            row = connection.execute(sa.select(JOBS).where(JOBS.c.id == job_id)).first()
        return None if row is None else _job(row)

    def get(self, job_id: str) -> Job:
        """The job, which must exist.

        Raises:
            LookupError: it was deleted meanwhile.
        """
        job = self.look_up(job_id)
        if job is None:
            raise LookupError(f"job {job_id} does not exist any more")
        return job

    def marks(self, job_ids: Sequence[str]) -> dict[str, JobMark]:
        """How far these jobs are; those that were deleted are left out."""
        last = sa.select(sa.func.max(EVENTS.c.number)).where(EVENTS.c.job_id == JOBS.c.id).scalar_subquery()
        columns = (JOBS.c.id, JOBS.c.status, JOBS.c.round, sa.func.coalesce(last, 0))
        found: dict[str, JobMark] = {}
        with self._database.begin(reading=True) as connection:
            for first in range(0, len(job_ids), _AT_A_TIME):
                some = JOBS.c.id.in_(job_ids[first : first + _AT_A_TIME])
                for job_id, *mark in connection.execute(sa.select(*columns).where(some)):
                    found[job_id] = JobMark(*mark)
        return found

    def newest(self, wanted: JobFilter) -> tuple[Job, ...]:
        """The jobs that are wanted, newest first, at most ``limit``."""
        statement = sa.select(JOBS).where(JOBS.c.tenant == wanted.tenant, JOBS.c.parent == wanted.parent)
        if wanted.before is not None:
            statement = statement.where(JOBS.c.id < wanted.before)
        if wanted.status is not None:
            statement = statement.where(JOBS.c.status == wanted.status)
        if wanted.query.strip():
            matching = searching.matching(wanted.query, postgresql=self._database.is_postgresql)
            if matching is None:
                return ()
            statement = statement.where(JOBS.c.id.in_(matching))
        with self._database.begin(reading=True) as connection:
            rows = connection.execute(statement.order_by(JOBS.c.id.desc()).limit(wanted.limit)).all()
        return tuple(_job(row) for row in rows)

    def questions_about(self, job_id: str) -> tuple[Job, ...]:
        """The jobs that look at this one's keyframes again."""
        with self._database.begin(reading=True) as connection:
            rows = connection.execute(sa.select(JOBS).where(JOBS.c.parent == job_id)).all()
        return tuple(_job(row) for row in rows)

    def counts(self) -> dict[JobStatus, int]:
        """How many jobs stand at each status."""
        with self._database.begin(reading=True) as connection:
            rows = connection.execute(sa.select(JOBS.c.status, sa.func.count()).group_by(JOBS.c.status)).all()
        return {cast("JobStatus", status): count for status, count in rows}

    def events_after(self, job_id: str, number: int, limit: int = 500) -> tuple[JobEvent, ...]:
        """The job's events that follow this number, in order.

        How earlier rounds of it ended is left out: it has gone on since.
        """
        this_end = sa.literal("end ").concat(sa.cast(JOBS.c.round, sa.Text))
        with self._database.begin(reading=True) as connection:
            rows = connection.execute(
                sa.select(EVENTS.c.number, EVENTS.c.kind, EVENTS.c.data)
                .join(JOBS, JOBS.c.id == EVENTS.c.job_id)
                .where(EVENTS.c.job_id == job_id, EVENTS.c.number > number)
                .where(EVENTS.c.kind.not_in(("done", "failed")) | (EVENTS.c.once == this_end))
                .order_by(EVENTS.c.number)
                .limit(limit)
            ).all()
        return tuple(JobEvent(*row) for row in rows)

    # -- working -----------------------------------------------------------------------------------------

    def begin_attempt(self, job_id: str, number: int, status: JobStatus) -> Job:
        """Say which stage of which round is begun and count how often; a finished job stays as it is."""
        with self._database.begin() as connection:
            now = self._database.now_seconds(connection)
            begun = connection.execute(
                sa.update(JOBS)
                .where(_open(job_id, number))
                .values(
                    attempts=sa.case((JOBS.c.status == status, JOBS.c.attempts + 1), else_=1),
                    status=status,
                    started_at=sa.func.coalesce(JOBS.c.started_at, now),
                    deadline_at=sa.func.coalesce(JOBS.c.deadline_at, now + JOBS.c.timeout_seconds),
                )
                .returning(JOBS.c.progress, JOBS.c.attempts)
            ).first()
            if begun is not None and begun.attempts == 1:
                self._append(connection, job_id, "progress", {"progress": begun.progress, "status": status})
        return self.get(job_id)

    def forget_attempt(self, job_id: str, number: int) -> None:
        """The attempt under way is broken off by us: it says nothing against the job."""
        with self._database.begin() as connection:
            connection.execute(
                sa.update(JOBS)
                .where(_open(job_id, number), JOBS.c.attempts > 0)
                .values(attempts=JOBS.c.attempts - 1)
            )

    def progress(
        self, job: Job, progress: float, status: JobStatus, found: Iterable[Mapping[str, object]] = ()
    ) -> Literal["go", "cancelled", "late"]:
        """Write how far a job is and which events were found since; say whether to go on.

        An event that was written before is not written again, so that a second try repeats nothing.
        """
        with self._database.begin() as connection:
            now = self._database.now_seconds(connection)
            before = connection.execute(
                sa.select(JOBS.c.progress, JOBS.c.status, JOBS.c.deadline_at)
                .where(_open(job.id, job.round))
                .with_for_update()
            ).first()
            if before is None:
                return "cancelled"
            if before.deadline_at is not None and now > before.deadline_at:
                return "late"
            for event in found:
                self._append(connection, job.id, "event", event, once=f"event {event['id']}")
            if progress > before.progress or status != before.status:
                progress = max(progress, before.progress)
                got_on = {"progress": progress, "status": status, "attempts": 1}
                connection.execute(sa.update(JOBS).where(JOBS.c.id == job.id).values(got_on))
                self._append(
                    connection, job.id, "progress", {"progress": round(progress, 4), "status": status}
                )
        return "go"

    def finish(self, job: Job, outcome: Outcome) -> Job:
        """The timeline is written: say so, once, and make it searchable."""
        with self._database.begin() as connection:
            now = self._database.now_seconds(connection)
            done = connection.execute(
                sa.update(JOBS)
                .where(_open(job.id, job.round))
                .values(
                    status=outcome.status,
                    progress=1.0,
                    summary=outcome.summary,
                    duration_seconds=outcome.duration_seconds,
                    finished_at=now,
                )
                .returning(JOBS.c.id)
            ).first()
            if done is not None:
                searching.index(connection, job.id, outcome.words)
                self._append(connection, job.id, "done", {"status": outcome.status}, once=f"end {job.round}")
                amounts = {(name, ""): amount for name, amount in outcome.spent.items()}
                add_totals(connection, {**amounts, ("jobs", outcome.status): 1})
                owe(connection, job.id, now)
        return self.get(job.id)

    def fail(
        self, job_id: str, number: int, problem: Problem, status: Literal["failed", "cancelled"] = "failed"
    ) -> Job | None:
        """End a job that gave no timeline; one that has ended already stays as it is."""
        with self._database.begin() as connection:
            now = self._database.now_seconds(connection)
            done = connection.execute(
                sa.update(JOBS)
                .where(_open(job_id, number))
                .values(
                    status=status,
                    error_code=problem.code,
                    error_message=problem.message,
                    error_status=problem.status,
                    finished_at=now,
                )
                .returning(JOBS.c.id)
            ).first()
            if done is not None:
                data = {"status": status, "code": problem.code, "message": problem.message}
                self._append(connection, job_id, "failed", data, once=f"end {number}")
                add_totals(connection, {("jobs", status): 1, ("failures", problem.code): 1})
                owe(connection, job_id, now)
        return self.look_up(job_id)

    # -- steering ----------------------------------------------------------------------------------------

    def queue_again(
        self, job_id: str, traceparent: str | None = None, *, unfinished: bool = False
    ) -> Job | None:
        """Put a job that ended without a whole timeline back into the queue; None if it did not.

        ``unfinished`` takes one that has not ended instead: whoever works on it is out of date.
        """
        whole_or_not = JOBS.c.status.in_(("failed", "cancelled", "partial"))
        wanted = JOBS.c.status.not_in(FINISHED) if unfinished else whole_or_not
        with self._database.begin() as connection:
            now = self._database.now_seconds(connection)
            row = connection.execute(
                sa.update(JOBS)
                .where(JOBS.c.id == job_id, wanted)
                .values(
                    status="queued",
                    round=JOBS.c.round + 1,
                    attempts=0,
                    error_code=None,
                    error_message=None,
                    error_status=None,
                    finished_at=None,
                    deadline_at=None,
                    queued_at=now,
                    traceparent=traceparent,
                )
                .returning(JOBS)
            ).first()
            if row is None:
                return None
            connection.execute(sa.delete(DELIVERIES).where(DELIVERIES.c.job_id == job_id))
            self._append(connection, job_id, "progress", {"progress": row.progress, "status": "queued"})
        return _job(row)

    def delete(self, job_id: str) -> None:
        """Forget a job and all that is known of it, but that it was there: its files may outlive it for a while."""
        with self._database.begin() as connection:
            searching.forget(connection, job_id)
            # The request it came with may come again as a new one.
            connection.execute(sa.delete(IDEMPOTENCY).where(IDEMPOTENCY.c.job_id == job_id))
            connection.execute(sa.delete(JOBS).where(JOBS.c.id == job_id))
            row = {"job_id": job_id, "deleted_at": self._database.now_seconds(connection)}
            self._insert_new(connection, DELETED, [row])

    def deleted_before(self, age_seconds: float, limit: int = 100) -> tuple[str, ...]:
        """Jobs that were deleted, or foreseen and never added, longer ago than this and are remembered still."""
        with self._database.begin(reading=True) as connection:
            then = self._database.now_seconds(connection) - age_seconds
            rows = connection.execute(
                sa.select(DELETED.c.job_id).where(DELETED.c.deleted_at < then).limit(limit)
            )
            return tuple(rows.scalars())

    def forget_deleted(self, job_id: str) -> None:
        """Nothing of a deleted job is left anywhere."""
        with self._database.begin() as connection:
            connection.execute(sa.delete(DELETED).where(DELETED.c.job_id == job_id))

    def finished_before(self, age_seconds: float, limit: int = 100) -> tuple[Job, ...]:
        """Jobs that ended longer ago than this, oldest first."""
        with self._database.begin(reading=True) as connection:
            then = self._database.now_seconds(connection) - age_seconds
            rows = connection.execute(
                sa.select(JOBS).where(JOBS.c.finished_at < then).order_by(JOBS.c.finished_at).limit(limit)
            ).all()
        return tuple(_job(row) for row in rows)

    def overdue(self, seconds: float = 60.0, limit: int = 100) -> tuple[Job, ...]:
        """Jobs that have not ended although their deadline passed so long ago: nobody is there to end them."""
        with self._database.begin(reading=True) as connection:
            then = self._database.now_seconds(connection) - seconds
            rows = connection.execute(
                sa.select(JOBS).where(JOBS.c.status.not_in(FINISHED), JOBS.c.deadline_at < then).limit(limit)
            ).all()
        return tuple(_job(row) for row in rows)

    # -- inside a transaction ----------------------------------------------------------------------------

    def _append(
        self,
        connection: sa.Connection,
        job_id: str,
        kind: EventKind,
        data: Mapping[str, object],
        once: str | None = None,
    ) -> None:
        last = connection.execute(
            sa.select(sa.func.max(EVENTS.c.number)).where(EVENTS.c.job_id == job_id)
        ).scalar()
        row = {"job_id": job_id, "number": (last or 0) + 1, "kind": kind, "once": once, "data": dict(data)}
        self._insert_new(connection, EVENTS, [row])

    def _insert_new(self, connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
        insert = postgresql.insert if self._database.is_postgresql else sqlite.insert
        connection.execute(insert(table).values(rows).on_conflict_do_nothing())


def _open(job_id: str, number: int) -> sa.ColumnElement[bool]:
    """This round of the job has not ended; whoever still works on an earlier one writes nothing any more."""
    return sa.and_(JOBS.c.id == job_id, JOBS.c.round == number, JOBS.c.status.not_in(FINISHED))


def _job(row: sa.Row[Any]) -> Job:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it begins with an underscore
    code, message, status = (values.pop(f"error_{name}") for name in ("code", "message", "status"))
    return replace(
        Job(**values, problem=None),
        sources=tuple(JobSource(**source) for source in values["sources"]),
        problem=None if code is None else Problem(code, message, status),
    )
