"""Questions over a finished timeline: asked of a remote model about the keyframes that are already there."""

import json
from typing import Annotated, Final

from anyio import to_thread
from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from api.errors import NotStoredError, RefusedError
from api.records import Job, NewJob, Settling, new_id
from api.routes.guarding import Tenant
from api.routes.reading import strict_router
from api.routes.repeating import IdempotencyKey, became, claimed, fingerprint
from api.routes.serving import Server, ServerHere
from api.routes.timelines import JobId, awaited, found, timeline_response
from api.routes.views import TimelineView
from api.schemas import TimelineRequest

router = strict_router("/v1/timelines/{job_id}/questions", "questions")


_FEWEST_CLOSER: Final = 4
_CLOSER_SHARE: Final = 4
"""A question may take a quarter more keyframes than there are, and at least so many, where it needs closer ones."""


class QuestionBody(BaseModel):
    """A question."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={
            "example": {"question": "Does anyone leave through the back door?", "max_cost": 0.05}
        },
    )

    question: str = Field(min_length=1, max_length=20_000, pattern=r"\S")
    instructions: str = Field(default="", max_length=20_000)
    """Wishes about the answer."""
    model: str | None = Field(default=None, max_length=200)
    """The remote model to ask; the configured one if not given."""
    max_cost: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """US dollars the answer may cost at most."""


@router.post(
    "",
    status_code=202,
    responses={
        200: {"model": TimelineView, "description": "The answer, where `wait` was long enough."},
        202: {"model": TimelineView, "description": "The question was accepted."},
    },
)
async def post_question(
    job_id: JobId,
    body: QuestionBody,
    request: Request,
    server: ServerHere,
    tenant: Tenant,
    wait: Annotated[
        float, Query(ge=0, description="Answer as soon as there is one, after so long at most.")
    ] = 0.0,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Ask about a timeline. The answer is a timeline of its own: see its `results.ask`."""
    if idempotency_key is None:
        job = await to_thread.run_sync(_submit, server, tenant, job_id, body)
    else:
        print_of_this = fingerprint(request, body.model_dump_json())
        async with claimed(server, tenant, idempotency_key) as claim:
            if claim.ours:
                once = Settling(tenant, idempotency_key, print_of_this)
                job = await to_thread.run_sync(_submit, server, tenant, job_id, body, once)
            else:
                job = await to_thread.run_sync(became, server, tenant, claim, print_of_this)
    job = await awaited(server, job, wait)
    return await to_thread.run_sync(timeline_response, server, job, 200 if job.finished else 202)


def _submit(
    server: Server, tenant: str, job_id: str, body: QuestionBody, once: Settling | None = None
) -> Job:
    about = found(server, job_id, tenant)
    place = server.place
    parent = about.parent or about.id
    try:
        place.workshop.picture_of(about, 0)
    except NotStoredError as error:
        raise RefusedError(409, "not_ready", "this timeline has no keyframes to ask about") from error
    looked = {name: about.request[name] for name in ("start", "end", "sampling")}
    shown = TimelineRequest.model_validate(place.records.get(parent).request).frames
    looked["frames"] = shown + max(_FEWEST_CLOSER, shown // _CLOSER_SHARE)
    request = TimelineRequest.model_validate(
        {
            **looked,
            "tasks": ("ask",),
            "ask": body.question,
            "instructions": body.instructions,
            "model": body.model,
            "max_cost": body.max_cost,
        }
    )
    if not place.workshop.models.is_remote(request):
        raise RefusedError(
            422,
            "no_remote_model",
            "questions need a vision-language model; set SCENELINE_BASE_URL or SCENELINE_API_KEY on the server",
        )
    new = NewJob(
        tenant=tenant,
        name=about.name,
        request=json.loads(request.model_dump_json()),
        sources=about.sources,
        timeout_seconds=place.settings.job_timeout_seconds,
        interval_seconds=about.interval_seconds,
        parent=parent,
        priority=about.priority,
    )
    return server.engine.submit(new, new_id(), server.quotas, once)
