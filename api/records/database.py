"""Opening the database and bringing its tables up to date; knows the dialects."""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from api.errors import DatabaseError
from api.records import tables

log = logging.getLogger(__name__)

POSTGRESQL_DRIVER = "postgresql+psycopg"
_MIGRATION_LOCK = 0x5CE4E11E
"""Names our advisory lock on PostgreSQL: one process at a time migrates."""
_SQLITE_COUNTS_FRACTIONS = (3, 42)
"""The version from which SQLite knows ``unixepoch('subsec')``; Debian 12 and Ubuntu 22.04 have earlier ones."""
_PATIENCE: Final = {
    "connect_timeout": "10",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""A server whose machine has gone away is noticed within half a minute; by itself a connection waits for a quarter of
an hour. What the URL says goes before."""


class SQLiteConnection(sqlite3.Connection):
    """A connection that knows ``unixepoch('subsec')`` whatever SQLite it is to.

    From Python 3.12 on the job engine's tables take the time from it, without asking which SQLite there is.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if sqlite3.sqlite_version_info < _SQLITE_COUNTS_FRACTIONS:
            self.create_function("unixepoch", 1, _unixepoch)


def _unixepoch(modifier: str) -> float | None:
    """Seconds since 1970, to the millisecond; None for what only SQLite's own understands."""
    return round(time.time(), 3) if modifier == "subsec" else None


@dataclass(frozen=True, slots=True)
class Database:
    """An engine whose tables are up to date. Safe to share between threads."""

    engine: sa.Engine

    @property
    def is_postgresql(self) -> bool:
        """Whether several machines may share it."""
        return self.engine.dialect.name == "postgresql"

    @property
    def engine_options(self) -> dict[str, Any]:
        """What another engine on this database must be made with."""
        return {} if self.is_postgresql else {"connect_args": {"factory": SQLiteConnection}}

    @contextmanager
    def begin(self, *, reading: bool = False) -> Iterator[sa.Connection]:
        """One transaction: committed on leaving, rolled back on an error.

        ``reading`` promises not to write: SQLite then lets it run beside a writer.

        Raises:
            DatabaseError: the database is out of reach, full, or damaged.
        """
        with (
            telling_database_errors(),
            self.engine.connect().execution_options(reading=reading) as connection,
            connection.begin(),
        ):
            yield connection

    def now_seconds(self, connection: sa.Connection) -> float:
        """Seconds since 1970 on the clock all machines share: the database server's."""
        if self.is_postgresql:
            return float(
                connection.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one()
            )
        return time.time()

    def check(self) -> None:
        """Answer quietly if the database does.

        Raises:
            DatabaseError: it does not.
        """
        with self.begin(reading=True) as connection:
            connection.execute(sa.text("SELECT 1"))

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


@contextmanager
def telling_database_errors() -> Iterator[None]:
    """For what others do with the database.

    Raises:
        DatabaseError: it is out of reach, full, or damaged.
    """
    try:
        yield
    except SQLAlchemyError as error:
        raise DatabaseError(
            f"the database failed ({_first_line(error)})", for_clients="the database failed; try later"
        ) from error


def open_database(url: str) -> Database:
    """Connect to ``sqlite:///PATH`` or ``postgresql://…`` and migrate.

    Raises:
        DatabaseError: it cannot be reached, or was written by a newer sceneline.
    """
    try:
        engine = _engine(sa.make_url(url))
        with engine.begin() as connection:
            _migrate(connection)
    except (SQLAlchemyError, ModuleNotFoundError) as error:
        shown = url.rpartition("@")[2].partition("?")[0]  # a password may stand before and behind it
        raise DatabaseError(
            f"the database at {shown} cannot be opened ({_first_line(error)}); check SCENELINE_DATABASE_URL"
        ) from error
    return Database(engine)


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() == "postgresql":
        url = url.set(drivername=POSTGRESQL_DRIVER, query={**_PATIENCE, **url.query})
        return sa.create_engine(url, pool_size=10, max_overflow=20, pool_pre_ping=True)
    engine = sa.create_engine(url, connect_args={"timeout": 30, "factory": SQLiteConnection}, pool_size=20)
    sa.event.listen(engine, "connect", _tune_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _begin_sqlite(connection: sa.Connection) -> None:
    """Writers queue for the lock when they begin; one that read first could no longer get it."""
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _tune_sqlite(connection: Any, _record: object) -> None:
    """Readers beside a writer, foreign keys kept; NORMAL keeps a WAL file consistent through a power cut."""
    connection.isolation_level = None  # transactions begin where _begin_sqlite says
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _migrate(connection: sa.Connection) -> None:
    """Run the steps this database has not seen, in order, in one transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
    connection.execute(sa.text("CREATE TABLE IF NOT EXISTS sceneline_schema (version INTEGER PRIMARY KEY)"))
    newest = connection.execute(sa.text("SELECT max(version) FROM sceneline_schema")).scalar() or 0
    if newest > len(MIGRATIONS):
        raise DatabaseError(
            f"the database has schema {newest}, this sceneline knows {len(MIGRATIONS)}; upgrade sceneline"
        )
    if newest == 0:
        _make_tables(connection)
    else:
        for migration in MIGRATIONS[newest:]:
            migration(connection)
    for version in range(newest + 1, len(MIGRATIONS) + 1):
        connection.execute(sa.text("INSERT INTO sceneline_schema VALUES (:version)"), {"version": version})
    if newest < len(MIGRATIONS):
        log.info("the database is up to date", extra={"schema": len(MIGRATIONS)})


def _make_tables(connection: sa.Connection) -> None:
    """All tables as they are now, in an empty database."""
    tables.METADATA.create_all(connection)
    if connection.dialect.name == "postgresql":
        connection.execute(
            sa.text(
                "CREATE TABLE sceneline_search (words TSVECTOR NOT NULL, "
                "job_id TEXT PRIMARY KEY REFERENCES sceneline_jobs ON DELETE CASCADE)"
            )
        )
        connection.execute(
            sa.text("CREATE INDEX sceneline_search_words ON sceneline_search USING GIN (words)")
        )
    else:
        connection.execute(
            sa.text("CREATE VIRTUAL TABLE sceneline_search USING fts5(job_id UNINDEXED, words)")
        )


def _add_traces(connection: sa.Connection) -> None:
    connection.execute(sa.text("ALTER TABLE sceneline_jobs ADD COLUMN queued_at FLOAT"))
    connection.execute(sa.text("ALTER TABLE sceneline_jobs ADD COLUMN traceparent TEXT"))


def _add_scopes_and_quotas(connection: sa.Connection) -> None:
    # What the keys of earlier versions could do, they still can.
    connection.execute(sa.text("ALTER TABLE sceneline_keys ADD COLUMN scope TEXT NOT NULL DEFAULT 'admin'"))
    tables.USED.create(connection)


def _add_holders_of_keys(connection: sa.Connection) -> None:
    connection.execute(sa.text("ALTER TABLE sceneline_idempotency ADD COLUMN executor TEXT"))


def _add_states_of_deliveries(connection: sa.Connection) -> None:
    for column in ("round INTEGER NOT NULL DEFAULT 0", "tried_at FLOAT", "next_try_at FLOAT"):
        connection.execute(sa.text(f"ALTER TABLE sceneline_deliveries ADD COLUMN {column}"))
    connection.execute(
        sa.text("CREATE INDEX sceneline_deliveries_next ON sceneline_deliveries (next_try_at)")
    )
    # One that was on its way goes on by itself, and says when.
    connection.execute(
        sa.text(
            "UPDATE sceneline_deliveries SET round = "
            "(SELECT round FROM sceneline_jobs WHERE sceneline_jobs.id = sceneline_deliveries.job_id)"
        )
    )


def _decide_about_findings(connection: sa.Connection) -> None:
    # Earlier versions counted what a decision is about; see ``Review.finding``.
    tables.DECISIONS.create(connection)
    connection.execute(
        sa.text(
            "INSERT INTO sceneline_decisions (job_id, finding, verdict, note, decided_at) "
            "SELECT job_id, '#' || item, verdict, note, decided_at FROM sceneline_reviews"
        )
    )
    connection.execute(sa.text("DROP TABLE sceneline_reviews"))


def _remember_deleted_jobs(connection: sa.Connection) -> None:
    tables.DELETED.create(connection)


MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = (
    _make_tables,
    _add_traces,
    _add_scopes_and_quotas,
    _add_holders_of_keys,
    _add_states_of_deliveries,
    _decide_about_findings,
    _remember_deleted_jobs,
)
"""Append only: a database remembers how many of these it has seen. The first makes an empty one what all of them
together would have made of it."""


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
