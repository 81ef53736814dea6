"""What may be asked for: one model validates the command line's options and, over HTTP, a request alike."""

import json
import math
import re
from pathlib import Path
from typing import Annotated, Literal, Self, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from analyzer import AnalysisRequest, TaskName
from api.errors import RequestError
from sampler import DEFAULT_FRAMES, SampleRequest, SamplingMode

BackendChoice = Literal["auto", "local"]

_SAMPLING = re.compile(r"^(auto|exact|uniform|interval=.+)$")
_SHOWING_INPUT = {"literal_error", "greater_than_equal"}
"""Kinds of errors whose message does not repeat what was given."""
_CLOCK = re.compile(r"(?:(?P<hours>\d+):)?(?P<minutes>\d+):(?P<seconds>[0-5]\d(?:\.\d+)?)")


def seconds_from(value: object) -> float:
    """Seconds of a time written as seconds, ``MM:SS`` or ``HH:MM:SS.mmm``.

    Raises:
        ValueError: it is none of these, negative, or not finite.
    """
    if isinstance(value, str) and (match := _CLOCK.fullmatch(value.strip())):
        hours, minutes = match["hours"], int(match["minutes"])
        if hours is not None and minutes > 59:
            raise ValueError(f"{value!r} is not a time: minutes go up to 59 where hours are given")
        return int(hours or 0) * 3600 + minutes * 60 + float(match["seconds"])
    try:
        seconds = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        seconds = math.nan
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError(f"{value!r} is not a time: write seconds, MM:SS or HH:MM:SS.mmm")
    return seconds


Seconds = Annotated[float, BeforeValidator(seconds_from, json_schema_input_type=float | str)]


class TimelineRequest(BaseModel):
    """What to find out about a video, and how closely to look. Unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    tasks: tuple[TaskName, ...] = Field(default=("events",), min_length=1)
    """What to return; each task becomes an entry of the timeline's ``results``."""
    frames: int = Field(default=DEFAULT_FRAMES, ge=1)
    """Keyframes to look at, at most."""
    start: Seconds | None = None
    """Where to begin looking; the keyframes are spent inside the window."""
    end: Seconds | None = None
    """Where to stop looking."""
    sampling: str = Field(default="auto", json_schema_extra={"pattern": _SAMPLING.pattern})
    """How to look: ``auto``, ``exact``, ``uniform`` or ``interval=SECONDS``."""
    taxonomy: tuple[str, ...] = ()
    """Tags to choose from for the task ``tags``; empty for any."""
    backend: BackendChoice = "auto"
    """Which models to ask; ``auto`` takes the best one that is configured."""

    @field_validator("sampling")
    @classmethod
    def _is_known(cls, sampling: str) -> str:
        if not _SAMPLING.fullmatch(sampling):
            raise ValueError(f"{sampling!r} is unknown; choose auto, exact, uniform or interval=SECONDS")
        return sampling

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if len(set(self.tasks)) < len(self.tasks):
            raise ValueError("a task was asked for twice")
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
        return AnalysisRequest(tasks=self.tasks, taxonomy=self.taxonomy)


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
        name = f"{first['loc'][0]}: " if first["loc"] else ""
        instead = f", not {first['input']!r}" if first["type"] in _SHOWING_INPUT else ""
        raise RequestError(f"{name}{first['msg'].removeprefix('Value error, ')}{instead}") from error


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


def read_taxonomy(path: Path) -> tuple[str, ...]:
    """The tags in a file: a JSON list, or one a line.

    Raises:
        RequestError: the file cannot be read or holds no tag.
    """
    try:
        text = path.read_text("utf-8")
        tags = json.loads(text) if text.lstrip().startswith("[") else text.splitlines()
    except (OSError, ValueError) as error:
        raise RequestError(f"{path}: cannot be read as a taxonomy ({error}); write one tag a line") from error
    names = tuple(str(tag).strip() for tag in tags if str(tag).strip())
    if not names:
        raise RequestError(f"{path}: holds no tag; write one a line")
    return names
