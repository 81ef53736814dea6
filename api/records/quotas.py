"""What a tenant may have under way and may use up in a day; kept in the database, so that it holds over all processes.

A day is one of UTC. What is deleted stays counted.
"""

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from api.errors import RefusedError
from api.records.database import Database
from api.records.tables import JOBS, USED
from api.records.types import FINISHED, NewJob

_DAY_SECONDS = 86_400
_KEPT_DAYS = 7
_TRY_LATER_SECONDS = 10
"""After so long, one of the jobs under way may have ended."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What each tenant may use; None where there is no limit."""

    jobs_at_once: int | None = None
    """Jobs that have not ended."""
    jobs_a_day: int | None = None
    """Timelines and questions."""
    bytes_a_day: int | None = None
    """Of uploads, and of what is fetched from URLs."""


NO_QUOTA: Final = Quota()


class Quotas:
    """Counts and refuses."""

    def __init__(self, database: Database, quota: Quota = NO_QUOTA) -> None:
        self._database = database
        self._quota = quota

    def check(self, tenant: str) -> None:
        """See that the tenant may begin one more job, before anything is read for it.

        Raises:
            RefusedError: not now.
        """
        if self._quota == NO_QUOTA:
            return
        with self._database.begin(reading=True) as connection:
            now = self._database.now_seconds(connection)
            used = connection.execute(
                sa.select(USED.c.jobs, USED.c.bytes).where(USED.c.tenant == tenant, USED.c.day == _day(now))
            ).first()
            jobs, size = (used.jobs, used.bytes) if used is not None else (0, 0)
            self._refuse(connection, tenant, jobs + 1, size + 1, now, more_at_once=1)

    def charge(self, connection: sa.Connection, new: NewJob) -> None:
        """Count a job that is being written with this connection, or refuse it; the two are done together.

        Raises:
            RefusedError: it is one too many.
        """
        if self._quota == NO_QUOTA:
            return
        now = self._database.now_seconds(connection)
        # Locks the tenant's row to the end of the transaction: no two jobs take the last place.
        size = 0 if new.parent else sum(source.bytes for source in new.sources)
        jobs, used = add_used(connection, new.tenant, now, jobs=1, size=size)
        self._refuse(connection, new.tenant, jobs, used, now, more_at_once=0)

    def _refuse(
        self, connection: sa.Connection, tenant: str, jobs: int, size: int, now: float, *, more_at_once: int
    ) -> None:
        quota, tomorrow = self._quota, _DAY_SECONDS - int(now) % _DAY_SECONDS
        if quota.jobs_a_day is not None and jobs > quota.jobs_a_day:
            message = f"all {quota.jobs_a_day} jobs of today are used; come again in {tomorrow} s"
            raise RefusedError(429, "job_quota_exceeded", message, tomorrow)
        if quota.bytes_a_day is not None and size > quota.bytes_a_day:
            message = (
                f"there is no room left in the {quota.bytes_a_day} bytes of today; come again in {tomorrow} s"
            )
            raise RefusedError(429, "upload_quota_exceeded", message, tomorrow)
        if quota.jobs_at_once is None:
            return
        under_way = connection.execute(
            sa.select(sa.func.count()).where(JOBS.c.tenant == tenant, JOBS.c.status.not_in(FINISHED))
        ).scalar_one()
        if under_way + more_at_once > quota.jobs_at_once:
            message = f"{quota.jobs_at_once} jobs are under way, which is the limit; wait until one has ended"
            raise RefusedError(429, "too_many_jobs", message, _TRY_LATER_SECONDS)


def add_used(
    connection: sa.Connection, tenant: str, now: float, *, jobs: int = 0, size: int = 0
) -> tuple[int, int]:
    """Count jobs and bytes of a tenant; what it comes to today. Locks the tenant's row until the transaction ends."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(sa.delete(USED).where(USED.c.tenant == tenant, USED.c.day < _day(now) - _KEPT_DAYS))
    row = insert(USED).values(tenant=tenant, day=_day(now), jobs=jobs, bytes=size)
    more = {"jobs": USED.c.jobs + row.excluded.jobs, "bytes": USED.c.bytes + row.excluded.bytes}
    used = connection.execute(
        row.on_conflict_do_update(index_elements=["tenant", "day"], set_=more).returning(
            USED.c.jobs, USED.c.bytes
        )
    ).one()
    return used.jobs, used.bytes


def _day(now: float) -> int:
    return int(now // _DAY_SECONDS)
