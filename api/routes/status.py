"""Whether the service lives, can work, what it accepts and what it counts."""

import asyncio
from typing import get_args

from anyio import to_thread
from fastapi import Response

from analyzer import TaskName
from api.exports import SUFFIXES
from api.metrics import CONTENT_TYPE
from api.routes.declaring import KEY
from api.routes.guarding import Admin, Tenant
from api.routes.problems import ANY_PROBLEM
from api.routes.routing import Router
from api.routes.serving import ServerHere
from api.routes.views import LimitsView, View
from api.schemas import TimelineRequest

_REMOTE_TASKS = frozenset(("ask", "documents", "custom"))

router = Router(tags=["status"], responses=ANY_PROBLEM)


class HealthView(View):
    """A sign of life."""

    status: str


@router.get("/healthz", response_model=HealthView)
async def get_health() -> HealthView:
    """Whether the process answers; says nothing of its database."""
    return HealthView(status="ok")


class ReadinessView(View):
    """Whether requests can be met."""

    ready: bool
    checks: dict[str, str]
    """``ok`` or what is wrong, by part."""


@router.get("/readyz", response_model=ReadinessView, responses={503: {"model": ReadinessView}})
async def get_readiness(server: ServerHere, response: Response) -> ReadinessView:
    """Whether the database answers, storage can be written, and some process works on jobs; within seconds."""
    database, storage = await asyncio.gather(server.database.answer(), server.storage.answer())
    workers = await server.workers.answer() if database == "ok" else "unknown"
    checks = {"database": database, "storage": storage, "workers": workers}
    ready = set(checks.values()) == {"ok"}
    response.status_code = 200 if ready else 503
    return ReadinessView(ready=ready, checks=checks)


@router.get("/v1/limits", response_model=LimitsView, dependencies=KEY)
def get_limits(server: ServerHere, _tenant: Tenant) -> LimitsView:
    """What this server accepts."""
    settings = server.place.settings
    remote = server.place.workshop.models.is_remote(TimelineRequest())
    return LimitsView(
        max_upload_bytes=settings.max_upload_bytes,
        max_pictures=settings.max_pictures,
        max_frames=settings.max_frames,
        max_wait_seconds=settings.max_wait_seconds,
        job_timeout_seconds=settings.job_timeout_seconds,
        keep_days=settings.keep_days,
        requests_per_minute=settings.requests_per_minute_per_key,
        requests_at_once=settings.requests_at_once_per_key,
        jobs_at_once=settings.jobs_at_once_per_tenant,
        jobs_per_day=settings.jobs_per_day_per_tenant,
        upload_bytes_per_day=settings.upload_bytes_per_day_per_tenant,
        fetches_urls=server.fetches_urls,
        webhooks=settings.webhook_secret is not None,
        remote_model=remote,
        tasks=[task for task in get_args(TaskName) if remote or task not in _REMOTE_TASKS],
        formats=list(SUFFIXES),
    )


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}},
    dependencies=[*KEY, Admin],
)
async def get_metrics(server: ServerHere) -> Response:
    """Counters and gauges in Prometheus' text form."""
    return Response(await to_thread.run_sync(server.metrics.text), media_type=CONTENT_TYPE)
