"""What the analyzer is asked: the tasks, and what the caller wants of each of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from analyzer.errors import AnalysisRequestError
from analyzer.types import TaskName

Context = Literal["rolling", "parallel"]
"""Whether a batch is told what came before it, one after another, or all batches are asked at once."""
HintKind = Literal["text", "objects"]
"""What local models can find on keyframes and a remote one be told of."""
FieldType = Literal["string", "number", "integer", "boolean"]


@dataclass(frozen=True, slots=True)
class SegmentField:
    """One typed value that every event of a track of the caller's own carries."""

    name: str
    type: FieldType = "string"
    description: str = ""
    enum: tuple[str, ...] = ()
    """The values allowed; empty for any."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A track of the caller's own: the events it holds are those this description fits."""

    id: str
    description: str
    fields: tuple[SegmentField, ...] = ()
    min_duration_seconds: float | None = None
    """Events that are certainly shorter are left out."""
    max_duration_seconds: float | None = None
    """Events that are certainly longer are left out."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One rule of a policy, and from which confidence it asks for a person or decides."""

    id: str
    description: str
    review_from: float = 0.3
    block_from: float = 0.8

    def __post_init__(self) -> None:
        """Refuse bands that are out of order."""
        if not 0.0 < self.review_from <= self.block_from <= 1.0:
            raise AnalysisRequestError(
                f"clause {self.id!r}: the bands must satisfy 0 < review_from <= block_from <= 1"
            )


@dataclass(frozen=True, slots=True)
class Policy:
    """What must not be shown, in a version that results can be traced to."""

    name: str
    version: str
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """One example of a good answer, shown to the model."""

    given: str
    answer: str


@dataclass(frozen=True, slots=True)
class AnalysisRequest:
    """What the analyzer is asked to find out."""

    tasks: tuple[TaskName, ...] = ("events",)
    """In the order given, without repetition; at least one."""
    taxonomy: tuple[str, ...] = ()
    """Tags to choose from; empty for an open set."""
    question: str | None = None
    """What ``ask`` and ``custom`` are about; required by them."""
    instructions: str = ""
    """Wishes of the caller, added to every question; of ``custom`` the system prompt."""
    schema: Mapping[str, object] | None = None
    """JSON Schema of the answer to ``custom``; None for free text such as Markdown or XML."""
    policy: Policy | None = None
    """What ``moderation`` goes by; None for a policy of our own."""
    examples: tuple[Example, ...] = ()
    segments: tuple[Segment, ...] = ()
    """Tracks of the caller's own, served by ``events``."""
    context: Context = "parallel"
    max_requests: int | None = None
    """Requests to a remote model at most, repeats included."""
    max_cost_usd: float | None = None
    local: tuple[TaskName, ...] = ()
    """Of the tasks those that local specialists serve although a remote model is there to be asked."""
    hints: tuple[HintKind, ...] = ()
    """What specialists find on keyframes and the remote model is told of when it is asked about them."""

    def for_model(self) -> "AnalysisRequest":
        """What is left to be asked of the remote model."""
        return replace(self, tasks=tuple(task for task in self.tasks if task not in self.local), local=())

    def for_specialists(self) -> "AnalysisRequest":
        """What the specialists are asked, without the words that are meant for the remote model."""
        return AnalysisRequest(
            tasks=tuple(task for task in self.tasks if task in self.local),
            taxonomy=self.taxonomy,
            policy=self.policy,
        )
