"""What the service says over HTTP of a job, as documents."""

from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from api.records import Decision, Delivery, EndpointState, Job, JobStatus, Review, shown_address
from api.reviewing import OpenItems

_EXAMPLE_ID = "01a20682ae9257f3c1b83f76549f7667"


class View(BaseModel):
    """A document of ours."""

    model_config = ConfigDict(use_attribute_docstrings=True, frozen=True)


class ErrorView(View):
    """Why a job failed."""

    code: str
    """Stable; for programs."""
    message: str


class Links(View):
    """Where everything about a job is."""

    self: str
    events: str
    """Server-Sent Events: progress, events as they are found, the end."""
    export: str
    """Add ``?format=``: json, csv, vtt, srt, chapters, md, html."""
    video: str | None
    """What was uploaded; null for several pictures."""


class ReviewView(View):
    """A person's decision about a stretch moderation was unsure of."""

    id: str
    """Of the item in the timeline's ``results.moderation.review``."""
    item: int | None
    """Where that stands now, from 0; null if another run did not find it any more."""
    verdict: Decision
    note: str
    decided_at: float


WebhookState = Literal["waiting", "retrying", "delivered", "given_up"]


class WebhookView(View):
    """Whether the endpoint has been told that the job ended."""

    url: str
    """Of the endpoint, without what follows a ``?``."""
    state: WebhookState
    """``waiting`` for its first try or for the job to end; ``retrying`` after one that failed."""
    tries: int
    tried_at: float | None
    """When it was sent last."""
    next_try_at: float | None
    delivered_at: float | None
    """When it was taken."""
    error: str | None
    """Why it was not taken the last time."""


class EndpointView(View):
    """All messages to one address."""

    url: str
    """Without what follows a ``?``."""
    waiting: int
    """Messages that are to be sent, for the first time or once more."""
    delivered: int
    given_up: int
    delivered_at: float | None
    """When it last took one."""
    error: str | None
    """Why it did not take the one that was tried last; null where it took that."""

    @classmethod
    def of(cls, state: EndpointState) -> Self:
        """The view of an address."""
        return cls(
            url=state.url,
            waiting=state.waiting,
            delivered=state.delivered,
            given_up=state.given_up,
            delivered_at=state.delivered_at,
            error=state.failing,
        )


class EndpointsView(View):
    """Addresses that are told of finished jobs."""

    items: list[EndpointView]


class JobView(View):
    """A job: a timeline on its way."""

    id: str
    status: JobStatus
    progress: float
    """0..1"""
    name: str
    """Of the video."""
    summary: str
    """Empty until the timeline is there."""
    duration_seconds: float | None
    """Of the video."""
    created_at: float
    """Seconds since 1970, as all times of day here."""
    started_at: float | None
    finished_at: float | None
    parent: str | None
    """The timeline this one asks a question about."""
    error: ErrorView | None
    links: Links

    @classmethod
    def of(cls, job: Job) -> Self:
        """The view of a job."""
        return cls(**_fields(job))


class TimelineView(JobView):
    """A job with its timeline."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": _EXAMPLE_ID,
                "status": "analyzing",
                "progress": 0.65,
                "name": "doorway.mp4",
                "summary": "",
                "duration_seconds": None,
                "created_at": 1795405557.4,
                "started_at": 1795405558.5,
                "finished_at": None,
                "parent": None,
                "error": None,
                "links": {
                    "self": f"/v1/timelines/{_EXAMPLE_ID}",
                    "events": f"/v1/timelines/{_EXAMPLE_ID}/events",
                    "export": f"/v1/timelines/{_EXAMPLE_ID}/export",
                    "video": f"/v1/timelines/{_EXAMPLE_ID}/video",
                },
                "request": {"tasks": ["events"], "frames": 32},
                "reviews": [],
                "webhook": None,
                "timeline": None,
            }
        }
    )

    request: dict[str, Any]
    """What was asked."""
    reviews: list[ReviewView]
    webhook: WebhookView | None
    """Null where no ``webhook`` was asked for."""
    timeline: dict[str, Any] | None
    """The timeline document, `sceneline schema` describes it; null until it is there."""


class Page(View):
    """Some jobs, newest first."""

    items: list[JobView]
    next: str | None
    """Give this as ``cursor`` for the jobs that follow; null at the end."""


class LimitsView(View):
    """What this server accepts."""

    max_upload_bytes: int
    max_pictures: int
    max_frames: int
    max_wait_seconds: float
    job_timeout_seconds: float
    keep_days: float | None
    requests_per_minute: int | None
    """Of one key; null where there is no limit, as in the fields that follow."""
    requests_at_once: int | None
    """Of one key."""
    jobs_at_once: int | None
    """Of one tenant, over all its keys."""
    jobs_per_day: int | None
    """Of one tenant."""
    upload_bytes_per_day: int | None
    """Of one tenant."""
    fetches_urls: bool
    webhooks: bool
    remote_model: bool
    """Whether a vision-language model is configured: for questions and the tasks only it can serve."""
    tasks: list[str]
    """What can be asked for here."""
    formats: list[str]
    """Forms a timeline can be exported in."""


def head_of(job: Job, reviews: Sequence[ReviewView], delivery: Delivery | None) -> dict[str, Any]:
    """Everything of ``TimelineView`` but the timeline itself, as plain JSON values."""
    view = TimelineView(
        **_fields(job),
        request=dict(job.request),
        reviews=list(reviews),
        webhook=None if job.webhook is None else _webhook(job.webhook, delivery),
        timeline=None,
    )
    return view.model_dump(mode="json", exclude={"timeline"})


def review_views(reviews: Sequence[Review], open_items: OpenItems) -> list[ReviewView]:
    """What people decided, each with where it stands in the timeline; in that order, what is gone last."""
    views = []
    for review in reviews:
        position = open_items.position(review)
        views.append(
            ReviewView(
                id=review.finding if position is None else open_items.ids[position],
                item=position,
                verdict=review.verdict,
                note=review.note,
                decided_at=review.decided_at,
            )
        )
    return sorted(views, key=lambda view: (view.item is None, view.item or 0))


def _webhook(url: str, delivery: Delivery | None) -> WebhookView:
    if delivery is None:
        return WebhookView(
            url=shown_address(url), state="waiting", tries=0, tried_at=None, next_try_at=None,
            delivered_at=None, error=None,
        )  # fmt: skip
    state: WebhookState = "retrying" if delivery.attempts else "waiting"
    if delivery.next_try_at is None:
        state = "given_up" if delivery.delivered_at is None else "delivered"
    return WebhookView(
        url=delivery.url,
        state=state,
        tries=delivery.attempts,
        tried_at=delivery.tried_at,
        next_try_at=delivery.next_try_at,
        delivered_at=delivery.delivered_at,
        error=delivery.last_error,
    )


def _fields(job: Job) -> dict[str, Any]:
    base = f"/v1/timelines/{job.id}"
    return {
        "id": job.id,
        "status": job.status,
        "progress": job.progress,
        "name": job.name,
        "summary": job.summary,
        "duration_seconds": job.duration_seconds,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "parent": job.parent,
        "error": job.problem and ErrorView(code=job.problem.code, message=job.problem.message),
        "links": Links(
            self=base,
            events=f"{base}/events",
            export=f"{base}/export",
            video=f"{base}/video" if len(job.sources) == 1 else None,
        ),
    }
