"""Deciding what moderation was unsure of."""

from typing import Annotated

from fastapi import Path
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from api.errors import RefusedError
from api.records import Decision
from api.reviewing import OpenItems
from api.routes.guarding import Tenant
from api.routes.reading import strict_router
from api.routes.serving import ServerHere
from api.routes.timelines import READY, JobId, found, timeline_response
from api.routes.views import TimelineView
from api.storage import timeline_key

router = strict_router("/v1/timelines", "moderation")

Finding = Annotated[
    str,
    Path(
        pattern="^(r[0-9a-f]{12}|[0-9]{1,6})$",
        description="The `id` of an item in `results.moderation.review`, or its position, from 0.",
        examples=["r0b7c41d9e2a5"],
    ),
]


class ReviewBody(BaseModel):
    """A person's decision."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    verdict: Decision
    note: str = Field(default="", max_length=2000)


@router.put("/{job_id}/reviews/{finding}", response_model=TimelineView)
def put_review(
    job_id: JobId, finding: Finding, body: ReviewBody, server: ServerHere, tenant: Tenant
) -> Response:
    """Decide about a stretch moderation was unsure of; the last decision counts."""
    job = found(server, job_id, tenant)
    ready = job.status in READY
    timeline = server.place.storage.get(timeline_key(job.id)) if ready else b'{"results": {}}'
    ids = OpenItems.of(timeline, job.finished_at).ids
    position = int(finding) if finding.isdecimal() else ids.index(finding) if finding in ids else len(ids)
    if position >= len(ids):
        raise RefusedError(404, "not_found", f"no such stretch is to review; there are {len(ids)}")
    server.reviews.decide(job.id, ids[position], body.verdict, body.note, instead_of=[f"#{position}"])
    return timeline_response(server, job, 200)
