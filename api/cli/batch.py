"""Any number of videos through the service's own queue: begun again, it goes on where it was."""

import hashlib
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from api.cli.failing import DONE, INTERRUPTED, MODEL_FAILED
from api.cli.telling import tell
from api.errors import RequestError
from api.jobs import JobEngine, Place
from api.places import opened
from api.records import Job, NewJob, new_id
from api.schemas import TimelineRequest
from api.settings import Settings
from api.storage import timeline_key
from api.uploads import FileOnDisk, ReceivedFile
from api.working import keep_source

TENANT = "batch"
AHEAD = 64
"""Videos that wait in the queue at most: each takes up room in storage."""
SUFFIXES = frozenset(
    (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".wmv", ".flv",
     ".3gp", ".ogv", ".gif", ".webp", ".apng")
)  # fmt: skip
_LOOK_SECONDS = 0.5
_COPY_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be done."""

    corpus: Path
    """A folder, or a manifest: one path a line, relative to it."""
    request: TimelineRequest
    output: Path | None
    """Where results go, a JSON line a video; standard output if not given."""
    settings: Settings


def run_batch(batch: Batch) -> int:
    """Do all that is not done yet, show how far it is, write the results.

    Raises:
        RequestError: there is no video in the corpus.
        SetupError, DatabaseError, StorageError: the service cannot work as it is set up.
    """
    videos = list(find_videos(batch.corpus))
    if not videos:
        raise RequestError(f"{batch.corpus}: no video there; give a folder or a file with one path a line")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with opened(batch.settings) as place:
        engine = JobEngine(place, works=True)
        engine.start()
        known = Known(batch.settings.data / "batches", batch)
        try:
            jobs = _follow(place, engine, batch, known, videos, stop)
            _write(place, batch, videos, jobs)
        finally:
            engine.close()
    failed = sum(job.status == "failed" for job in jobs.values())
    tell(f"{len(jobs)} of {len(videos)} videos begun, {failed} failed")
    sys.stdout.flush()
    code = INTERRUPTED if stop.is_set() else MODEL_FAILED if failed else DONE
    os._exit(code)  # threads that still work on a job would hold the process


def find_videos(corpus: Path) -> Iterator[Path]:
    """The videos of a folder and all below it, or those a manifest names, in order.

    Raises:
        RequestError: the manifest cannot be read.
    """
    if corpus.is_dir():
        yield from sorted(
            path for path in corpus.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()
        )
        return
    try:
        lines = corpus.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{corpus}: cannot be read as a list of videos ({error})") from error
    for line in lines:
        if line.strip() and not line.startswith("#"):
            yield corpus.parent / line.strip()


class Known:
    """Which video of this batch became which job, in a file that every begun video is added to."""

    def __init__(self, folder: Path, batch: Batch) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        asked = f"{batch.corpus.absolute()}\n{batch.request.model_dump_json()}"
        self._path = folder / f"{hashlib.sha256(asked.encode()).hexdigest()[:16]}.jsonl"
        lines = self._path.read_text("utf-8").splitlines() if self._path.exists() else []
        self._jobs: dict[str, str] = dict(json.loads(line) for line in lines if line.endswith("]"))

    def job_of(self, video: Path) -> str | None:
        """The job of a video as it is now; None if it was not begun, or has changed since."""
        return self._jobs.get(_mark(video))

    def add(self, video: Path, job_id: str) -> None:
        """Remember it."""
        self._jobs[_mark(video)] = job_id
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([_mark(video), job_id]) + "\n")


def _mark(video: Path) -> str:
    try:
        stat = video.stat()
    except OSError:
        return f"{video.absolute()} missing"
    return f"{video.absolute()} {stat.st_size} {stat.st_mtime_ns}"


def _follow(
    place: Place, engine: JobEngine, batch: Batch, known: Known, videos: list[Path], stop: threading.Event
) -> Mapping[Path, Job]:
    """Begin what is not begun, no more than a few ahead, until all have ended or it is told to stop."""
    jobs: dict[Path, Job] = {}
    waiting = list(videos)
    console = Console(stderr=True)
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        while not stop.is_set():
            open_jobs = [video for video, job in jobs.items() if not job.finished]
            for video in open_jobs:
                jobs[video] = place.records.get(jobs[video].id)
                if jobs[video].finished and not console.is_terminal:
                    tell(f"{video}: {jobs[video].status}")
            while waiting and len(open_jobs) < AHEAD and not stop.is_set():
                video = waiting.pop(0)
                job = _begun(place, engine, batch, known, video)
                if job is not None:
                    jobs[video] = job
                    open_jobs.append(video)
            live.update(_table(jobs, len(videos)))
            if not waiting and all(job.finished for job in jobs.values()):
                break
            time.sleep(_LOOK_SECONDS)
    return jobs


def _begun(place: Place, engine: JobEngine, batch: Batch, known: Known, video: Path) -> Job | None:
    """The job of a video, begun now if it was not; None, told in a line, where the file cannot be read."""
    job_id = known.job_of(video)
    job = place.records.look_up(job_id) if job_id is not None else None
    if job is not None:
        return job
    try:
        received = _brought_in(video, place.workshop.incoming)
    except OSError as error:
        tell(f"{video}: cannot be read ({error.strerror})")
        return None
    job_id = new_id()
    source = keep_source(place.storage, job_id, received)
    new = NewJob(
        tenant=TENANT,
        name=video.name,
        request=batch.request.model_dump(mode="json"),
        sources=(source,),
        timeout_seconds=place.settings.job_timeout_seconds,
    )
    job = engine.submit(new, job_id)
    known.add(video, job_id)
    return job


def _brought_in(video: Path, folder: Path) -> ReceivedFile:
    """The video as a received file: a second name for it where the disk allows, else a copy."""
    digest = hashlib.sha256()
    with video.open("rb") as file:
        while piece := file.read(_COPY_BYTES):
            digest.update(piece)
    path = folder / new_id()
    try:
        path.hardlink_to(video)
    except OSError:
        copy = FileOnDisk(folder, video.name)
        with video.open("rb") as file:
            shutil.copyfileobj(file, copy, _COPY_BYTES)
        return copy.close()
    return ReceivedFile(path, video.name, digest.hexdigest(), path.stat().st_size)


def _table(jobs: Mapping[Path, Job], total: int) -> Table:
    """How far all is, and what is being worked on."""
    counts = Counter(job.status for job in jobs.values())
    table = Table(title=f"{sum(job.finished for job in jobs.values())} of {total} videos", box=None)
    for column in ("video", "status", "progress"):
        table.add_column(column)
    for video, job in jobs.items():
        if job.status in ("sampling", "analyzing"):
            table.add_row(video.name, job.status, f"{job.progress:4.0%}")
    table.caption = ", ".join(f"{count} {status}" for status, count in counts.items())
    return table


def _write(place: Place, batch: Batch, videos: list[Path], jobs: Mapping[Path, Job]) -> None:
    """A JSON line for each video that has ended, in the corpus' order; a file is whole or as it was."""
    lines = (_line(place, video, jobs[video]) for video in videos if video in jobs and jobs[video].finished)
    if batch.output is None:
        for line in lines:
            sys.stdout.write(line)
        return
    draft = batch.output.with_name(f".{batch.output.name}.part")
    with draft.open("w", encoding="utf-8") as file:
        file.writelines(lines)
    draft.replace(batch.output)


def _line(place: Place, video: Path, job: Job) -> str:
    done = job.status in ("complete", "partial")
    line: dict[str, Any] = {
        "video": str(video),
        "id": job.id,
        "status": job.status,
        "error": {"code": job.problem.code, "message": job.problem.message} if job.problem else None,
        "timeline": json.loads(place.storage.get(timeline_key(job.id))) if done else None,
    }
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"
