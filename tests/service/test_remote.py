"""Jobs that ask a remote model: a real HTTP server that counts what it is asked."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from analyzer import Endpoint, OpenAIModel, RetryPolicy, Timeline, find_profile
from api import calls, pipeline, shown, working
from api.errors import DatabaseError, StorageError
from api.places import opened
from api.schemas import TimelineRequest
from api.settings import Settings
from sampler import Keyframe, VideoFile
from tests import oracle
from tests.coded import CodedClip, draw_clip
from tests.invariants import assert_valid_timeline
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
        prices = {"input_usd_per_million": 1.0, "output_usd_per_million": 1.0}
        profile = replace(find_profile("test-model"), images_per_batch=3, **prices)
        model = OpenAIModel(endpoint, profile, policy=RetryPolicy(base_seconds=0.01))
        with (
            with_model(real, model) as place,
            serving(place) as url,
            httpx.Client(base_url=url, timeout=30) as http,
        ):
            yield Service(url, http, place, SeesACat()), server


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries as often as ever, and waits less in between."""
    monkeypatch.setattr(calls, "PATIENCE", RetryPolicy(base_seconds=0.01))


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


def test_no_answer_is_lost_as_the_database_goes_away_before_it_is_recorded(
    asked: tuple[Service, oracle.Oracle], monkeypatch: pytest.MonkeyPatch
) -> None:
    service, server = asked
    real, away = type(service.place.workshop)._clear_deleted, iter([True])

    def clear_deleted(workshop: Any, job_id: str) -> None:
        for _ in away:
            raise DatabaseError("the database failed (it is gone)")
        real(workshop, job_id)

    monkeypatch.setattr(type(service.place.workshop), "_clear_deleted", clear_deleted)
    job = service.post(moving_square(9), frames=8, params={"wait": 30}).json()
    assert (job["status"], job["timeline"]["coverage"]["gaps"]) == ("complete", [])
    bodies = [str(each.body) for each in server.asked]
    assert len(set(bodies)) == len(bodies), "nothing is asked twice"


def test_an_answer_that_cannot_be_kept_is_used_and_not_asked_for_again(
    asked: tuple[Service, oracle.Oracle], monkeypatch: pytest.MonkeyPatch
) -> None:
    service, server = asked
    real = service.place.storage.put

    def put(key: str, data: bytes) -> None:
        if "/answers/" in key:
            raise StorageError("cannot store it (the disk is full)")
        real(key, data)

    monkeypatch.setattr(service.place.storage, "put", put)
    job = service.post(moving_square(9), frames=8, params={"wait": 30}).json()
    assert (job["status"], job["timeline"]["coverage"]["gaps"]) == ("complete", [])
    bodies = [str(each.body) for each in server.asked]
    assert len(set(bodies)) == len(bodies)


@pytest.mark.parametrize("limits", [{"max_cost": 0.05}, {"max_requests": 30}])
def test_a_limit_takes_no_patience_from_a_server_that_says_when_to_come_back(
    asked: tuple[Service, oracle.Oracle], limits: dict[str, float]
) -> None:
    """It is waited for as without a limit; what is paid for, and all that is asked, keeps to the limits."""
    service, server = asked
    turned_away = iter([oracle.status(429, Retry_After="0.05")] * 4)
    server.faults = lambda _, asked: next(turned_away, None) if 0 in asked.frames else None
    job = service.post(moving_square(9), frames=8, params={"wait": 30}, **limits).json()
    assert (job["status"], job["timeline"]["coverage"]["gaps"]) == ("complete", []), job
    assert job["timeline"]["usage"]["requests"] == len(server.asked) == 4 + len(server.paid)
    assert 0 < job["timeline"]["usage"]["cost_usd"] < 0.05


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("limits", [{}, {"max_cost": 0.5}, {"max_requests": 30}])
def test_a_limit_takes_no_patience_from_a_server_that_fails_for_a_while(
    asked: tuple[Service, oracle.Oracle], limits: dict[str, float]
) -> None:
    service, server = asked
    failures = iter([oracle.status(503)] * (RetryPolicy().attempts - 1))
    server.faults = lambda _, asked: next(failures, None) if 0 in asked.frames else None
    job = service.post(moving_square(9), frames=8, params={"wait": 30}, **limits).json()
    assert (job["status"], job["timeline"]["coverage"]["gaps"]) == ("complete", []), job


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("limits", [{}, {"max_cost": 0.5}, {"max_requests": 50}])
def test_a_server_out_of_reach_is_told_of_whatever_the_limit(
    tmp_path: Path, limits: dict[str, float]
) -> None:
    profile = replace(
        find_profile("m"), images_per_batch=3, input_usd_per_million=1.0, output_usd_per_million=1.0
    )
    with oracle.oracle(dict) as server:
        closed = server.url
    model = OpenAIModel(Endpoint(closed, "m", concurrency=1), profile, policy=RetryPolicy(base_seconds=0.01))
    with opened(Settings(data=tmp_path)) as real, with_model(real, model) as place, serving(place) as url:
        wishes = {"request": json.dumps({"frames": 8, **limits})}
        answer = httpx.post(
            f"{url}/v1/timelines?wait=30", files={"video": moving_square(9)}, data=wishes, timeout=40
        )
    told = {each["message"] for each in answer.json()["timeline"]["warnings"]}
    assert told == {f"{closed} cannot be reached (ConnectError); check the address and the server"}


def test_a_limit_on_requests_holds_whoever_is_turned_away(asked: tuple[Service, oracle.Oracle]) -> None:
    service, server = asked
    server.faults = lambda _number, _asked: oracle.status(429, Retry_After="0.05")
    job = service.post(moving_square(9), frames=8, max_requests=6, params={"wait": 30}).json()
    assert {gap["reason"] for gap in job["timeline"]["coverage"]["gaps"]} == {"budget"}, job
    assert len(server.asked) == 6


@pytest.mark.usefixtures("hurried")
def test_a_question_that_gets_no_answer_is_lost_alone_whatever_the_limit_on_cost(
    asked: tuple[Service, oracle.Oracle],
) -> None:
    """There is money left: it failed by the model, and what else is to be asked is asked."""
    service, server = asked
    server.faults = lambda _, asked: oracle.dropped if 0 in asked.frames else None
    job = service.post(moving_square(9), frames=8, max_cost=0.5, params={"wait": 30}).json()
    gaps = job["timeline"]["coverage"]["gaps"]
    assert (job["status"], {gap["reason"] for gap in gaps}) == ("partial", {"model_failed"}), gaps
    assert gaps[-1]["end_seconds"] < job["timeline"]["media"]["duration_seconds"]
    assert len(server.paid) >= 2


def test_an_answer_to_a_deleted_job_is_removed(
    asked: tuple[Service, oracle.Oracle], monkeypatch: pytest.MonkeyPatch
) -> None:
    service, server = asked
    asking, deleted, kept = threading.Event(), threading.Event(), threading.Event()
    real, real_answer = working.make_call, server.answer

    def answer(question: oracle.Asked) -> object:
        asking.set()
        deleted.wait(20)
        return real_answer(question)

    async def make_call(*values: Any, **options: Any) -> Any:
        try:
            return await real(*values, **options)
        finally:
            kept.set()

    server.answer = answer
    monkeypatch.setattr(working, "make_call", make_call)
    job = service.post(moving_square(9), frames=8).json()
    assert asking.wait(20)
    assert service.http.delete(job["links"]["self"]).status_code == 204
    deleted.set()
    assert kept.wait(20)
    folder, until = service.place.settings.data / "storage" / "jobs" / job["id"], time.monotonic() + 20
    while folder.exists():
        assert time.monotonic() < until, list(folder.rglob("*"))
        time.sleep(0.05)


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


# -- the second look -----------------------------------------------------------------------------------------

BEGINS, ENDS = 150, 330
"""Frames between which something is seen, in one long shot: no cut says where."""


def middle(asked: oracle.Asked) -> object:
    """Events from the pixels; for a question, the frames that were shown."""
    if asked.task == "ask":
        step = {"step": "Numbers are seen.", "frames": asked.frames}
        return {"answer": "Numbers.", "not_visible": False, "confidence": 0.9, "reasoning": [step]}
    frames = [shown.index for shown in asked.shown if BEGINS <= shown.code[0] < ENDS]
    told = {"label": "middle", "description": "the middle", "confidence": 0.9, "track": "main"}
    events = [{"first_frame": frames[0], "last_frame": frames[-1], **told}] if frames else []
    return {"events": events, "summary": "a film"}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> CodedClip:
    return draw_clip(tmp_path_factory.mktemp("film") / "one.mp4", (480,))


def test_a_question_is_asked_once_under_one_key(asked: tuple[Service, oracle.Oracle]) -> None:
    service, server = asked
    about = service.post(moving_square(9), frames=8, params={"wait": 30}).json()["links"]["self"]
    said = {"answer": "It is blue.", "not_visible": False, "confidence": 0.8, "reasoning": []}
    server.answer = lambda _: said

    def ask(question: str) -> httpx.Response:
        headers, body = {"Idempotency-Key": "why"}, {"question": question}
        return service.http.post(f"{about}/questions", json=body, headers=headers, params={"wait": 30})

    first, told = ask("Which colour?"), len(server.asked)
    same, other = ask("Which colour?"), ask("Why?")
    assert first.json()["id"] == same.json()["id"]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(server.asked) == told


def test_loose_edges_get_the_second_look_the_command_line_gives_them(
    asked: tuple[Service, oracle.Oracle], film: CodedClip
) -> None:
    service, server = asked
    server.answer = middle
    job = service.post(film.path.read_bytes(), "one.mp4", frames=16, params={"wait": 60}).json()
    assert job["status"] == "complete", job["error"]
    timeline = job["timeline"]
    assert_valid_timeline(timeline)
    zoomed = [each["index"] for each in timeline["keyframes"] if each["reason"] == "zoom"]
    assert (len(zoomed), len(timeline["keyframes"])) == (2, 16)
    bodies = [str(each.body) for each in server.asked]
    assert len(set(bodies)) == len(bodies) == timeline["usage"]["requests"]
    for keyframe in timeline["keyframes"]:
        jpeg = service.http.get(keyframe["image"]).content
        assert film.time(oracle.read_code(jpeg)[0]) == pytest.approx(keyframe["time_seconds"], abs=0.001)
    assert service.http.get(f"{job['links']['self']}/keyframes/16.jpg").status_code == 404
    page = service.http.get(f"{job['links']['self']}/export", params={"format": "html"}).text
    assert page.count("data:image/jpeg;base64,") >= 16
    model = OpenAIModel(
        Endpoint(server.url, "test-model"), replace(find_profile("test-model"), images_per_batch=3)
    )
    alone = asyncio.run(_analyzed(film, model))
    here = [(e["start_range_seconds"], e["end_range_seconds"]) for e in timeline["events"]]
    assert here == [(list(e.start_range_seconds), list(e.end_range_seconds)) for e in alone.events]
    body = {"question": "What is seen?"}
    said = service.http.post(f"{job['links']['self']}/questions", json=body, params={"wait": 30}).json()
    assert said["timeline"]["keyframes"] == timeline["keyframes"]
    cited = {each for step in said["timeline"]["results"]["ask"]["reasoning"] for each in step["keyframes"]}
    assert cited == set(range(16))


async def _analyzed(film: CodedClip, model: OpenAIModel) -> Timeline:
    request = TimelineRequest(frames=16)
    try:
        async with aclosing(pipeline.analyze(VideoFile(film.path), request, model)) as steps:
            return [step async for step in steps if isinstance(step, Timeline)][-1]
    finally:
        await model.aclose()


def test_a_question_over_a_finished_timeline_gets_the_frames_it_needs(
    asked: tuple[Service, oracle.Oracle], film: CodedClip
) -> None:
    """Something is seen for a moment between two keyframes, and the question is about that moment."""
    service, server = asked
    moment: list[range] = []

    def answer(asked: oracle.Asked) -> object:
        if asked.task != "ask":
            return middle(asked)
        seen = [shown.index for shown in asked.shown if shown.code[0] in moment[0]]
        if seen:
            step = {"step": "There it is.", "frames": seen}
            return {"answer": "A bird.", "not_visible": False, "confidence": 0.9, "reasoning": [step]}
        first, last = asked.shown[0], asked.shown[-1]
        wish = {"first_frame": first.index, "last_frame": last.index}
        between = first.code[0] < moment[0].start < last.code[0]
        return {"answer": "Nothing.", "not_visible": True, "look_closer": [wish] if between else []}

    server.answer = answer
    about = service.post(film.path.read_bytes(), "one.mp4", frames=12, params={"wait": 60}).json()
    first, second = (round(each["time_seconds"] * film.fps) for each in about["timeline"]["keyframes"][4:6])
    moment.append(range(first + 1, second))
    path = f"{about['links']['self']}/questions"
    said = service.http.post(path, json={"question": "What flew by?"}, params={"wait": 60}).json()
    result, keyframes = said["timeline"]["results"]["ask"], said["timeline"]["keyframes"]
    assert (result["answer"], result["not_visible"]) == ("A bird.", False), said
    assert len(about["timeline"]["keyframes"]) < len(keyframes) <= 12 + 4
    for cited in result["reasoning"][0]["keyframes"]:
        assert keyframes[cited]["reason"] == "zoom"
        frame, _ = oracle.read_code(service.http.get(keyframes[cited]["image"]).content)
        assert frame in moment[0]
        assert film.time(frame) == pytest.approx(keyframes[cited]["time_seconds"], abs=0.001)
    before = service.http.get(about["links"]["self"]).json()["timeline"]
    assert before == about["timeline"], "the timeline it is about stays as it was"


def test_a_job_taken_up_again_neither_takes_frames_nor_asks_twice(
    asked: tuple[Service, oracle.Oracle], film: CodedClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, server = asked
    server.answer = middle
    taken: list[object] = []
    frames_at = pipeline.frames_at

    def counted(*arguments: object) -> list[Keyframe]:
        taken.append(arguments)
        return frames_at(*arguments)

    monkeypatch.setattr(pipeline, "frames_at", counted)
    store_looked = shown.store_looked
    broken: list[StorageError] = []

    def broken_once(*arguments: object) -> bool:
        """The last thing before the timeline is written fails: all of the stage is done again."""
        if not broken:
            broken.append(StorageError("the disk was full for a moment"))
            raise broken[0]
        return store_looked(*arguments)

    monkeypatch.setattr(shown, "store_looked", broken_once)
    job = service.post(film.path.read_bytes(), "one.mp4", frames=16, params={"wait": 60}).json()
    assert (job["status"], len(broken)) == ("complete", 1), job["error"]
    assert [each["reason"] for each in job["timeline"]["keyframes"]].count("zoom") == 2
    assert len(taken) == 1
    assert (
        len({str(each.body) for each in server.asked})
        == len(server.asked)
        == job["timeline"]["usage"]["requests"]
    )


def test_local_models_serve_their_tasks_beside_the_remote_one(asked: tuple[Service, oracle.Oracle]) -> None:
    service, server = asked
    wishes = {"tasks": ["events", "moderation"], "local": ["moderation"]}
    job = service.post(moving_square(9), frames=8, params={"wait": 30}, **wishes).json()
    assert job["status"] == "complete", job["error"]
    assert {each.task for each in server.asked} == {"events"}
    assert job["timeline"]["results"]["moderation"]["verdict"] == "allow"
    assert "open-nsfw" in job["timeline"]["model"]["name"]
    assert "a square moves" in [event["label"] for event in job["timeline"]["events"]]
