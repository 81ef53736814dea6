"""What the routes work with, and how they reach it."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request

from api.jobs import JobEngine, Place
from api.metrics import Metrics
from api.records import IdempotencyKeys, Keyring, Quotas, Reviews
from api.routes.checking import Check
from api.routes.following import Following
from api.routes.limiting import RateLimiter


@dataclass(frozen=True, slots=True)
class Server:
    """One running web application."""

    place: Place
    engine: JobEngine
    keyring: Keyring
    idempotency: IdempotencyKeys
    reviews: Reviews
    quotas: Quotas
    rates: RateLimiter
    metrics: Metrics
    database: Check
    storage: Check
    workers: Check
    """Whether any process works on jobs."""
    following: Following
    loopback_only: bool
    """Whether only this machine can reach it: then, and while there is no key, everyone may come in."""
    fetches_urls: bool
    """Whether videos may be given as a URL."""
    planning: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    """Plans are made while the client waits: this many at a time."""


def server_of(request: Request) -> Server:
    """The server that has this request."""
    return cast("Server", request.app.state.server)


ServerHere = Annotated[Server, Depends(server_of)]
