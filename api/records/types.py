"""The service's values: a job as it is asked for, as it stands, and what is said of its progress."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

JobStatus = Literal["queued", "sampling", "analyzing", "complete", "partial", "failed", "cancelled"]
EventKind = Literal["progress", "event", "done", "failed"]

FINISHED: frozenset[JobStatus] = frozenset(("complete", "partial", "failed", "cancelled"))


@dataclass(frozen=True, slots=True)
class JobSource:
    """One stored input of a job."""

    sha256: str
    """Names the stored file."""
    name: str
    """What the client called it, without folders; for people only."""
    bytes: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a job failed."""

    code: str
    """Stable, snake_case: ``no_video``, ``model_unavailable`` …"""
    message: str
    status: int = 500
    """The HTTP status that fits it."""


@dataclass(frozen=True, slots=True)
class NewJob:
    """A request that was accepted and stored."""

    tenant: str
    name: str
    request: Mapping[str, object]
    """The validated request as plain JSON values."""
    sources: tuple[JobSource, ...]
    """Stored already; empty while the video is still to be fetched from ``url``."""
    timeout_seconds: float
    """From the beginning of work to the end at most."""
    interval_seconds: float = 1.0
    """How long each of several pictures stands."""
    url: str | None = None
    webhook: str | None = None
    priority: int = 10
    """Lower goes first; at least 1."""
    parent: str | None = None
    """The job whose keyframes this one looks at again; None for one that samples its own."""
    traceparent: str | None = None
    """The request it came with, as traces name it; None where nobody traces."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands."""

    id: str
    tenant: str
    parent: str | None
    name: str
    status: JobStatus
    progress: float
    """0..1; 1 exactly when finished well."""
    request: Mapping[str, object]
    sources: tuple[JobSource, ...]
    interval_seconds: float
    url: str | None
    webhook: str | None
    priority: int
    attempts: int
    """How often the stage it is in was begun since it last got on."""
    round: int
    """How often it was asked to run again after it had ended."""
    problem: Problem | None
    summary: str
    duration_seconds: float | None
    created_at: float
    started_at: float | None
    finished_at: float | None
    timeout_seconds: float
    deadline_at: float | None
    """When it fails if it has not ended; None while it waits in the queue."""
    queued_at: float | None = None
    """When this round of it was asked for; None of one that an earlier version took in."""
    traceparent: str | None = None
    """The request this round was asked for by, as traces name it; None where nobody traces."""

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.status in FINISHED


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is kept in the database of a finished timeline."""

    status: Literal["complete", "partial"]
    summary: str
    duration_seconds: float
    """Of the video."""
    words: str
    """All that it can be found by."""
    spent: Mapping[str, float]
    """What it cost, by the names of ``Usage``."""


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One line of a job's progress, numbered from 1; no number is given twice."""

    number: int
    kind: EventKind
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class JobMark:
    """How far a job is: another, whenever anything of it has changed that those who follow it are told."""

    status: str
    round: int
    number: int
    """Of its last event; 0 while there is none."""


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list, newest first."""

    tenant: str
    query: str = ""
    """Words that must all occur, each as the beginning of a word."""
    before: str | None = None
    """Only jobs older than this id."""
    status: JobStatus | None = None
    parent: str | None = None
    """Whose questions; None for timelines of videos of their own."""
    limit: int = 50
