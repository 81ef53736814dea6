"""Processes are killed in mid-work: every job ends once, and nothing that was answered is asked again."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests import oracle
from tests.service.conftest import moving_square

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

ROOT = Path(__file__).parent.parent.parent
RECORDED_WITHIN_SECONDS = 3.0
"""An answer is recorded this soon after it came, on a machine as busy as this one may be."""


def answer(asked: oracle.Asked) -> object:
    frames = asked.frames
    happened = {
        "track": "main",
        "first_frame": frames[0],
        "last_frame": frames[-1],
        "label": f"frames {frames[0]} to {frames[-1]}",
        "description": "A square moves.",
        "confidence": 0.9,
    }
    return {"events": [happened], "summary": "A square."}


class Fleet:
    """Processes of one service."""

    def __init__(self, folder: Path, model_url: str, database: str | None) -> None:
        self.log = folder / "questions.log"
        self.log.touch()
        self.killed: dict[int, float] = {}
        self.processes: list[subprocess.Popen[bytes]] = []
        self.port = _free_port()
        self._stderr = (folder / "stderr.log").open("wb")
        self._folder = folder
        self._model_url = model_url
        self._env = {
            **os.environ,
            "SCENELINE_DATA": str(folder / "data"),
            "SCENELINE_SILENT_SECONDS": "3",
            "PYTHONPATH": str(ROOT),
            "PORT": str(self.port),
        }
        if database is not None:
            self._env["SCENELINE_DATABASE_URL"] = database

    def start(self, role: str, **settings: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.service.process", role, self._model_url, str(self.log)],
            env={**self._env, **settings},
            cwd=ROOT,
            stderr=self._stderr,
        )
        self.processes.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGKILL)
        self.killed[process.pid] = time.time()
        process.wait()
        self.processes.remove(process)

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        self._stderr.close()

    def client(self) -> httpx.Client:
        transport = httpx.HTTPTransport(retries=5)
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30, transport=transport)

    def repeated_without_need(self) -> list[str]:
        """Questions asked again although an answer had come and its process had lived long enough to record it."""
        got: dict[str, list[tuple[float, int]]] = {}
        wrong = []
        for line in self.log.read_text().splitlines():
            at, pid, what, name = line.split()
            if what == "got":
                got.setdefault(name, []).append((float(at), int(pid)))
                continue
            for when, by in got.get(name, []):
                if self.killed.get(by, float("inf")) - when > RECORDED_WITHIN_SECONDS < float(at) - when:
                    wrong.append(line)
        return wrong


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until_ready(http: httpx.Client, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if http.get("/healthz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError("the server did not come up")


def _post(http: httpx.Client, seed: int) -> str:
    answer = http.post(
        "/v1/timelines",
        files={"video": (f"{seed}.gif", moving_square(9, seed=seed))},
        data={"request": '{"frames": 8}'},
        headers={"Idempotency-Key": f"job-{seed}"},
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def _all_ended(http: httpx.Client, ids: list[str]) -> list[dict[str, object]] | None:
    try:
        jobs = [http.get(f"/v1/timelines/{job_id}").json() for job_id in ids]
    except httpx.TransportError:
        return None
    return jobs if all(job["finished_at"] for job in jobs) else None


def _check(http: httpx.Client, fleet: Fleet, jobs: list[dict[str, object]]) -> None:
    assert [(job["status"], job["error"]) for job in jobs] == [("complete", None)] * len(jobs)
    for job in jobs:
        events = http.get(f"/v1/timelines/{job['id']}/events").text
        assert events.count("event: done") == 1, "each job ends once"
    assert fleet.repeated_without_need() == []


def _kill_now_and_then(
    fleet: Fleet, http: httpx.Client, ids: list[str], *, kills: int, role: str, seconds: float
) -> list[dict[str, object]]:
    dice = random.Random(7)
    until = time.monotonic() + seconds
    while (jobs := _all_ended(http, ids)) is None:
        assert time.monotonic() < until, [
            (job["status"], job["progress"]) for job in (http.get(f"/v1/timelines/{i}").json() for i in ids)
        ]
        if len(fleet.killed) < kills:
            time.sleep(dice.uniform(2.0, 5.0))
            victims = [each for each in fleet.processes if role in each.args]
            fleet.kill(dice.choice(victims))
            fleet.start(role)
        else:
            time.sleep(0.3)
    return jobs


def test_a_killed_server_goes_on_where_it_was(tmp_path: Path) -> None:
    with oracle.oracle(answer, delay=0.3) as model:
        fleet = Fleet(tmp_path, model.url, None)
        try:
            fleet.start("serve")
            with fleet.client() as http:
                _until_ready(http)
                ids = [_post(http, seed) for seed in range(4)]
                jobs = _kill_now_and_then(fleet, http, ids, kills=2, role="serve", seconds=120)
                _check(http, fleet, jobs)
        finally:
            fleet.stop()
    assert len(fleet.killed) == 2


def test_killed_workers_are_taken_over(tmp_path: Path, postgresql: str) -> None:
    with oracle.oracle(answer, delay=0.5) as model:
        fleet = Fleet(tmp_path, model.url, postgresql)
        try:
            fleet.start("serve", SCENELINE_JOBS_AT_ONCE="0")
            for _ in range(2):
                fleet.start("work")
            with fleet.client() as http:
                _until_ready(http)
                ids = [_post(http, seed) for seed in range(6)]
                jobs = _kill_now_and_then(fleet, http, ids, kills=2, role="work", seconds=150)
                _check(http, fleet, jobs)
        finally:
            fleet.stop()
    assert len(fleet.killed) == 2


def test_four_workers_do_the_work_of_four(tmp_path: Path, postgresql: str) -> None:
    """With a model that takes a second and one call at a time in each process, calls are the bottleneck."""
    seconds = {}
    for workers in (1, 4):
        folder = tmp_path / str(workers)
        folder.mkdir()
        with oracle.oracle(answer, delay=1.0) as model:
            fleet = Fleet(folder, model.url, postgresql)
            one = {"SCENELINE_MODEL_CALLS_AT_ONCE": "1", "SCENELINE_MODEL_CALLS_AT_ONCE_PER_TENANT": "1"}
            try:
                fleet.start("serve", SCENELINE_JOBS_AT_ONCE="0", **one)
                for _ in range(workers):
                    fleet.start("work", **one)
                with fleet.client() as http:
                    _until_ready(http)
                    ids = [_post(http, seed=100 * workers + each) for each in range(10)]
                    while (jobs := _all_ended(http, ids)) is None:
                        time.sleep(0.3)
                    _check(http, fleet, jobs)
            finally:
                fleet.stop()
        times = [float(line.split()[0]) for line in fleet.log.read_text().splitlines()]
        seconds[workers] = max(times) - min(times)
    assert seconds[1] / seconds[4] > 3.0, seconds
    sys.stderr.write(
        f"one worker {seconds[1]:.1f} s, four {seconds[4]:.1f} s: {seconds[1] / seconds[4]:.2f} times\n"
    )
