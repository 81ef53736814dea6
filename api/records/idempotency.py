"""Idempotency keys, as Stripe's API treats them: the same request again is the same job."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from api.errors import RefusedError
from api.records.database import Database
from api.records.tables import EXECUTORS, IDEMPOTENCY

KEPT_SECONDS = 24 * 3600.0
"""How long a key is remembered."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What is known of a key."""

    ours: bool
    """We are the first with it and must settle it or release it."""
    fingerprint: str | None = None
    """Hash of the request that came with it; None while that one is still coming in."""
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class Settling:
    """The end of a claim: the request with this key becomes a job."""

    tenant: str
    key: str
    fingerprint: str

    def settle(self, connection: sa.Connection, job_id: str) -> None:
        """Say which job, in the transaction that adds it: a process that dies leaves both or neither.

        Raises:
            RefusedError: the claim was given up in the meantime, and the same request has come again.
        """
        settled = connection.execute(
            sa.update(IDEMPOTENCY)
            .where(
                IDEMPOTENCY.c.tenant == self.tenant,
                IDEMPOTENCY.c.key == self.key,
                IDEMPOTENCY.c.job_id.is_(None),
            )
            .values(fingerprint=self.fingerprint, job_id=job_id)
            .returning(IDEMPOTENCY.c.key)
        )
        if settled.first() is None:
            raise RefusedError(409, "in_flight", "a request with this Idempotency-Key came again; try later")


class IdempotencyKeys:
    """Remembers which request came with which key.

    A key is held by the process a request comes in at. Where that process has been silent for too long, the
    request was cut off and its key is free again.
    """

    def __init__(self, database: Database, executor: str, silent_seconds: float) -> None:
        self._database = database
        self._executor = executor
        self._silent_seconds = silent_seconds

    def claim(self, tenant: str, key: str) -> Claim:
        """Take the key if nobody has it, else say who has."""
        insert = postgresql.insert if self._database.is_postgresql else sqlite.insert
        mine = (IDEMPOTENCY.c.tenant == tenant) & (IDEMPOTENCY.c.key == key)
        with self._database.begin() as connection:
            now = self._database.now_seconds(connection)
            alive = sa.select(EXECUTORS.c.id).where(EXECUTORS.c.seen_at > now - self._silent_seconds)
            abandoned = IDEMPOTENCY.c.job_id.is_(None) & (
                IDEMPOTENCY.c.executor.is_(None) | IDEMPOTENCY.c.executor.not_in(alive)
            )
            connection.execute(
                sa.delete(IDEMPOTENCY).where((IDEMPOTENCY.c.created_at < now - KEPT_SECONDS) | abandoned)
            )
            row = {"tenant": tenant, "key": key, "created_at": now, "executor": self._executor}
            added = insert(IDEMPOTENCY).values(row).on_conflict_do_nothing().returning(IDEMPOTENCY.c.key)
            if connection.execute(added).first() is not None:
                return Claim(ours=True)
            found = connection.execute(
                sa.select(IDEMPOTENCY.c.fingerprint, IDEMPOTENCY.c.job_id).where(mine)
            ).one()
        return Claim(ours=False, fingerprint=found.fingerprint, job_id=found.job_id)

    def release(self, tenant: str, key: str) -> None:
        """The request was refused: the key may come again with a better one."""
        with self._database.begin() as connection:
            connection.execute(
                sa.delete(IDEMPOTENCY).where(
                    IDEMPOTENCY.c.tenant == tenant, IDEMPOTENCY.c.key == key, IDEMPOTENCY.c.job_id.is_(None)
                )
            )
