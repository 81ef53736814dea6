"""Requests that may come again, under an Idempotency-Key."""

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final

from anyio import to_thread
from fastapi import Header, Request

from api.errors import RefusedError
from api.records import Claim, Job
from api.routes.serving import Server

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")

IdempotencyKey = Annotated[
    str | None,
    Header(
        max_length=255,
        description="The same key with the same request is the same job.",
        json_schema_extra={"pattern": f"^{_KEY.pattern}$"},
    ),
]


def fingerprint(request: Request, *said: str) -> str:
    """The same for the same request that says the same, different for any other."""
    return hashlib.sha256("\n".join((request.method, request.url.path, *said)).encode()).hexdigest()


@asynccontextmanager
async def claimed(server: Server, tenant: str, key: str) -> AsyncIterator[Claim]:
    """Take the key, or find what it has become; on leaving it is free again if it has become nothing.

    Raises:
        RefusedError: it can be no key, or the request that has it is still coming in.
    """
    if not _KEY.fullmatch(key):
        raise RefusedError(400, "bad_idempotency_key", "an Idempotency-Key is 1 to 255 printable ASCII signs")
    claim = await to_thread.run_sync(server.idempotency.claim, tenant, key)
    if not claim.ours and claim.job_id is None:
        raise RefusedError(
            409, "in_flight", "a request with this Idempotency-Key is still coming in; try later"
        )
    try:
        yield claim
    finally:
        if claim.ours:
            await to_thread.run_sync(server.idempotency.release, tenant, key)


def became(server: Server, tenant: str, claim: Claim, print_of_this: str) -> Job:
    """The job that the key of a request has become before.

    Raises:
        RefusedError: it came with another request, or that job was deleted while this one came in.
    """
    if claim.fingerprint != print_of_this:
        raise RefusedError(
            422, "idempotency_key_reused", "this Idempotency-Key came with another request; use a new one"
        )
    job = server.place.records.find(claim.job_id or "", tenant)
    if job is None:
        raise RefusedError(
            409, "in_flight", "what this Idempotency-Key became was deleted just now; try again"
        )
    return job
