"""JSON bodies of routes whose signature says what they hold, read as strictly as a submission."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.types import Message

from api.errors import RefusedError
from api.routes.guarding import Tenant
from api.routes.problems import ANY_PROBLEM
from api.routes.submissions import validated_json


def strict_router(prefix: str, tag: str) -> APIRouter:
    """For routes whose bodies are read so."""
    return APIRouter(
        prefix=prefix,
        tags=[tag],
        responses=ANY_PROBLEM,
        route_class=_StrictRoute,
        dependencies=[Depends(_well_formed)],
    )


class _StrictRoute(APIRoute):
    """Keeps what is wrong with a body for ``_well_formed`` to tell, in place of what FastAPI would make of it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler that sees no body but a strictly valid one."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            body = await request.body()
            try:
                if body:
                    _check(request, body)
            except RefusedError as refusal:
                request.state.refusal = refusal
                request = Request(request.scope, _nothing)
            return await handle(request)

        return handle_strictly


def _check(request: Request, body: bytes) -> None:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RefusedError(415, "unsupported_media_type", "send JSON, as application/json")
    validated_json(body)


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _well_formed(request: Request, _tenant: Tenant) -> None:
    """Only who may come in is told what is wrong with what came along.

    Raises:
        RefusedError: the body is no JSON that could be kept.
    """
    refusal = getattr(request.state, "refusal", None)
    if isinstance(refusal, RefusedError):
        raise refusal
