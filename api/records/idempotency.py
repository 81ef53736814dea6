"""Idempotency keys, as Stripe's API treats them: the same request again is the same job."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from api.records.database import Database
from api.records.tables import IDEMPOTENCY

KEPT_SECONDS = 24 * 3600.0
"""How long a key is remembered."""
_ABANDONED_SECONDS = 600.0
"""A request that has not ended after this was cut off; its key is free again."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What is known of a key."""

    ours: bool
    """We are the first with it and must settle it or release it."""
    fingerprint: str | None = None
    """Hash of the request that came with it; None while that one is still coming in."""
    job_id: str | None = None


class IdempotencyKeys:
    """Remembers which request came with which key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, tenant: str, key: str) -> Claim:
        """Take the key if nobody has it, else say who has."""
        insert = postgresql.insert if self._database.is_postgresql else sqlite.insert
        mine = (IDEMPOTENCY.c.tenant == tenant) & (IDEMPOTENCY.c.key == key)
        with self._database.begin() as connection:
            now = self._database.now_seconds(connection)
            abandoned = IDEMPOTENCY.c.job_id.is_(None) & (IDEMPOTENCY.c.created_at < now - _ABANDONED_SECONDS)
            connection.execute(
                sa.delete(IDEMPOTENCY).where((IDEMPOTENCY.c.created_at < now - KEPT_SECONDS) | abandoned)
            )
            row = {"tenant": tenant, "key": key, "created_at": now}
            added = insert(IDEMPOTENCY).values(row).on_conflict_do_nothing().returning(IDEMPOTENCY.c.key)
            if connection.execute(added).first() is not None:
                return Claim(ours=True)
            found = connection.execute(
                sa.select(IDEMPOTENCY.c.fingerprint, IDEMPOTENCY.c.job_id).where(mine)
            ).one()
        return Claim(ours=False, fingerprint=found.fingerprint, job_id=found.job_id)

    def settle(self, tenant: str, key: str, fingerprint: str, job_id: str) -> None:
        """The request became this job."""
        with self._database.begin() as connection:
            connection.execute(
                sa.update(IDEMPOTENCY)
                .where(IDEMPOTENCY.c.tenant == tenant, IDEMPOTENCY.c.key == key)
                .values(fingerprint=fingerprint, job_id=job_id)
            )

    def release(self, tenant: str, key: str) -> None:
        """The request was refused: the key may come again with a better one."""
        with self._database.begin() as connection:
            connection.execute(
                sa.delete(IDEMPOTENCY).where(
                    IDEMPOTENCY.c.tenant == tenant, IDEMPOTENCY.c.key == key, IDEMPOTENCY.c.job_id.is_(None)
                )
            )
