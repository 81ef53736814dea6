"""Jobs: one row each from being accepted until being deleted, and the events of their progress."""

import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Literal, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from api.records import searching
from api.records.database import Database
from api.records.tables import DELIVERIES, EVENTS, JOBS, SOURCES
from api.records.types import (
    FINISHED,
    EventKind,
    Job,
    JobEvent,
    JobFilter,
    JobSource,
    JobStatus,
    NewJob,
    Problem,
)


def new_id() -> str:
    """32 hexadecimal digits that sort by time and cannot be guessed."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


class JobRecords:
    """Reads and writes jobs; each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- accepting ---------------------------------------------------------------------------------------

    def add(self, new: NewJob, job_id: str | None = None) -> Job:
        """Write a queued job; adding one whose id is there already changes nothing."""
        job_id = job_id or new_id()
        row = asdict(new)
        timeout = row.pop("timeout_seconds")
        with self._database.begin() as connection:
            now = self._database.now_seconds(connection)
            row |= {
                "id": job_id,
                "status": "queued",
                "progress": 0.0,
                "attempts": 0,
                "round": 0,
                "cancel_asked": False,
                "summary": "",
                "created_at": now,
                "deadline_at": now + timeout,
            }
            if self._insert_new(connection, JOBS, [row]):
                _note_sources(connection, job_id, new.sources)
        return self.get(job_id)

    def set_sources(self, job_id: str, name: str, sources: Sequence[JobSource]) -> None:
        """Remember what was fetched for a job that began with a URL."""
        with self._database.begin() as connection:
            connection.execute(
                sa.update(JOBS)
                .where(JOBS.c.id == job_id)
                .values(name=name, sources=[asdict(source) for source in sources])
            )
            _note_sources(connection, job_id, sources)

    # -- reading -----------------------------------------------------------------------------------------

    def find(self, job_id: str, tenant: str) -> Job | None:
        """The job, if this tenant has it."""
        with self._database.begin(reading=True) as connection:
            row = connection.execute(
                sa.select(JOBS).where(JOBS.c.id == job_id, JOBS.c.tenant == tenant)
            ).first()
        return None if row is None else _job(row)

    def get(self, job_id: str) -> Job:
        """The job, which must exist.

        Raises:
            LookupError: it was deleted meanwhile.
        """
        with self._database.begin(reading=True) as connection:
            row = connection.execute(sa.select(JOBS).where(JOBS.c.id == job_id)).first()
        if row is None:
            raise LookupError(f"job {job_id} does not exist any more")
        return _job(row)

    def newest(self, wanted: JobFilter) -> tuple[Job, ...]:
        """The jobs that are wanted, newest first, at most ``limit``."""
        statement = sa.select(JOBS).where(JOBS.c.tenant == wanted.tenant)
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

    def counts(self) -> dict[JobStatus, int]:
        """How many jobs stand at each status."""
        with self._database.begin(reading=True) as connection:
            rows = connection.execute(sa.select(JOBS.c.status, sa.func.count()).group_by(JOBS.c.status)).all()
        return {cast("JobStatus", status): count for status, count in rows}

    def events_after(self, job_id: str, number: int, limit: int = 500) -> tuple[JobEvent, ...]:
        """The job's events that follow this number, in order."""
        with self._database.begin(reading=True) as connection:
            rows = connection.execute(
                sa.select(EVENTS.c.number, EVENTS.c.kind, EVENTS.c.data)
                .where(EVENTS.c.job_id == job_id, EVENTS.c.number > number)
                .order_by(EVENTS.c.number)
                .limit(limit)
            ).all()
        return tuple(JobEvent(*row) for row in rows)

    # -- working -----------------------------------------------------------------------------------------

    def begin_attempt(self, job_id: str, status: JobStatus) -> Job:
        """Count one more try and say what is being done; a finished job stays as it is."""
        with self._database.begin() as connection:
            now = self._database.now_seconds(connection)
            connection.execute(
                sa.update(JOBS)
                .where(JOBS.c.id == job_id, JOBS.c.status.not_in(FINISHED))
                .values(
                    attempts=JOBS.c.attempts + 1,
                    status=status,
                    started_at=sa.func.coalesce(JOBS.c.started_at, now),
                )
            )
        return self.get(job_id)

    def progress(
        self, job_id: str, progress: float, status: JobStatus, found: Iterable[Mapping[str, object]] = ()
    ) -> Literal["go", "cancelled", "late"]:
        """Write how far a job is and which events were found since; say whether to go on.

        An event that was written before is not written again, so that a second try repeats nothing.
        """
        with self._database.begin() as connection:
            now = self._database.now_seconds(connection)
            row = connection.execute(
                sa.update(JOBS)
                .where(JOBS.c.id == job_id, JOBS.c.status.not_in(FINISHED))
                .values(
                    progress=sa.case((JOBS.c.progress < progress, progress), else_=JOBS.c.progress),
                    status=status,
                )
                .returning(JOBS.c.cancel_asked, JOBS.c.deadline_at, JOBS.c.progress)
            ).first()
            if row is None or row.cancel_asked:
                return "cancelled"
            if now > row.deadline_at:
                return "late"
            for event in found:
                self._append(connection, job_id, "event", event, once=f"event {event['id']}")
            self._append(
                connection, job_id, "progress", {"progress": round(row.progress, 4), "status": status}
            )
        return "go"

    def finish(
        self, job_id: str, status: Literal["complete", "partial"], summary: str, duration: float, words: str
    ) -> Job:
        """The timeline is written: say so, once, and make it searchable."""
        with self._database.begin() as connection:
            now = self._database.now_seconds(connection)
            done = connection.execute(
                sa.update(JOBS)
                .where(JOBS.c.id == job_id, JOBS.c.status.not_in(FINISHED))
                .values(
                    status=status, progress=1.0, summary=summary, duration_seconds=duration, finished_at=now
                )
                .returning(JOBS.c.id)
            ).first()
            if done is not None:
                searching.index(connection, job_id, words)
                self._append(connection, job_id, "done", {"status": status}, once="end")
        return self.get(job_id)

    def fail(self, job_id: str, problem: Problem, status: Literal["failed", "cancelled"] = "failed") -> Job:
        """End a job that gave no timeline; one that has ended already stays as it is."""
        with self._database.begin() as connection:
            now = self._database.now_seconds(connection)
            done = connection.execute(
                sa.update(JOBS)
                .where(JOBS.c.id == job_id, JOBS.c.status.not_in(FINISHED))
                .values(
                    status=status,
                    error_code=problem.code,
                    error_message=problem.message,
                    error_status=problem.status,
                    finished_at=now,
                )
                .returning(JOBS.c.round)
            ).first()
            if done is not None:
                data = {"status": status, "code": problem.code, "message": problem.message}
                self._append(connection, job_id, "failed", data, once=f"end {done.round}")
        return self.get(job_id)

    # -- steering ----------------------------------------------------------------------------------------

    def ask_cancel(self, job_id: str) -> Job:
        """Ask whoever works on it to stop."""
        with self._database.begin() as connection:
            connection.execute(
                sa.update(JOBS)
                .where(JOBS.c.id == job_id, JOBS.c.status.not_in(FINISHED))
                .values(cancel_asked=True)
            )
        return self.get(job_id)

    def queue_again(self, job_id: str, timeout_seconds: float) -> Job | None:
        """Put a failed or cancelled job back into the queue; None if it is neither."""
        with self._database.begin() as connection:
            now = self._database.now_seconds(connection)
            row = connection.execute(
                sa.update(JOBS)
                .where(JOBS.c.id == job_id, JOBS.c.status.in_(("failed", "cancelled", "partial")))
                .values(
                    status="queued",
                    round=JOBS.c.round + 1,
                    attempts=0,
                    cancel_asked=False,
                    error_code=None,
                    error_message=None,
                    error_status=None,
                    finished_at=None,
                    deadline_at=now + timeout_seconds,
                )
                .returning(JOBS)
            ).first()
            if row is None:
                return None
            self._append(connection, job_id, "progress", {"progress": row.progress, "status": "queued"})
        return _job(row)

    def delete(self, job_id: str) -> tuple[str, ...]:
        """Forget a job; say which stored files no other job needs any more."""
        with self._database.begin() as connection:
            mine = sa.select(SOURCES.c.sha256).where(SOURCES.c.job_id == job_id)
            shared = sa.select(SOURCES.c.sha256).where(SOURCES.c.job_id != job_id, SOURCES.c.sha256.in_(mine))
            alone = connection.execute(mine.where(SOURCES.c.sha256.not_in(shared))).scalars().all()
            searching.forget(connection, job_id)
            connection.execute(sa.delete(JOBS).where(JOBS.c.id == job_id))
        return tuple(alone)

    def finished_before(self, age_seconds: float, limit: int = 100) -> tuple[Job, ...]:
        """Jobs that ended longer ago than this, oldest first."""
        with self._database.begin(reading=True) as connection:
            then = self._database.now_seconds(connection) - age_seconds
            rows = connection.execute(
                sa.select(JOBS).where(JOBS.c.finished_at < then).order_by(JOBS.c.finished_at).limit(limit)
            ).all()
        return tuple(_job(row) for row in rows)

    # -- webhooks ----------------------------------------------------------------------------------------

    def note_delivery(self, job_id: str, url: str, error: str | None) -> int:
        """Remember one try to tell an endpoint that the job ended; the number of tries so far."""
        with self._database.begin() as connection:
            self._insert_new(connection, DELIVERIES, [{"job_id": job_id, "url": url, "attempts": 0}])
            now = self._database.now_seconds(connection)
            tries = connection.execute(
                sa.update(DELIVERIES)
                .where(DELIVERIES.c.job_id == job_id)
                .values(
                    attempts=DELIVERIES.c.attempts + 1,
                    last_error=error,
                    delivered_at=None if error is not None else now,
                )
                .returning(DELIVERIES.c.attempts)
            ).scalar_one()
        return int(tries)

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

    def _insert_new(self, connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> int:
        insert = postgresql.insert if self._database.is_postgresql else sqlite.insert
        return connection.execute(insert(table).values(rows).on_conflict_do_nothing()).rowcount


def _note_sources(connection: sa.Connection, job_id: str, sources: Sequence[JobSource]) -> None:
    hashes = {source.sha256 for source in sources}
    if hashes:
        connection.execute(sa.delete(SOURCES).where(SOURCES.c.job_id == job_id))
        connection.execute(
            sa.insert(SOURCES), [{"sha256": sha256, "job_id": job_id} for sha256 in sorted(hashes)]
        )


def _job(row: sa.Row[Any]) -> Job:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it begins with an underscore
    code, message, status = (values.pop(f"error_{name}") for name in ("code", "message", "status"))
    return replace(
        Job(**values, problem=None),
        sources=tuple(JobSource(**source) for source in values["sources"]),
        problem=None if code is None else Problem(code, message, status),
    )
