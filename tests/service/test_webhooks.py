"""Telling endpoints that jobs have ended: signed, again until it is taken, and everybody can see how that goes."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from api.errors import DatabaseError
from api.jobs import delivering
from api.records import Deliveries
from tests.service.conftest import Service, moving_square, running
from tests.service.endpoints import endpoint

_HOOKED = {"webhook_secret": "s3cret", "trusted_hosts": frozenset({"127.0.0.1"}), "silent_seconds": 2}


def _state(service: Service, job_id: object, *wanted: str, seconds: float = 30) -> dict[str, object]:
    until = time.monotonic() + seconds
    while True:
        webhook: dict[str, object] = service.http.get(f"/v1/timelines/{job_id}").json()["webhook"]
        if webhook["state"] in wanted:
            return webhook
        assert time.monotonic() < until, webhook
        time.sleep(0.05)


def test_webhooks_are_signed_and_sent_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.webhooks.PAUSES_SECONDS", (0.0, 0.1, 0.1))
    with running(tmp_path, **_HOOKED) as service, endpoint(refuse=1) as told:
        job = service.ended(service.post(webhook=told.url).json()["id"])
        told.until_taken(2)
    assert len(told.taken) == 2
    for headers, body in told.taken:
        assert json.loads(body)["data"]["id"] == job["id"]
        assert json.loads(body)["type"] == "timeline.complete"
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = base64.b64encode(hmac.new(b"s3cret", signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{expected}"
    assert told.taken[0][0]["webhook-id"] == told.taken[1][0]["webhook-id"]


def test_how_telling_goes_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.webhooks.PAUSES_SECONDS", (0.0, 1.0, 1.0))
    with running(tmp_path, **_HOOKED) as service, endpoint(refuse=1) as told, endpoint(refuse=9) as deaf:
        service.model.open.clear()
        job = service.post(webhook=f"{told.url}?token=t0ps3cret", frames=2).json()
        assert (job["webhook"]["state"], job["webhook"]["tries"]) == ("waiting", 0)
        service.model.open.set()
        retrying = _state(service, job["id"], "retrying")
        assert (retrying["tries"], retrying["error"], retrying["delivered_at"]) == (
            1,
            "answered with status 500",
            None,
        )
        assert 0.5 < float(str(retrying["next_try_at"])) - float(str(retrying["tried_at"])) < 1.5
        taken = _state(service, job["id"], "delivered")
        assert (taken["tries"], taken["error"], taken["next_try_at"], taken["url"]) == (
            2,
            None,
            None,
            told.url,
        )
        other = service.post(moving_square(seed=2), webhook=deaf.url, frames=2).json()
        given_up = _state(service, other["id"], "given_up")
        assert (given_up["tries"], given_up["error"]) == (3, "answered with status 500")
        silent = service.post(moving_square(seed=3), frames=2, params={"wait": 20}).json()
        assert silent["webhook"] is None
        shown = {each["url"]: each for each in service.http.get("/v1/webhooks").json()["items"]}
        assert shown.keys() == {told.url, deaf.url}
        assert shown[told.url] | {"delivered_at": 0} == {
            "url": told.url, "waiting": 0, "delivered": 1, "given_up": 0, "delivered_at": 0, "error": None,
        }  # fmt: skip
        assert (shown[deaf.url]["given_up"], shown[deaf.url]["error"]) == (1, "answered with status 500")
        assert "t0ps3cret" not in json.dumps([taken, shown])


def test_a_try_that_waits_outlives_its_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.webhooks.PAUSES_SECONDS", (0.0, 3.0))
    with endpoint(refuse=1) as told:
        with running(tmp_path, **_HOOKED) as service:
            job = service.post(webhook=told.url, frames=2).json()
            _state(service, job["id"], "retrying")
        with running(tmp_path, **_HOOKED) as service:
            assert _state(service, job["id"], "delivered")["tries"] == 2
    assert len(told.taken) == 2


def test_a_process_that_dies_between_the_end_and_the_queue_loses_no_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with endpoint() as told:
        with monkeypatch.context() as dying:
            dying.setattr(delivering.Messenger, "announce", lambda *_: None)
            with running(tmp_path, **_HOOKED) as service:
                job = service.post(webhook=told.url, frames=2, params={"wait": 20}).json()
                assert (job["status"], job["webhook"]["state"]) == ("complete", "waiting")
        monkeypatch.setattr(delivering, "OVERDUE_SECONDS", 0.0)
        with running(tmp_path, **_HOOKED) as service:
            _state(service, job["id"], "delivered")
            time.sleep(2)
    assert len(told.taken) == 1


def test_a_try_whose_outcome_could_not_be_written_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be told twice, by the same ``webhook-id``; it is never told not at all."""
    monkeypatch.setattr(delivering, "OVERDUE_SECONDS", 0.0)
    note: Callable[..., None] = Deliveries.note
    failing = ["the database failed (it is gone)"]

    def noted(*arguments: object) -> None:
        if failing:
            raise DatabaseError(failing.pop())
        note(*arguments)

    monkeypatch.setattr(Deliveries, "note", noted)
    with running(tmp_path, **_HOOKED) as service, endpoint() as told:
        job = service.post(webhook=told.url, frames=2, params={"wait": 20}).json()
        assert _state(service, job["id"], "delivered")["tries"] == 1
    assert not failing
    assert len({headers["webhook-id"] for headers, _ in told.taken}) == 1
    assert 1 <= len(told.taken) <= 3


def test_a_second_round_is_told_anew(tmp_path: Path) -> None:
    with running(tmp_path, **_HOOKED) as service, endpoint() as told:
        service.model.open.clear()
        job = service.post(webhook=told.url, frames=2).json()
        service.http.post(f"{job['links']['self']}/cancel")
        service.model.open.set()
        assert _state(service, job["id"], "delivered")["tries"] == 1
        again = service.http.post(f"{job['links']['self']}/retry").json()
        assert again["webhook"]["state"] in ("waiting", "delivered")
        told.until_taken(2)
        assert _state(service, job["id"], "delivered")["tries"] == 1
    said = [json.loads(body)["type"] for _, body in told.taken]
    assert said == ["timeline.cancelled", "timeline.complete"]
