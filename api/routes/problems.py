"""Errors over HTTP: RFC 9457 problem documents with a stable code."""

import logging
import re
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from analyzer import AnalyzerError
from api.errors import ApiError, RefusedError
from api.problems import BUG, problem_of
from api.records import Problem
from api.schemas import in_json
from sampler import SamplerError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


_BROKEN_OFF = Problem("request_broken_off", "the request breaks off; send it again", 400)


class ProblemDocument(BaseModel):
    """Why a request was not met."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        json_schema_extra={
            "example": {
                "type": "urn:sceneline:problem:no_video",
                "title": "Unprocessable Content",
                "status": 422,
                "detail": "talk.mp3 holds no picture, only sound; give a video or pictures",
                "code": "no_video",
            }
        },
    )

    type: str
    """``urn:sceneline:problem:`` and the code."""
    title: str
    status: int
    detail: str
    """One line for people: what is wrong and what to do."""
    code: str
    """Stable; for programs."""


ANY_PROBLEM: Final[dict[int | str, dict[str, Any]]] = {
    "default": {
        "description": "The request was not met; `code` says why.",
        "content": {MEDIA_TYPE: {"schema": ProblemDocument.model_json_schema()}},
    }
}
"""What every operation may answer besides what it is for."""


def problem_response(problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    """The answer that tells of a problem."""
    document = ProblemDocument(
        type=f"urn:sceneline:problem:{problem.code}",
        title=HTTPStatus(problem.status).phrase,
        status=problem.status,
        detail=problem.message,
        code=problem.code,
    )
    return JSONResponse(document.model_dump(), problem.status, headers, MEDIA_TYPE)


async def _on_ours(_request: Request, error: Exception) -> Response:
    problem = problem_of(error) or BUG
    if problem.status >= 500:
        log.error("request not met", extra={"code": problem.code, "reason": str(error)})
    headers = {"WWW-Authenticate": "Bearer"} if problem.status == 401 else {}
    if isinstance(error, RefusedError) and error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    return problem_response(problem, headers)


async def _on_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    phrase = HTTPStatus(status).phrase
    code = phrase.lower().replace(" ", "_").replace("-", "_")
    detail = f"{phrase}; /openapi.json lists what there is"
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if status == 405:
        methods = _methods_at(request) or set(headers.get("Allow", "").split(", "))
        headers["Allow"] = ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))
    return problem_response(Problem(code, detail, status), headers)


def _methods_at(request: Request) -> set[str]:
    """What can be done at the request's address; each route knows its own method only."""
    paths: dict[str, dict[str, Any]] = request.app.openapi()["paths"]
    return {
        method.upper()
        for template, operations in paths.items()
        if re.fullmatch(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(template)), request.url.path)
        for method in operations
    }


async def _on_invalid(_request: Request, error: Exception) -> Response:
    first = (
        error.errors()[0] if isinstance(error, RequestValidationError) else {"loc": "?", "msg": str(error)}
    )
    where = ".".join(str(part) for part in first["loc"][1:] or first["loc"])
    said = in_json(first.get("type", ""), first["msg"])
    return problem_response(Problem("invalid_request", f"{where}: {said}", 422))


async def _on_gone(_request: Request, _error: Exception) -> Response:
    log.info("a client went away before its request had come in whole")
    return problem_response(_BROKEN_OFF)  # nobody reads it


async def _on_bug(_request: Request, error: Exception) -> Response:
    log.error("request failed by a bug", exc_info=error)
    return problem_response(BUG)


def tell_problems(app: FastAPI) -> None:
    """Have every error of the application answered as a problem document."""
    for ours in (ApiError, SamplerError, AnalyzerError):
        app.add_exception_handler(ours, _on_ours)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(ClientDisconnect, _on_gone)
    app.add_exception_handler(Exception, _on_bug)
