"""API keys: shown once when made, kept as a hash only."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any, Literal, cast

import sqlalchemy as sa

from api.records.database import Database
from api.records.tables import KEYS

_PREFIX = "sl_"

Scope = Literal["read", "write", "admin"]
"""What a key may do: look at its tenant's timelines; have videos looked at and change things as well; see what is
counted over all tenants as well."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Who may come in, without what opens the door."""

    tenant: str
    sha256: str
    created_at: float
    scope: Scope


class Keyring:
    """Makes, lists, checks and revokes keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, tenant: str, scope: Scope = "write") -> str:
        """A new key of a tenant: the only time it is readable."""
        key = _PREFIX + secrets.token_urlsafe(32)
        with self._database.begin() as connection:
            now = self._database.now_seconds(connection)
            row = {"sha256": _hashed(key), "tenant": tenant, "created_at": now, "scope": scope}
            connection.execute(sa.insert(KEYS).values(row))
        return key

    def revoke(self, tenant: str) -> int:
        """Close all doors of a tenant; how many there were."""
        with self._database.begin() as connection:
            return connection.execute(sa.delete(KEYS).where(KEYS.c.tenant == tenant)).rowcount

    def all(self) -> tuple[ApiKey, ...]:
        """Every key, oldest first."""
        with self._database.begin(reading=True) as connection:
            rows = connection.execute(sa.select(*_COLUMNS).order_by(KEYS.c.created_at)).all()
        return tuple(_key(row) for row in rows)

    def find(self, key: str) -> ApiKey | None:
        """What is known of this key; None for nobody's. Takes as long however much of it is right."""
        digest = _hashed(key)
        with self._database.begin(reading=True) as connection:
            row = connection.execute(sa.select(*_COLUMNS).where(KEYS.c.sha256 == digest)).first()
        return _key(row) if row is not None and hmac.compare_digest(row.sha256, digest) else None

    def is_empty(self) -> bool:
        """Whether there is no key, so that everyone on this machine may come in."""
        with self._database.begin(reading=True) as connection:
            return connection.execute(sa.select(KEYS.c.sha256).limit(1)).first() is None


_COLUMNS = (KEYS.c.tenant, KEYS.c.sha256, KEYS.c.created_at, KEYS.c.scope)


def _key(row: Any) -> ApiKey:
    return ApiKey(row.tenant, row.sha256, row.created_at, cast("Scope", row.scope))


def _hashed(key: str) -> str:
    """A plain hash is enough: keys are random, nobody can try them all."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
