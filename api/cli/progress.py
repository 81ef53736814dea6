"""Progress on standard error: a bar with the time left on a terminal, a line now and then elsewhere."""

import sys
import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from analyzer import AnalysisStep, Analyzed
from api.cli.telling import one_line
from sampler import Keyframe, SamplerStep, SamplingPlan, Scanned

SECONDS_BETWEEN_LINES = 5.0


class Display(Protocol):
    """Shows how far the present stage of the work has come."""

    def show(self, stage: str, fraction: float | None) -> None:
        """``fraction`` of this stage is done, 0 to 1; None where nobody can say."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class Watcher:
    """Turns the steps of a run into progress; a context manager."""

    def __init__(self, name: str, *, quiet: bool) -> None:
        self._display: Display | None = None
        if not quiet:
            shown = one_line(name)
            self._display = Bar(shown) if sys.stderr.isatty() else Lines(shown)
        self._planned = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._display:
            self._display.close()

    def saw(self, step: SamplerStep | AnalysisStep) -> None:
        """Take note of one step."""
        if isinstance(step, SamplingPlan):
            self._planned = len(step.keyframes)
        if self._display and (news := self._news(step)):
            self._display.show(*news)

    def _news(self, step: SamplerStep | AnalysisStep) -> tuple[str, float | None] | None:
        match step:
            case Scanned(time_seconds, duration_seconds):
                return "looking through", min(
                    time_seconds / duration_seconds, 1.0
                ) if duration_seconds else None
            case Keyframe():
                return "taking keyframes", (step.index + 1) / max(self._planned, 1)
            case Analyzed(done, total):
                return "looking at keyframes", done / max(total, 1)
        return None


class Bar:
    """A bar that vanishes when the work is done."""

    def __init__(self, name: str) -> None:
        self._progress = Progress(
            TextColumn("{task.fields[name]}", style="bold", markup=False),
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task("opening", total=None, name=name)
        self._stage = ""
        self._progress.start()

    def show(self, stage: str, fraction: float | None) -> None:
        """Move the bar; a new stage starts a new one."""
        if stage != self._stage:
            self._stage = stage
            self._progress.reset(self._task, description=stage)
        self._progress.update(self._task, total=None if fraction is None else 1.0, completed=fraction or 0.0)

    def close(self) -> None:
        """Take the bar away."""
        self._progress.stop()


class Lines:
    """A plain line every few seconds, fit for a log; none at all for what is done at once."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._next_at = time.monotonic() + SECONDS_BETWEEN_LINES

    def show(self, stage: str, fraction: float | None) -> None:
        """Write a line when the last one is a while ago."""
        now = time.monotonic()
        if now < self._next_at:
            return
        self._next_at = now + SECONDS_BETWEEN_LINES
        done = "" if fraction is None else f" {fraction:.0%}"
        sys.stderr.write(f"{self._name}: {stage}{done}\n")

    def close(self) -> None:
        """Nothing is left behind."""
