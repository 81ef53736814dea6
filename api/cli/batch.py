"""Any number of videos through the service's own queue: begun again, it goes on where it was."""

import hashlib
import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from api.cli.collecting import Collected, writer_to
from api.cli.failing import DONE, INTERRUPTED, code_of_partial, code_of_problem
from api.cli.telling import tell
from api.corpora import Video, find_videos
from api.errors import NotStoredError, StorageError
from api.jobs import JobEngine, Place
from api.places import opened
from api.records import Job, NewJob, Problem, new_id
from api.schemas import TimelineRequest
from api.settings import Settings
from api.storage import timeline_key
from api.working import keep_source

TENANT = "batch"
AHEAD = 64
"""Videos that wait in the queue at most: each takes up room in storage."""
_LOOK_SECONDS = 0.5

Standing = Job | Problem
"""Where a video stands: its job, or why it could not become one."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be done."""

    corpus: str
    """A folder, a list with one path a line, relative to it, or ``s3://BUCKET/PREFIX``."""
    request: TimelineRequest
    output: Path | None
    """Where results go, by its suffix as Parquet or a JSON line a video; standard output if not given."""
    settings: Settings


def run_batch(batch: Batch) -> int:
    """Do all that is not done yet, show how far it is, write the results; the first failure's exit code.

    Raises:
        OutputError: the results cannot be written there.
        RequestError: there is no video in the corpus, or the results cannot be written in that form here.
        SetupError, DatabaseError, StorageError: the service cannot work as it is set up.
    """
    writer = writer_to(batch.output, batch.corpus)
    codes: list[int] = []
    videos = find_videos(batch.corpus)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with opened(batch.settings) as place:
        engine = JobEngine(place, works=True)
        engine.start()
        known = Known(batch.settings.data / "batches", batch)
        try:
            standings = _follow(Feeder(place, engine, batch, known), videos, stop)
            writer(_noting(codes, _collected(place, videos, standings)))
        finally:
            engine.close()
    failed = sum(_failed(standing) for standing in standings.values())
    tell(f"{len(standings)} of {len(videos)} videos begun, {failed} failed")
    code = INTERRUPTED if stop.is_set() else next((code for code in codes if code != DONE), DONE)
    os._exit(code)  # threads that still work on a job would hold the process


class Known:
    """Which video of this batch became which job, in a file that every begun video is added to."""

    def __init__(self, folder: Path, batch: Batch) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        corpus = batch.corpus if batch.corpus.startswith("s3://") else str(Path(batch.corpus).absolute())
        asked = f"{corpus}\n{batch.request.model_dump_json()}"
        self._path = folder / f"{hashlib.sha256(asked.encode()).hexdigest()[:16]}.jsonl"
        lines = self._path.read_text("utf-8").splitlines() if self._path.exists() else []
        self._jobs: dict[str, str] = dict(json.loads(line) for line in lines if line.endswith("]"))

    def job_of(self, mark: str) -> str | None:
        """The job of a video as it is now; None if it was not begun, or has changed since."""
        return self._jobs.get(mark)

    def add(self, mark: str, job_id: str) -> None:
        """Remember it."""
        self._jobs[mark] = job_id
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([mark, job_id]) + "\n")


@dataclass(frozen=True, slots=True)
class Feeder:
    """Makes jobs of videos."""

    place: Place
    engine: JobEngine
    batch: Batch
    known: Known

    def begin(self, video: Video) -> Standing:
        """The job of a video, begun now if it was not; where it cannot be read, why."""
        mark = video.mark()
        job_id = self.known.job_of(mark)
        job = self.place.records.look_up(job_id) if job_id is not None else None
        if job is not None:
            return job
        try:
            received = video.bring_in(self.place.workshop.incoming)
        except NotStoredError as error:
            return Problem("media_not_found", str(error), 404)
        except StorageError as error:
            return Problem("storage_failed", str(error), 507)
        job_id = new_id()
        self.place.records.foresee(job_id)
        new = NewJob(
            tenant=TENANT,
            name=video.name,
            request=self.batch.request.model_dump(mode="json"),
            sources=(keep_source(self.place.storage, job_id, received),),
            timeout_seconds=self.place.settings.job_timeout_seconds,
        )
        job = self.engine.submit(new, job_id)
        self.known.add(mark, job_id)
        return job


def _follow(feeder: Feeder, videos: Sequence[Video], stop: threading.Event) -> Mapping[Video, Standing]:
    """Begin what is not begun, no more than a few ahead, until all have ended or it is told to stop."""
    standings: dict[Video, Standing] = {}
    unfinished: list[Video] = []
    waiting = list(reversed(videos))
    console = Console(stderr=True)
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        while not stop.is_set() and (waiting or unfinished):
            for video in tuple(unfinished):
                job = standings[video]
                standings[video] = job = feeder.place.records.get(job.id) if isinstance(job, Job) else job
                if _ended(job):
                    unfinished.remove(video)
                    if not console.is_terminal:
                        tell(_line(video, job))
            while waiting and len(unfinished) < AHEAD and not stop.is_set():
                video = waiting.pop()
                standings[video] = begun = feeder.begin(video)
                if not _ended(begun):
                    unfinished.append(video)
                elif isinstance(begun, Problem):
                    tell(_line(video, begun))
            live.update(_table(standings, unfinished, len(videos)))
            if unfinished:
                time.sleep(_LOOK_SECONDS)
    return standings


def _ended(standing: Standing) -> bool:
    return isinstance(standing, Problem) or standing.finished


def _failed(standing: Standing) -> bool:
    return isinstance(standing, Problem) or standing.status == "failed"


def _line(video: Video, standing: Standing) -> str:
    if isinstance(standing, Problem):
        return standing.message
    why = f": {standing.problem.message}" if standing.problem else ""
    return f"{video.place}: {standing.status}{why}"


def _table(standings: Mapping[Video, Standing], unfinished: Sequence[Video], total: int) -> Table:
    """How far all is, and what is being worked on."""
    statuses = (each.status if isinstance(each, Job) else "failed" for each in standings.values())
    table = Table(title=f"{len(standings) - len(unfinished)} of {total} videos", box=None)
    for column in ("video", "status", "progress"):
        table.add_column(column)
    for video in unfinished:
        job = standings[video]
        if isinstance(job, Job) and job.status in ("sampling", "analyzing"):
            table.add_row(video.name, job.status, f"{job.progress:4.0%}")
    table.caption = ", ".join(f"{count} {status}" for status, count in Counter(statuses).items())
    return table


def _collected(
    place: Place, videos: Sequence[Video], standings: Mapping[Video, Standing]
) -> Iterator[Collected]:
    """What came of each video that has ended, in the corpus' order."""
    for video in videos:
        standing = standings.get(video)
        if isinstance(standing, Problem):
            yield Collected(video.place, None, "failed", standing, None)
        elif standing is not None and standing.finished:
            done = standing.status in ("complete", "partial")
            timeline = json.loads(place.storage.get(timeline_key(standing.id))) if done else None
            yield Collected(video.place, standing.id, standing.status, standing.problem, timeline)


def _noting(codes: list[int], collected: Iterator[Collected]) -> Iterator[Collected]:
    """The same, while the exit code of each is noted: results are too large to be gone through twice."""
    for came in collected:
        codes.append(_code_of(came))
        yield came


def _code_of(came: Collected) -> int:
    if came.status == "partial" and came.timeline:
        return code_of_partial(warning["code"] for warning in came.timeline["warnings"])
    return code_of_problem(came.problem) if came.status == "failed" and came.problem else DONE
