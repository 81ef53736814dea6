"""What is kept and for how long: retention, deletion, deadlines, order, upgrades, poisonous videos."""

import os
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from api import shown
from api.errors import DatabaseError, StorageError
from api.jobs import JobEngine, Place
from api.jobs.calling import Calls
from api.jobs.delivering import Messenger
from api.jobs.keeping import Keeper
from api.jobs.queues import UnderWay
from api.jobs.rounds import Rounds
from api.places import opened
from api.records import Database, JobFilter, NewJob, new_id
from api.settings import Settings
from api.uploads import FileOnDisk, clear_abandoned
from api.working import MOST_ATTEMPTS, keep_source
from tests.service.conftest import SeesACat, Service, moving_square, running, with_model
from tests.service.endpoints import endpoint


def _files(service: Service) -> list[Path]:
    return [path for path in (service.place.settings.data / "storage").rglob("*") if path.is_file()]


def test_what_is_too_old_is_deleted_with_its_files(tmp_path: Path) -> None:
    with running(tmp_path, keep_days=1.5 / 86_400, silent_seconds=2) as service:
        job = service.post(params={"wait": 20}).json()
        assert job["status"] == "complete"
        until = time.monotonic() + 20
        while service.http.get(job["links"]["self"]).status_code != 404:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert service.http.get("/v1/limits").json()["keep_days"] == pytest.approx(1.5 / 86_400)
        while _files(service):
            assert time.monotonic() < until
            time.sleep(0.1)


def test_a_server_that_only_answers_deletes_what_is_too_old_as_well(tmp_path: Path) -> None:
    """It says how long things are kept; the workers beside it may not have been told."""
    with running(tmp_path) as service:
        job = service.post(params={"wait": 20}).json()
        assert job["status"] == "complete"
    with running(tmp_path, keep_days=0.1 / 86_400, silent_seconds=2, jobs_at_once=0) as service:
        until = time.monotonic() + 20
        while service.http.get(job["links"]["self"]).status_code != 404 or _files(service):
            assert time.monotonic() < until
            time.sleep(0.1)


def test_what_came_in_half_is_removed(tmp_path: Path, postgresql: str) -> None:
    """At once by the only process there is, after a day beside others, whose uploads may be on their way."""
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    half, old, copy = incoming / "half", incoming / "old", incoming / "copy-x"

    def leave() -> None:
        copy.mkdir()
        (copy / "a").write_bytes(b"x")
        for path, age_seconds in ((half, 0), (old, 25 * 3600), (copy, 25 * 3600)):
            if path is not copy:
                path.write_bytes(b"x")
            os.utime(path, (time.time() - age_seconds,) * 2)

    leave()
    with running(tmp_path, silent_seconds=2) as service:
        assert list(incoming.iterdir()) == []
        leave()
        until = time.monotonic() + 20
        while old.exists() or copy.exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        assert half.exists()
        assert service.post(params={"wait": 20}).status_code == 200
    leave()
    with opened(Settings(data=tmp_path, database_url=postgresql)):
        assert list(incoming.iterdir()) == [half]


def test_what_is_coming_in_as_the_clock_jumps_is_not_removed(tmp_path: Path) -> None:
    """Suddenly it is a day old; but one that comes in changes, and what is left behind does not."""
    coming, left = tmp_path / "coming", tmp_path / "left"
    for path in (coming, left):
        path.write_bytes(b"x")
        os.utime(path, (time.time() - 90_000,) * 2)
    seen = clear_abandoned(tmp_path, 86_400, frozenset())
    assert coming.exists()
    assert left.exists()
    os.utime(coming, (time.time() - 89_990,) * 2)
    clear_abandoned(tmp_path, 86_400, seen)
    assert coming.exists()
    assert not left.exists()


def test_deleting_a_timeline_deletes_what_was_asked_about_it(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        about = service.post(params={"wait": 20}).json()
        other = service.post(moving_square(seed=3), params={"wait": 20}).json()
        question = new_id()
        place = service.place
        looked_at = place.records.get(about["id"])
        new = NewJob("local", "q", looked_at.request, looked_at.sources, 60.0, parent=about["id"])
        with place.records.adding(new, question):
            pass
        assert service.http.delete(about["links"]["self"]).status_code == 204
        assert place.records.look_up(question) is None
        assert [job.id for job in place.records.newest(JobFilter("local"))] == [other["id"]]
        assert {path.parts[path.parts.index("jobs") + 1] for path in _files(service)} == {other["id"]}


def _until_gone(folder: Path, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while folder.exists():
        assert time.monotonic() < until, list(folder.rglob("*"))
        time.sleep(0.05)


@pytest.mark.parametrize("stored", ["store_sampled", "store_looked"])
def test_what_is_stored_for_a_job_after_it_was_deleted_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, stored: str
) -> None:
    """Its stage notices only at its next step, and has written by then."""
    at_work, deleted, done = threading.Event(), threading.Event(), threading.Event()
    real = getattr(shown, stored)

    def store(*values: Any) -> Any:
        at_work.set()
        deleted.wait(20)
        outcome = real(*values)
        done.set()
        return outcome

    monkeypatch.setattr(shown, stored, store)
    with running(tmp_path) as service:
        job = service.post().json()
        assert at_work.wait(20)
        assert service.http.delete(job["links"]["self"]).status_code == 204
        deleted.set()
        assert done.wait(20)
        _until_gone(tmp_path / "storage" / "jobs" / job["id"])
        other = service.post(moving_square(seed=1), params={"wait": 20}).json()
        assert other["status"] == "complete"
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


def test_frames_taken_for_a_job_after_it_was_deleted_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path) as service:
        job = service.post(params={"wait": 20}).json()
        records, real = service.place.records, shown.store_frames
        about, question = records.get(job["id"]), new_id()
        new = NewJob("local", "q", about.request, about.sources, 60.0, parent=about.id)
        with records.adding(new, question):
            pass

        def store(*values: Any) -> None:
            records.delete(question)
            real(*values)

        monkeypatch.setattr(shown, "store_frames", store)
        assert service.place.workshop.take(question, [0.0], 10_000) is None
        assert not (tmp_path / "storage" / "jobs" / question).exists()


def test_files_that_could_not_be_removed_are_removed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.jobs.keeping.FORGOTTEN_SECONDS", 1.0)
    with running(tmp_path, silent_seconds=2) as service:
        job = service.post(params={"wait": 20}).json()
        folder = tmp_path / "storage" / "jobs" / job["id"]

        def fail(*_: object) -> None:
            raise StorageError("storage is away")

        with pytest.MonkeyPatch.context() as away:
            away.setattr(type(service.place.storage), "delete", fail)
            assert service.http.delete(job["links"]["self"]).status_code == 204
        assert folder.exists()
        _until_gone(folder)
        until = time.monotonic() + 20
        while service.place.records.deleted_before(0.0):
            assert time.monotonic() < until
            time.sleep(0.05)


def test_files_whose_job_could_not_be_written_are_removed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.jobs.keeping.FORGOTTEN_SECONDS", 1.0)
    with running(tmp_path, silent_seconds=2) as service:
        whole = service.post(params={"wait": 20}).json()

        def fail(*_: object) -> None:
            raise DatabaseError("the database is away")

        with monkeypatch.context() as away:
            away.setattr(JobEngine, "submit", fail)
            assert service.post(moving_square(seed=1)).status_code == 503
        folder = tmp_path / "storage" / "jobs"
        (left,) = (each for each in folder.iterdir() if each.name != whole["id"])
        _until_gone(left)
        assert service.http.get(whole["links"]["video"]).status_code == 200


def test_a_job_that_takes_too_long_fails(tmp_path: Path) -> None:
    with running(tmp_path, job_timeout_seconds=1.0) as service:
        service.model.open.clear()
        job = service.post().json()
        ended = service.ended(job["id"])
        service.model.open.set()
        assert (ended["status"], ended["error"]["code"]) == ("failed", "deadline_exceeded")
        messages = service.http.get(job["links"]["events"]).text
        assert messages.count("event: failed") == 1


def test_lower_priorities_go_first_and_no_tenant_waits_for_anothers_backlog(tmp_path: Path) -> None:
    """One job at a time: urgent ones of a tenant first, and another tenant's few among its many."""
    with opened(Settings(data=tmp_path, jobs_at_once=1)) as real, with_model(real, SeesACat()) as place:
        waiting = JobEngine(place, works=False)
        waiting.start()
        ids: dict[str, str] = {}
        for number in range(10):
            for tenant, priority in (("many", 10 if number else 1), *((("few", 10),) if number < 2 else ())):
                ids[_submitted(place, waiting, tenant, 90 - number if priority == 10 else 1)] = (
                    f"{tenant}{number}"
                )
        waiting.close()
        working = JobEngine(place, works=True)
        working.start()
        until = time.monotonic() + 60
        while any(not place.records.get(job_id).finished for job_id in ids):
            assert time.monotonic() < until
            time.sleep(0.1)
        working.close()
        done = sorted(ids, key=lambda job_id: place.records.get(job_id).finished_at)
    order = [ids[job_id] for job_id in done]
    of_many = [name for name in order if name.startswith("many")]
    assert of_many == ["many0", *(f"many{number}" for number in range(9, 0, -1))], "lower numbers first"
    assert order.index("few0") < 9, order


def _submitted(place: Place, engine: JobEngine, tenant: str, priority: int) -> str:
    job_id = new_id()
    file = FileOnDisk(place.workshop.incoming, "a.gif")
    file.write(moving_square(2, seed=priority))
    source = keep_source(place.storage, job_id, file.close())
    request = {"tasks": ["moderation"], "frames": 2}
    engine.submit(NewJob(tenant, "a.gif", request, (source,), 60.0, priority=priority), job_id)
    return job_id


def test_jobs_of_an_earlier_version_are_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("engine", "queues", "keeping"):
        monkeypatch.setattr(f"api.jobs.{module}.WORK_VERSION", "0")
    with running(tmp_path, jobs_at_once=0) as service:
        job = service.post().json()
    monkeypatch.undo()
    with running(tmp_path) as service:
        ended = service.ended(job["id"])
        assert (ended["status"], ended["error"]) == ("complete", None)
        assert service.http.get(job["links"]["events"]).text.count("event: done") == 1


def test_what_breaks_its_process_again_and_again_is_given_up(tmp_path: Path) -> None:
    """As a process that dies leaves it: begun, and nothing said of it since."""
    with running(tmp_path, jobs_at_once=0) as service:
        job, other = service.post().json(), service.post(moving_square(seed=1)).json()
        for _ in range(MOST_ATTEMPTS["sampling"]):
            service.place.records.begin_attempt(job["id"], 0, "sampling")
        for _ in range(MOST_ATTEMPTS["analyzing"]):
            service.place.records.begin_attempt(other["id"], 0, "analyzing")
        service.place.workshop.analyze(other["id"], 0, Calls(service.place))
        assert service.ended(other["id"])["error"]["code"] == "gave_up"
    with running(tmp_path) as service:
        ended = service.ended(job["id"])
        assert (ended["status"], ended["error"]["code"]) == ("failed", "gave_up")
        assert Counter(service.http.get(job["links"]["events"]).text.split())["failed"] >= 1
        assert service.http.post(f"{job['links']['self']}/retry").status_code == 202
        assert service.ended(job["id"])["status"] == "complete", "a person may try it again"


def test_a_server_that_dies_often_gives_no_healthy_video_up(tmp_path: Path) -> None:
    """Files are read in a process of their own: that ours died while one was read says little against it."""
    with running(tmp_path, jobs_at_once=0) as service:
        job = service.post().json()
        for _ in range(MOST_ATTEMPTS["analyzing"] + 5):
            service.place.records.begin_attempt(job["id"], 0, "sampling")
    with running(tmp_path) as service:
        assert service.ended(job["id"])["status"] == "complete"


def test_a_server_that_is_stopped_says_nothing_against_its_jobs(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        service.model.open.clear()
        job = service.post().json()
        until = time.monotonic() + 20
        while service.place.records.get(job["id"]).status != "analyzing":
            assert time.monotonic() < until
            time.sleep(0.05)
        assert service.place.records.get(job["id"]).attempts == 1
    stopped = service.place.records.get(job["id"])
    assert (stopped.status, stopped.attempts) == ("analyzing", 0)
    service.model.open.set()


def test_a_server_that_ended_with_nothing_to_do_is_not_mourned(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        with running(tmp_path) as service:
            assert service.post(params={"wait": 20}).json()["status"] == "complete"
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == []


def test_work_that_was_begun_and_never_came_here_is_begun_again(tmp_path: Path) -> None:
    """As a database leaves it that goes away just when it has given work to a process: the process never knew."""
    with running(tmp_path, jobs_at_once=1, silent_seconds=2) as service:
        service.model.open.clear()
        first, lost = service.post().json(), service.post(moving_square(seed=1)).json()
        with service.place.database.begin() as connection:
            executor = connection.execute(sa.text("SELECT id FROM sceneline_executors")).scalar_one()
            given = connection.execute(
                sa.text(
                    "UPDATE workflow_status SET status = 'PENDING', executor_id = :executor, owner_xid = 'nobody' "
                    "WHERE workflow_uuid = :name AND status = 'ENQUEUED'"
                ),
                {"executor": executor, "name": f"{lost['id']}.0.sample"},
            )
            assert given.rowcount == 1
        service.model.open.set()
        assert service.ended(first["id"])["status"] == "complete"
        assert service.ended(lost["id"])["status"] == "complete"


def test_an_endpoint_that_is_gone_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.webhooks.PAUSES_SECONDS", (0.0, 3600.0))
    trusting = {"webhook_secret": "s", "trusted_hosts": frozenset({"127.0.0.1"})}
    with endpoint(refuse=1000) as gone, endpoint() as here, running(tmp_path, **trusting) as service:
        jobs = [service.post(moving_square(2, seed=n), frames=2, webhook=gone.url) for n in range(10)]
        for job in jobs:
            service.ended(job.json()["id"])
        gone.until_taken(10)
        service.ended(service.post(moving_square(2, seed=99), frames=2, webhook=here.url).json()["id"])
        here.until_taken(1)  # ten that wait for their next try hold no place


class NoQueue:
    """A client of the engine that knows of no workflow."""

    def list_workflows(self, **_wanted: object) -> list[object]:
        return []

    def delete_workflows(self, _names: list[str]) -> None:
        pass


def test_who_had_no_chance_to_speak_is_not_taken_for_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a database was away for a minute, all have been silent for as long; the first to find it back knows."""
    now = 1000.0
    monkeypatch.setattr(Database, "now_seconds", lambda *_: now)
    with opened(Settings(data=tmp_path)) as place:
        client: Any = NoQueue()
        messenger = Messenger(place)
        keeper = Keeper(place, "we", client, Rounds(place, client, messenger), UnderWay())
        for name in ("living", "dead"):
            place.executors.beat(name, works=True)
        keeper.keep_house()
        now += 60
        keeper.keep_house()
        keeper.keep_house()
        assert place.executors.silent("we", 20) == {"living": 1000.0, "dead": 1000.0}
        place.executors.beat("living", works=True)
        keeper.keep_house()
        assert place.executors.silent("we", 0) == {"living": 1060.0}
        place.executors.leave("living")
        keeper.keep_house()
        assert place.executors.silent("we", 0) == {}, "who says that it ends is believed at once"


def test_who_is_held_up_by_keeping_house_still_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Storage that does not answer, where it is to remove something, says nothing of the process."""
    held_up, go_on = threading.Event(), threading.Event()

    def clear_abandoned(*_: object) -> None:
        held_up.set()
        go_on.wait(20)

    with running(tmp_path, silent_seconds=2) as service:
        monkeypatch.setattr("api.jobs.keeping.clear_abandoned", clear_abandoned)
        assert held_up.wait(20)
        (executor, seen_at), *_ = service.place.executors.silent("", 0).items()
        until = time.monotonic() + 20
        while service.place.executors.silent("", 0)[executor] == seen_at:
            assert time.monotonic() < until
            time.sleep(0.05)
        go_on.set()
