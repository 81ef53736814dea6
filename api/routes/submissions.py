"""What a client sends to have a video looked at: a multipart body with files, or JSON with a URL."""

import json
import math
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from pydantic import Field, ValidationError

from api.errors import RefusedError
from api.routes.repeating import fingerprint
from api.routes.serving import Server
from api.schemas import TimelineRequest
from api.uploads import FILE_PART, MAX_FIELD_BYTES, Limits, ReceivedFile, received, too_large

MOST_SEQUENCE_SECONDS = 3600.0
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""The character U+0000 in JSON, and not a backslash with a word behind it."""

_ADDRESS: Final[dict[str, Any]] = {"format": "uri", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://[^/?#]"}
"""Said to clients; what else an address must not be is told by ``api.outbound``."""


class Submission(TimelineRequest):
    """What to find out, and how the job is to be treated."""

    url: str | None = Field(default=None, max_length=4096, json_schema_extra=_ADDRESS)
    """Where the video is, in place of sending it; http or https."""
    interval: float = Field(default=1.0, gt=0, le=MOST_SEQUENCE_SECONDS)
    """Seconds each of several pictures, or of a document's pages, stands."""
    webhook: str | None = Field(default=None, max_length=4096, json_schema_extra=_ADDRESS)
    """Told when the job has ended, by a signed message."""
    priority: int = Field(default=10, ge=1, le=100)
    """Lower goes first among the jobs of one key."""

    def timeline_request(self) -> dict[str, Any]:
        """The part of it that says what to find out, with every default."""
        return self.model_dump(mode="json", include=set(TimelineRequest.model_fields))


def _schema(*, url: bool) -> dict[str, Any]:
    """The JSON Schema of a submission by its URL or beside files, whole in itself: what it refers to stands where it
    is referred to.
    """
    schema = Submission.model_json_schema()
    parts = schema.pop("$defs", {})

    def inlined(value: Any) -> Any:
        if isinstance(value, list):
            return [inlined(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return inlined(parts[value["$ref"].rpartition("/")[2]])
        return {name: inlined(item) for name, item in value.items()}

    whole: dict[str, Any] = inlined(schema)
    if url:
        address = whole["properties"]["url"]
        text, _null = address.pop("anyOf")
        address |= text
        del address["default"]
        whole["required"] = ["url"]
    else:
        del whole["properties"]["url"]
    return whole


_FILES: Final[dict[str, Any]] = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "properties": {
                "video": {
                    "type": "array",
                    "items": {"type": "string", "format": "binary"},
                    "minItems": 1,
                    "description": "One video, or several pictures in order.",
                },
                "request": {**_schema(url=False), "description": "What to find out, as JSON."},
            },
            "required": ["video"],
            "additionalProperties": False,
        },
        "encoding": {"request": {"contentType": "application/json"}},
    }
}
_URL: Final[dict[str, Any]] = {
    "application/json": {
        "schema": _schema(url=True),
        "example": {"url": "https://example.com/clip.mp4", "tasks": ["events", "text"], "frames": 32},
    }
}
FILES: Final[dict[str, Any]] = {"requestBody": {"required": True, "content": _FILES}}
FILES_OR_URL: Final[dict[str, Any]] = {"requestBody": {"required": True, "content": {**_FILES, **_URL}}}
"""Bodies are read piece by piece, so what they may hold is said here and not through the signature."""


@dataclass(frozen=True, slots=True)
class Brought:
    """A submission that came in whole."""

    submission: Submission
    files: Sequence[ReceivedFile]

    def fingerprint(self, request: Request) -> str:
        """The same for the same request with the same files, different for any other."""
        files = (f"{file.sha256} {file.name}" for file in self.files)
        return fingerprint(request, self.submission.model_dump_json(), *files)


@asynccontextmanager
async def brought(request: Request, server: Server) -> AsyncIterator[Brought]:
    """Read a request's body; files that nobody takes are removed on leaving.

    Raises:
        RefusedError: it is malformed, too large, asks for something unknown, or holds no video.
    """
    settings = server.place.settings
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > settings.max_upload_bytes + MAX_FIELD_BYTES:
        raise too_large(settings.max_upload_bytes)
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() == "application/json":
        submission = _validated(await _small_body(request), server)
        if submission.url is None:
            raise RefusedError(422, "no_input", "give a url, or send the video as multipart/form-data")
        _check_url(submission.url, server)
        yield Brought(submission, ())
        return
    limits = Limits(settings.max_upload_bytes, settings.max_pictures)
    incoming = server.place.workshop.incoming
    async with received(request.stream(), kind, incoming, limits) as body:
        submission = _validated((body.request or "").strip() or "{}", server)
        if submission.url is not None or not body.files:
            raise RefusedError(
                422, "no_input", f"send the video, or pictures in order, as parts named {FILE_PART}"
            )
        yield Brought(submission, tuple(body.files))


def validated_json(text: str | bytes) -> object:
    """JSON that a client sent: as RFC 8259 has it, without numbers and characters no database or file could hold.

    Raises:
        RefusedError: it is none.
    """
    try:
        value = json.loads(text, parse_constant=_finite, parse_float=_finite)
        _refuse_nul(json.dumps(value, ensure_ascii=False).encode().decode())
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, "malformed_json", f"the request is not valid JSON: {error}") from error
    return value


def _refuse_nul(text: str) -> None:
    if _NUL.search(text):
        raise ValueError("a text holds the character U+0000")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{number} is not a number")
    return value


def _validated(text: str | bytes, server: Server) -> Submission:
    said = validated_json(text)
    if not isinstance(said, dict):
        raise RefusedError(422, "invalid_request", "the request is to be a JSON object, in braces")
    try:
        submission = Submission.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise RefusedError(422, "invalid_request", f"{where}: {message}" if where else message) from error
    most = server.place.settings.max_frames
    if submission.frames > most:
        raise RefusedError(422, "too_many_frames", f"frames: at most {most} here; see /v1/limits")
    if submission.webhook is not None:
        server.place.webhooks.check(submission.webhook)
    return submission


def _check_url(url: str, server: Server) -> None:
    if not server.fetches_urls:
        raise RefusedError(
            422,
            "urls_disabled",
            "this server does not fetch videos; send the file, or set SCENELINE_FETCH_URLS=yes",
        )
    server.place.workshop.outbound.check(url)


async def _small_body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_FIELD_BYTES:
            raise RefusedError(413, "field_too_large", f"the request is over {MAX_FIELD_BYTES} bytes")
    return bytes(body)
