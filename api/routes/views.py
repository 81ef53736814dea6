"""What the service says over HTTP of a job, as documents."""

from collections.abc import Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from api.records import Decision, Job, JobStatus, Review

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

    item: int
    """Position in the timeline's ``results.moderation.review``."""
    verdict: Decision
    note: str
    decided_at: float


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
                "timeline": None,
            }
        }
    )

    request: dict[str, Any]
    """What was asked."""
    reviews: list[ReviewView]
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


def head_of(job: Job, reviews: Sequence[Review]) -> dict[str, Any]:
    """Everything of ``TimelineView`` but the timeline itself, as plain JSON values."""
    shown = [
        ReviewView(item=r.item, verdict=r.verdict, note=r.note, decided_at=r.decided_at) for r in reviews
    ]
    view = TimelineView(**_fields(job), request=dict(job.request), reviews=shown, timeline=None)
    return view.model_dump(mode="json", exclude={"timeline"})


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
