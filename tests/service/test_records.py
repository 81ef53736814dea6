"""The database keeps its promises, be it SQLite or PostgreSQL."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from dbos import _sys_db_sqlite

from api.errors import DatabaseError
from api.records import (
    Database,
    Deliveries,
    Executors,
    IdempotencyKeys,
    Job,
    JobFilter,
    JobRecords,
    KeptLooks,
    NewJob,
    Outcome,
    Problem,
    Reviews,
    Settling,
    Totals,
    new_id,
    open_database,
)
from api.records import database as database_module
from tests.service.conftest import running


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    urls = {"sqlite": lambda: f"sqlite:///{tmp_path / 'a.db'}"}
    opened = open_database(urls.get(request.param, lambda: request.getfixturevalue("postgresql"))())
    yield opened
    opened.close()


def _add(records: JobRecords, tenant: str, name: str = "a.mp4") -> Job:
    job_id = new_id()
    with records.adding(NewJob(tenant, name, {"frames": 3}, (), 60.0), job_id):
        pass
    return records.get(job_id)


def _outcome(words: str) -> Outcome:
    return Outcome("complete", "A summary.", 3.0, words, {"requests": 2, "cost_usd": 0.5})


def test_migrating_again_changes_nothing(database: Database) -> None:
    again = open_database(database.engine.url.render_as_string(hide_password=False))
    again.check()
    again.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_database_of_the_first_version_is_brought_up_to_date(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """What an upgrade makes of an old database is what a new one has, and nothing in it is lost."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'old.db'}")
    if kind == "postgresql":
        server = sa.make_url(request.getfixturevalue("postgresql")).set(drivername="postgresql+psycopg")
        admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.exec_driver_sql("CREATE DATABASE old")
        admin.dispose()
        engine = sa.create_engine(server.set(database="old"))
    search = {
        "sqlite": "CREATE VIRTUAL TABLE sceneline_search USING fts5(job_id UNINDEXED, words)",
        "postgresql": "CREATE TABLE sceneline_search (words TSVECTOR NOT NULL, "
        "job_id TEXT PRIMARY KEY REFERENCES sceneline_jobs ON DELETE CASCADE)",
    }
    statements = (Path(__file__).parent / "schema_1.sql").read_text().partition("\n")[2].split(";\n")
    with engine.begin() as connection:
        for statement in (*statements, search[kind]):
            if statement.strip():
                connection.exec_driver_sql(statement)
        connection.exec_driver_sql(
            "INSERT INTO sceneline_jobs (id, tenant, name, status, progress, request, sources, "
            "interval_seconds, priority, attempts, round, summary, created_at, timeout_seconds) "
            "VALUES ('a', 't', 'a.mp4', 'queued', 0, '{}', '[]', 1, 10, 0, 3, '', 1e9, 60)"
        )
        connection.exec_driver_sql("INSERT INTO sceneline_reviews VALUES ('a', 2, 'block', 'no', 2e9)")
        connection.exec_driver_sql(
            "INSERT INTO sceneline_deliveries VALUES ('a', 'https://a.example/', 1, NULL, 'no')"
        )
    old = open_database(engine.url.render_as_string(hide_password=False))
    new = open_database(f"sqlite:///{tmp_path / 'new.db'}")
    shapes = []
    for database in (old, new):
        seen = sa.inspect(database.engine)
        tables = [name for name in seen.get_table_names() if "search" not in name]
        shapes.append({name: {each["name"] for each in seen.get_columns(name)} for name in tables})
    records = JobRecords(old)
    job = records.get("a")
    assert (job.name, job.created_at, job.queued_at, job.traceparent) == ("a.mp4", 1e9, None, None)
    assert [(each.finding, each.verdict) for each in Reviews(old).of("a")] == [("#2", "block")]
    told = Deliveries(old).of("a")
    assert told is not None
    assert (told.round, told.attempts, told.next_try_at) == (3, 1, None)
    assert records.finish(job, _outcome("a cat")).status == "complete"
    assert _add(records, "t").queued_at is not None
    assert shapes[0] == shapes[1]
    for each in (old, new):
        each.close()
    engine.dispose()


def test_the_life_of_a_job(database: Database) -> None:
    records, before = JobRecords(database), Totals(database).read()
    job = _add(records, new_id())
    assert (job.status, job.attempts, job.deadline_at) == ("queued", 0, None)
    job = records.begin_attempt(job.id, 0, "sampling")
    job = records.begin_attempt(job.id, 0, "sampling")
    assert (job.attempts, job.deadline_at) == (2, job.started_at + 60.0)
    assert records.progress(job, 0.2, "sampling") == "go"
    assert records.progress(job, 0.1, "sampling") == "go"
    assert records.get(job.id).progress == 0.2
    assert records.begin_attempt(job.id, 0, "sampling").attempts == 2, "what gets on is not given up"
    assert records.progress(job, 0.2, "sampling") == "go"
    assert records.begin_attempt(job.id, 0, "sampling").attempts == 3
    assert records.begin_attempt(job.id, 0, "analyzing").attempts == 1
    event = {"id": "e0", "label": "cat"}
    records.progress(job, 0.5, "analyzing", [event])
    records.progress(job, 0.6, "analyzing", [event])
    done = records.finish(job, _outcome("cat sofa"))
    assert (done.status, done.progress, done.duration_seconds) == ("complete", 1.0, 3.0)
    records.fail(job.id, 0, Problem("late", "too late"))
    records.finish(job, _outcome("other"))
    events = records.events_after(job.id, 0)
    assert [each.number for each in events] == list(range(1, len(events) + 1))
    assert [each.kind for each in events].count("event") == 1
    assert [each.kind for each in events].count("done") == 1
    after = Totals(database).read()
    assert after["cost_usd", ""] - before.get(("cost_usd", ""), 0) == 0.5
    assert after["jobs", "complete"] - before.get(("jobs", "complete"), 0) == 1


def test_an_earlier_round_writes_nothing_any_more(database: Database) -> None:
    records = JobRecords(database)
    first = records.begin_attempt(_add(records, "t").id, 0, "analyzing")
    records.fail(first.id, 0, Problem("cancelled", "cancelled"), "cancelled")
    second = records.queue_again(first.id)
    assert second is not None
    assert (second.round, second.status, second.problem) == (1, "queued", None)
    assert records.progress(first, 0.9, "analyzing") == "cancelled"
    records.finish(first, _outcome("x"))
    records.fail(first.id, 0, Problem("x", "x"))
    assert records.get(first.id).status == "queued"
    assert records.queue_again(first.id) is None


def test_a_deadline_passes(database: Database) -> None:
    records = JobRecords(database)
    job_id = new_id()
    with records.adding(NewJob("t", "a", {}, (), -1.0), job_id):
        pass
    assert records.progress(records.begin_attempt(job_id, 0, "sampling"), 0.1, "sampling") == "late"


def test_search_finds_beginnings_of_words_in_any_case(database: Database) -> None:
    records, tenant = JobRecords(database), new_id()
    for words in ("A cat on the Sofa", "Der Bär läuft", "A dog's dinner", "a" * 500_000):
        records.finish(_add(records, tenant), _outcome(words))

    def found(query: str) -> int:
        return len(records.newest(JobFilter(tenant, query)))

    assert [found(q) for q in ("CAT", "sof", "cat sofa", "sofa cat", "ofa", "cat dog")] == [1, 1, 1, 1, 0, 0]
    assert [found(q) for q in ("bär", "dog's", "'", '"cat', "cat*", "cat OR dog", "NOT cat", "-cat")] == [
        1, 1, 0, 1, 1, 0, 0, 1,
    ]  # fmt: skip
    assert len(records.newest(JobFilter("nobody", "cat"))) == 0
    (job,) = records.newest(JobFilter(tenant, "sofa"))
    records.delete(job.id)
    assert found("sofa") == 0


def test_pages_do_not_overlap(database: Database) -> None:
    records, tenant = JobRecords(database), new_id()
    ids = [_add(records, tenant).id for _ in range(5)]
    first = records.newest(JobFilter(tenant, limit=3))
    rest = records.newest(JobFilter(tenant, before=first[-1].id, limit=3))
    assert [job.id for job in (*first, *rest)] == sorted(ids, reverse=True)
    assert len(records.newest(JobFilter(tenant, status="queued"))) == 5


def test_messages_are_owed_from_the_end_of_a_round_until_they_are_taken(database: Database) -> None:
    records, told, tenant, other = JobRecords(database), Deliveries(database), new_id(), new_id()
    with records.adding(NewJob(tenant, "a", {}, (), 60.0, webhook="https://a.example/x?key=1"), new_id()):
        pass
    with records.adding(NewJob(other, "b", {}, (), 60.0, webhook="https://a.example/x?key=2"), new_id()):
        pass
    (job,) = records.newest(JobFilter(tenant))
    assert told.of(job.id) is None
    records.fail(job.id, 0, Problem("late", "too late"))
    owed = told.of(job.id)
    assert owed is not None
    assert (owed.url, owed.attempts, owed.round) == ("https://a.example/x", 0, 0)
    assert job.id in {each.job_id for each in told.overdue(-1, limit=1000)}
    assert job.id not in {each.job_id for each in told.overdue(60, limit=1000)}
    told.note(job.id, 0, 1, "it was asleep", 600.0)
    told.note(job.id, 7, 5, "of a round that is not", None)
    (state,) = told.by_endpoint(tenant)
    assert (state.waiting, state.delivered, state.given_up, state.failing) == (1, 0, 0, "it was asleep")
    assert job.id not in {each.job_id for each in told.overdue(0, limit=1000)}
    told.note(job.id, 0, 2, None, 60.0)
    (state,) = told.by_endpoint(tenant)
    assert (state.waiting, state.delivered, state.failing) == (0, 1, None)
    assert told.by_endpoint(other) == [], "its job has not ended"
    assert records.queue_again(job.id) is not None
    assert told.of(job.id) is None
    records.fail(job.id, 1, Problem("late", "too late"))
    again = told.of(job.id)
    assert again is not None
    assert (again.round, again.attempts, again.delivered_at) == (1, 0, None)
    records.delete(job.id)
    assert told.of(job.id) is None


def test_keys_looks_reviews_and_processes(database: Database) -> None:
    keys, tenant = IdempotencyKeys(database, "here", 20), new_id()
    Executors(database).beat("here", works=True)
    assert keys.claim(tenant, "k").ours
    with database.begin() as connection:
        Settling(tenant, "k", "print").settle(connection, "job")
    assert (keys.claim(tenant, "k").fingerprint, keys.claim(tenant, "k").job_id) == ("print", "job")
    looks = KeptLooks(database)
    looks.put(tenant, {"keyframe": 1})
    looks.put(tenant, {"keyframe": 2})
    assert looks.get(tenant) == {"keyframe": 1}
    assert looks.get("never") is None
    job = _add(JobRecords(database), tenant)
    Reviews(database).decide(job.id, "r1", "allow", "fine")
    Reviews(database).decide(job.id, "r1", "block", "no")
    assert [(r.verdict, r.note) for r in Reviews(database).of(job.id)] == [("block", "no")]
    executors = Executors(database)
    for name in (tenant, "x" + tenant):
        executors.beat(name, works=True)
    executors.leave("x" + tenant)
    assert executors.silent(tenant, 60)["x" + tenant] == 0.0
    assert executors.claim("x" + tenant, 0.0)
    assert "x" + tenant not in executors.silent(tenant, 60)


def test_what_a_database_says_is_for_the_operator_only(tmp_path: Path) -> None:
    """It names its host and who asks, as soon as anybody does, with or without a key."""
    opened = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    with pytest.raises(DatabaseError, match="no such table: secrets") as failed, opened.begin() as connection:
        connection.execute(sa.text("SELECT * FROM secrets"))
    assert failed.value.for_clients == "the database failed; try later"
    opened.close()


def test_a_server_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection and says nothing, as where its machine hangs."""
    monkeypatch.setitem(database_module._PATIENCE, "connect_timeout", "2")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(DatabaseError, match="cannot be opened"):
            open_database(f"postgresql://someone@127.0.0.1:{port}/x")


def test_jobs_of_later_pythons_run_on_an_earlier_sqlite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine's tables as Python 3.12 and later make them: what their times come from, SQLite 3.40 does not know."""
    made, subsec = _sys_db_sqlite.sqlite_migrations, "unixepoch('subsec') * 1000"
    later = [each.replace("strftime('%s','now') * 1000", subsec) for each in made]
    assert any(subsec in each for each in later)
    monkeypatch.setattr(_sys_db_sqlite, "sqlite_migrations", later)
    now = sa.cast(sa.func.unixepoch("subsec") * 1000, sa.BigInteger)
    monkeypatch.setattr(_sys_db_sqlite.SQLiteSystemDatabase, "_now_ms_sql", lambda _: now)
    with running(tmp_path) as service:
        assert service.ended(service.post().json()["id"])["status"] == "complete"
