"""A whole run: every competitor on every dataset that asks for it, in turns, and what came out."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.datasets import Dataset, Group, events_of, prepare, shots_of
from benchmarks.films import number_time
from benchmarks.measuring import CompetitorError, Measured, measure
from benchmarks.runners import COMPETITORS, Name, Task
from benchmarks.scoring import event_recall, match, score_cuts, score_times
from tests.truth import Truth

BUDGETS = (8, 16, 32, 64, 128)
_PICTURES = 32
_ROUNDS: dict[Group, int] = {"cuts": 1, "codecs": 2, "skimming": 1, "events": 1, "long": 1, "times": 1}
"""Cuts are measured on twenty files, of which the median counts; the others are scored, or take long enough."""
_LOOKERS: tuple[Name, ...] = (
    "decoding",
    "exact",
    "fast",
    "ffmpeg-scene",
    "content-opencv",
    "adaptive-opencv",
)
_SLOW_LOOKERS: tuple[Name, ...] = ("content-pyav", "adaptive-pyav", "transnetv2")
_SKIMMERS: tuple[Name, ...] = ("decoding", "exact", "fast", "ffmpeg-scene")
_LONG_LOOKERS: tuple[Name, ...] = ("decoding", "exact", "fast", "adaptive-opencv")
_PLANNERS: dict[Name, tuple[int, ...]] = {
    "exact": BUDGETS,
    "fast": BUDGETS,
    "seeking": BUDGETS,
    "adaptive-opencv": (_PICTURES,),
}
_LONG_TAKERS: tuple[Name, ...] = ("exact", "fast", "seeking", "torchcodec", "decord")
_TAKERS: tuple[Name, ...] = ("exact", "fast", "uniform", "seeking", "torchcodec", "decord")


@dataclass(frozen=True, slots=True)
class Job:
    """One competitor, one task, one file."""

    name: Name
    task: Task
    dataset: Dataset
    budget: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """What came of a job."""

    name: Name
    task: Task
    dataset: str
    group: Group
    style: str
    budget: int
    wall_seconds: float
    """The fastest of its runs, as are the two below the least; what was found was the same each time."""
    cpu_seconds: float
    peak_bytes: int
    runs: int
    scores: Mapping[str, Any]
    """Whatever the task is scored by."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A job that gave nothing."""

    name: Name
    task: Task
    dataset: str
    why: str


def present(names: Iterable[Name]) -> list[Name]:
    """Those that are installed."""
    return [name for name in names if not COMPETITORS[name].missing()]


def jobs(dataset: Dataset) -> list[Job]:
    """What is measured on a dataset, the floor first."""
    if dataset.group in {"cuts", "codecs"}:
        lookers = (*_LOOKERS, *_SLOW_LOOKERS) if dataset.reference else _LOOKERS
        return [Job(name, "boundaries", dataset) for name in present(lookers)]
    if dataset.group == "skimming":
        return [Job(name, "boundaries", dataset) for name in present(_SKIMMERS)]
    if dataset.group == "long":
        looks = [Job(name, "boundaries", dataset) for name in present(_LONG_LOOKERS)]
        return looks + [Job(name, "keyframes", dataset, _PICTURES) for name in present(_LONG_TAKERS)]
    if dataset.group == "events":
        return [
            Job(name, "plan", dataset, budget) for name in present(_PLANNERS) for budget in _PLANNERS[name]
        ]
    return [Job(name, "keyframes", dataset, _PICTURES) for name in present(_TAKERS)]


def run(datasets: Sequence[Dataset], folder: Path) -> Iterator[Row | Failure]:
    """Measure; each result comes with the last of its rounds.

    Raises:
        FootageMissingError: a dataset has to be made and there is nothing to make it of.
    """
    for dataset in datasets:
        path = prepare(dataset, folder)
        yield from _rounds(dataset, path)


def _rounds(dataset: Dataset, path: Path) -> Iterator[Row | Failure]:
    """Competitors take turns, so that a busy moment of the machine does not fall on one of them alone."""
    truth = dataset.truth()
    runs: dict[Job, list[Measured]] = {job: [] for job in jobs(dataset)}
    rounds = _ROUNDS[dataset.group]
    for turn in range(rounds):
        for job in list(runs):
            try:
                runs[job].append(measure(job.name, job.task, path, job.budget))
            except CompetitorError as error:
                del runs[job]
                yield Failure(job.name, job.task, dataset.name, str(error))
                continue
            if turn == rounds - 1:
                yield _row(job, runs[job], truth)


def _row(job: Job, runs: Sequence[Measured], truth: Truth) -> Row:
    return Row(
        name=job.name,
        task=job.task,
        dataset=job.dataset.name,
        group=job.dataset.group,
        style=job.dataset.style,
        budget=job.budget,
        wall_seconds=round(min(run.wall_seconds for run in runs), 4),
        cpu_seconds=round(min(run.cpu_seconds for run in runs), 4),
        peak_bytes=min(run.peak_bytes for run in runs),
        runs=len(runs),
        scores=_scores(job, runs[0], truth),
    )


def _scores(job: Job, found: Measured, truth: Truth) -> dict[str, Any]:
    if job.task == "boundaries":
        return (
            {}
            if job.name == "decoding"
            else asdict(score_cuts(match(found.times_seconds, truth.cuts, truth.unclear)))
        )
    if job.task == "plan":
        times = sorted(found.times_seconds)
        recall = {"shot_recall": event_recall(times, shots_of(truth))}
        return (
            {**recall, "event_recall": event_recall(times, events)}
            if (events := events_of(truth))
            else recall
        )
    if job.dataset.group == "times":
        late = truth.first_frame_seconds
        return asdict(score_times(found.times_seconds, [late + float(number_time(n)) for n in found.numbers]))
    return {"delivered": len(found.times_seconds)}


def surroundings() -> dict[str, Any]:
    """The machine, the versions, the time and the state of the code."""
    packages = sorted({package for name in present(COMPETITORS) for package in COMPETITORS[name].packages})
    return {
        "time_utc": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        "revision": _revision(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "packages": {package: version(package) for package in packages},
        "absent": {name: COMPETITORS[name].missing() for name in COMPETITORS if COMPETITORS[name].missing()},
    }


def _revision() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if sys.platform == "linux" and info.exists() else []
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or "unknown")
