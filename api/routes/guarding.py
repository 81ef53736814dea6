"""Who may come in. Without keys: anyone on this machine, nobody from elsewhere. With keys: who shows one, as a header
or a cookie.

The cookie is for the web page, whose pictures, video and event stream cannot carry a header. It is not sent
along by other sites (``SameSite=Strict``), and what changes something is refused when another site's page asks
for it, which also protects a server on loopback from pages open in the same browser.
"""

import hashlib
import re
from typing import Annotated

from anyio import move_on_after, to_thread
from fastapi import Depends, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import DatabaseError, RefusedError
from api.problems import problem_of
from api.records import ApiKey, Keyring, Problem
from api.routes.limiting import Allowance, Turnstile
from api.routes.problems import problem_response
from api.routes.serving import ServerHere
from api.uploads import MAX_FIELD_BYTES

EVERYONE = "local"
"""The tenant of all who come in without a key."""
COOKIE = "sceneline_key"
LOOPBACK_NAMES = frozenset(("localhost", "127.0.0.1", "::1"))
_LOCAL_HOST = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE)
"""How a ``Host`` header names this machine. Matched as it came: what cannot be parsed is no name of ours."""
_READ_IN_PIECES = frozenset(("/v1/timelines", "/v1/plans"))
"""Where bodies may be large; they are read there by ``api.uploads``, which holds them to their limits."""
_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
_FOR_KEYS = ("/v1/", "/metrics")
"""How the addresses begin that need a key. The others (health, readiness, pages) hold nothing up when they are read."""
HELD_SECONDS = 30.0
"""How long a small body may take to come in."""

_TOO_MANY = Problem(
    "too_many_requests_at_once", "too many requests of this key are under way; wait until one has ended", 429
)
_TOO_SLOW = Problem(
    "request_too_slow", f"the request did not come in whole within {HELD_SECONDS:.0f} s; send it again", 408
)
_TOO_LARGE = Problem("field_too_large", f"the request is over {MAX_FIELD_BYTES} bytes", 413)
_WRONG_HOST = Problem("wrong_host", "without keys this server answers to localhost only", 421)
_CROSS_SITE = Problem("cross_site", "another site's page may not change anything here; send a key", 403)
_HEADERS = {
    b"content-security-policy": b"default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
}


def key_of(request: Request, server: ServerHere) -> ApiKey:
    """The key a request was made with; on a server that only this machine can reach and that has no key, one for
    everybody that may do everything.

    Raises:
        RefusedError: a key is needed and none that we know was shown, it may not do this, or it has asked too often.
    """
    shown = _shown(request)
    known = server.keyring.find(shown) if shown else None
    # A server that strangers reach stays closed when its last key is revoked.
    if known is None and (shown or not server.loopback_only or not server.keyring.is_empty()):
        raise RefusedError(401, "unauthorized", "show a key this server knows as `Authorization: Bearer KEY`")
    key = known or ApiKey(EVERYONE, "", 0.0, "admin")
    allowance = server.rates.take(key.sha256)
    if allowance is not None:
        request.state.allowance = allowance
        if allowance.remaining < 0:
            raise RefusedError(
                429,
                "rate_limited",
                f"more than {allowance.limit} requests in a minute; ask again in {allowance.reset_seconds} s",
                allowance.reset_seconds,
            )
    if key.scope == "read" and request.method not in _SAFE_METHODS:
        raise RefusedError(
            403, "insufficient_scope", "this key may only look; use one made with --scope write"
        )
    return key


def tenant_of(key: Annotated[ApiKey, Depends(key_of)]) -> str:
    """Whose request this is."""
    return key.tenant


def admin(key: Annotated[ApiKey, Depends(key_of)]) -> None:
    """Let in those who may see what concerns all tenants.

    Raises:
        RefusedError: the key is not one of theirs.
    """
    if key.scope != "admin":
        raise RefusedError(
            403, "insufficient_scope", "this concerns all tenants; use a key made with --scope admin"
        )


def _shown(request: Request) -> str:
    """The key that came with a request; empty if none did."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return (key if scheme.lower() == "bearer" else request.cookies.get(COOKIE, "")).strip()


def _is_for_this_machine(request: Request) -> bool:
    """Whether a request names this machine by a name that no page of another site can have."""
    hosts = request.headers.getlist("host")
    return len(hosts) == 1 and _LOCAL_HOST.fullmatch(hosts[0]) is not None


Tenant = Annotated[str, Depends(tenant_of)]
Admin = Depends(admin)


async def _held(receive: Receive) -> Receive | Problem:
    """A small body, read to its end before anybody asks for it or for a key; why not, if it goes on and on."""
    with move_on_after(HELD_SECONDS):
        return await _read_whole(receive)
    return _TOO_SLOW


async def _read_whole(receive: Receive) -> Receive | Problem:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            break  # the client has gone, and the application is told when it asks
        body += message.get("body", b"")
        if len(body) > MAX_FIELD_BYTES:
            return _TOO_LARGE
        if not message.get("more_body", False):
            message = {"type": "http.request", "body": bytes(body), "more_body": False}
            break
    first: list[Message] = [message]

    async def receive_held() -> Message:
        return first.pop() if first else await receive()

    return receive_held


class Guard:
    """Refuses what other sites' pages ask for, and sets the headers that keep ours from being misused."""

    def __init__(self, app: ASGIApp, *, loopback_only: bool, keyring: Keyring, turnstile: Turnstile) -> None:
        self._app = app
        self._keyring = keyring
        self._turnstile = turnstile
        self._loopback_only = loopback_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request, pass it on, add to the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] += [(n, v) for n, v in _HEADERS.items() if n not in present]
                allowance = scope.get("state", {}).get("allowance")
                if isinstance(allowance, Allowance):
                    message["headers"] += [
                        (n.lower().encode(), v.encode()) for n, v in allowance.headers.items()
                    ]
            await send(message)

        request = Request(scope)
        problem = await self._problem_of_host(request) or _problem_of_origin(request)
        if problem is not None:
            await problem_response(problem)(scope, receive, send_guarded)
            return
        if request.method in _SAFE_METHODS and not scope["path"].startswith(_FOR_KEYS):
            await self._app(scope, receive, send_guarded)
            return
        with self._turnstile.passing(hashlib.sha256(_shown(request).encode()).hexdigest()) as room:
            if not room:
                await problem_response(_TOO_MANY, {"Retry-After": "1"})(scope, receive, send_guarded)
                return
            small = request.method not in _SAFE_METHODS and scope["path"] not in _READ_IN_PIECES
            body = await _held(receive) if small else receive
            if isinstance(body, Problem):  # the rest of it is not waited for
                await problem_response(body, {"Connection": "close"})(scope, receive, send_guarded)
                return
            await self._app(scope, body, send_guarded)

    async def _problem_of_host(self, request: Request) -> Problem | None:
        """Why nobody may come in by this name; once there are keys, who shows one may come by any."""
        if not self._loopback_only or _is_for_this_machine(request):
            return None
        try:
            is_open = await to_thread.run_sync(self._keyring.is_empty)
        except DatabaseError as error:
            return problem_of(error)
        return _WRONG_HOST if is_open else None


def _problem_of_origin(request: Request) -> Problem | None:
    """Why a page of this origin may not change anything here."""
    if request.method in _SAFE_METHODS or "authorization" in request.headers:
        return None
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "same-origin")
    # Compared as it came: it has no path, and one that cannot be parsed is nobody's.
    foreign = origin is not None and origin.partition("://")[2] != request.headers.get("host")
    return _CROSS_SITE if foreign or site not in ("same-origin", "none") else None
