"""What people decided about the stretches moderation was unsure of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from api.records.database import Database
from api.records.tables import JOBS, REVIEWS

Decision = Literal["allow", "block"]


@dataclass(frozen=True, slots=True)
class Review:
    """A person's decision."""

    item: int
    """Position in the timeline's ``results.moderation.review``."""
    verdict: Decision
    note: str
    decided_at: float
    """Seconds since 1970."""


class Reviews:
    """Keeps the decisions of a job; the last one about an item counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def decide(self, job_id: str, item: int, verdict: Decision, note: str) -> None:
        """Put a decision in the place of an earlier one."""
        with self._database.begin() as connection:
            now = self._database.now_seconds(connection)
            mine = (REVIEWS.c.job_id == job_id) & (REVIEWS.c.item == item)
            connection.execute(sa.delete(REVIEWS).where(mine))
            connection.execute(
                sa.insert(REVIEWS).values(
                    job_id=job_id, item=item, verdict=verdict, note=note, decided_at=now
                )
            )

    def of(self, job_id: str) -> Sequence[Review]:
        """All decisions of a job, by item."""
        columns = (REVIEWS.c.item, REVIEWS.c.verdict, REVIEWS.c.note, REVIEWS.c.decided_at)
        with self._database.begin(reading=True) as connection:
            rows = connection.execute(
                sa.select(*columns).where(REVIEWS.c.job_id == job_id).order_by(REVIEWS.c.item)
            ).all()
        return [Review(*row) for row in rows]

    def by_job(self, tenant: str | None) -> Mapping[str, Sequence[Review]]:
        """All decisions of a tenant, or of everybody for None, by the job they are about, oldest job first."""
        columns = (REVIEWS.c.item, REVIEWS.c.verdict, REVIEWS.c.note, REVIEWS.c.decided_at)
        wanted = sa.select(REVIEWS.c.job_id, *columns).join(JOBS, JOBS.c.id == REVIEWS.c.job_id)
        if tenant is not None:
            wanted = wanted.where(JOBS.c.tenant == tenant)
        decided: dict[str, list[Review]] = {}
        with self._database.begin(reading=True) as connection:
            for job_id, *row in connection.execute(wanted.order_by(REVIEWS.c.job_id, REVIEWS.c.item)):
                decided.setdefault(job_id, []).append(Review(*row))
        return decided
