"""One request, one response, over httpx; every way it can fail becomes a ``Failure`` here."""

from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from analyzer.models.openai.endpoint import Endpoint
from analyzer.models.openai.retries import Failure, failure_of
from analyzer.models.openai.wire import (
    Answer,
    ErrorBody,
    UnreadableResponseError,
    one_line,
    read_error,
    read_response,
)

_LARGEST_RESPONSE_BYTES = 16 * 2**20

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error response, before it is known what it calls for."""

    status: int
    message: str
    failure: Failure


def open_client(endpoint: Endpoint, transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    """A client with its own connection pool; bounded, kept alive, HTTP/1.1."""
    connections = httpx.Limits(
        max_connections=endpoint.concurrency, max_keepalive_connections=endpoint.concurrency
    )
    timeout = httpx.Timeout(
        connect=endpoint.connect_seconds, write=endpoint.send_seconds, read=endpoint.answer_seconds, pool=None
    )
    transport = transport or httpx.AsyncHTTPTransport(http2=False, limits=connections)
    return httpx.AsyncClient(
        headers=endpoint.headers, timeout=timeout, transport=transport, follow_redirects=False
    )


async def exchange(
    client: httpx.AsyncClient, endpoint: Endpoint, body: bytes, *, expects_json: bool
) -> Answer | Refusal | Failure:
    """Post one body and say what came of it."""
    response = await _post(client, endpoint, body)
    if isinstance(response, Failure):
        return response
    if not response.is_success:
        return _refusal(endpoint, response.status_code, read_error(response.content), response.headers)
    try:
        answer = read_response(response.content, expects_json=expects_json)
    except UnreadableResponseError as error:
        return Failure("wait", one_line(endpoint.without_secrets(str(error))), maybe_billed=True)
    if isinstance(answer, ErrorBody):
        return _refusal(endpoint, answer.status or 502, answer, response.headers)
    return answer


async def _post(client: httpx.AsyncClient, endpoint: Endpoint, body: bytes) -> httpx.Response | Failure:
    try:
        async with client.stream("POST", endpoint.completions_url, content=body) as response:
            received = await _read(response)
    except _NEVER_SENT as error:
        missing = f"{endpoint.shown_url} cannot be reached ({_name(error)}); check the address and the server"
        return Failure("wait", missing, unreachable=True)
    except httpx.TimeoutException as error:
        return Failure("wait", f"{endpoint.shown_url} took too long ({_name(error)})", maybe_billed=True)
    except httpx.TransportError as error:
        return Failure("wait", f"the connection broke off ({_name(error)})", maybe_billed=True)
    except httpx.HTTPError as error:
        return Failure("give_up", f"the response cannot be read ({_name(error)})", maybe_billed=True)
    if received is None:
        return Failure("give_up", "the response is larger than any answer should be", maybe_billed=True)
    kept = {name: response.headers[name] for name in ("retry-after",) if name in response.headers}
    return httpx.Response(response.status_code, headers=kept, content=received)


async def _read(response: httpx.Response) -> bytes | None:
    """The body; None if it goes on beyond reason."""
    received = bytearray()
    async for chunk in response.aiter_bytes():
        received += chunk
        if len(received) > _LARGEST_RESPONSE_BYTES:
            return None
    return bytes(received)


def _refusal(endpoint: Endpoint, status: int, said: ErrorBody, headers: httpx.Headers) -> Refusal:
    message = one_line(endpoint.without_secrets(said.message))
    return Refusal(status, message, failure_of(status, message, headers, datetime.now(UTC)))


def _name(error: Exception) -> str:
    return type(error).__name__
