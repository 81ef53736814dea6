"""The analyzer's values: what was asked, what was found, and the timeline made of it.

All frozen. Times are seconds on the clock a player shows; intervals are half-open. Nothing here is rounded:
rounding to a millisecond is done once, on output. Field names are those of the timeline document.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sampler import MediaInfo, Notice, Reason

TaskName = Literal[
    "events", "ask", "tags", "text", "documents", "objects", "moderation", "describe", "custom"
]
ConfidenceKind = Literal["model", "detector", "rule", "votes"]
Verdict = Literal["allow", "review", "block"]
BackendName = Literal["local", "openai"]
Status = Literal["complete", "partial"]

Box = tuple[float, float, float, float]
"""``(x0, y0, x1, y1)``, each 0..1 of the picture as displayed, x rightwards and y down, x0 < x1, y0 < y1."""
Range = tuple[float, float]
"""``(earliest, latest)`` seconds between which an edge lies."""


# -- the timeline document -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Instance:
    """One stretch of time in which a thing was there."""

    start_seconds: float
    end_seconds: float
    start_range_seconds: Range
    """The edge lies between these: after the last keyframe without the thing, before the first with it."""
    end_range_seconds: Range
    keyframes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class EventBox:
    """Where a thing is on one keyframe."""

    keyframe: int
    label: str
    box: Box
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: one span of one track."""

    id: str
    track: str
    label: str
    description: str
    start_seconds: float
    end_seconds: float
    start_range_seconds: Range
    end_range_seconds: Range
    confidence: float | None
    confidence_kind: ConfidenceKind
    evidence: tuple[int, ...]
    """Indexes of the keyframes that show it; at least one."""
    boxes: tuple[EventBox, ...] = ()
    attributes: Mapping[str, object] = field(default_factory=dict)
    merged_from: tuple[str, ...] = ()
    source: str = ""
    """Which model or rule says so."""


@dataclass(frozen=True, slots=True)
class TextElement:
    """One text, each stretch it was on screen."""

    text: str
    language: str | None
    confidence: float | None
    box: Box
    instances: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class TagElement:
    """One tag, each stretch it applies to."""

    tag: str
    confidence: float | None
    confidence_kind: ConfidenceKind
    instances: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class BoxSighting:
    """Where a tracked thing is on one keyframe."""

    keyframe: int
    box: Box
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Track:
    """One thing followed over keyframes."""

    id: str
    label: str
    confidence: float | None
    boxes: tuple[BoxSighting, ...]
    instances: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """How one tracked thing stands to another: ``left of``, ``on`` …"""

    subject: str
    relation: str
    object: str
    instances: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class ObjectsResult:
    """Result of the task ``objects``."""

    tracks: tuple[Track, ...]
    relations: tuple[Relation, ...]


@dataclass(frozen=True, slots=True)
class ClauseVerdict:
    """What was found for one clause of a policy."""

    id: str
    verdict: Verdict
    confidence: float | None
    """How likely it is that the clause applies, 0..1, whatever the verdict."""
    explanation: str
    instances: tuple[Instance, ...]
    review_from: float | None = None
    """The policy's bands: the confidence from which a person is asked; None in timelines of earlier versions."""
    block_from: float | None = None


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """Something a person should look at before it is decided."""

    clause: str
    """A clause of the policy, or ``unseen``: nobody looked there, so any of them may apply."""
    start_seconds: float
    end_seconds: float
    keyframes: tuple[int, ...]
    reason: str
    confidence: float | None = None
    """The highest of its keyframes; None where nobody looked, and in timelines of earlier versions."""
    id: str = ""
    """Made here if not given: the same clause over the same stretch of the video has the same one, wherever in the list
    it stands, also after another run."""

    def __post_init__(self) -> None:
        if not self.id:
            about = f"{self.clause} {self.start_seconds:.3f} {self.end_seconds:.3f}"
            digest = hashlib.sha256(about.encode("utf-8", "replace")).hexdigest()
            object.__setattr__(self, "id", f"r{digest[:12]}")


@dataclass(frozen=True, slots=True)
class ModerationResult:
    """Result of the task ``moderation``."""

    policy: str
    verdict: Verdict
    clauses: tuple[ClauseVerdict, ...]
    review: tuple[ReviewItem, ...]


@dataclass(frozen=True, slots=True)
class Chapter:
    """A titled part of the video."""

    title: str
    description: str
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True, slots=True)
class ShotDescription:
    """One shot in plain words."""

    shot: int
    description: str


@dataclass(frozen=True, slots=True)
class DescribeResult:
    """Result of the task ``describe``."""

    summary: str
    chapters: tuple[Chapter, ...]
    shots: tuple[ShotDescription, ...]


@dataclass(frozen=True, slots=True)
class ReasoningStep:
    """One step towards an answer, and the keyframes it rests on."""

    step: str
    keyframes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AskResult:
    """Result of the task ``ask``."""

    question: str
    answer: str
    not_visible: bool
    """Nothing that was looked at could answer it, which is not the same as "no"."""
    confidence: float | None
    reasoning: tuple[ReasoningStep, ...]
    instances: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it stands in a document; every row has as many cells as there are columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class DocumentElement:
    """One distinct page, each stretch it was shown."""

    title: str
    markdown: str
    tables: tuple[Table, ...]
    fields: Mapping[str, str]
    instances: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class Results:
    """Each task's result; None for a task that was not asked."""

    text: tuple[TextElement, ...] | None = None
    tags: tuple[TagElement, ...] | None = None
    objects: ObjectsResult | None = None
    moderation: ModerationResult | None = None
    describe: DescribeResult | None = None
    ask: AskResult | None = None
    documents: tuple[DocumentElement, ...] | None = None
    custom: Mapping[str, object] | None = None
    """What the caller's schema says, or ``{"text": ...}``."""
    custom_parts: tuple[Mapping[str, object], ...] | None = None
    """Instead of ``custom`` where its parts could not be joined to one: each as the schema says, in order of time."""


@dataclass(frozen=True, slots=True)
class TimelineKeyframe:
    """A keyframe as the timeline names it; its picture is stored beside the document, or nowhere."""

    index: int
    time_seconds: float
    pts: int
    time_base: str
    """Exact fraction, for example ``1/12800``."""
    shot: int
    reason: Reason
    sharpness: float | None
    width: int
    height: int
    image: str | None = None
    """Relative path or URL of the picture."""


@dataclass(frozen=True, slots=True)
class TimelineShot:
    """A shot with the keyframes that lie in it."""

    index: int
    start_seconds: float
    end_seconds: float
    transition: Literal["start", "cut", "gradual"]
    keyframes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch nobody can vouch for, and why."""

    start_seconds: float
    end_seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was looked at, and what was not."""

    keyframes: int
    keyframes_analyzed: int
    longest_unseen_seconds: float
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """What it cost."""

    requests: int = 0
    retries: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    decode_seconds: float = 0.0
    analyze_seconds: float = 0.0
    wall_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Which model answered."""

    backend: BackendName
    name: str
    base_url: str | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """The whole answer: all that crosses from the analyzer to the world."""

    id: str
    status: Status
    media: MediaInfo
    request: Mapping[str, object]
    model: ModelInfo
    summary: str
    events: tuple[Event, ...]
    shots: tuple[TimelineShot, ...]
    keyframes: tuple[TimelineKeyframe, ...]
    results: Results
    coverage: Coverage
    usage: Usage
    warnings: tuple[Notice, ...]
    schema_version: Literal["1"] = "1"


# -- what an analysis yields -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Analyzed:
    """Progress: this many of the keyframes have been looked at."""

    done: int
    total: int


AnalysisStep = Analyzed | Event | Timeline
"""What an analysis yields: progress, events as batches of a remote model tell them, one ``Timeline`` last."""
