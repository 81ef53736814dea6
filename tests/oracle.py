"""A model that really looks: an HTTP server that decodes the pictures it is sent and answers from them.

Pictures made by ``draw_code`` carry numbers as black and white cells, so the server knows which source frame
and which shot each picture is, whatever its label claims. Faults come on demand and everything is counted.
"""

import base64
import io
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import groupby
from time import sleep
from typing import Any

import numpy as np
from PIL import Image

CELLS = 16
_LABEL = re.compile(r"Frame (\d+) <(\d+\.\d) seconds>")
_DATA = "data:image/jpeg;base64,"


def draw_code(picture: np.ndarray, *, frame: int, shot: int) -> None:
    """Write two numbers below 2**16 into the top rows of an RGB picture, one bit a cell."""
    height, width = picture.shape[0] // 8, picture.shape[1] // CELLS
    for row, number in enumerate((frame, shot)):
        for bit in range(CELLS):
            white = 235 if number >> bit & 1 else 16
            picture[row * height : (row + 1) * height, bit * width : (bit + 1) * width] = white


def read_code(jpeg: bytes) -> tuple[int, int]:
    """The frame and shot number a picture carries."""
    luma = np.asarray(Image.open(io.BytesIO(jpeg)).convert("L"), dtype=float)
    height, width = luma.shape[0] // 8, luma.shape[1] // CELLS
    numbers = []
    for row in range(2):
        cells = luma[row * height : (row + 1) * height, : width * CELLS].reshape(height, CELLS, width)
        middles = cells[height // 4 : -height // 4, :, width // 4 : -width // 4].mean(axis=(0, 2))
        numbers.append(sum(1 << bit for bit in range(CELLS) if middles[bit] > 125))
    return numbers[0], numbers[1]


@dataclass(frozen=True)
class Shown:
    """One picture as it arrived, with the text that stood right before it."""

    index: int
    seconds: float
    jpeg: bytes = field(repr=False)

    @property
    def code(self) -> tuple[int, int]:
        return read_code(self.jpeg)


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    body: dict[str, Any]
    headers: dict[str, str]
    path: str
    shown: tuple[Shown, ...]

    @property
    def frames(self) -> list[int]:
        return [shown.index for shown in self.shown]

    @property
    def task(self) -> str:
        form = self.body.get("response_format", {}).get("json_schema", {})
        return str(form.get("name", ""))

    @property
    def is_repair(self) -> bool:
        return any(message["role"] == "assistant" for message in self.body["messages"])


Fault = Callable[["_Handler", Asked, str], None]
"""Sends a faulty response in place of the right one, whose answer text it is given."""
Answer = Callable[[Asked], Any]
"""What to say to a request: an object to be sent as JSON, or a text."""


class Oracle:
    """A running server; use it under ``with oracle(...)``."""

    def __init__(self, answer: Answer, faults: Callable[[int, Asked], Fault | None], delay: float) -> None:
        self.answer = answer
        self.faults = faults
        self.delay = delay
        self.asked: list[Asked] = []
        """Every request, in the order of arrival."""
        self.paid: list[Asked] = []
        """Those that were answered as they should be."""
        self.under_way = 0
        self.most_under_way = 0
        self.lock = threading.Lock()
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.oracle = self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    oracle: Oracle

    def handle_error(self, request, client_address) -> None:
        """A dropped connection is part of the play, not worth a traceback."""


@contextmanager
def oracle(
    answer: Answer,
    *,
    faults: Sequence[Fault | None] | Callable[[int, Asked], Fault | None] = (),
    delay: float = 0.0,
) -> Iterator[Oracle]:
    """Serve on loopback. ``faults`` by number of the request, from 0; none after the last of a sequence."""

    def listed(number: int, _asked: Asked) -> Fault | None:
        return faults[number] if number < len(faults) else None

    running = Oracle(answer, faults if callable(faults) else listed, delay)
    thread = threading.Thread(
        target=running.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    try:
        yield running
    finally:
        running.server.shutdown()
        running.server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format, *args) -> None:  # noqa: A002
        pass

    def do_POST(self) -> None:
        oracle = self.server.oracle
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = Asked(body, dict(self.headers), self.path, tuple(_shown(body)))
        self.pictures = len(asked.shown)
        with oracle.lock:
            number = len(oracle.asked)
            oracle.asked.append(asked)
            oracle.under_way += 1
            oracle.most_under_way = max(oracle.most_under_way, oracle.under_way)
        try:
            sleep(oracle.delay)
            said = oracle.answer(asked)
            text = said if isinstance(said, str) else json.dumps(said)
            fault = oracle.faults(number, asked)
            if fault is None:
                with oracle.lock:
                    oracle.paid.append(asked)
                self.say(text)
            else:
                fault(self, asked, text)
        finally:
            with oracle.lock:
                oracle.under_way -= 1

    def say(self, text: str | None, **message: Any) -> None:
        """A chat completion with this content, and an honest account of its tokens."""
        choice = {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": text, **message},
        }
        usage = {"prompt_tokens": 100 * max(1, self.pictures), "completion_tokens": 50}
        self.send(200, json.dumps({"object": "chat.completion", "choices": [choice], "usage": usage}))

    def send(self, status: int, body: str, **headers: str) -> None:
        payload = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(payload)

    def drop(self) -> None:
        """Reset the connection as a crashing server does."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def _shown(body: dict[str, Any]) -> Iterator[Shown]:
    before = None
    for message in body["messages"]:
        content = message["content"]
        for part in content if isinstance(content, list) else []:
            if part["type"] == "image_url":
                assert before, "a picture without a line of text before it"
                url = part["image_url"]["url"]
                assert url.startswith(_DATA)
                yield Shown(int(before[1]), float(before[2]), base64.b64decode(url.removeprefix(_DATA)))
            before = _LABEL.fullmatch(part["text"]) if part["type"] == "text" else None


# -- answers ---------------------------------------------------------------------------------------


def events_from_pixels(asked: Asked) -> dict[str, Any]:
    """One event for each shot, told from what the pixels say and nothing else."""
    runs = groupby(asked.shown, key=lambda shown: shown.code[1])
    events = []
    for shot, run in runs:
        frames = [shown.index for shown in run]
        events.append(
            {
                "first_frame": frames[0],
                "last_frame": frames[-1],
                "label": f"shot {shot}",
                "description": f"The picture that carries number {shot}.",
                "confidence": 0.9,
            }
        )
    return {"events": events, "summary": f"{len(events)} shots."}


# -- faults ----------------------------------------------------------------------------------------


def status(code: int, message: str = "try later", **headers: str) -> Fault:
    return lambda handler, _asked, _text: handler.send(
        code, json.dumps({"error": {"message": message}}), **headers
    )


def dropped(handler: _Handler, _asked: Asked, _text: str) -> None:
    handler.drop()


def broken_envelope(handler: _Handler, _asked: Asked, _text: str) -> None:
    handler.send(200, '{"choices": [{"message": {"content": "{')


def cut_short(handler: _Handler, _asked: Asked, text: str) -> None:
    """An answer that ran out of tokens in the middle."""
    handler.say(text[: len(text) * 2 // 3])


def fenced(handler: _Handler, _asked: Asked, text: str) -> None:
    handler.say(
        f"Sure! Here is the JSON you asked for:\n\n```json\n{text}\n```\nLet me know if you need more."
    )


def garbage(handler: _Handler, _asked: Asked, _text: str) -> None:
    handler.say("I'm sorry, I cannot help with that. %% <|im_end|>")


def thought(handler: _Handler, _asked: Asked, text: str) -> None:
    """The answer in a field for thoughts, none in the field for answers."""
    handler.say("", thinking=text)


def out_of_range(handler: _Handler, _asked: Asked, text: str) -> None:
    said = json.loads(text)
    for event in said.get("events", []):
        event["first_frame"] += 1000
        event["last_frame"] += 1000
    handler.say(json.dumps(said))
