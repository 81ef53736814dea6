"""Traces go to a real collector: a request, its job and all that is done for it are one, whoever does it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from analyzer import Endpoint, OpenAIModel, find_profile
from api.places import opened
from api.settings import Settings
from tests import oracle
from tests.service.collector import Collector, Told, collecting
from tests.service.conftest import SeesACat, Service, moving_square, running, serving, with_model
from tests.service.fleet import Fleet, answer, free_port, until_ready

CLIENTS_TRACE = "0af7651916cd43dd8448eb211c80319c"
CLIENTS_SPAN = "b7ad6b7169203331"
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    with collecting() as started:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", started.url)
        yield started


@contextmanager
def asking(data: Path, model_url: str) -> Iterator[Service]:
    """A service that asks this model three pictures at a time."""
    with opened(Settings(data=data)) as real:
        profile = replace(find_profile("test-model"), images_per_batch=3)
        model = OpenAIModel(Endpoint(model_url, "test-model", api_key="sk-very-secret"), profile)
        with (
            with_model(real, model) as place,
            serving(place) as url,
            httpx.Client(base_url=url, timeout=30) as http,
        ):
            yield Service(url, http, place, SeesACat())


def _one(spans: list[Told], name: str) -> Told:
    (span,) = [each for each in spans if each.name == name]
    return span


def test_a_request_its_job_and_every_call_are_one_trace(collector: Collector, tmp_path: Path) -> None:
    with oracle.oracle(answer) as model, asking(tmp_path, model.url) as service:
        job = service.post(
            moving_square(9),
            name="private-name.gif",
            frames=8,
            instructions="a private wish",
            headers={"traceparent": f"00-{CLIENTS_TRACE}-{CLIENTS_SPAN}-01"},
            params={"wait": 30},
        ).json()
        service.http.get("/v1/timelines", params={"q": "private search"})
        asked = len(model.asked)
    assert job["status"] == "complete", job["error"]
    spans = [span for span in collector.spans if span.trace == CLIENTS_TRACE]

    request = _one(spans, "POST /v1/timelines")
    assert (request.parent, request.kind) == (CLIENTS_SPAN, 2)
    assert request.said["http.response.status_code"] == 200
    whole = _one(spans, "job")
    assert (whole.parent, whole.failed) == (request.id, False)
    assert whole.said["sceneline.job.id"] == job["id"]
    assert whole.said["sceneline.job.status"] == "complete"
    assert whole.start_seconds == pytest.approx(job["created_at"], abs=0.01)
    assert whole.end_seconds == pytest.approx(job["finished_at"], abs=0.01)
    stages = [span for span in spans if span.parent == whole.id]
    calls = [span for span in stages if span.name == "call"]
    assert sorted(span.name for span in stages) == sorted(["sample", "analyze", *["call"] * asked])
    assert {call.said["gen_ai.request.model"] for call in calls} == {"test-model"}
    usage = job["timeline"]["usage"]
    assert sum(call.said["gen_ai.usage.input_tokens"] for call in calls) == usage["input_tokens"] > 0
    assert sum(call.said["gen_ai.usage.output_tokens"] for call in calls) == usage["output_tokens"] > 0
    parts = [span.name for span in spans if span.parent == _one(spans, "analyze").id]
    assert sorted(parts) == ["merge", "write"]
    assert all(s.start_seconds <= c.start_seconds for s in stages for c in spans if c.parent == s.id)

    told = b"".join(collector.bodies)
    for secret in (b"sk-very-secret", b"private", b"A square", b"square.gif", b"127.0.0.1"):
        assert secret not in told


def test_what_fails_is_told_by_its_code(collector: Collector, tmp_path: Path) -> None:
    with running(tmp_path) as service:
        job = service.post(b"no film", name="a.mp4", params={"wait": 20}).json()
        assert job["status"] == "failed"
        spans = collector.until(lambda spans: any(span.name == "job" for span in spans))
        assert service.http.get("/v1/timelines/unknown").status_code == 422
    whole = _one(spans, "job")
    assert (whole.failed, whole.said["error.type"]) == (True, job["error"]["code"])
    assert _one(spans, "sample").failed
    assert not [span for span in collector.spans if span.name.startswith("GET") and span.failed]


def test_a_cancelled_a_retried_and_a_deleted_job_each_end_their_spans(
    collector: Collector, tmp_path: Path
) -> None:
    with running(tmp_path) as service:
        service.model.open.clear()
        job = service.post(params={"wait": 0}).json()
        service.http.post(f"/v1/timelines/{job['id']}/cancel")
        service.model.open.set()
        service.http.post(f"/v1/timelines/{job['id']}/retry")
        assert service.ended(job["id"])["status"] == "complete"
        service.model.open.clear()
        gone = service.post(moving_square(seed=5)).json()
        service.http.delete(f"/v1/timelines/{gone['id']}")
        service.model.open.set()
        spans = collector.until(lambda spans: sum(span.name == "job" for span in spans) == 3)
    jobs = {span.id: span for span in spans if span.name == "job"}
    assert len(jobs) == 3
    outcomes = sorted((s.said["sceneline.job.round"], s.said["sceneline.job.status"]) for s in jobs.values())
    assert outcomes == [(0, "cancelled"), (0, "cancelled"), (1, "complete")]
    assert len({span.trace for span in jobs.values()}) == 3, "each round is of the request that asked for it"
    looks = [span for span in collector.spans if span.name == "look"]
    assert {span.said["gen_ai.request.model"] for span in looks} == {"sees-a-cat"}


def test_a_workers_spans_join_the_requests_trace(
    collector: Collector, tmp_path: Path, postgresql: str
) -> None:
    with oracle.oracle(answer) as model:
        fleet = Fleet(tmp_path, model.url, postgresql)
        try:
            fleet.start("serve", SCENELINE_JOBS_AT_ONCE="0")
            fleet.start("work")
            with fleet.client() as http:
                until_ready(http)
                files = {"video": ("a.gif", moving_square(9))}
                headers = {"traceparent": f"00-{CLIENTS_TRACE}-{CLIENTS_SPAN}-01"}
                posted = http.post("/v1/timelines", files=files, headers=headers, params={"wait": 30})
                assert posted.json()["status"] == "complete"
            spans = collector.until(lambda spans: {"POST /v1/timelines", "job"} <= {s.name for s in spans})
        finally:
            fleet.stop()
    ours = [span for span in spans if span.trace == CLIENTS_TRACE]
    of = {span.name: span.resource["service.instance.id"] for span in ours}
    assert of["sample"] == of["call"] == of["write"] == of["job"] != of["POST /v1/timelines"]
    assert _one(ours, "job").parent == _one(ours, "POST /v1/timelines").id
    assert {span.resource["service.name"] for span in ours} == {"sceneline"}


def test_sampling_is_decided_for_a_whole_trace(
    collector: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    with running(tmp_path) as service:
        unasked = service.post(params={"wait": 20}).json()
        headers = {"traceparent": f"00-{CLIENTS_TRACE}-{CLIENTS_SPAN}-01"}
        asked = service.post(moving_square(seed=2), params={"wait": 20}, headers=headers).json()
    assert unasked["status"] == asked["status"] == "complete"
    assert {span.trace for span in collector.spans} == {CLIENTS_TRACE}
    assert {"job", "sample", "write"} <= {span.name for span in collector.spans}


def test_a_collector_that_is_not_there_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("SCENELINE_OTLP_ENDPOINT", f"http://127.0.0.1:{taken.getsockname()[1]}")
        with running(tmp_path) as service:
            assert service.post(params={"wait": 20}).json()["status"] == "complete"
            began = time.monotonic()
        assert time.monotonic() - began < 12


SERVES = """
import sys
from pathlib import Path
from api.app import make_app
from api.jobs import JobEngine
from api.places import opened
from api.settings import Settings
with opened(Settings(data=Path(sys.argv[1]))) as place:
    make_app(place, loopback_only=True)
    engine = JobEngine(place, works=True)
    engine.start()
    engine.close()
print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))])
"""
# FastAPI loads OpenTelemetry's API, which does nothing, wherever it is installed.


def test_nothing_is_loaded_where_nothing_is_traced(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", SERVES, str(tmp_path)],
        env={**env, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == "[]\n", done.stderr


def test_a_server_that_is_told_to_stop_sends_its_last_spans(tmp_path: Path) -> None:
    """Spans go out every five seconds; what is left goes out when it closes."""
    program = "import sys; from api.cli import main; sys.exit(main(sys.argv[1:]))"
    port = free_port()
    with collecting() as collector, (tmp_path / "out.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", program, "serve", "--port", str(port), "--data", str(tmp_path / "data")],
            env={**os.environ, "PYTHONPATH": str(ROOT), "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url},
            stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
            until_ready(http)
            http.post("/v1/plans", files={"video": ("a.gif", moving_square())})
        process.terminate()
        assert process.wait(60) == 0
        assert "POST /v1/plans" in {span.name for span in collector.spans}
    assert list((tmp_path / "data").glob("*-wal")) == [], "its database was closed"


WITHOUT_THE_EXTRA = """
import sys
from importlib.machinery import PathFinder

class Lacking:
    @staticmethod
    def find_spec(name, path=None, target=None):
        extra = name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))
        return None if extra else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Lacking
sys.argv = ["sceneline", "serve", "--port", "0", "--data", sys.argv[1]]
from api.cli import main
raise SystemExit(main())
"""


def test_asking_for_traces_without_their_packages_is_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_EXTRA, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    told = [line for line in done.stderr.splitlines() if "the database is up to date" not in line]
    assert (done.returncode, len(told)) == (2, 1), done.stderr
    assert "pip install 'sceneline[telemetry]'" in told[0]
