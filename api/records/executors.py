"""Who is at work: every process says so again and again; one that falls silent is taken over by another."""

import socket
from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from api.records.database import Database
from api.records.tables import EXECUTORS


class Executors:
    """The processes that work on jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def beat(self, executor: str, *, works: bool) -> None:
        """Say that this process is alive."""
        insert = postgresql.insert if self._database.is_postgresql else sqlite.insert
        with self._database.begin() as connection:
            now = self._database.now_seconds(connection)
            row = {"id": executor, "host": socket.gethostname(), "works": works, "seen_at": now}
            connection.execute(
                insert(EXECUTORS)
                .values(row)
                .on_conflict_do_update(index_elements=["id"], set_={"seen_at": now})
            )

    def leave(self, executor: str) -> None:
        """Say that this process ends: what it leaves undone is anyone's at once."""
        with self._database.begin() as connection:
            connection.execute(sa.update(EXECUTORS).where(EXECUTORS.c.id == executor).values(seen_at=0.0))

    def silent(self, executor: str, silent_seconds: float) -> Mapping[str, float]:
        """All others that have been silent this long, each with when it was heard of last; 0 where it has left."""
        with self._database.begin(reading=True) as connection:
            now = self._database.now_seconds(connection)
            rows = connection.execute(
                sa.select(EXECUTORS.c.id, EXECUTORS.c.seen_at).where(
                    EXECUTORS.c.id != executor, EXECUTORS.c.seen_at <= now - silent_seconds
                )
            ).all()
        return {row.id: row.seen_at for row in rows}

    def claim(self, executor: str, seen_at: float) -> bool:
        """Take what an executor left that was heard of last then; given to one caller only.

        The caller frees what it left undone and then forgets it; should the caller die over that, it is silent
        again and the next one claims it.
        """
        with self._database.begin() as connection:
            now = self._database.now_seconds(connection)
            claimed = connection.execute(
                sa.update(EXECUTORS)
                .where(EXECUTORS.c.id == executor, EXECUTORS.c.seen_at == seen_at)
                .values(seen_at=now)
                .returning(EXECUTORS.c.id)
            )
            return claimed.first() is not None

    def forget(self, executor: str) -> None:
        """Nothing of it is left."""
        with self._database.begin() as connection:
            connection.execute(sa.delete(EXECUTORS).where(EXECUTORS.c.id == executor))

    def alive(self, silent_seconds: float) -> int:
        """How many have been heard of within this time."""
        return self._count(EXECUTORS.c.id.is_not(None), silent_seconds)

    def working(self, silent_seconds: float) -> int:
        """How many of these work on jobs, and do not only take them in."""
        return self._count(EXECUTORS.c.works, silent_seconds)

    def _count(self, which: sa.ColumnElement[bool], silent_seconds: float) -> int:
        with self._database.begin(reading=True) as connection:
            now = self._database.now_seconds(connection)
            statement = sa.select(sa.func.count()).select_from(EXECUTORS)
            return connection.execute(
                statement.where(which, EXECUTORS.c.seen_at > now - silent_seconds)
            ).scalar_one()
