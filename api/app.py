"""The web application: its routes wired to one server, what surrounds every request, and its beginning and end."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version

from anyio import to_thread
from fastapi import FastAPI, Request, Response

from api.errors import ServiceError
from api.jobs import JobEngine, Place
from api.metrics import Metrics
from api.records import IdempotencyKeys, Keyring, Quota, Quotas, Reviews, Totals
from api.routes import calibration, pages, plans, questions, reviews, status, timelines, webhooks
from api.routes.checking import Check
from api.routes.declaring import KEY, Application
from api.routes.following import Following
from api.routes.guarding import Guard
from api.routes.limiting import RateLimiter, Turnstile
from api.routes.problems import tell_problems
from api.routes.serving import Server

_THREADS = 64
"""Requests of this process that wait for the database or storage at the same time."""


def make_app(place: Place, *, loopback_only: bool, grace_seconds: float = 10.0) -> FastAPI:
    """The application on an opened place. It works on jobs itself where the settings say so.

    ``loopback_only`` is given for a server that only this machine can reach.
    """
    settings = place.settings
    engine = JobEngine(place, works=settings.jobs_at_once > 0)
    server = Server(
        place=place,
        engine=engine,
        keyring=Keyring(place.database),
        idempotency=IdempotencyKeys(place.database, engine.executor, settings.silent_seconds),
        reviews=Reviews(place.database),
        quotas=Quotas(
            place.database,
            Quota(
                settings.jobs_at_once_per_tenant,
                settings.jobs_per_day_per_tenant,
                settings.upload_bytes_per_day_per_tenant,
            ),
        ),
        rates=RateLimiter(settings.requests_per_minute_per_key),
        metrics=Metrics(place.records, Totals(place.database), place.executors, settings.silent_seconds),
        database=Check(place.database.check),
        storage=Check(place.storage.check),
        workers=Check(partial(_see_workers, place)),
        following=Following(place.records),
        loopback_only=loopback_only,
        fetches_urls=settings.fetch_urls == "yes" or (settings.fetch_urls == "auto" and loopback_only),
    )

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        app.state.server = server
        to_thread.current_default_thread_limiter().total_tokens = _THREADS
        await to_thread.run_sync(engine.start)
        yield
        await to_thread.run_sync(engine.close, grace_seconds)

    app = Application(
        title="sceneline",
        summary="Point it at a video, get a timestamped timeline of what happens in it.",
        version=version("sceneline"),
        lifespan=living,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        telemetry={
            "auto_configure": False,
            "tracing": False,
            "metrics": False,
            "logs": False,
        },  # ours: tracing
    )
    tell_problems(app)
    for router in (
        timelines.router,
        questions.router,
        reviews.router,
        webhooks.router,
        plans.router,
        calibration.router,
    ):
        app.include_router(router, dependencies=KEY)
    for router in (status.router, pages.session, pages.router):
        app.include_router(router)
    app.middleware("http")(_timed(server))
    app.add_middleware(
        Guard,
        loopback_only=loopback_only,
        keyring=server.keyring,
        turnstile=Turnstile(settings.requests_at_once_per_key),
    )
    return app


def _see_workers(place: Place) -> None:
    """Answer quietly if any process works on jobs.

    Raises:
        ServiceError: none does.
        DatabaseError: nobody can tell.
    """
    if not place.executors.working(place.settings.silent_seconds):
        raise ServiceError("no process works on jobs; start `sceneline worker`")


def _timed(
    server: Server,
) -> Callable[[Request, Callable[[Request], Awaitable[Response]]], Awaitable[Response]]:
    """Measure and trace how long each route takes to answer."""

    async def timed(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
        began = time.perf_counter()
        with server.place.tracing.request(request.method, request.headers.get("traceparent")) as span:
            response = await call(request)
            route = getattr(request.scope.get("route"), "path", "none")
            if span is not None:
                span.tell_answer(request.method, route, response.status_code)
        labels = (request.method, route, str(response.status_code))
        server.metrics.http_seconds.labels(*labels).observe(time.perf_counter() - began)
        return response

    return timed
