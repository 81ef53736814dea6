"""What local models have seen on a picture, kept so that a job taken up again looks only at the rest."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from api.records.database import Database
from api.records.tables import LOOKS


class KeptLooks:
    """Findings by the hash of what was looked at and by whom."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str) -> Mapping[str, object] | None:
        """What was found under this key, if it was."""
        with self._database.begin(reading=True) as connection:
            return connection.execute(sa.select(LOOKS.c.findings).where(LOOKS.c.key == key)).scalar()

    def put(self, key: str, findings: Mapping[str, object]) -> None:
        """Keep it; the first to be kept stays."""
        insert = postgresql.insert if self._database.is_postgresql else sqlite.insert
        with self._database.begin() as connection:
            row = {
                "key": key,
                "findings": dict(findings),
                "created_at": self._database.now_seconds(connection),
            }
            connection.execute(insert(LOOKS).values(row).on_conflict_do_nothing())

    def forget_older(self, age_seconds: float) -> int:
        """Drop what was kept longer ago than this; how many."""
        with self._database.begin() as connection:
            then = self._database.now_seconds(connection) - age_seconds
            return connection.execute(sa.delete(LOOKS).where(LOOKS.c.created_at < then)).rowcount
