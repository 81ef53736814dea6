"""The web page and its parts, served from the package; and the cookie its pictures and video come in with."""

from importlib.resources import files
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from api.errors import RefusedError
from api.routes.guarding import COOKIE
from api.routes.problems import ANY_PROBLEM
from api.routes.serving import ServerHere

router = APIRouter(include_in_schema=False)
session = APIRouter(prefix="/v1/session", tags=["session"], responses=ANY_PROBLEM)

_PARTS: Final[dict[str, tuple[str, str, str]]] = {
    "index.html": ("api.static", "index.html", "text/html; charset=utf-8"),
    "app.js": ("api.static", "app.js", "text/javascript; charset=utf-8"),
    "app.css": ("api.static", "app.css", "text/css; charset=utf-8"),
    "icon.svg": ("api.static", "icon.svg", "image/svg+xml"),
    "viewer.js": ("api.exports", "page/viewer.js", "text/javascript; charset=utf-8"),
    "viewer.css": ("api.exports", "page/page.css", "text/css; charset=utf-8"),
}
"""Every file there is: the name it is asked by, the package it is in, its place there, its kind."""


@router.get("/")
async def get_page() -> Response:
    """The web page."""
    return _part("index.html")


@router.get("/static/{name}")
async def get_part(name: str) -> Response:
    """A part of the web page."""
    return _part(name)


def _part(name: str) -> Response:
    if name not in _PARTS:
        raise RefusedError(404, "not_found", "there is no such page")
    package, place, kind = _PARTS[name]
    return Response(
        (files(package) / place).read_bytes(), headers={"Cache-Control": "no-cache"}, media_type=kind
    )


@session.post("", status_code=204)
def post_session(server: ServerHere, request: Request, key: Annotated[str, Form(max_length=200)]) -> Response:
    """Keep a key in a cookie that scripts cannot read, for the web page."""
    if server.keyring.tenant_of(key.strip()) is None:
        raise RefusedError(401, "unauthorized", "this server does not know that key")
    response = Response(status_code=204)
    secure = request.url.scheme == "https"
    response.set_cookie(
        COOKIE, key.strip(), max_age=30 * 86400, httponly=True, samesite="strict", secure=secure
    )
    return response


@session.delete("", status_code=204)
async def delete_session() -> Response:
    """Forget the key."""
    response = Response(status_code=204)
    response.delete_cookie(COOKIE)
    return response
