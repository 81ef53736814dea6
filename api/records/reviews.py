"""What people decided about the stretches moderation was unsure of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from api.records.database import Database
from api.records.tables import DECISIONS, JOBS

Decision = Literal["allow", "block"]


@dataclass(frozen=True, slots=True)
class Review:
    """A person's decision."""

    finding: str
    """The ``id`` of what it is about in the timeline's ``results.moderation.review``. Earlier versions counted these
    instead: ``#0`` is the first in the timeline that was there at the time."""
    verdict: Decision
    note: str
    decided_at: float
    """Seconds since 1970."""


class Reviews:
    """Keeps the decisions of a job; the last one about a finding counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def decide(
        self, job_id: str, finding: str, verdict: Decision, note: str, instead_of: Sequence[str] = ()
    ) -> None:
        """Put a decision in the place of an earlier one, also where that goes by another name."""
        with self._database.begin() as connection:
            now = self._database.now_seconds(connection)
            names = (finding, *instead_of)
            mine = (DECISIONS.c.job_id == job_id) & DECISIONS.c.finding.in_(names)
            connection.execute(sa.delete(DECISIONS).where(mine))
            row = {"job_id": job_id, "finding": finding, "verdict": verdict, "note": note, "decided_at": now}
            connection.execute(sa.insert(DECISIONS).values(row))

    def of(self, job_id: str) -> Sequence[Review]:
        """All decisions of a job, oldest first."""
        with self._database.begin(reading=True) as connection:
            rows = connection.execute(
                sa.select(*_COLUMNS).where(DECISIONS.c.job_id == job_id).order_by(DECISIONS.c.decided_at)
            ).all()
        return [Review(*row) for row in rows]

    def by_job(self, tenant: str | None) -> Mapping[str, Sequence[Review]]:
        """All decisions of a tenant, or of everybody for None, by the job they are about, oldest job first."""
        wanted = sa.select(DECISIONS.c.job_id, *_COLUMNS).join(JOBS, JOBS.c.id == DECISIONS.c.job_id)
        if tenant is not None:
            wanted = wanted.where(JOBS.c.tenant == tenant)
        decided: dict[str, list[Review]] = {}
        with self._database.begin(reading=True) as connection:
            for job_id, *row in connection.execute(
                wanted.order_by(DECISIONS.c.job_id, DECISIONS.c.decided_at)
            ):
                decided.setdefault(job_id, []).append(Review(*row))
        return decided


_COLUMNS = (DECISIONS.c.finding, DECISIONS.c.verdict, DECISIONS.c.note, DECISIONS.c.decided_at)
