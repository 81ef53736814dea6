"""What one client may use: how often it asks, how much at once, how much in a day; and what each key may do."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from api.cli import main
from api.errors import RefusedError
from api.places import opened
from api.records import Keyring, NewJob, Quota, Quotas, new_id
from api.records.types import JobSource
from api.routes.limiting import RateLimiter
from api.settings import Settings
from tests.service.conftest import moving_square, new_database, running

ROOT = Path(__file__).parents[2]


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


# -- how often -------------------------------------------------------------------------------------------------


def test_no_minute_holds_more_requests_than_allowed() -> None:
    now = 1000.0
    limiter = RateLimiter(3, lambda: now)
    assert [limiter.take("a").remaining for _ in range(5)] == [2, 1, 0, -1, -1]
    assert limiter.take("b").remaining == 2, "one key's requests are not another's"
    now += 59.9
    assert limiter.take("a").remaining == -1
    assert limiter.take("a").reset_seconds == 1
    now += 0.2
    assert limiter.take("a").remaining == 2
    assert RateLimiter(None).take("a") is None


def test_keys_that_fell_silent_are_forgotten() -> None:
    now = 0.0
    limiter = RateLimiter(3, lambda: now)
    for number in range(10_001):
        limiter.take(str(number))
    now = 120.0
    limiter.take("new")
    assert len(limiter._made) == 1


def test_too_many_requests_are_told_when_to_come_again(tmp_path: Path) -> None:
    with running(tmp_path, requests_per_minute_per_key=3) as service:
        keyring = Keyring(service.place.database)
        anna, bert = keyring.create("anna"), keyring.create("bert")
        answers = [service.http.get("/v1/timelines", headers=_bearer(anna)) for _ in range(4)]
        assert [a.status_code for a in answers] == [200, 200, 200, 429]
        assert answers[0].headers["ratelimit-policy"] == '"requests";q=3;w=60'
        assert answers[0].headers["ratelimit"].startswith('"requests";r=2;t=')
        _refused(answers[3], 429, "rate_limited")
        assert 1 <= int(answers[3].headers["retry-after"]) <= 60
        assert answers[3].headers["ratelimit"].startswith('"requests";r=0;t=')
        assert service.http.get("/v1/timelines", headers=_bearer(bert)).status_code == 200
        second = keyring.create("anna")
        assert service.http.get("/v1/timelines", headers=_bearer(second)).status_code == 200
        assert service.http.get("/healthz").status_code == 200
        assert service.http.get("/v1/timelines", headers=_bearer("sl_no")).status_code == 401


def test_too_many_requests_at_once(tmp_path: Path) -> None:
    with running(tmp_path, requests_at_once_per_key=2) as service:
        keyring = Keyring(service.place.database)
        anna, bert = keyring.create("anna"), keyring.create("bert")
        service.model.open.clear()
        job = service.post(headers=_bearer(anna)).json()
        events = f"/v1/timelines/{job['id']}/events"
        with (
            service.http.stream("GET", events, headers=_bearer(anna)),
            service.http.stream("GET", events, headers=_bearer(anna)),
        ):
            third = service.http.get("/v1/timelines", headers=_bearer(anna))
            _refused(third, 429, "too_many_requests_at_once")
            assert third.headers["retry-after"] == "1"
            assert service.http.get("/v1/timelines", headers=_bearer(bert)).status_code == 200
            service.model.open.set()
        for _ in range(50):
            if service.http.get("/v1/timelines", headers=_bearer(anna)).status_code == 200:
                return
            threading.Event().wait(0.1)
        raise AssertionError("the place of a request that ended is never free again")


def test_who_sends_nothing_shuts_nobody_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections without a key that promise a body and stay silent: what needs no key is answered, and they end."""
    monkeypatch.setattr("api.routes.guarding.HELD_SECONDS", 1.0)
    with running(tmp_path, requests_at_once_per_key=2) as service:
        anna = Keyring(service.place.database).create("anna")
        host, port = service.url.removeprefix("http://").split(":")
        promise = f"DELETE /v1/session HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 10\r\n\r\n{{"
        with ExitStack() as stack:
            silent = [stack.enter_context(socket.create_connection((host, int(port)), 10)) for _ in range(2)]
            for each in silent:
                each.sendall(promise.encode())
            until = time.monotonic() + 10
            while service.http.delete("/v1/session").status_code != 429:
                assert time.monotonic() < until
            for path in ("/healthz", "/readyz", "/", "/static/app.css"):
                assert service.http.get(path).status_code == 200, path
            assert service.http.get("/v1/timelines", headers=_bearer(anna)).status_code == 200
            for each in silent:
                said = b"".join(iter(lambda each=each: each.recv(65_536), b""))
                assert said.startswith(b"HTTP/1.1 408 "), said
                assert b"request_too_slow" in said
        assert service.http.delete("/v1/session").status_code == 204


# -- how much --------------------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgresql")
    return Settings(data=tmp_path, database_url=url)


def _job(tenant: str, size: int = 0) -> NewJob:
    return NewJob(tenant, "a.mp4", {"frames": 3}, (JobSource("0" * 64, "a.mp4", size),), 60.0)


def test_the_last_place_is_taken_once(settings: Settings) -> None:
    """Twenty at the same moment, over connections of their own as processes have them: five get in, of each tenant."""
    with opened(settings) as place:
        quotas = Quotas(place.database, Quota(jobs_at_once=5))
        tenants = [new_id(), new_id()]

        def submit(tenant: str) -> str:
            try:
                with place.records.adding(_job(tenant), new_id()) as connection:
                    quotas.charge(connection, _job(tenant))
            except RefusedError as refusal:
                return refusal.code
            return "in"

        with ThreadPoolExecutor(10) as pool:
            said = list(pool.map(submit, tenants * 20))
        assert Counter(said) == {"in": 10, "too_many_jobs": 30}
        for tenant in tenants:
            with pytest.raises(RefusedError) as refusal:
                quotas.check(tenant)
            assert refusal.value.retry_after_seconds == 10


def test_a_days_jobs_and_bytes_are_counted_even_if_they_are_deleted(settings: Settings) -> None:
    with opened(settings) as place:
        tenant, other = new_id(), new_id()
        jobs = Quotas(place.database, Quota(jobs_a_day=2))
        size = Quotas(place.database, Quota(bytes_a_day=100))
        for _ in range(2):
            job_id = new_id()
            with place.records.adding(_job(tenant, 30), job_id) as connection:
                jobs.charge(connection, _job(tenant, 30))
            place.records.delete(job_id)
        with pytest.raises(RefusedError, match="all 2 jobs") as refusal:
            jobs.check(tenant)
        assert refusal.value.code == "job_quota_exceeded"
        assert 0 < refusal.value.retry_after_seconds <= 86_400
        size.check(tenant)
        with (
            pytest.raises(RefusedError) as refusal,
            place.records.adding(_job(tenant, 41), new_id()) as connection,
        ):
            size.charge(connection, _job(tenant, 41))
        assert refusal.value.code == "upload_quota_exceeded"
        with place.records.adding(_job(tenant, 40), new_id()) as connection:
            size.charge(connection, _job(tenant, 40))
        with pytest.raises(RefusedError):
            size.check(tenant)
        jobs.check(other)
        size.check(other)


def test_what_was_fetched_counts_as_well(settings: Settings) -> None:
    with opened(settings) as place:
        tenant, job_id = new_id(), new_id()
        with place.records.adding(NewJob(tenant, "a", {"frames": 3}, (), 60.0, url="http://a/"), job_id):
            pass
        place.records.set_sources(job_id, "a", [JobSource("0" * 64, "a", 100)])
        with pytest.raises(RefusedError):
            Quotas(place.database, Quota(bytes_a_day=100)).check(tenant)


def test_quotas_over_http(tmp_path: Path) -> None:
    """Two tenants; what one has used up the other still has, and a refused upload leaves nothing."""
    limits = {"jobs_per_day_per_tenant": 2, "upload_bytes_per_day_per_tenant": 1_000_000}
    with running(tmp_path, **limits) as service:
        keyring = Keyring(service.place.database)
        anna, bert = keyring.create("anna"), keyring.create("bert")
        for _ in range(2):
            assert service.post(headers=_bearer(anna), params={"wait": 20}).status_code == 200
        refused = service.post(headers=_bearer(anna))
        _refused(refused, 429, "job_quota_exceeded")
        assert int(refused.headers["retry-after"]) > 0
        before = sorted((tmp_path / "storage").rglob("*"))
        large = moving_square() + bytes(1_000_001)
        _refused(service.post(large, headers=_bearer(bert)), 429, "upload_quota_exceeded")
        assert sorted((tmp_path / "storage").rglob("*")) == before
        assert service.post(headers=_bearer(bert), params={"wait": 20}).status_code == 200
        with_key = {**_bearer(anna), "Idempotency-Key": "k"}
        _refused(service.post(headers=with_key), 429, "job_quota_exceeded")


def test_a_quota_holds_over_two_servers(tmp_path: Path, postgresql: str) -> None:
    """Two processes on one PostgreSQL, asked at the same time: three of ten get in."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SCENELINE_DATABASE_URL": new_database(postgresql),
        "SCENELINE_STORAGE": (tmp_path / "storage").as_uri(),
        "SCENELINE_JOBS_AT_ONCE": "0",
        "SCENELINE_JOBS_PER_DAY_PER_TENANT": "3",
    }
    ports, processes = [free_port(), free_port()], []
    try:
        for port in ports:
            folder = {"SCENELINE_DATA": str(tmp_path / str(port)), "PORT": str(port)}
            command = [
                sys.executable,
                "-m",
                "tests.service.process",
                "serve",
                "http://127.0.0.1:9/v1",
                os.devnull,
            ]
            processes.append(subprocess.Popen(command, env={**environment, **folder}, cwd=ROOT))
        for port in ports:
            until_ready(port)

        def post(number: int) -> int:
            url = f"http://127.0.0.1:{ports[number % 2]}/v1/timelines"
            return httpx.post(url, files={"video": ("a.gif", moving_square())}, timeout=30).status_code

        with ThreadPoolExecutor(10) as pool:
            said = Counter(pool.map(post, range(10)))
        assert said == {202: 3, 429: 7}
    finally:
        for process in processes:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until_ready(port: int, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError("the server did not come up")


# -- what a key may do -----------------------------------------------------------------------------------------


def test_scopes(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        keyring = Keyring(service.place.database)
        keys = {scope: keyring.create("anna", scope) for scope in ("read", "write", "admin")}
        mine = service.post(headers=_bearer(keys["write"]), params={"wait": 20}).json()
        base = f"/v1/timelines/{mine['id']}"
        page = service.http.get("/openapi.json").json()
        changing = [
            (method.upper(), path.format(job_id=mine["id"], finding=0))
            for path, operations in page["paths"].items()
            for method in operations
            if method not in ("get", "head") and not path.startswith("/v1/session")
        ]
        assert len(changing) >= 7
        for method, path in changing:
            _refused(
                service.http.request(method, path, headers=_bearer(keys["read"])), 403, "insufficient_scope"
            )
        assert service.http.get(base, headers=_bearer(keys["read"])).json()["status"] == "complete"
        for scope, status in (("read", 403), ("write", 403), ("admin", 200)):
            assert service.http.get("/metrics", headers=_bearer(keys[scope])).status_code == status
        assert service.http.delete(base, headers=_bearer(keys["write"])).status_code == 204


def test_revoking_the_last_key_opens_no_server_to_strangers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    revoke = ["keys", "revoke", "--data", str(tmp_path)]
    with running(tmp_path, loopback_only=False) as service:
        keyring = Keyring(service.place.database)
        anna, _ = keyring.create("anna"), keyring.create("bert")
        assert main([*revoke, "bert"]) == 0
        assert capsys.readouterr().out == "revoked 1 key of bert\n"
        assert main([*revoke, "anna"]) == 0
        assert "no key is left" in capsys.readouterr().out
        for headers in ({}, _bearer(anna)):
            for path in ("/v1/timelines", "/metrics"):
                answer = service.http.get(path, headers=headers)
                assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert service.post().status_code == 401
    with running(tmp_path) as service:
        assert service.http.get("/v1/timelines").status_code == 200
