"""Which endpoints are still to be told that a job ended, and how telling them went."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from api.records.database import Database
from api.records.tables import DELIVERIES, JOBS

_MOST_ENDPOINTS = 100


@dataclass(frozen=True, slots=True)
class Delivery:
    """The message about the end of a round of a job. Times are seconds since 1970."""

    job_id: str
    round: int
    url: str
    """Of the endpoint; see ``shown_address``."""
    attempts: int
    """How often it was sent."""
    tried_at: float | None
    """When it was sent last."""
    next_try_at: float | None
    """When it is sent next; None once it was taken, or given up."""
    delivered_at: float | None
    """When it was taken."""
    last_error: str | None
    """Why it was not taken the last time."""


@dataclass(frozen=True, slots=True)
class EndpointState:
    """All messages to one address, whatever follows the ``?`` in it."""

    url: str
    waiting: int
    """Those that are to be sent, for the first time or once more."""
    delivered: int
    given_up: int
    delivered_at: float | None
    """When it took the newest of those it took."""
    failing: str | None
    """Why it did not take the one that was tried last; None where it took that."""


class Deliveries:
    """Reads and writes them. A job owes its message from the moment it ends: see ``owe``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, job_id: str) -> Delivery | None:
        """That of a job; None while it has not ended, or where nobody is to be told."""
        with self._database.begin(reading=True) as connection:
            row = connection.execute(sa.select(*_COLUMNS).where(DELIVERIES.c.job_id == job_id)).first()
        return None if row is None else Delivery(*row)

    def note(
        self, job_id: str, number: int, tries: int, error: str | None, pause_seconds: float | None
    ) -> None:
        """Remember the last of so many tries of a round's message: why it was not taken, when it is sent again, if
        ever.
        """
        with self._database.begin() as connection:
            now = self._database.now_seconds(connection)
            again = None if error is None or pause_seconds is None else now + pause_seconds
            connection.execute(
                sa.update(DELIVERIES)
                .where(DELIVERIES.c.job_id == job_id, DELIVERIES.c.round == number)
                .values(
                    attempts=tries,
                    tried_at=now,
                    next_try_at=again,
                    last_error=error,
                    delivered_at=None if error is not None else now,
                )
            )

    def overdue(self, seconds: float, limit: int = 50) -> Sequence[Delivery]:
        """Some of those that should have been sent so long ago, and were not."""
        with self._database.begin(reading=True) as connection:
            then = self._database.now_seconds(connection) - seconds
            late = sa.select(*_COLUMNS).where(DELIVERIES.c.next_try_at < then)
            rows = connection.execute(late.order_by(sa.func.random()).limit(limit)).all()
        return [Delivery(*row) for row in rows]

    def by_endpoint(self, tenant: str) -> Sequence[EndpointState]:
        """How telling goes, for every address a tenant has given; the hundred last tried, if there are more."""
        newest = sa.func.row_number().over(
            partition_by=DELIVERIES.c.url, order_by=sa.func.coalesce(DELIVERIES.c.tried_at, 0).desc()
        )
        mine = (
            sa.select(*(column for column in _COLUMNS if column.name != "round"), newest.label("age"))
            .join(JOBS, JOBS.c.id == DELIVERIES.c.job_id)
            .where(JOBS.c.tenant == tenant)
            .subquery()
        )
        waits, taken = mine.c.next_try_at.is_not(None), mine.c.delivered_at.is_not(None)
        counted = (
            _count(waits),
            _count(taken),
            _count(sa.and_(sa.not_(waits), sa.not_(taken))),
            sa.func.max(mine.c.delivered_at),
            sa.func.max(sa.case((mine.c.age == 1, mine.c.last_error))),
        )
        with self._database.begin(reading=True) as connection:
            last = sa.func.max(sa.func.coalesce(mine.c.tried_at, 0)).desc()
            grouped = sa.select(mine.c.url, *counted).group_by(mine.c.url)
            rows = connection.execute(grouped.order_by(last, mine.c.url).limit(_MOST_ENDPOINTS)).all()
        return [EndpointState(*row) for row in rows]


def owe(connection: sa.Connection, job_id: str, now: float) -> None:
    """A round of the job has ended: whoever wants to know is to be told, in the transaction that says so."""
    job = connection.execute(sa.select(JOBS.c.webhook, JOBS.c.round).where(JOBS.c.id == job_id)).one()
    connection.execute(sa.delete(DELIVERIES).where(DELIVERIES.c.job_id == job_id))
    if job.webhook is not None:
        url = shown_address(job.webhook)
        row = {"job_id": job_id, "round": job.round, "url": url, "attempts": 0, "next_try_at": now}
        connection.execute(sa.insert(DELIVERIES).values(row))


def shown_address(url: str) -> str:
    """An address without what follows a ``?``: that may be a secret."""
    return re.split("[?#]", url, maxsplit=1)[0]


_COLUMNS = (
    DELIVERIES.c.job_id,
    DELIVERIES.c.round,
    DELIVERIES.c.url,
    DELIVERIES.c.attempts,
    DELIVERIES.c.tried_at,
    DELIVERIES.c.next_try_at,
    DELIVERIES.c.delivered_at,
    DELIVERIES.c.last_error,
)


def _count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))
