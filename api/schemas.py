"""What may be asked for: one model validates the command line's options and, over HTTP, a request alike."""

import json
import math
import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from analyzer import (
    AnalysisRequest,
    Clause,
    Context,
    Example,
    HintKind,
    Policy,
    Segment,
    SegmentField,
    TaskName,
)
from api.errors import RequestError
from sampler import DEFAULT_FRAMES, SampleRequest, SamplingMode

BackendChoice = Literal["auto", "local", "openai"]
LocalTask = Literal["objects", "text", "moderation"]
"""Tasks that local models may serve beside a remote one."""

_SAMPLING = re.compile(r"^(auto|exact|fast|uniform|interval=.+)$")
_SHOWING_INPUT = {"literal_error", "greater_than_equal"}
"""Kinds of errors whose message does not repeat what was given."""
_AN_OBJECT = "it must be an object in braces"
_IN_JSON = {
    "tuple_type": "it must be a list in brackets",
    "dict_type": _AN_OBJECT,
    "model_type": _AN_OBJECT,
    "model_attributes_type": _AN_OBJECT,
}
"""Kinds of errors that pydantic tells by the names of Python."""
_CLOCK = re.compile(r"(?:(?P<hours>\d+):)?(?P<minutes>\d+):(?P<seconds>[0-5]\d(?:\.\d+)?)")


def seconds_from(value: object) -> float:
    """Seconds of a time written as seconds, ``MM:SS`` or ``HH:MM:SS.mmm``.

    Raises:
        ValueError: it is none of these, negative, or not finite.
    """
    given = value
    if isinstance(value, str) and (match := _CLOCK.fullmatch(value.strip())):
        hours, minutes = match["hours"], int(match["minutes"])
        if hours is not None and minutes > 59:
            raise ValueError(f"{given!r} is not a time: minutes go up to 59 where hours are given")
        value = int(hours or 0) * 3600 + minutes * 60 + Decimal(match["seconds"])
    try:
        seconds = float(value) if isinstance(value, str | int | float | Decimal) else math.nan
    except (ValueError, OverflowError):
        seconds = math.nan
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError(f"{given!r} is not a time: write seconds, MM:SS or HH:MM:SS.mmm")
    return seconds


Seconds = Annotated[float, BeforeValidator(seconds_from, json_schema_input_type=float | str)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ClauseSpec(_Part):
    """One rule of a policy, and from which confidence it asks for a person or decides."""

    id: str = Field(min_length=1, max_length=200)
    description: str = Field(max_length=5_000)
    review_from: float = Field(default=0.3, gt=0, le=1)
    block_from: float = Field(default=0.8, gt=0, le=1)

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.review_from > self.block_from:
            raise ValueError(f"clause {self.id!r}: review_from must not exceed block_from")
        return self


class PolicySpec(_Part):
    """What must not be shown, in a version that results can be traced to."""

    name: str = Field(min_length=1, max_length=200)
    version: str = Field(min_length=1, max_length=200)
    clauses: tuple[ClauseSpec, ...] = Field(min_length=1, max_length=100)

    def policy(self) -> Policy:
        """The same for the analyzer."""
        clauses = (Clause(c.id, c.description, c.review_from, c.block_from) for c in self.clauses)
        return Policy(self.name, self.version, tuple(clauses))


class ExampleSpec(_Part):
    """One example of a good answer."""

    given: str = Field(max_length=20_000)
    answer: str = Field(max_length=20_000)


class SegmentFieldSpec(_Part):
    """One typed value that every event of a track carries."""

    name: str = Field(min_length=1, max_length=200)
    type: Literal["string", "number", "integer", "boolean"] = "string"
    description: str = Field(default="", max_length=5_000)
    enum: tuple[str, ...] = Field(default=(), max_length=200)


class SegmentSpec(_Part):
    """A track of the caller's own: its events are those this description fits."""

    id: str = Field(min_length=1, max_length=200)
    description: str = Field(max_length=5_000)
    fields: tuple[SegmentFieldSpec, ...] = Field(default=(), max_length=50)
    min_duration: Seconds | None = None
    max_duration: Seconds | None = None

    def segment(self) -> Segment:
        """The same for the analyzer."""
        fields = (SegmentField(f.name, f.type, f.description, f.enum) for f in self.fields)
        return Segment(self.id, self.description, tuple(fields), self.min_duration, self.max_duration)


class TimelineRequest(BaseModel):
    """What to find out about a video, and how closely to look. Unknown names are refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )

    tasks: tuple[TaskName, ...] = Field(default=("events",), min_length=1)
    """What to return; each task becomes an entry of the timeline's ``results``."""
    frames: int = Field(default=DEFAULT_FRAMES, ge=1)
    """Keyframes to look at, at most."""
    start: Seconds | None = None
    """Where to begin looking; the keyframes are spent inside the window."""
    end: Seconds | None = None
    """Where to stop looking."""
    sampling: str = Field(default="auto", json_schema_extra={"pattern": _SAMPLING.pattern})
    """How to look: ``auto``, ``exact``, ``fast``, ``uniform`` or ``interval=SECONDS``."""
    taxonomy: tuple[str, ...] = ()
    """Tags to choose from for the task ``tags``; empty for any."""
    ask: str | None = Field(default=None, max_length=20_000)
    """A question about the video; asks for the task ``ask`` unless ``custom`` is asked for."""
    instructions: str = Field(default="", max_length=20_000)
    """Wishes added to every question; of ``custom`` the system prompt."""
    answer_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    """JSON Schema of the answer to ``custom``; asks for that task."""
    policy: PolicySpec | None = None
    """What ``moderation`` goes by; a policy of our own if not given."""
    examples: tuple[ExampleSpec, ...] = Field(default=(), max_length=50)
    """Examples of good answers, shown to the model."""
    segments: tuple[SegmentSpec, ...] = Field(default=(), max_length=50)
    """Tracks of your own, each with typed fields, served by ``events``."""
    backend: BackendChoice = "auto"
    """Which models to ask; ``auto`` asks a remote one where one is configured."""
    model: str | None = Field(default=None, max_length=200)
    """The remote model to ask; the configured one if not given."""
    context: Context = "parallel"
    """Whether a remote model is told what came before a batch (``rolling``), or asked about all at once."""
    max_cost: float | None = Field(default=None, ge=0)
    """US dollars a remote model may cost at most; work stops before, not after."""
    max_requests: int | None = Field(default=None, ge=1)
    """Requests to a remote model at most, repeats included."""
    local: tuple[LocalTask, ...] = ()
    """Of the tasks those that local models serve although a remote one is asked for the others."""
    hints: tuple[HintKind, ...] = ()
    """What local models find on each keyframe and a remote one is told of: writing (``text``), things (``objects``)."""

    @model_validator(mode="before")
    @classmethod
    def _add_implied_tasks(cls, given: Any) -> Any:
        """A question is for ``ask`` and a schema for ``custom``, whether or not the task is named."""
        if not isinstance(given, dict):
            return given
        named = list(given["tasks"]) if isinstance(given.get("tasks"), list | tuple) else []
        implied = "custom" if given.get("schema") or given.get("answer_schema") else "ask"
        asks = implied == "custom" or given.get("ask") is not None
        if not asks or {"ask", "custom"} & {name for name in named if isinstance(name, str)}:
            return given
        return {**given, "tasks": [*named, implied]}

    @field_validator("sampling")
    @classmethod
    def _is_known(cls, sampling: str) -> str:
        if not _SAMPLING.fullmatch(sampling):
            raise ValueError(
                f"{sampling!r} is unknown; choose auto, exact, fast, uniform or interval=SECONDS"
            )
        return sampling

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if len(set(self.tasks)) < len(self.tasks):
            raise ValueError("a task was asked for twice")
        if unasked := [task for task in self.local if task not in self.tasks]:
            raise ValueError(f"local: {unasked[0]} is not among the tasks; ask for it as well")
        if self.end is not None and self.end <= (self.start or 0.0):
            raise ValueError(f"the window ends ({self.end:g} s) before it starts ({self.start or 0.0:g} s)")
        if self._interval_seconds() == 0.0:
            raise ValueError("sampling: the interval must be longer than 0 s")
        return self

    def _interval_seconds(self) -> float | None:
        _, given, seconds = self.sampling.partition("=")
        return seconds_from(seconds) if given else None

    def sample_request(self) -> SampleRequest:
        """The part of it the sampler needs."""
        return SampleRequest(
            frames=self.frames,
            sampling=cast("SamplingMode", self.sampling.partition("=")[0]),
            interval_seconds=self._interval_seconds(),
            start_seconds=self.start,
            end_seconds=self.end,
        )

    def analysis_request(self) -> AnalysisRequest:
        """The part of it the analyzer needs."""
        return AnalysisRequest(
            tasks=self.tasks,
            taxonomy=self.taxonomy,
            question=self.ask,
            instructions=self.instructions,
            schema=self.answer_schema,
            policy=self.policy.policy() if self.policy else None,
            examples=tuple(Example(each.given, each.answer) for each in self.examples),
            segments=tuple(each.segment() for each in self.segments),
            context=self.context,
            max_requests=self.max_requests,
            max_cost_usd=self.max_cost,
            local=tuple(dict.fromkeys(self.local)),
            hints=tuple(dict.fromkeys(self.hints)),
        )


def timeline_request(**options: object) -> TimelineRequest:
    """A request made of options given by name; None counts as not given.

    Raises:
        RequestError: an option is unknown, has an impossible value or contradicts another.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return TimelineRequest.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        entries = list(first["loc"])
        while entries and isinstance(entries[-1], int):
            entries.pop()
        name = ".".join(map(str, entries)) + ": " if entries else ""
        instead = f", not {first['input']!r}" if first["type"] in _SHOWING_INPUT else ""
        raise RequestError(f"{name}{in_json(first['type'], first['msg'])}{instead}") from error


def in_json(kind: str, message: str) -> str:
    """What a kind of pydantic's errors says, in words for who has written JSON."""
    return _IN_JSON.get(kind, message.removeprefix("Value error, "))


def picture_interval(text: str | None) -> float | None:
    """How long each picture of a sequence stands, in seconds; None where no sequence is meant.

    Raises:
        RequestError: not a time, or none at all.
    """
    if text is None:
        return None
    try:
        seconds = seconds_from(text)
    except ValueError as error:
        raise RequestError(f"interval: {error}") from error
    if seconds == 0.0:
        raise RequestError("interval: each picture must stand longer than 0 s")
    return seconds


def read_text(given: str) -> str:
    """The text itself, or what the file after ``@`` holds.

    Raises:
        RequestError: the file cannot be read.
    """
    if not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text("utf-8-sig")
    except (OSError, ValueError) as error:
        raise RequestError(f"{given[1:]}: cannot be read as text ({error})") from error


def read_json(path: Path) -> object:
    """What a JSON file holds.

    Raises:
        RequestError: it cannot be read, or is not JSON.
    """
    try:
        return json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise RequestError(f"{path}: cannot be read as JSON ({error})") from error


def read_taxonomy(path: Path) -> tuple[str, ...]:
    """The tags in a file: a JSON list, or one a line.

    Raises:
        RequestError: the file cannot be read or holds no tag.
    """
    try:
        text = path.read_text("utf-8-sig")
        tags = json.loads(text) if text.lstrip().startswith("[") else text.splitlines()
    except (OSError, ValueError) as error:
        raise RequestError(f"{path}: cannot be read as a taxonomy ({error}); write one tag a line") from error
    names = tuple(str(tag).strip() for tag in tags if str(tag).strip())
    if not names:
        raise RequestError(f"{path}: holds no tag; write one a line")
    return names
