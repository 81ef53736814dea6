"""Processes are killed in mid-work: every job ends once, and nothing that was answered is asked again."""

import random
import re
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import oracle
from tests.coded import draw_clip
from tests.service.conftest import moving_square, new_database
from tests.service.fleet import Fleet, answer, until_ready

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]


def middle(asked: oracle.Asked) -> object:
    """An event in the middle third of one long shot, told from the pixels."""
    frames = [shown.index for shown in asked.shown if 150 <= shown.code[0] < 330]
    told = {"label": "middle", "description": "the middle", "confidence": 0.9, "track": "main"}
    events = [{"first_frame": frames[0], "last_frame": frames[-1], **told}] if frames else []
    return {"events": events, "summary": "a film"}


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
    assert fleet.asked_in_vain() == []


def _kill_now_and_then(
    fleet: Fleet, http: httpx.Client, ids: list[str], *, kills: int, role: str, seconds: float
) -> list[dict[str, object]]:
    dice = random.Random(7)
    until = time.monotonic() + seconds
    while (jobs := _all_ended(http, ids)) is None:
        assert time.monotonic() < until, [
            (job["status"], job["progress"]) for job in (http.get(f"/v1/timelines/{i}").json() for i in ids)
        ]
        if len(fleet.kills) < kills:
            time.sleep(dice.uniform(2.0, 5.0))
            victims = [each for each in fleet.processes if role in each.args]
            fleet.kill(dice.choice(victims))
            fleet.start(role)
        else:
            time.sleep(0.3)
    return jobs


def test_a_killed_server_goes_on_where_it_was(tmp_path: Path) -> None:
    """Twice, in the midst of work that takes longer than both times until it is killed."""
    with oracle.oracle(answer, delay=1.0) as model:
        fleet = Fleet(tmp_path, model.url, None)
        try:
            fleet.start("serve")
            with fleet.client() as http:
                until_ready(http)
                ids = [_post(http, seed) for seed in range(20)]
                jobs = _kill_now_and_then(fleet, http, ids, kills=2, role="serve", seconds=120)
                _check(http, fleet, jobs)
        finally:
            fleet.stop()
    assert len(fleet.kills) == 2


def test_a_second_look_outlives_its_process(tmp_path: Path) -> None:
    clips = [draw_clip(tmp_path / f"{seed}.mp4", (480,), seed=seed).path.read_bytes() for seed in range(3)]
    few = {"SCENELINE_MODEL_CALLS_AT_ONCE": "2", "SCENELINE_MODEL_CALLS_AT_ONCE_PER_TENANT": "2"}
    with oracle.oracle(middle, delay=0.7) as model:
        fleet = Fleet(tmp_path, model.url, None)
        try:
            fleet.start("serve", **few)
            with fleet.client() as http:
                until_ready(http)
                ids = [
                    http.post(
                        "/v1/timelines",
                        files={"video": (f"{number}.mp4", clip)},
                        data={"request": '{"frames": 16}'},
                    ).json()["id"]
                    for number, clip in enumerate(clips)
                ]
                jobs = _kill_now_and_then(fleet, http, ids, kills=3, role="serve", seconds=240)
                _check(http, fleet, jobs)
                for job in jobs:
                    keyframes = job["timeline"]["keyframes"]
                    assert [each["reason"] for each in keyframes].count("zoom") == 2
                    assert http.get(keyframes[-1]["image"]).status_code == 200
        finally:
            fleet.stop()


def test_killed_workers_are_taken_over(tmp_path: Path, postgresql: str) -> None:
    with oracle.oracle(answer, delay=0.5) as model:
        fleet = Fleet(tmp_path, model.url, new_database(postgresql))
        try:
            fleet.start("serve", SCENELINE_JOBS_AT_ONCE="0")
            for _ in range(2):
                fleet.start("work")
            with fleet.client() as http:
                until_ready(http)
                ids = [_post(http, seed) for seed in range(24)]  # more than is done between two kills
                jobs = _kill_now_and_then(fleet, http, ids, kills=2, role="work", seconds=150)
                _check(http, fleet, jobs)
        finally:
            fleet.stop()
    assert len(fleet.kills) == 2


class Client:
    """Keeps a number of jobs under way, as a client does that asks again whatever happens to the server."""

    def __init__(self, fleet: Fleet, at_once: int) -> None:
        self.ids: list[str] = []
        self.open: set[str] = set()
        self.answers: Counter[int] = Counter()
        self._fleet = fleet
        self._at_once = at_once
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._post)

    def __enter__(self) -> "Client":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._enough.set()
        self._thread.join()

    def _post(self) -> None:
        with self._fleet.client() as http:
            while not self._enough.is_set():
                self.look(http)
                if len(self.open) >= self._at_once:
                    self._enough.wait(0.3)
                    continue
                seed = len(self.ids)
                try:
                    answer = http.post(
                        "/v1/timelines",
                        files={"video": (f"{seed}.gif", moving_square(9, seed=seed))},
                        data={"request": '{"frames": 8}'},
                        headers={"Idempotency-Key": f"job-{seed}"},
                    )
                except httpx.TransportError:
                    self.answers[0] += 1
                    self._enough.wait(0.3)
                    continue
                self.answers[answer.status_code] += 1
                if answer.status_code in (200, 202):  # 200: it has ended since it was first asked for
                    self.ids.append(answer.json()["id"])
                    self.open.add(self.ids[-1])
                else:
                    assert answer.status_code == 409, answer.text
                    self._enough.wait(0.3)

    def look(self, http: httpx.Client) -> None:
        for job_id in tuple(self.open):
            with suppress(httpx.TransportError):
                if http.get(f"/v1/timelines/{job_id}").json()["finished_at"]:
                    self.open.discard(job_id)


@pytest.mark.timeout(2400)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_fifty_kills_lose_nothing(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Any process at any time, under a client that keeps posting: every job ends, once, and is the only one of its
    key; nothing that was answered and recorded is asked again.
    """
    database = None if kind == "sqlite" else new_database(request.getfixturevalue("postgresql"))
    roles = ["serve"] if kind == "sqlite" else ["serve", "work", "work", "work"]
    env = {} if kind == "sqlite" else {"SCENELINE_JOBS_AT_ONCE": "0"}
    dice = random.Random(50)
    with oracle.oracle(answer, delay=0.4) as model:
        fleet = Fleet(tmp_path, model.url, database)
        try:
            for role in roles:
                fleet.start(role, **(env if role == "serve" else {}))
            with fleet.client() as http, Client(fleet, at_once=8) as client:
                until_ready(http)
                while len(fleet.kills) < 50:
                    time.sleep(dice.uniform(1.0, 5.0))
                    victim = dice.choice(fleet.processes)
                    fleet.kill(victim)
                    role = fleet.kills[-1]
                    fleet.start(role, **(env if role == "serve" else {}))
                    if role == "serve" and dice.random() < 0.8:
                        until_ready(http)
                until_ready(http)
                client.stop()
                until = time.monotonic() + 300
                while client.open:
                    assert time.monotonic() < until, [
                        http.get(f"/v1/timelines/{i}").json() for i in client.open
                    ]
                    client.look(http)
                    time.sleep(0.5)
                jobs = [http.get(f"/v1/timelines/{job_id}").json() for job_id in client.ids]
                ends = [http.get(f"/v1/timelines/{job_id}/events").text for job_id in client.ids]
                listed = _listed(http)
                metrics = http.get("/metrics").text
        finally:
            fleet.stop()
    _judge(kind, fleet, jobs, ends, listed, metrics)
    sys.stderr.write(f"{len(model.asked)} requests, answers to the client {dict(client.answers)}\n")


def _listed(http: httpx.Client) -> list[Any]:
    items: list[Any] = []
    page: dict[str, Any] = {"next": ""}
    while page["next"] is not None:
        cursor = {"cursor": page["next"]} if page["next"] else {}
        page = http.get("/v1/timelines", params={"limit": 200, **cursor}).json()
        items += page["items"]
    return items


def _judge(
    kind: str, fleet: Fleet, jobs: list[Any], ends: list[str], listed: list[Any], metrics: str
) -> None:
    ids = [job["id"] for job in jobs]
    assert [text.count("event: done") + text.count("event: failed") for text in ends] == [1] * len(jobs)
    ended = re.findall(r'jobs_total\{status="(?:complete|failed)"\} ([0-9.]+)', metrics)
    assert len(ids) == len(set(ids)) == sum(map(float, ended)) >= 15
    assert {job["name"] for job in listed} == {f"{seed}.gif" for seed in range(len(ids))}
    assert len(listed) == len(ids), "each request became one job"
    assert fleet.asked_in_vain() == []
    statuses = Counter(job["status"] for job in jobs)
    assert statuses == {"complete": len(jobs)}, [job["error"] for job in jobs if job["error"]]
    asked = Counter(fleet.asked())
    sys.stderr.write(
        f"{kind}: {Counter(fleet.kills)} killed, {dict(statuses)} jobs, {len(asked)} questions, "
        f"{asked.total() - len(asked)} of them asked again as they were cut off\n"
    )


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
                    until_ready(http)
                    # Not one of the keys that fifty kills have left in this database.
                    ids = [_post(http, seed=10_000 * workers + each) for each in range(10)]
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
