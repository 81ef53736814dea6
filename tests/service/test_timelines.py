"""Posting, following and reading, as a client sees it."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from api.records import Reviews
from tests.documents import draw_document
from tests.service.conftest import Service, moving_square


def test_a_posted_video_becomes_a_timeline(service: Service) -> None:
    answer = service.post(name="../../etc/my cat.gif", tasks=["objects", "events"], frames=4)
    assert answer.status_code == 202
    assert answer.headers["location"] == answer.json()["links"]["self"]
    job = service.ended(answer.json()["id"])
    assert (job["status"], job["progress"], job["error"]) == ("complete", 1.0, None)
    assert job["name"] == "my cat.gif"
    timeline = job["timeline"]
    assert timeline["media"]["name"] == "my cat.gif"
    assert timeline["request"]["frames"] == 4
    assert [track["label"] for track in timeline["results"]["objects"]["tracks"]] == ["cat"]
    assert 0 < len(timeline["keyframes"]) <= 4
    assert job["duration_seconds"] == timeline["media"]["duration_seconds"] == pytest.approx(4.0)


def test_wait_answers_with_the_timeline(service: Service) -> None:
    answer = service.post(params={"wait": 20})
    assert answer.status_code == 200
    assert answer.json()["timeline"]["status"] == "complete"


def test_an_empty_request_asks_for_what_none_asks_for(service: Service) -> None:
    """As forms send a field that was left empty."""
    for said in ("", " \n"):
        files = {"video": ("a.gif", moving_square(2, seed=7))}
        answer = service.http.post("/v1/timelines", files=files, data={"request": said}, params={"wait": 20})
        assert (answer.status_code, answer.json()["request"]["tasks"]) == (200, ["events"])


def test_a_request_may_begin_with_a_byte_order_mark(service: Service) -> None:
    """As files that some editors wrote."""
    parts = {"video": ("a.gif", moving_square(2, seed=7)), "request": (None, b'\xef\xbb\xbf{"frames": 3}')}
    answer = service.http.post("/v1/timelines", files=parts, params={"wait": 20})
    assert (answer.status_code, answer.json()["request"]["frames"]) == (200, 3)


def test_pictures_in_order_are_a_sequence(service: Service) -> None:
    pictures = [("video", (f"{n}.gif", moving_square(1, seed=n * 40))) for n in range(3)]
    data = {"request": json.dumps({"interval": 2.0})}
    answer = service.http.post("/v1/timelines", files=pictures, data=data, params={"wait": 20})
    timeline = answer.json()["timeline"]
    assert timeline["media"]["duration_seconds"] == pytest.approx(6.0)
    assert answer.json()["links"]["video"] is None


def test_a_pdf_is_a_sequence_of_its_pages(service: Service, tmp_path: Path) -> None:
    document = draw_document(tmp_path / "a.pdf", range(3)).read_bytes()
    wishes = {"interval": 4.0, "tasks": ["objects"]}
    job = service.post(document, "a.pdf", params={"wait": 20}, **wishes).json()
    assert job["status"] == "complete", job["error"]
    assert [each["time_seconds"] for each in job["timeline"]["keyframes"]] == [0.0, 4.0, 8.0]
    files, data = {"video": ("a.pdf", document)}, {"request": json.dumps(wishes)}
    plan = service.http.post("/v1/plans", files=files, data=data).json()
    assert [each["time_seconds"] for each in plan["keyframes"]] == [0.0, 4.0, 8.0]
    broken = service.post(document[:9_000], "broken.pdf", params={"wait": 20}).json()
    assert (broken["status"], broken["error"]["code"]) == ("failed", "unreadable_media")
    assert broken["error"]["message"] == "'broken.pdf' is a damaged PDF and cannot be opened"


def test_events_are_numbered_and_can_be_resumed(service: Service) -> None:
    job_id = service.post(tasks=["events", "objects"], params={"wait": 20}).json()["id"]
    everything = _messages(service, job_id)
    assert [number for number, _, _ in everything] == list(range(1, len(everything) + 1))
    assert everything[-1][1] == "done"
    found = [data for _, kind, data in everything if kind == "event"]
    assert {event["label"] for event in found} >= {"cat"}
    assert _messages(service, job_id, after=3) == everything[3:]
    ended = service.http.get(
        f"/v1/timelines/{job_id}/events", headers={"Last-Event-ID": str(len(everything))}
    )
    assert ended.status_code == 204


def test_progress_never_goes_back(service: Service) -> None:
    job_id = service.post(params={"wait": 20}).json()["id"]
    said = [data["progress"] for _, kind, data in _messages(service, job_id) if kind == "progress"]
    assert said == sorted(said)


def _messages(service: Service, job_id: str, after: int = 0) -> list[tuple[int, str, dict[str, object]]]:
    with service.http.stream(
        "GET", f"/v1/timelines/{job_id}/events", headers={"Last-Event-ID": str(after)}
    ) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        text = response.read().decode()
    messages = []
    for block in text.replace("\r\n", "\n").strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        messages.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return messages


def test_ranges_of_the_video_and_pictures(service: Service) -> None:
    video = moving_square(seed=9)
    links = service.post(video, params={"wait": 20}).json()["links"]
    whole = service.http.get(links["video"])
    assert whole.content == video
    assert whole.headers["content-type"] == "image/gif"
    part = service.http.get(links["video"], headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, video[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(video)}"
    assert service.http.get(links["video"], headers={"Range": "Bytes=0-1"}).content == video[:2]
    last = service.http.get(links["video"], headers={"Range": "bytes=-5"})
    assert last.content == video[-5:]
    beyond = service.http.get(links["video"], headers={"Range": f"bytes={len(video)}-"})
    assert (beyond.status_code, beyond.json()["code"]) == (416, "range_not_satisfiable")
    assert beyond.headers["content-range"] == f"bytes */{len(video)}"
    for nonsense in ("bytes=5-2", "bytes=a-b", f"bytes=0-{'9' * 5000}", "bytes=0-1,3-4", "lines=0-1"):
        answer = service.http.get(links["video"], headers={"Range": nonsense})
        assert (answer.status_code, answer.content) == (200, video), nonsense
    head = service.http.head(links["video"])
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(video))
    assert service.http.head("/healthz").status_code == 200
    stale = service.http.get(links["video"], headers={"Range": "bytes=0-1", "If-Range": '"other"'})
    assert stale.content == video
    for known in (whole.headers["etag"], f'"other", W/{whole.headers["etag"]}', "*"):
        seen = service.http.get(links["video"], headers={"If-None-Match": known})
        assert (seen.status_code, seen.content) == (304, b""), known
    assert service.http.get(links["video"], headers={"If-None-Match": '"*"'}).status_code == 200
    picture = service.http.get(f"{links['self']}/keyframes/0.jpg")
    assert picture.content.startswith(b"\xff\xd8\xff")
    assert service.http.get(f"{links['self']}/keyframes/999.jpg").status_code == 404


@pytest.mark.parametrize("form", ["json", "csv", "vtt", "srt", "md", "html", "table"])
def test_exports(service: Service, form: str) -> None:
    links = service.post(tasks=["events", "objects"], params={"wait": 20}).json()["links"]
    answer = service.http.get(links["export"], params={"format": form})
    assert answer.status_code == 200
    assert "attachment" in answer.headers["content-disposition"]
    if form == "html":
        assert "data:image/jpeg;base64," in answer.text
    if form == "json":
        assert answer.json()["schema_version"] == "1"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("doorway.gif", 'attachment; filename="doorway.csv"'),
        ("my cat.gif", "attachment; filename=\"my-cat.csv\"; filename*=UTF-8''my%20cat.csv"),
        ("Кот.gif", "attachment; filename=\"timeline.csv\"; filename*=UTF-8''%D0%9A%D0%BE%D1%82.csv"),
        ("...gif", 'attachment; filename="timeline.csv"'),
    ],
)
def test_an_export_is_named_after_its_video(service: Service, name: str, said: str) -> None:
    links = service.post(name=name, params={"wait": 20}).json()["links"]
    answer = service.http.get(links["export"], params={"format": "csv"})
    assert answer.headers["content-disposition"] == said


def test_what_clients_escape_in_a_name_is_undone(service: Service) -> None:
    """A quotation mark and the ends of lines, and nothing else."""
    for name, kept in (('a"b.gif', 'a"b.gif'), ("a\r\nb.gif", "ab.gif"), ("50%25 %2F.gif", "50%25 %2F.gif")):
        job = service.post(name=name, params={"wait": 20}).json()
        assert (job["name"], job["timeline"]["media"]["name"]) == (kept, kept)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        (b"filename*=UTF-8''%D0%9A%D0%BE%D1%82%20%22%3B.gif", 'Кот ";.gif'),
        (b"filename=\"=?utf-8?B?0JrQvtGCLmdpZg==?=\"; filename*=utf-8'ru'%D0%9A%D0%BE%D1%82.gif", "Кот.gif"),
        (b"filename*=iso-8859-1''caf%E9.gif", "café.gif"),
        (b"filename*=UTF-8''..%2F..%2Fetc%2F%00a%0A.gif", "a.gif"),
        (b"filename=\"plain.gif\"; filename*=koi8-r''%EB.gif", "plain.gif"),
        (b"filename=\"a; filename*=UTF-8''b.gif\"", "a; filename*=UTF-8''b.gif"),
    ],
)
def test_names_that_clients_encode_are_understood(service: Service, said: bytes, name: str) -> None:
    """In the form of RFC 5987, which only some send, and without trusting it more than any other."""
    body = b'--xyz\r\nContent-Disposition: form-data; name="video"; %s\r\n\r\n%s\r\n--xyz--\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=xyz"}
    answer = service.http.post("/v1/timelines", content=body % (said, moving_square(2)), headers=kind)
    assert answer.json()["name"] == name


def test_an_export_that_cannot_be_is_refused(service: Service) -> None:
    links = service.post(params={"wait": 20}).json()["links"]
    answer = service.http.get(links["export"], params={"format": "chapters"})
    assert (answer.status_code, answer.json()["code"]) == (409, "export_refused")


def test_lists_newest_first_in_pages_and_searches(service: Service) -> None:
    ids = [service.post(name=f"zebra{n}.gif", params={"wait": 20}).json()["id"] for n in range(3)]
    first = service.http.get("/v1/timelines", params={"limit": 2, "q": "zebra"}).json()
    assert [job["id"] for job in first["items"]] == [ids[2], ids[1]]
    second = service.http.get(
        "/v1/timelines", params={"limit": 2, "q": "zebra", "cursor": first["next"]}
    ).json()
    assert ([job["id"] for job in second["items"]], second["next"]) == ([ids[0]], None)
    by_name = service.http.get("/v1/timelines", params={"q": "ZEBRA2 gif"}).json()
    assert [job["id"] for job in by_name["items"]] == [ids[2]]
    assert service.http.get("/v1/timelines", params={"q": "\"') OR *"}).json()["items"] == []
    assert service.http.get("/v1/timelines", params={"q": "zebra nowhere"}).json()["items"] == []


def test_a_job_can_be_cancelled_retried_and_deleted(service: Service) -> None:
    service.model.open.clear()
    job_id = service.post(moving_square(seed=77), frames=3).json()["id"]
    while service.http.get(f"/v1/timelines/{job_id}").json()["status"] != "analyzing":
        time.sleep(0.02)
    cancelled = service.http.post(f"/v1/timelines/{job_id}/cancel").json()
    assert (cancelled["status"], cancelled["error"]["code"]) == ("cancelled", "cancelled")
    service.model.open.set()
    again = service.http.post(f"/v1/timelines/{job_id}/retry")
    assert again.status_code == 202
    assert service.ended(job_id)["status"] == "complete"
    assert service.http.post(f"/v1/timelines/{job_id}/retry").json()["code"] == "not_retryable"
    messages = _messages(service, job_id)
    kinds = [kind for _, kind, _ in messages]
    assert (kinds.count("failed"), kinds.count("done"), kinds[-1]) == (0, 1, "done")
    numbers = [number for number, _, _ in messages]
    assert numbers == sorted(set(numbers))
    assert service.http.delete(f"/v1/timelines/{job_id}").status_code == 204
    assert service.http.get(f"/v1/timelines/{job_id}").json()["code"] == "not_found"
    assert not list(service.place.settings.data.glob(f"storage/jobs/{job_id}"))


def test_who_waits_for_a_job_that_is_deleted_is_told(service: Service) -> None:
    service.model.open.clear()
    job = service.post(moving_square(seed=78), frames=3).json()
    with ThreadPoolExecutor(3) as pool:
        waiting = pool.submit(httpx.get, f"{service.url}{job['links']['self']}?wait=30", timeout=40)
        following = pool.submit(_messages, service, job["id"])
        while service.http.get(job["links"]["self"]).json()["status"] != "analyzing":
            time.sleep(0.02)
        time.sleep(0.5)  # both have seen it as it was
        assert service.http.delete(job["links"]["self"]).status_code == 204
        service.model.open.set()
        answer, messages = waiting.result(), following.result()
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert [kind for _, kind, _ in messages].count("failed") == 1
    (_, kind, data) = messages[-1]
    assert (kind, data["status"]) == ("failed", "cancelled")
    assert service.http.get(job["links"]["events"]).status_code == 404


def test_what_is_no_video_fails_with_its_reason(service: Service) -> None:
    job = service.ended(service.post(b"not a video at all", name="x.mp4").json()["id"])
    assert (job["status"], job["error"]["code"]) == ("failed", "unreadable_media")
    assert "x.mp4" in job["error"]["message"]
    assert job["timeline"] is None


def test_a_bug_fails_the_job_and_nothing_else(service: Service) -> None:
    service.model.crash = ZeroDivisionError("oops")
    try:
        job = service.ended(service.post(moving_square(seed=5)).json()["id"])
    finally:
        service.model.crash = None
    assert (job["status"], job["error"]["code"]) == ("failed", "internal_error")
    assert "oops" not in json.dumps(job)
    assert service.ended(service.post(moving_square(seed=6)).json()["id"])["status"] == "complete"


def test_moderation_is_decided_by_people(service: Service) -> None:
    job = service.post(moving_square(seed=8), tasks=["moderation"], params={"wait": 20}).json()
    assert job["timeline"]["results"]["moderation"]["review"]
    path = f"{job['links']['self']}/reviews/0"
    decided = service.http.put(path, json={"verdict": "block", "note": "no"}).json()["reviews"]
    assert [(each["item"], each["verdict"], each["note"]) for each in decided] == [(0, "block", "no")]
    changed = service.http.put(path, json={"verdict": "allow"}).json()["reviews"]
    assert [each["verdict"] for each in changed] == ["allow"]
    finding = job["timeline"]["results"]["moderation"]["review"][0]["id"]
    named = service.http.put(f"{job['links']['self']}/reviews/{finding}", json={"verdict": "block"}).json()
    assert [(each["id"], each["item"], each["verdict"]) for each in named["reviews"]] == [
        (finding, 0, "block")
    ]
    for none in ("99", "r000000000000"):
        refused = service.http.put(f"{job['links']['self']}/reviews/{none}", json={"verdict": "allow"})
        assert refused.status_code == 404


def test_a_decision_stays_with_what_it_was_about(service: Service) -> None:
    """Another run finds others, in another order; and an earlier version counted them."""
    job = service.post(moving_square(seed=88), tasks=["moderation"], params={"wait": 20}).json()
    key, itself = f"jobs/{job['id']}/timeline.json", job["links"]["self"]
    (item,) = job["timeline"]["results"]["moderation"]["review"]
    before = {**item, "start_seconds": 0.0, "end_seconds": 0.001, "id": "r0123456789ab"}

    def run_again(review: list[dict[str, object]]) -> list[dict[str, object]]:
        timeline = json.loads(service.place.storage.get(key))
        timeline["results"]["moderation"]["review"] = review
        service.place.storage.put(key, json.dumps(timeline).encode())
        return service.http.get(itself).json()["reviews"]

    service.http.put(f"{itself}/reviews/0", json={"verdict": "block"})
    assert [(each["id"], each["item"]) for each in run_again([before, item])] == [(item["id"], 1)]
    earlier = {name: value for name, value in item.items() if name != "id"}
    assert [(each["id"], each["item"]) for each in run_again([before, earlier])] == [(item["id"], 1)]
    report = service.http.get("/v1/calibration").json()
    assert report["decisions"] >= 1
    assert [(each["id"], each["item"]) for each in run_again([before])] == [(item["id"], None)]
    assert service.http.get("/v1/calibration").json()["decisions"] == report["decisions"] - 1
    service.http.put(f"{itself}/reviews/0", json={"verdict": "allow"})
    assert [(each["id"], each["item"]) for each in run_again([before, item])] == [
        ("r0123456789ab", 0), (item["id"], 1),
    ]  # fmt: skip
    reviews = Reviews(service.place.database)
    reviews.decide(job["id"], "#1", "allow", "counted by an earlier version", instead_of=[item["id"]])
    assert [(each["item"], each["verdict"]) for each in run_again([before, item])] == [
        (0, "allow"),
        (1, "allow"),
    ]
    service.http.put(f"{itself}/reviews/{item['id']}", json={"verdict": "block"})
    assert [each["verdict"] for each in run_again([before, item])] == ["allow", "block"]


def test_a_plan_says_what_would_be_looked_at(service: Service) -> None:
    looks = service.model.looks
    answer = service.http.post(
        "/v1/plans", files={"video": ("a.gif", moving_square())}, data={"request": '{"frames": 3}'}
    )
    assert answer.status_code == 200
    assert answer.json()["media"]["name"] == "a.gif"
    assert 0 < len(answer.json()["keyframes"]) <= 3
    assert service.model.looks == looks
    refused = service.http.post("/v1/plans", files={"video": ("notes.mp4", b"no video")})
    assert (refused.status_code, refused.json()["code"]) == (422, "unreadable_media")
    assert refused.json()["detail"].startswith("'notes.mp4' is not a video")


def test_status_pages(service: Service) -> None:
    assert service.http.get("/healthz").json() == {"status": "ok"}
    assert service.http.get("/readyz").json()["ready"] is True
    limits = service.http.get("/v1/limits").json()
    assert (limits["max_upload_bytes"], limits["webhooks"]) == (2_000_000, True)
    service.post(params={"wait": 20})
    metrics = service.http.get("/metrics").text
    assert 'sceneline_jobs_total{status="complete"}' in metrics
    assert 'sceneline_jobs_now{status="queued"} 0.0' in metrics
    assert "sceneline_http_request_duration_seconds_count" in metrics


def test_readiness_does_not_wait_for_what_does_not_answer(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many ask, as probes do that have no patience: one waits for storage, and all else is answered meanwhile."""
    asked, go_on = [], threading.Event()

    def put(*_: object) -> None:
        asked.append(1)
        go_on.wait(20)

    monkeypatch.setattr("api.routes.checking.ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(type(service.place.storage), "put", put)
    with ThreadPoolExecutor(80) as pool:
        answers = [pool.submit(httpx.get, f"{service.url}/readyz", timeout=30) for _ in range(80)]
        for each in answers:
            assert each.result().status_code == 503
            assert each.result().json()["checks"] == {
                "database": "ok",
                "storage": "no answer within 0.5 s",
                "workers": "ok",
            }
        assert service.http.get("/v1/timelines").status_code == 200
    assert len(asked) == 1
    go_on.set()
    monkeypatch.undo()
    until = time.monotonic() + 20
    while service.http.get("/readyz").status_code != 200:
        assert time.monotonic() < until


def test_the_same_model_is_not_asked_twice_about_a_picture(service: Service) -> None:
    video = moving_square(seed=123)
    service.post(video, frames=4, params={"wait": 20})
    looks = service.model.looks
    again = service.post(video, frames=4, params={"wait": 20}).json()
    assert again["status"] == "complete"
    assert service.model.looks == looks


def test_a_client_may_use_any_http_library(service: Service) -> None:
    answer = httpx.post(f"{service.url}/v1/timelines", content=b"", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert answer.headers["content-type"] == "application/problem+json"
