"""What people decided about the stretches moderation was unsure of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from api.records.database import Database
from api.records.tables import REVIEWS

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
