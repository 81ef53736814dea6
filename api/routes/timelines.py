"""Posting videos, following jobs, reading timelines."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from anyio import move_on_after, to_thread
from fastapi import Header, Path, Query, Request
from fastapi.responses import Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from api.errors import NotStoredError, RefusedError
from api.exports import SUFFIXES, Format
from api.outbound import name_in
from api.records import Job, JobFilter, JobSource, JobStatus, NewJob, Settling, new_id
from api.reviewing import OpenItems
from api.routes.files import attachment, file_response, media_type_of
from api.routes.following import NOTHING
from api.routes.guarding import Tenant
from api.routes.problems import ANY_PROBLEM
from api.routes.repeating import IdempotencyKey, became, claimed
from api.routes.routing import Router
from api.routes.serving import Server, ServerHere
from api.routes.submissions import FILES_OR_URL, Brought, Submission, brought
from api.routes.views import JobView, Page, ReviewView, TimelineView, head_of, review_views
from api.storage import job_folder, source_key, timeline_key
from api.uploads import name_for_people
from api.working import keep_source

router = Router(prefix="/v1/timelines", tags=["timelines"], responses=ANY_PROBLEM)

_DELETED: Final = {"status": "cancelled", "code": "not_found", "message": "the timeline was deleted"}
"""How a followed stream ends whose job went away with all its messages."""
_ID = r"^[0-9a-f]{32}$"

_EXPORT_TYPES: Final[dict[Format, str]] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
}
_PLAIN = "text/plain; charset=utf-8"
_UPLOADED: Final[dict[str, Any]] = {"video/*": {}, "image/*": {}, "application/*": {}}
"""What a file may be that was uploaded; ``application/octet-stream`` where its name does not tell."""
_UNCHANGED: Final[dict[str, Any]] = {"description": "What `If-None-Match` names is what there is."}

JobId = Annotated[
    str, Path(pattern=_ID, description="Id of a timeline.", examples=["01a20682ae9257f3c1b83f76549f7667"])
]
Wait = Annotated[
    float,
    Query(ge=0, description="Answer as soon as the timeline is there, after so many seconds at the latest."),
]


@router.post(
    "",
    status_code=202,
    responses={
        200: {"model": TimelineView, "description": "The timeline, where `wait` was long enough."},
        202: {"model": TimelineView, "description": "The job was accepted."},
    },
    openapi_extra=FILES_OR_URL,
)
async def post_timeline(
    request: Request,
    server: ServerHere,
    tenant: Tenant,
    wait: Wait = 0.0,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Have a video looked at. Send it, or several pictures in order, or JSON with a URL."""
    if idempotency_key is None:
        await to_thread.run_sync(server.quotas.check, tenant)
        async with brought(request, server) as came:
            job = await to_thread.run_sync(_submit, server, tenant, came)
    else:
        job = await _submit_once(request, server, tenant, idempotency_key)
    job = await awaited(server, job, wait)
    status = 200 if job.status in ("complete", "partial") else 202
    return await to_thread.run_sync(timeline_response, server, job, status)


@router.get("", response_model=Page)
def get_timelines(
    server: ServerHere,
    tenant: Tenant,
    cursor: Annotated[str | None, Query(pattern=_ID, description="The ``next`` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    q: Annotated[
        str, Query(max_length=500, description="Words that labels, descriptions or texts begin with.")
    ] = "",
    status: Annotated[JobStatus | None, Query()] = None,
    parent: Annotated[
        str | None, Query(pattern=_ID, description="List the questions about this timeline.")
    ] = None,
) -> Page:
    """List timelines, newest first; search them. Questions are listed with the timeline they are about."""
    jobs = server.place.records.newest(JobFilter(tenant, q, cursor, status, parent, limit + 1))
    shown = jobs[:limit]
    return Page(items=[JobView.of(job) for job in shown], next=shown[-1].id if len(jobs) > limit else None)


@router.get("/{job_id}", response_model=TimelineView)
async def get_timeline(job_id: JobId, server: ServerHere, tenant: Tenant, wait: Wait = 0.0) -> Response:
    """One timeline as it stands."""
    job = await to_thread.run_sync(found, server, job_id, tenant)
    job = await awaited(server, job, wait)
    return await to_thread.run_sync(timeline_response, server, job, 200)


@router.get(
    "/{job_id}/events",
    responses={
        200: {
            "content": {"text/event-stream": {}},
            "description": "progress, event, done and failed messages.",
        },
        204: {"description": "The job has ended and everything was told."},
    },
    response_class=Response,
)
async def get_events(
    job_id: JobId,
    server: ServerHere,
    tenant: Tenant,
    last_event_id: Annotated[str, Header(description="Go on after this message.")] = "0",
) -> Response:
    """Follow a job. Messages are numbered; a client that comes back with the last number misses none."""
    records = server.place.records
    job = await to_thread.run_sync(found, server, job_id, tenant)
    after = int(last_event_id) if last_event_id.isdecimal() and len(last_event_id) < 10 else 0
    if job.finished and not await to_thread.run_sync(records.events_after, job_id, after, 1):
        return Response(status_code=204)
    return EventSourceResponse(_messages(server, job_id, after), ping=15)


async def _messages(server: Server, job_id: str, after: int) -> AsyncIterator[ServerSentEvent]:
    records, last, mark = server.place.records, "", NOTHING
    while True:
        job = await to_thread.run_sync(records.look_up, job_id)
        events = await to_thread.run_sync(records.events_after, job_id, after)
        for event in events:
            after, last = event.number, event.kind
            yield ServerSentEvent(json.dumps(dict(event.data)), event=event.kind, id=str(event.number))
        if job is None and last not in ("done", "failed"):
            yield ServerSentEvent(json.dumps(_DELETED), event="failed", id=str(after + 1))
        if job is None or (job.finished and not events):
            return
        if not events:
            mark = await server.following.change(job_id, mark) or NOTHING


@router.get(
    "/{job_id}/keyframes/{keyframe}.jpg",
    responses={200: {"content": {"image/jpeg": {}}}, 304: _UNCHANGED},
    response_class=Response,
)
def get_keyframe(
    job_id: JobId, keyframe: Annotated[int, Path(ge=0)], request: Request, server: ServerHere, tenant: Tenant
) -> Response:
    """The picture of a keyframe."""
    job = found(server, job_id, tenant)
    try:
        key = server.place.workshop.picture_of(job, keyframe)
    except NotStoredError as error:
        raise RefusedError(404, "not_found", str(error)) from error
    return file_response(request, server.place.storage, key, "image/jpeg", key.rpartition("/")[2])


@router.get(
    "/{job_id}/video",
    responses={
        200: {"content": _UPLOADED},
        206: {"content": _UPLOADED, "description": "The range that was asked for."},
        304: _UNCHANGED,
    },
    response_class=Response,
)
def get_video(job_id: JobId, request: Request, server: ServerHere, tenant: Tenant) -> Response:
    """What was uploaded, whole or in ranges."""
    job = found(server, job_id, tenant)
    if len(job.sources) != 1:
        raise RefusedError(404, "not_found", "this timeline has no single video")
    (source,) = job.sources
    key = source_key(job.parent or job.id, source.sha256)
    return file_response(request, server.place.storage, key, media_type_of(source.name), source.sha256)


@router.get(
    "/{job_id}/export",
    responses={200: {"content": {each.partition(";")[0]: {} for each in (*_EXPORT_TYPES.values(), _PLAIN)}}},
    response_class=Response,
)
def get_export(
    job_id: JobId,
    server: ServerHere,
    tenant: Tenant,
    form: Annotated[Format, Query(alias="format", description="How to tell it.")] = "json",
) -> Response:
    """The timeline told in another form, as a file."""
    job = found(server, job_id, tenant)
    text = server.place.workshop.export(job, form)
    return Response(text, 200, attachment(job.name, SUFFIXES[form]), _EXPORT_TYPES.get(form, _PLAIN))


@router.post("/{job_id}/cancel", response_model=TimelineView)
def post_cancel(job_id: JobId, server: ServerHere, tenant: Tenant) -> Response:
    """Stop a job; one that has ended stays as it is."""
    job = server.engine.cancel(found(server, job_id, tenant))
    return timeline_response(server, job, 200)


@router.post("/{job_id}/retry", status_code=202, response_model=TimelineView)
def post_retry(job_id: JobId, server: ServerHere, tenant: Tenant) -> Response:
    """Run a job that failed, was cancelled or is partial again, from where it failed."""
    ended = found(server, job_id, tenant)
    server.quotas.check(tenant)
    job = server.engine.retry(ended)
    if job is None:
        raise RefusedError(
            409, "not_retryable", "only a job that failed, was cancelled or is partial can be retried"
        )
    return timeline_response(server, job, 202)


@router.delete("/{job_id}", status_code=204)
def delete_timeline(job_id: JobId, server: ServerHere, tenant: Tenant) -> None:
    """Remove a timeline, its video and its pictures for good; a running job is cancelled."""
    server.engine.delete(found(server, job_id, tenant))


# -- pieces --------------------------------------------------------------------------------------------------

READY: Final = ("complete", "partial")


def found(server: Server, job_id: str, tenant: str) -> Job:
    """The tenant's job.

    Raises:
        RefusedError: there is none, or it is another's: nobody can tell which.
    """
    job = server.place.records.find(job_id, tenant)
    if job is None:
        raise RefusedError(404, "not_found", "there is no such timeline")
    return job


async def _submit_once(request: Request, server: Server, tenant: str, key: str) -> Job:
    """Submit, or find the job that this key has already become."""
    async with claimed(server, tenant, key) as claim:
        if claim.ours:
            await to_thread.run_sync(server.quotas.check, tenant)
        async with brought(request, server) as came:
            print_of_this = came.fingerprint(request)
            if claim.ours:
                once = Settling(tenant, key, print_of_this)
                return await to_thread.run_sync(_submit, server, tenant, came, once)
    return await to_thread.run_sync(became, server, tenant, claim, print_of_this)


def _submit(server: Server, tenant: str, came: Brought, once: Settling | None = None) -> Job:
    """Store what was brought and put the job into the queue."""
    place, submission = server.place, came.submission
    job_id = new_id()
    if came.files:
        place.records.foresee(job_id)
    sources = tuple(keep_source(place.storage, job_id, file) for file in came.files)
    try:
        return server.engine.submit(
            _new_job(server, tenant, submission, sources), job_id, server.quotas, once
        )
    except RefusedError:
        place.storage.delete(job_folder(job_id))
        raise


def _new_job(server: Server, tenant: str, submission: Submission, sources: tuple[JobSource, ...]) -> NewJob:
    name = sources[0].name if sources else name_for_people(name_in(submission.url or ""))
    return NewJob(
        tenant=tenant,
        name=name,
        request=submission.timeline_request(),
        sources=sources,
        timeout_seconds=server.place.settings.job_timeout_seconds,
        interval_seconds=submission.interval,
        url=submission.url,
        webhook=submission.webhook,
        priority=submission.priority,
    )


async def awaited(server: Server, job: Job, seconds: float) -> Job:
    """The job once it has ended, or as it stands after so long.

    Raises:
        RefusedError: it was deleted meanwhile.
    """
    mark = NOTHING
    with move_on_after(min(seconds, server.place.settings.max_wait_seconds)):
        while not job.finished:
            mark = await server.following.change(job.id, mark) or NOTHING
            job = await to_thread.run_sync(found, server, job.id, job.tenant)
    return job


def timeline_response(server: Server, job: Job, status: int) -> Response:
    """The view of a job with its timeline, which is passed on as it is stored, not parsed."""
    timeline = server.place.storage.get(timeline_key(job.id)) if job.status in READY else b"null"
    delivery = server.place.webhooks.deliveries.of(job.id) if job.webhook is not None else None
    fields = head_of(job, _decided(server, job, timeline), delivery)
    head = json.dumps(fields, ensure_ascii=False)
    body = head.removesuffix("}").encode() + b', "timeline": ' + timeline + b"}"
    headers = {"Location": f"/v1/timelines/{job.id}"} if status == 202 else None
    return Response(body, status, headers, "application/json")


def _decided(server: Server, job: Job, timeline: bytes) -> list[ReviewView]:
    """What people decided; the timeline is looked into only where they did."""
    reviews = server.reviews.of(job.id)
    if not reviews:
        return []
    ready = job.status in READY
    return review_views(reviews, OpenItems.of(timeline, job.finished_at) if ready else OpenItems((), 0.0))
