"""The web page and its parts, served from the package; and the cookie its pictures and video come in with."""

from importlib.resources import files
from string import Template
from typing import Annotated, Final

from fastapi import Form, Request
from fastapi.responses import Response

from api.errors import RefusedError
from api.exports.html import viewer
from api.routes.guarding import COOKIE
from api.routes.problems import ANY_PROBLEM
from api.routes.routing import Router
from api.routes.serving import ServerHere

_FRESH = {"Cache-Control": "no-cache"}

router = Router(include_in_schema=False)
session = Router(prefix="/v1/session", tags=["session"], responses=ANY_PROBLEM)

_PARTS: Final[dict[str, tuple[str, str, str]]] = {
    "library.js": ("api.static", "library.js", "text/javascript; charset=utf-8"),
    "viewing.js": ("api.static", "viewing.js", "text/javascript; charset=utf-8"),
    "talking.js": ("api.static", "talking.js", "text/javascript; charset=utf-8"),
    "app.css": ("api.static", "app.css", "text/css; charset=utf-8"),
    "icon.svg": ("api.static", "icon.svg", "image/svg+xml"),
    "page.js": ("api.exports", "page/page.js", "text/javascript; charset=utf-8"),
    "page.css": ("api.exports", "page/page.css", "text/css; charset=utf-8"),
}
"""Every part there is: the name it is asked by, the package it is in, its place there, its kind."""

_HOME = '<a class="home" href="/" title="All timelines"><img src="/static/icon.svg" alt="">sceneline</a>'
_TOOLS = """<div class="tools"><select id="export" aria-label="Export"><option value="">Export …</option>
<option value="json">JSON</option><option value="html">Page</option><option value="md">Markdown</option>
<option value="csv">CSV</option><option value="vtt">WebVTT</option><option value="srt">SRT</option>
<option value="chapters">Chapters</option></select></div>"""
_ASIDES = """<div class="asides"><p id="refused" class="problem" role="alert" hidden></p>
<form id="ask" hidden><input id="question" maxlength="2000" autocomplete="off"
placeholder="Ask about this video" aria-label="Question"><button>Ask</button></form>
<div id="answers" aria-live="polite"></div><details id="reviews" hidden><summary id="reviews-count"></summary>
<ol id="reviews-list"></ol></details></div>"""


@router.get("/")
async def get_library() -> Response:
    """The page that takes videos in and lists timelines."""
    return _page((files("api.static") / "index.html").read_text("utf-8"))


@router.get("/timelines/{job_id}")
async def get_view(job_id: str) -> Response:  # noqa: ARG001
    """The page of one timeline; which one, its script reads from the address, and says so where there is none."""
    page = Template((files("api.static") / "view.html").read_text("utf-8"))
    return _page(page.substitute(viewer=viewer(home=_HOME, tools=_TOOLS, asides=_ASIDES)))


@router.get("/static/{name}")
async def get_part(name: str) -> Response:
    """A part of the pages."""
    if name not in _PARTS:
        raise RefusedError(404, "not_found", "there is no such page")
    package, place, kind = _PARTS[name]
    return Response((files(package) / place).read_bytes(), headers=_FRESH, media_type=kind)


def _page(text: str) -> Response:
    return Response(text, headers=_FRESH, media_type="text/html; charset=utf-8")


@session.post("", status_code=204)
def post_session(
    server: ServerHere, request: Request, key: Annotated[str, Form(min_length=1, max_length=200)]
) -> Response:
    """Keep a key in a cookie that scripts cannot read, for the web page."""
    if server.keyring.find(key.strip()) is None:
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
