"""Floods: many uploads at once, a long queue. The service stays small and quick."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from api.jobs import JobEngine
from api.places import opened
from api.records import NewJob, new_id
from api.settings import Settings
from api.uploads import FileOnDisk
from api.working import keep_source
from tests.service.conftest import moving_square
from tests.service.fleet import ROOT, free_port, until_ready

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1200)]


@contextmanager
def _served(data: Path, **settings: str) -> Iterator[tuple[int, str]]:
    port = free_port()
    program = "from api.cli import main; raise SystemExit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "serve", "--port", str(port), "--data", str(data)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **settings}, cwd=ROOT, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=url, timeout=60) as http:
            until_ready(http, 120)
        yield process.pid, url
    finally:
        process.kill()
        process.wait()


def _megabytes(pid: int, what: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1024


def test_two_hundred_uploads_at_once(tmp_path: Path) -> None:
    """Each of 8 MB, 1.6 GB in all: every one is accepted, and memory holds a small part of them at any time."""
    square = moving_square(8)
    with _served(tmp_path, SCENELINE_JOBS_AT_ONCE="0") as (pid, url):
        with httpx.Client(base_url=url) as http:
            http.post("/v1/timelines", files={"video": ("a.gif", square)}).raise_for_status()
        before = _megabytes(pid, "VmHWM")

        def post(number: int) -> tuple[int, float]:
            began = time.perf_counter()
            video = square + number.to_bytes(4) + os.urandom(1) * 8_000_000
            answer = httpx.post(f"{url}/v1/timelines", files={"video": ("a.gif", video)}, timeout=600)
            return answer.status_code, time.perf_counter() - began

        with ThreadPoolExecutor(200) as pool:
            answers = list(pool.map(post, range(200)))
        after = _megabytes(pid, "VmHWM")
        with httpx.Client(base_url=url) as http:
            assert http.get("/v1/timelines", params={"limit": 200}).json()["next"] is not None
    assert [status for status, _ in answers] == [202] * 200
    sys.stderr.write(
        f"200 uploads of 8 MB at once: the slowest {max(seconds for _, seconds in answers):.1f} s, "
        f"memory at its highest {before:.0f} MB before, {after:.0f} MB after\n"
    )
    assert after - before < 400, "a connection holds its buffers, not its file"


def test_ten_thousand_jobs_in_the_queue(tmp_path: Path) -> None:
    """What a client asks is answered within 50 ms, 95 times of 100, while the process works on them."""
    settings = Settings(data=tmp_path)
    with opened(settings) as place:
        engine = JobEngine(place, works=False)
        engine.start()
        with closing(engine):
            job_id = new_id()
            file = FileOnDisk(place.workshop.incoming, "a.gif")
            file.write(moving_square(2))
            source = keep_source(place.storage, job_id, file.close())
            request = {"tasks": ["moderation"], "frames": 2, "backend": "local"}
            for number in range(10_000):
                new = NewJob("local", f"{number}.gif", request, (source,), 3600.0)
                engine.submit(new, job_id if number == 0 else new_id())
    took: dict[str, list[float]] = {}
    with (
        _served(tmp_path, SCENELINE_JOBS_AT_ONCE="1") as (_, url),
        httpx.Client(base_url=url, timeout=60) as http,
    ):
        page = http.get("/v1/timelines").json()
        for lap in range(150):
            for name, ask in {
                "list": lambda: http.get("/v1/timelines", params={"limit": 50}),
                "page": lambda: http.get("/v1/timelines", params={"cursor": page["next"]}),
                "search": lambda: http.get("/v1/timelines", params={"q": "moving"}),
                "one": lambda lap=lap: http.get(f"/v1/timelines/{page['items'][lap % 50]['id']}"),
                "post": lambda lap=lap: http.post(
                    "/v1/timelines",
                    files={"video": (f"{lap}.gif", moving_square(2, seed=lap))},
                    data={"request": json.dumps(request)},
                ),
            }.items():
                began = time.perf_counter()
                answer = ask()
                took.setdefault(name, []).append(time.perf_counter() - began)
                assert answer.status_code in (200, 202)
            time.sleep(0.05)
        counts = http.get("/metrics").text
    everything = sorted(seconds for each in took.values() for seconds in each)
    p95 = {name: statistics.quantiles(each, n=20)[-1] * 1000 for name, each in took.items()}
    p95["all"] = everything[int(0.95 * len(everything))] * 1000
    assert 'sceneline_jobs_now{status="queued"} 9' in counts or 'status="queued"} 1' in counts
    sys.stderr.write("10,000 queued: p95 in ms " + ", ".join(f"{n} {ms:.0f}" for n, ms in p95.items()) + "\n")
    assert p95["all"] < 50
