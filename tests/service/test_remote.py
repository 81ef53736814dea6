"""Jobs that ask a remote model: a real HTTP server that counts what it is asked."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from analyzer import Endpoint, OpenAIModel, find_profile
from api.places import opened
from api.settings import Settings
from tests import oracle
from tests.service.conftest import SeesACat, Service, moving_square, serving, with_model


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[tuple[Service, oracle.Oracle]]:
    def answer(asked: oracle.Asked) -> object:
        frames = asked.frames
        happened = {
            "track": "main",
            "first_frame": frames[0],
            "last_frame": frames[-1],
            "label": "a square moves",
            "description": "A square moves right.",
            "confidence": 0.9,
        }
        return {"events": [happened], "summary": "A square."}

    with oracle.oracle(answer) as server, opened(Settings(data=tmp_path)) as real:
        endpoint = Endpoint(server.url, "test-model")
        profile = replace(find_profile("test-model"), images_per_batch=3)
        model = OpenAIModel(endpoint, profile)
        with (
            with_model(real, model) as place,
            serving(place) as url,
            httpx.Client(base_url=url, timeout=30) as http,
        ):
            yield Service(url, http, place, SeesACat()), server


def test_each_question_is_asked_once_however_often_the_job_runs(asked: tuple[Service, oracle.Oracle]) -> None:
    service, server = asked
    job = service.post(moving_square(9), frames=8, params={"wait": 30}).json()
    assert job["status"] == "complete", job["error"]
    timeline = job["timeline"]
    assert "a square moves" in [event["label"] for event in timeline["events"]]
    assert timeline["usage"]["requests"] == len(server.asked) >= 2
    assert timeline["usage"]["input_tokens"] == sum(100 * len(each.shown) for each in server.asked)


def test_a_retry_asks_only_what_was_not_answered(asked: tuple[Service, oracle.Oracle]) -> None:
    service, server = asked
    server.faults = lambda number, _: oracle.status(400, "no") if number == 1 else None
    job = service.post(moving_square(9), frames=8, params={"wait": 30}).json()
    assert job["status"] == "partial"
    assert job["timeline"]["coverage"]["gaps"]
    answered, told = len(server.paid), len(server.asked)
    service.http.post(f"/v1/timelines/{job['id']}/retry")
    again = service.ended(job["id"])
    assert again["status"] == "complete", again["error"]
    bodies = [str(each.body) for each in server.paid]
    assert len(set(bodies)) == len(bodies), "no question that was answered was asked again"
    assert (len(server.paid), len(server.asked)) > (answered, told)


def test_a_model_out_of_reach_fails_the_job_with_its_reason(tmp_path: Path) -> None:
    with opened(Settings(data=tmp_path)) as real:
        model = OpenAIModel(Endpoint("http://127.0.0.1:9/v1", "test-model"), find_profile("test-model"))
        with (
            with_model(real, model) as place,
            serving(place) as url,
            httpx.Client(base_url=url, timeout=30) as http,
        ):
            service = Service(url, http, place, SeesACat())
            job = service.ended(service.post().json()["id"], 60)
    assert job["status"] in ("partial", "failed")


def test_a_question_is_asked_about_the_keyframes_that_are_there(asked: tuple[Service, oracle.Oracle]) -> None:
    service, server = asked
    events = server.answer

    def answer(asked: oracle.Asked) -> object:
        if "shape" not in str(asked.body):
            return events(asked)
        step = {"step": "A square is seen.", "frames": asked.frames[:1]}
        return {"answer": "A square.", "not_visible": False, "confidence": 0.9, "reasoning": [step]}

    server.answer = answer
    about = service.post(moving_square(9), frames=8, params={"wait": 30}).json()
    body = {"question": "Which shape is it?"}
    said = service.http.post(f"{about['links']['self']}/questions", json=body, params={"wait": 30}).json()
    assert (said["status"], said["parent"]) == ("complete", about["id"]), said["error"]
    assert said["timeline"]["results"]["ask"]["answer"] == "A square."
    assert said["timeline"]["keyframes"] == about["timeline"]["keyframes"]
    assert service.http.get(said["links"]["video"]).status_code == 200
    listed = service.http.get("/v1/timelines", params={"parent": about["id"]}).json()["items"]
    assert [job["id"] for job in listed] == [said["id"]]
    assert said["id"] not in [job["id"] for job in service.http.get("/v1/timelines").json()["items"]]
    assert service.http.get("/v1/limits").json()["remote_model"] is True


def test_local_models_serve_their_tasks_beside_the_remote_one(asked: tuple[Service, oracle.Oracle]) -> None:
    service, server = asked
    wishes = {"tasks": ["events", "moderation"], "local": ["moderation"]}
    job = service.post(moving_square(9), frames=8, params={"wait": 30}, **wishes).json()
    assert job["status"] == "complete", job["error"]
    assert {each.task for each in server.asked} == {"events"}
    assert job["timeline"]["results"]["moderation"]["verdict"] == "allow"
    assert "open-nsfw" in job["timeline"]["model"]["name"]
    assert "a square moves" in [event["label"] for event in job["timeline"]["events"]]
