"""Recording every exchange to a folder, and answering from such a folder with no network.

One file for each exchange, named by the hash of its request (pictures by their own hash) and how often it was
sent. Answers are kept byte for byte. No header that could hold a secret is written, and no picture. Recording again
into the same folder pays for no answer twice: what an interrupted run was told is not asked again.
"""

import base64
import binascii
import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from analyzer.errors import ModelUnavailableError
from analyzer.models.openai.endpoint import Endpoint
from analyzer.models.openai.wire import Answer, UnreadableResponseError, read_response

_KEPT_HEADERS = ("content-type", "retry-after")
_PICTURE = "data:image/jpeg;base64,"
_FAILURES: dict[str, type[httpx.TransportError]] = {
    kind.__name__: kind
    for kind in (
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.PoolTimeout,
        httpx.ReadError,
        httpx.ReadTimeout,
        httpx.RemoteProtocolError,
        httpx.WriteError,
        httpx.WriteTimeout,
    )
}


def described(body: bytes) -> dict[str, object]:
    """A request body with each picture replaced by its hash."""
    document: dict[str, object] = json.loads(body, object_hook=_hash_pictures)
    return document


def _hash_pictures(value: dict[str, object]) -> dict[str, object]:
    url = value.get("url")
    if not isinstance(url, str) or not url.startswith(_PICTURE):
        return value
    try:
        picture = base64.b64decode(url.removeprefix(_PICTURE), validate=True)
    except binascii.Error:
        return value
    return {**value, "url": f"sha256:{hashlib.sha256(picture).hexdigest()}"}


def key_of(request: Mapping[str, object]) -> str:
    """Names a described request: the same question with the same pictures has one key on every machine."""
    canonical = json.dumps(request, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


class RecordingTransport(httpx.AsyncBaseTransport):
    """Passes on what the folder does not answer already, and writes each exchange to it."""

    def __init__(self, folder: Path, inner: httpx.AsyncBaseTransport, endpoint: Endpoint) -> None:
        self._folder = folder
        self._inner = inner
        self._endpoint = endpoint
        self._turns: Counter[str] = Counter()
        folder.mkdir(parents=True, exist_ok=True)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer an earlier run was given to this very request; else send, record, and hand on the response."""
        asked = described(await request.aread())
        key = key_of(asked)
        turn = self._turns[key]
        if (answer := self._answered(key)) is not None:
            return answer
        self._turns[key] += 1
        try:
            response = await self._inner.handle_async_request(request)
            body = await response.aread()
        except httpx.TransportError as error:
            self._write(key, turn, {"request": asked, "failure": type(error).__name__})
            raise
        kept = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        answered = {"status": response.status_code, "headers": kept} | self._body(body)
        self._write(key, turn, {"request": asked, "response": answered})
        await response.aclose()
        return httpx.Response(response.status_code, headers=kept, content=body)

    def _answered(self, key: str) -> httpx.Response | None:
        """The next recorded answer to a request. What is no answer is skipped, to be asked anew and replaced."""
        for turn in count(self._turns[key]):
            path = _path(self._folder, key, turn)
            if not path.exists():
                return None
            if (answer := _answer_in(path)) is not None:
                self._turns[key] = turn + 1
                return answer
        return None

    def _body(self, body: bytes) -> dict[str, str]:
        try:
            return {"body": self._endpoint.without_secrets(body.decode())}
        except UnicodeDecodeError:
            return {"body_base64": base64.b64encode(body).decode()}

    def _write(self, key: str, turn: int, exchange: Mapping[str, object]) -> None:
        path = _path(self._folder, key, turn)
        draft = path.with_suffix(f".{os.getpid()}.part")
        text = json.dumps(exchange, ensure_ascii=False, indent=1)
        draft.write_text(self._endpoint.without_secrets(text), "utf-8")
        draft.replace(path)

    async def aclose(self) -> None:
        """Close what is behind it."""
        await self._inner.aclose()


class ReplayTransport(httpx.AsyncBaseTransport):
    """Answers from a folder of records; touches no network."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sent: Counter[str] = Counter()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The recorded answer to this very request, the second time the second one.

        Raises:
            ModelUnavailableError: nothing was recorded for it.
        """
        key = key_of(described(await request.aread()))
        path = _path(self._folder, key, self._sent[key])
        self._sent[key] += 1
        try:
            exchange = json.loads(path.read_text("utf-8"))
            if kind := exchange.get("failure"):
                raise _FAILURES.get(kind, httpx.ReadError)(f"recorded: {kind}", request=request)
            return _recorded(exchange)
        except FileNotFoundError as error:
            raise ModelUnavailableError(
                f"nothing was recorded for this request ({path.name} is not in {self._folder}): the "
                "video, the options or the prompts have changed; record again"
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelUnavailableError(f"the record {path} is damaged; record again") from error


def _answer_in(path: Path) -> httpx.Response | None:
    """The recorded response if it is an answer: failures, refusals and damaged records are none."""
    try:
        response = _recorded(json.loads(path.read_text("utf-8")))
        answer = read_response(response.content, expects_json=False)
    except (OSError, ValueError, KeyError, TypeError, UnreadableResponseError):
        return None
    return response if response.is_success and isinstance(answer, Answer) else None


def _recorded(exchange: Mapping[str, Any]) -> httpx.Response:
    response = exchange["response"]
    body = response["body"].encode() if "body" in response else base64.b64decode(response["body_base64"])
    return httpx.Response(response["status"], headers=response["headers"], content=body)


def _path(folder: Path, key: str, turn: int) -> Path:
    return folder / f"{key}-{turn}.json"
