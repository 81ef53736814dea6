"""Keys, tenants, and what happens between processes."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.cli import main
from api.cli.running import existing_database
from api.errors import DatabaseError, RefusedError, SetupError
from api.places import opened
from api.records import Executors, IdempotencyKeys, Keyring, Settling, open_database
from api.settings import Settings
from tests.service.conftest import Service, moving_square, running


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, str, str]]:
    """A service with the keys of two tenants."""
    with running(tmp_path_factory.mktemp("guarded")) as service:
        keyring = Keyring(service.place.database)
        yield service, keyring.create("anna"), keyring.create("bert")


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_nobody_comes_in_without_a_key(guarded: tuple[Service, str, str]) -> None:
    service, key, _ = guarded
    for headers in (
        {},
        _bearer("sl_wrong"),
        {"Authorization": key},
        {"Cookie": "sceneline_key=x"},
    ):
        for path in ("/v1/timelines", "/v1/limits", "/metrics"):
            answer = service.http.get(path, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
            assert answer.headers["www-authenticate"] == "Bearer"
    assert service.post(moving_square()).status_code == 401
    for method, what in (("POST", "questions"), ("PUT", "reviews/0")):
        path = f"/v1/timelines/{'0' * 32}/{what}"
        assert service.http.request(method, path, content=b"{").status_code == 401
    assert service.http.get("/healthz").status_code == 200


def test_what_asks_for_a_key_is_declared_to(guarded: tuple[Service, str, str]) -> None:
    """A generated client sends a key where the page says so, and nowhere else."""
    service, _, _ = guarded
    page = service.http.get("/openapi.json").json()
    schemes = page["components"]["securitySchemes"]
    assert (schemes["key"]["type"], schemes["key"]["scheme"]) == ("http", "bearer")
    assert (schemes["cookie"]["in"], schemes["cookie"]["name"]) == ("cookie", "sceneline_key")
    for path, operations in page["paths"].items():
        place = path.format(job_id="0" * 32, finding=0, keyframe=0)
        for method, operation in operations.items():
            asked = service.http.request(method.upper(), place).status_code == 401
            declared = operation.get("security", [])
            assert declared == ([{"key": []}, {"cookie": []}, {}] if asked else []), (method, path)


def test_decisions_are_held_against_confidence_for_each_tenant_apart(
    guarded: tuple[Service, str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    service, _, _ = guarded
    carl, dora = map(Keyring(service.place.database).create, ("carl", "dora"))
    wishes = {"tasks": ["moderation"], "params": {"wait": 20}}
    for key, seed, verdict in ((carl, 21, "block"), (carl, 22, "allow"), (dora, 23, "allow")):
        job = service.post(moving_square(seed=seed), headers=_bearer(key), **wishes).json()
        path = f"{job['links']['self']}/reviews/0"
        assert service.http.put(path, json={"verdict": verdict}, headers=_bearer(key)).status_code == 200
    reports = {key: service.http.get("/v1/calibration", headers=_bearer(key)).json() for key in (carl, dora)}
    (clause,) = reports[carl]["clauses"]
    assert (clause["model"], clause["clause"], clause["decisions"]) == ("sees-a-cat", "sexual", 2)
    assert (clause["mean_confidence"], clause["calibration_error"]) == (0.6, 0.1)
    band = clause["review_band"]
    assert (band["from_confidence"], band["precision"], band["recall"]) == (0.6, 0.5, 1.0)
    assert (reports[dora]["decisions"], reports[dora]["clauses"][0]["blocked"]) == (1, 0)
    assert service.http.get("/v1/calibration").status_code == 401
    data = str(service.place.settings.data)
    assert main(["calibration", "--data", data]) == 0
    assert json.loads(capsys.readouterr().out)["decisions"] == 3
    assert main(["calibration", "--data", data, "--tenant", "dora", "--format", "table"]) == 0
    told = capsys.readouterr().out
    assert "1 decisions" in told
    assert "sexual" in told


@pytest.mark.parametrize(
    "command", [("calibration", "--output", "out/report.json"), ("keys", "list"), ("keys", "revoke", "anna")]
)
def test_a_mistyped_data_folder_is_refused_and_not_made(
    command: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*command, "--data", "typo"]) == 2
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert "no service data in typo;" in told.err
    assert list(tmp_path.iterdir()) == []


def test_a_database_elsewhere_needs_no_data_folder(tmp_path: Path) -> None:
    ours = Settings(data=tmp_path / "none", database_url=f"sqlite:///{tmp_path / 'elsewhere.db'}")
    with existing_database(ours) as database:
        assert Keyring(database).is_empty()
    assert not ours.data.exists()


def test_the_first_key_makes_the_data_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = str(tmp_path / "data")
    assert main(["keys", "add", "anna", "--data", data]) == 0
    assert main(["keys", "list", "--data", data]) == 0
    assert "anna" in capsys.readouterr().out


def test_tenants_do_not_see_each_other(guarded: tuple[Service, str, str]) -> None:
    service, anna, bert = guarded
    mine = service.post(name="secret.gif", headers=_bearer(anna), params={"wait": 20}).json()
    assert service.http.get("/v1/timelines", headers=_bearer(bert)).json()["items"] == []
    assert (
        service.http.get("/v1/timelines", params={"q": "secret"}, headers=_bearer(bert)).json()["items"] == []
    )
    base = f"/v1/timelines/{mine['id']}"
    for method, path in [
        ("GET", base), ("GET", f"{base}/events"), ("GET", f"{base}/video"), ("GET", f"{base}/keyframes/0.jpg"),
        ("GET", f"{base}/export"), ("POST", f"{base}/cancel"), ("POST", f"{base}/retry"), ("DELETE", base),
    ]:  # fmt: skip
        answer = service.http.request(method, path, headers=_bearer(bert))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    assert service.http.get(base, headers=_bearer(anna)).json()["status"] == "complete"


def test_one_tenants_idempotency_key_is_not_anothers(guarded: tuple[Service, str, str]) -> None:
    service, anna, bert = guarded
    ids = {
        service.post(headers={**_bearer(key), "Idempotency-Key": "same"}).json()["id"] for key in (anna, bert)
    }
    assert len(ids) == 2


def test_the_web_page_comes_in_by_a_cookie(guarded: tuple[Service, str, str]) -> None:
    service, anna, _ = guarded
    with httpx.Client(base_url=service.url) as browser:
        assert browser.post("/v1/session", data={"key": "wrong"}).status_code == 401
        came = browser.post("/v1/session", data={"key": anna})
        assert came.status_code == 204
        cookie = came.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert browser.get("/v1/timelines").status_code == 200
        forged = browser.post(
            "/v1/timelines", files={"video": b"x"}, headers={"Origin": "https://evil.example"}
        )
        assert forged.status_code == 403
        browser.delete("/v1/session")
        assert browser.get("/v1/timelines").status_code == 401


def test_with_keys_a_proxy_may_pass_on_its_own_name(guarded: tuple[Service, str, str]) -> None:
    service, anna, _ = guarded
    named = {"Host": "timelines.example"}
    assert service.http.get("/v1/timelines", headers={**named, **_bearer(anna)}).status_code == 200
    assert service.http.get("/", headers=named).status_code == 200
    for path in ("/v1/timelines", "/metrics"):
        assert service.http.get(path, headers=named).status_code == 401


def test_keys_are_kept_as_hashes_and_can_be_revoked(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    keyring = Keyring(database)
    assert keyring.is_empty()
    key = keyring.create("anna")
    assert keyring.find(key).tenant == "anna"
    assert keyring.find(key[:-1]) is None
    assert key.encode() not in (tmp_path / "a.db").read_bytes()
    assert keyring.revoke("anna") == 1
    assert keyring.find(key) is None
    database.close()


def test_a_data_folder_serves_one_process(tmp_path: Path) -> None:
    with (
        opened(Settings(data=tmp_path)),
        pytest.raises(SetupError, match="another sceneline"),
        opened(Settings(data=tmp_path)),
    ):
        pass


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    database = open_database(url)
    with database.begin() as connection:
        connection.exec_driver_sql("INSERT INTO sceneline_schema VALUES (999)")
    database.close()
    with pytest.raises(DatabaseError, match="upgrade sceneline"):
        open_database(url)


def test_a_silent_process_is_claimed_once(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    executors = Executors(database)
    for name in ("a", "b", "c"):
        executors.beat(name, works=name != "c")
    assert executors.silent("a", 60) == {}
    executors.leave("b")
    assert executors.silent("a", 60) == {"b": 0.0}
    assert executors.claim("b", 0.0)
    assert not executors.claim("b", 0.0)
    assert executors.silent("c", 60) == {}
    executors.forget("b")
    assert (executors.alive(60), executors.working(60)) == (2, 1)
    database.close()


def test_an_idempotency_key_in_flight(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    executors = Executors(database)
    executors.beat("here", works=False)
    keys = IdempotencyKeys(database, "here", 20)
    assert keys.claim("t", "k").ours
    assert not keys.claim("t", "k").ours
    assert keys.claim("other", "k").ours
    keys.release("t", "k")
    assert keys.claim("t", "k").ours
    with database.begin() as connection:
        Settling("t", "k", "print").settle(connection, "job")
    keys.release("t", "k")
    assert keys.claim("t", "k").job_id == "job"
    with database.begin() as connection, pytest.raises(RefusedError, match="came again"):
        Settling("t", "k", "print").settle(connection, "another")
    assert keys.claim("t", "k").job_id == "job"
    elsewhere = IdempotencyKeys(database, "elsewhere", 20)
    assert not elsewhere.claim("other", "k").ours
    executors.leave("here")
    assert elsewhere.claim("other", "k").ours, "what came in at a process that is gone was cut off"
    assert keys.claim("t", "k").job_id == "job"
    database.close()


def test_every_operation_on_a_timeline_is_the_tenants_own(guarded: tuple[Service, str, str]) -> None:
    """Whatever the OpenAPI page lists, now or later: for another's timeline it answers as for one that never was."""
    service, anna, bert = guarded
    mine = service.post(name="mine.gif", headers=_bearer(anna), params={"wait": 20}).json()
    bodies = {"question": {"question": "Why?"}, "review": {"verdict": "allow"}}
    tried = 0
    for path, operations in service.http.get("/openapi.json").json()["paths"].items():
        for method in operations if "{job_id}" in path else ():
            for key, body in ((bert, None), (bert, bodies["question"]), (bert, bodies["review"])):
                seen = []
                for job_id in (mine["id"], "0" * 32):
                    place = path.format(job_id=job_id, finding=0, keyframe=0)
                    answer = service.http.request(method.upper(), place, headers=_bearer(key), json=body)
                    seen.append((answer.status_code, answer.json()["code"]))
                    tried += 1
                assert seen[0] == seen[1], (method, path, seen)
                assert seen[0][0] in (404, 422), (method, path, seen)
    assert tried >= 60
    for query in ({"parent": mine["id"]}, {"q": "mine"}, {"cursor": "f" * 32}):
        listed = service.http.get("/v1/timelines", params=query, headers=_bearer(bert)).json()["items"]
        assert mine["id"] not in {item["id"] for item in listed}
    assert (
        service.http.get(f"/v1/timelines/{mine['id']}", headers=_bearer(anna)).json()["status"] == "complete"
    )
