"""Who may come in. Without keys: anyone on this machine. With keys: who shows one, as a header or a cookie.

The cookie is for the web page, whose pictures, video and event stream cannot carry a header. It is not sent
along by other sites (``SameSite=Strict``), and what changes something is refused when another site's page asks
for it, which also protects a server on loopback from pages open in the same browser.
"""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import RefusedError
from api.records import Problem
from api.routes.problems import problem_response
from api.routes.serving import ServerHere

EVERYONE = "local"
"""The tenant of all who come in without a key."""
COOKIE = "sceneline_key"
LOOPBACK_NAMES = frozenset(("localhost", "127.0.0.1", "::1"))
_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))

_HEADERS = {
    b"content-security-policy": b"default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
}


def tenant_of(request: Request, server: ServerHere) -> str:
    """Whose request this is.

    Raises:
        RefusedError: a key is needed and none that we know was shown.
    """
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        key = request.cookies.get(COOKIE, "")
    tenant = server.keyring.tenant_of(key.strip()) if key else None
    if tenant is not None:
        return tenant
    if server.keyring.is_empty() and not key:
        return EVERYONE
    raise RefusedError(401, "unauthorized", "show a key this server knows as `Authorization: Bearer KEY`")


Tenant = Annotated[str, Depends(tenant_of)]


class Guard:
    """Refuses what other sites' pages ask for, and sets the headers that keep ours from being misused."""

    def __init__(self, app: ASGIApp, *, loopback_only: bool) -> None:
        self._app = app
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
            await send(message)

        request = Request(scope)
        problem = self._problem_with(request)
        if problem is not None:
            await problem_response(problem)(scope, receive, send_guarded)
        else:
            await self._app(scope, receive, send_guarded)

    def _problem_with(self, request: Request) -> Problem | None:
        if self._loopback_only and (request.url.hostname or "") not in LOOPBACK_NAMES:
            return Problem("wrong_host", "without keys this server answers to localhost only", 421)
        if request.method in _SAFE_METHODS or "authorization" in request.headers:
            return None
        origin = request.headers.get("origin")
        site = request.headers.get("sec-fetch-site", "same-origin")
        foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
        if foreign or site not in ("same-origin", "none"):
            return Problem("cross_site", "another site's page may not change anything here; send a key", 403)
        return None
