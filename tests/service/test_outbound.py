"""What the service calls: on hosts that are allowed."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from typing import Any

import httpcore
import pytest

from api.errors import RefusedError
from api.outbound import Outbound, is_public
from tests.hosting import Handler, hosting
from tests.service.conftest import Service, moving_square


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "168.63.129.16", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:a00:1::", "::127.0.0.1",
        "2001:0:7f00:1::", "192.0.2.1", "198.18.0.1", "240.0.0.1", "fec0::1", "3fff::1", "5f00::1", "192.88.99.1",
        "192.0.0.192", "2606:4700::5efe:7f00:1", "2606:4700::200:5efe:a00:1", "64:ff9b:1::a00:1", "::ffff:0:7f00:1",
        "::ffff:168.63.129.16", "64:ff9b::a83f:8110", "2002:a83f:8110::", "fd00:ec2::254", "100.100.100.200",
    ],
)  # fmt: skip
def test_addresses_that_are_not_of_the_open_internet(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2001:4860:4860::8888"]
)
def test_addresses_that_are(address: str) -> None:
    assert is_public(ip_address(address))


def test_a_video_is_fetched_from_a_trusted_host(service: Service) -> None:
    video = moving_square(seed=55)

    class Films(Handler):
        def respond(self) -> None:
            if self.path == "/moved":
                self.answer(302, headers={"Location": "/clips/cat%20film.gif"})
            else:
                self.answer(200, video)

    with hosting(Films) as base:
        for path, name in (("/clips/cat%20film.gif", "cat film.gif"), ("/moved", "moved")):
            job = service.http.post("/v1/timelines", json={"url": base + path}, params={"wait": 20}).json()
            assert (job["status"], job["name"]) == ("complete", name), job["error"]


def test_an_answer_that_breaks_off_is_not_said_to_be_out_of_reach() -> None:
    def say(_port: int) -> str:
        return "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf a film"

    outbound = Outbound(frozenset({"127.0.0.1"}))
    with _answering(say) as port, pytest.raises(RefusedError, match="answers breaks off"):
        list(outbound.fetch(f"http://127.0.0.1:{port}/a", most_bytes=2000, most_seconds=5))
    with pytest.raises(RefusedError, match="cannot be reached"):
        list(outbound.fetch(f"http://127.0.0.1:{port}/a", most_bytes=2000, most_seconds=5))


def test_a_url_is_called_as_it_was_given() -> None:
    """What it may hold is left alone: ``+`` in a query is not the same as ``%2B``."""
    seen: list[tuple[str, str]] = []

    class Films(Handler):
        def respond(self) -> None:
            seen.append((self.path, self.headers["Accept-Encoding"]))
            moved = {"Location": "/Übung 1.mp4?a=b+c".encode().decode("latin-1")}
            self.answer(302, headers=moved) if self.path == "/moved" else self.answer(200, b"film")

    with hosting(Films) as base:
        outbound = Outbound(frozenset({"127.0.0.1"}))
        for path in ("/a+b(1);c=d,e.mp4?q=my+film&at=x/y:z,w;v@~#t=Ü", "/Übung%20%2B.mp4?q=ü", "/moved"):
            assert b"".join(outbound.fetch(base + path, most_bytes=10, most_seconds=5)) == b"film"
    assert {packed for _, packed in seen} == {"identity"}
    assert [path for path, _ in seen] == [
        "/a+b(1)%3Bc=d,e.mp4?q=my+film&at=x/y:z,w%3Bv@~",
        "/%C3%9Cbung%20%2B.mp4?q=%C3%BC",
        "/moved",
        "/%C3%9Cbung%201.mp4?a=b+c",
    ]


def test_a_host_is_called_by_the_name_the_network_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def say(_port: int) -> str:
        return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    heard: list[bytes] = []
    with _answering(say, heard=heard) as port:
        address = [(2, 1, 6, "", ("127.0.0.1", port))]
        monkeypatch.setattr("api.outbound.socket.getaddrinfo", lambda *_, **__: address)
        outbound = Outbound(frozenset({"xn--bcher-kva.example"}))
        list(outbound.fetch(f"http://bücher.example:{port}/a", most_bytes=10, most_seconds=5))
    assert f"Host: xn--bcher-kva.example:{port}\r\n".encode() in heard[0]


def test_fetching_ends_when_its_job_is_cancelled(service: Service) -> None:
    """A host that dribbles for a quarter of an hour does not keep the place of a job that nobody wants any more."""
    gone = threading.Event()

    class Dribbles(Handler):
        def respond(self) -> None:
            self.send_response(200)
            self.end_headers()
            for _ in range(400):
                try:
                    self.wfile.write(b"x")
                    self.wfile.flush()
                except OSError:
                    gone.set()
                    return
                time.sleep(0.05)

    with hosting(Dribbles) as base:
        job = service.http.post("/v1/timelines", json={"url": f"{base}/slow.mp4"}).json()
        until = time.monotonic() + 10
        while service.http.get(job["links"]["self"]).json()["status"] != "sampling":
            assert time.monotonic() < until
            time.sleep(0.05)
        assert service.http.post(f"{job['links']['self']}/cancel").json()["status"] == "cancelled"
        assert gone.wait(5)


def test_a_name_that_changes_its_address_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rebinding: checked as a public host, looked up again as ours. There is no second time, and one bad address of
    several is enough."""
    answers = iter([[("93.184.216.34", 80)], [("127.0.0.1", 80)]])
    asked: list[str] = []
    called: list[str] = []

    def look_up(host: str, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        return [(2, 1, 6, "", address) for address in next(answers)]

    def connect(_self: Any, host: str, *_: Any) -> Any:
        called.append(host)
        raise httpcore.ConnectError("closed")

    monkeypatch.setattr("api.outbound.socket.getaddrinfo", look_up)
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    with pytest.raises(RefusedError) as refused:
        list(Outbound().fetch("http://rebound.example/a", most_bytes=10, most_seconds=5))
    assert refused.value.code in ("url_failed", "url_refused")
    assert set(called) <= {"93.184.216.34"}
    assert asked
    answers = iter([[("93.184.216.34", 80), ("10.0.0.1", 80)]])
    with pytest.raises(RefusedError, match="open internet"):
        list(Outbound().fetch("http://both.example/a", most_bytes=10, most_seconds=5))


@pytest.mark.parametrize(
    "target", ["http://127.0.0.2:{}/x", "http://[::1]:{}/x", "file:///etc/passwd", "//10.0.0.1/x"]
)
def test_a_redirect_is_checked_like_the_first_address(target: str) -> None:
    def say(port: int) -> str:
        return f"HTTP/1.1 302 Found\r\nLocation: {target.format(port)}\r\nContent-Length: 0\r\n\r\n"

    fetch = Outbound(frozenset({"127.0.0.1"})).fetch
    with _answering(say) as port, pytest.raises(RefusedError) as refused:
        list(fetch(f"http://127.0.0.1:{port}/a", most_bytes=10, most_seconds=5))
    assert refused.value.code == "url_refused"


def test_a_host_that_dribbles_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte a tenth of a second is no silence, and would go on for days: the whole has a limit as well."""
    monkeypatch.setattr("api.outbound.MESSAGE_SECONDS", 1.0)
    with _answering(lambda port: "HTTP/1.1 200 OK\r\nX-Slow: " + "a" * 10_000, pause=0.1) as port:
        began = time.monotonic()
        outbound = Outbound(frozenset({"127.0.0.1"}))
        with pytest.raises(RefusedError, match=r"too long|timed out"):
            list(outbound.fetch(f"http://127.0.0.1:{port}/a", most_bytes=10, most_seconds=1.0))
        with pytest.raises(RefusedError, match=r"too long|timed out"):
            outbound.post(f"http://127.0.0.1:{port}/a", b"{}", {})
        assert time.monotonic() - began < 8


@contextmanager
def _answering(
    say: Callable[[int], str], pause: float = 0.0, heard: list[bytes] | None = None
) -> Iterator[int]:
    """A host that says the same to every call, as slowly as wished, and keeps what it has ``heard``."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        port, done = server.getsockname()[1], threading.Event()

        def serve() -> None:
            while not done.is_set():
                try:
                    call, _ = server.accept()
                except TimeoutError:
                    continue
                with call, suppress(OSError):
                    said = call.recv(10_000)
                    if heard is not None:
                        heard.append(said)
                    text = say(port).encode()
                    for at in range(0, len(text), 1 if pause else len(text)):
                        call.sendall(text[at : at + 1] if pause else text)
                        if pause and done.wait(pause):
                            break

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield port
        finally:
            done.set()
            thread.join()
