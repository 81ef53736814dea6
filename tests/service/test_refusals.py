"""What the service turns away, and how it says so."""

import json
import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.service.conftest import Service, moving_square

FILES = {"video": ("a.gif", moving_square())}


@pytest.mark.parametrize(
    ("request_part", "status", "code"),
    [
        ("{", 400, "malformed_json"),
        ("[" * 20000, 400, "malformed_json"),
        ("[]", 422, "invalid_request"),
        ('{"tasks": []}', 422, "invalid_request"),
        ('{"tasks": ["dance"]}', 422, "invalid_request"),
        ('{"nonsense": 1}', 422, "invalid_request"),
        ('{"frames": 0}', 422, "invalid_request"),
        ('{"frames": 100000}', 422, "too_many_frames"),
        ('{"start": 5, "end": 3}', 422, "invalid_request"),
        ('{"url": "http://example.com/a.mp4"}', 422, "no_input"),
        ('{"webhook": "ftp://example.com"}', 422, "url_refused"),
        ('{"priority": 0}', 422, "invalid_request"),
    ],
)
def test_requests_that_make_no_sense(service: Service, request_part: str, status: int, code: str) -> None:
    answer = service.http.post("/v1/timelines", files=FILES, data={"request": request_part})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_bodies_that_are_no_multipart(service: Service) -> None:
    kind = {"Content-Type": "multipart/form-data; boundary=xyz"}
    part = b'--xyz\r\nContent-Disposition: form-data; name="video"; filename="a"\r\n\r\nabc'
    for body, code in [
        (b"", "malformed_multipart"),
        (b"nonsense", "malformed_multipart"),
        (part, "malformed_multipart"),
        (part + b"\r\n--xyz--\r\n", None),
        (b"--xyz\r\nContent-Disposition: form-data\r\n\r\nabc\r\n--xyz--\r\n", "malformed_multipart"),
        (b'--xyz\r\nContent-Disposition: form-data; name="request"\r\n\r\n{}\r\n--xyz--\r\n', "no_input"),
        (b'--xyz\r\nContent-Disposition: form-data; name="x"\r\n\r\n{}\r\n--xyz--\r\n', "invalid_request"),
    ]:
        answer = service.http.post("/v1/timelines", content=body, headers=kind)
        assert answer.json().get("code") == code, body
    assert not list((service.place.settings.data / "incoming").iterdir())


def test_too_much_is_refused_and_leaves_nothing(service: Service) -> None:
    incoming = service.place.settings.data / "incoming"
    large = service.http.post("/v1/timelines", files={"video": b"x" * 2_000_001})
    assert (large.status_code, large.json()["code"]) == (413, "upload_too_large")

    def unannounced():
        head = b'--xyz\r\nContent-Disposition: form-data; name="video"; filename="a"\r\n\r\n'
        yield head
        for _ in range(40):
            yield b"x" * 100_000

    kind = {"Content-Type": "multipart/form-data; boundary=xyz"}
    streamed = service.http.post("/v1/timelines", content=unannounced(), headers=kind)
    assert (streamed.status_code, streamed.json()["code"]) == (413, "upload_too_large")
    many = service.http.post("/v1/timelines", files=[("video", b"x")] * 6)
    assert (many.status_code, many.json()["code"]) == (413, "too_many_files")
    field = service.http.post("/v1/timelines", files=FILES, data={"request": "x" * 1_100_000})
    assert (field.status_code, field.json()["code"]) == (413, "field_too_large")
    assert not list(incoming.iterdir())


@pytest.mark.parametrize(
    ("method", "path", "kind", "begin"),
    [
        ("PUT", "/v1/timelines/{}/reviews/0", "application/json", b'{"verdict": "'),
        ("POST", "/v1/timelines/{}/questions", "application/json", b'{"question": "'),
        ("POST", "/v1/timelines", "application/json", b'{"url": "'),
        ("POST", "/v1/session", "application/x-www-form-urlencoded", b"key="),
        (
            "POST",
            "/v1/session",
            "multipart/form-data; boundary=xyz",
            b'--xyz\r\nContent-Disposition: form-data; name="key"; filename="a"\r\n\r\n',
        ),
    ],
)
def test_a_body_without_end_is_not_held(
    service: Service, method: str, path: str, kind: str, begin: bytes
) -> None:
    """Neither in memory nor on disk, and whoever sends it needs no key."""

    def long() -> Iterator[bytes]:
        yield begin
        yield from [b"x" * 1_000_000] * 4

    answer = service.http.request(
        method, path.format("0" * 32), content=long(), headers={"Content-Type": kind}
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "field_too_large")


@pytest.mark.parametrize(
    ("path", "kind", "begin"),
    [
        (
            "/v1/timelines",
            "multipart/form-data; boundary=xyz",
            b'--xyz\r\nContent-Disposition: form-data; name="video"; filename="a"\r\n\r\n',
        ),
        ("/v1/timelines", "application/json", b'{"url": "'),
        ("/v1/timelines/{}/questions", "application/json", b'{"question": "'),
    ],
)
def test_a_client_that_goes_away_is_no_bug(
    service: Service, caplog: pytest.LogCaptureFixture, path: str, kind: str, begin: bytes
) -> None:
    caplog.set_level("INFO")
    host, port = service.url.removeprefix("http://").split(":")
    head = (
        f"POST {path.format('0' * 32)} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: {kind}\r\n"
        "Content-Length: 1000000\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), 10) as client:
        client.sendall(head.encode() + begin + b"x" * 300_000)
        time.sleep(0.5)
    until = time.monotonic() + 10
    while not [record for record in caplog.records if "client went away" in record.message]:
        assert time.monotonic() < until, [record.message for record in caplog.records]
        time.sleep(0.05)
    assert [record.message for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []
    assert not list((service.place.settings.data / "incoming").iterdir())


def test_parts_without_end_are_not_held(service: Service) -> None:
    """Many parts of other names, and a body that goes on before its first part or after its last."""
    kind = {"Content-Type": "multipart/form-data; boundary=xyz"}
    video = b'--xyz\r\nContent-Disposition: form-data; name="video"; filename="a"\r\n\r\nabc\r\n'

    def parts() -> Iterator[bytes]:
        for number in range(4):
            yield b'--xyz\r\nContent-Disposition: form-data; name="p%d"\r\n\r\n' % number
            yield b"x" * 1_000_000 + b"\r\n"
        yield video + b"--xyz--\r\n"

    def before() -> Iterator[bytes]:
        yield from [b"\r\n" * 500_000] * 4
        yield video + b"--xyz--\r\n"

    def after() -> Iterator[bytes]:
        yield video + b"--xyz--\r\n"
        yield from [b"x" * 1_000_000] * 4

    for body, code in ((parts, "invalid_request"), (before, "upload_too_large"), (after, "upload_too_large")):
        answer = service.http.post("/v1/timelines", content=body(), headers=kind)
        assert answer.json()["code"] == code
    assert not list((service.place.settings.data / "incoming").iterdir())


def test_an_idempotency_key_makes_one_job(service: Service) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = service.post(frames=3, headers=headers)
    same = service.post(frames=3, headers=headers)
    assert first.json()["id"] == same.json()["id"]
    other = service.post(frames=4, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    other_file = service.post(moving_square(seed=3), frames=3, headers=headers)
    assert other_file.json()["code"] == "idempotency_key_reused"


def test_a_deleted_job_frees_its_key(service: Service) -> None:
    """Who repeats a request whose job was deleted since wants it looked at, not told that there is no such job."""
    headers = {"Idempotency-Key": "deleted"}
    first = service.post(frames=3, headers=headers).json()["id"]
    assert service.http.delete(f"/v1/timelines/{first}").status_code == 204
    anew = service.post(frames=4, headers=headers)
    assert (anew.status_code, anew.json()["id"] != first) == (202, True)
    assert service.post(frames=4, headers=headers).json()["id"] == anew.json()["id"]


def test_a_job_that_is_deleted_while_its_request_comes_again(service: Service) -> None:
    """The client is told to send it once more, not that there is no such timeline."""
    headers = {"Idempotency-Key": "deleted-meanwhile"}
    first = service.post(frames=3, headers=headers)
    assert first.status_code == 202, first.text
    kind, body = first.request.headers["Content-Type"], first.request.read()

    def slowly() -> Iterator[bytes]:
        yield body[:100]
        time.sleep(0.5)
        assert service.http.delete(first.json()["links"]["self"]).status_code == 204
        yield body[100:]

    again = {**headers, "Content-Type": kind}
    answer = httpx.post(f"{service.url}/v1/timelines", content=slowly(), headers=again, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (409, "in_flight")
    answer = httpx.post(f"{service.url}/v1/timelines", content=body, headers=again, timeout=30)
    assert answer.status_code == 202


def test_a_refused_request_frees_its_key(service: Service) -> None:
    headers = {"Idempotency-Key": "k2"}
    assert service.post(frames=0, headers=headers).status_code == 422
    assert service.post(frames=3, headers=headers).status_code == 202


def test_many_requests_with_one_key_make_one_job(service: Service) -> None:
    answers: list[httpx.Response] = []

    def post() -> None:
        answers.append(
            httpx.post(
                f"{service.url}/v1/timelines",
                files={"video": ("a.gif", moving_square(seed=31))},
                headers={"Idempotency-Key": "k3"},
                timeout=30,
            )
        )

    threads = [threading.Thread(target=post) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 202}) == 1


def test_what_is_wrong_with_a_whole_body_is_said_in_words_for_people(service: Service) -> None:
    for path, body, detail in (
        ("", "[]", "the request is to be a JSON object, in braces"),
        (f"/{'0' * 32}/questions", "", "body: Field required"),
        (f"/{'0' * 32}/questions", "[]", "body: it must be an object in braces"),
    ):
        kind = {"Content-Type": "application/json"}
        answer = service.http.post(f"/v1/timelines{path}", content=body, headers=kind)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
        assert answer.json()["detail"].startswith(detail)


def test_unknown_things(service: Service) -> None:
    for path in ["/v1/timelines/" + "0" * 32, "/v1/nope", "/static/../app.py", "/static/secret"]:
        assert service.http.get(path).json()["code"] == "not_found"
    assert service.http.get("/v1/timelines/ABC").status_code == 422
    assert service.http.put("/healthz").json()["code"] == "method_not_allowed"


def test_other_sites_may_not_change_anything(service: Service) -> None:
    for headers in (
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
        {"Origin": "http://[::1"},
        {"Origin": "://"},
    ):
        answer = service.post(headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")
    assert service.post(headers={"Origin": service.url, "Sec-Fetch-Site": "same-origin"}).status_code == 202


@pytest.mark.parametrize(
    "host",
    [
        "rebound.example",
        "a{b.evil.example",  # no URL can hold it, so whoever parses it may see no host at all
        "a b",
        "[::1",
        "localhost.evil.example",
        "evil.example:80@localhost",
        "localhost:x",
        "",
    ],
)
def test_only_names_of_this_machine_are_answered_without_keys(service: Service, host: str) -> None:
    for path in ("/", "/v1/timelines"):
        answer = service.http.get(path, headers={"Host": host})
        assert (answer.status_code, answer.json()["code"]) == (421, "wrong_host")


def test_every_name_of_this_machine_is_answered_without_keys(service: Service) -> None:
    for host in ("localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]", "[::1]:8000"):
        assert service.http.get("/v1/timelines", headers={"Host": host}).status_code == 200


def test_every_answer_has_its_guards(service: Service) -> None:
    for path in ("/", "/healthz", "/nope"):
        headers = service.http.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "unsafe" not in headers["content-security-policy"]


def test_json_without_a_url(service: Service) -> None:
    answer = service.http.post("/v1/timelines", json={"frames": 3})
    assert (answer.status_code, answer.json()["code"]) == (422, "no_input")
    huge = service.http.post(
        "/v1/timelines", content=b'"' + b"x" * 2_000_000 + b'"', headers={"Content-Type": "application/json"}
    )
    assert huge.status_code == 413


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "http://user:pw@example.com/",
        "http:///x",
        "gopher://x",
        "http://exa mple.com/",
        "//x",
        "http://LOCALHOST:9/a.mp4",
        "http://a.localhost./a.mp4",
        "http://[::1]:9/a.mp4",
        "http://0.0.0.0:9/a.mp4",
        "http://169.254.169.254/a.mp4",
        "http://10.1.2.3/a.mp4",
        "http://[::ffff:127.0.0.1]/a.mp4",
        "http://[64:ff9b::7f00:1]/a.mp4",
    ],
)
def test_urls_that_are_none_of_ours(service: Service, url: str) -> None:
    """Refused at once, whether a video is to be fetched from there or a message to be sent there."""
    answer = service.http.post("/v1/timelines", json={"url": url})
    assert (answer.status_code, answer.json()["code"]) == (422, "url_refused")
    answer = service.post(webhook=url)
    assert (answer.status_code, answer.json()["code"]) == (422, "url_refused")


@pytest.mark.parametrize("host", ["2130706433", "127.1", "0x7f.1"])
def test_private_hosts_are_not_fetched_from(service: Service, host: str) -> None:
    job = service.http.post("/v1/timelines", json={"url": f"http://{host}:9/a.mp4"}).json()
    ended = service.ended(job["id"])
    assert ended["status"] == "failed"
    assert ended["error"]["code"] == "url_refused", json.dumps(ended["error"])


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"{", "application/json", 400, "malformed_json"),
        (b"[" * 20_000, "application/json", 400, "malformed_json"),
        (b'{"question": "a\\u0000b", "verdict": "allow"}', "application/json", 400, "malformed_json"),
        (b'{"question": "a\\ud800b", "verdict": "allow"}', "application/json", 400, "malformed_json"),
        (b'{"question": "Why?", "max_cost": 1e999}', "application/json", 400, "malformed_json"),
        (b'{"question": "Why?", "max_cost": NaN}', "application/json", 400, "malformed_json"),
        (b'{"question": "Why?"}', "text/plain", 415, "unsupported_media_type"),
        (b'{"question": "Why?", "nonsense": 1}', "application/json; charset=utf-8", 422, "invalid_request"),
    ],
)
def test_questions_and_reviews_are_read_as_strictly_as_submissions(
    service: Service, body: bytes, kind: str, status: int, code: str
) -> None:
    job = service.post(params={"wait": 20}).json()["links"]["self"]
    for method, path in (("POST", f"{job}/questions"), ("PUT", f"{job}/reviews/0")):
        answer = service.http.request(method, path, content=body, headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["code"]) == (status, code), path


def test_questions_that_ask_nothing(service: Service) -> None:
    job = service.post(params={"wait": 20}).json()["links"]["self"]
    for body in ({"question": " \n"}, {"question": ""}, {"question": "Why?", "max_cost": "inf"}, None):
        answer = service.http.post(f"{job}/questions", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), body


def test_questions_need_a_remote_model(service: Service) -> None:
    job = service.post(params={"wait": 20}).json()
    answer = service.http.post(f"{job['links']['self']}/questions", json={"question": "Why?"})
    assert (answer.status_code, answer.json()["code"]) == (422, "no_remote_model")
    assert service.http.get("/v1/limits").json()["remote_model"] is False
