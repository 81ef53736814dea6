"""What is done for a job, one stage at a time. Knows nothing of queues: ``api.jobs`` says when and where.

Every stage may be run again after it was broken off: what was stored is stored again under the same name,
what a model has answered is not asked again.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, aclosing, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from pydantic import TypeAdapter

from analyzer import (
    AnalysisStep,
    Analyzed,
    Event,
    Perceiver,
    SecondLook,
    Timeline,
    VisionModel,
)
from api import pipeline, shown
from api.calls import NOT_CALLED, Called, Caller, CloserFrames, DurableModel, make_call
from api.documents import json_text, parse_timeline, timeline_document
from api.errors import DatabaseError, NotStoredError, RefusedError, StorageError
from api.exports import Format
from api.exports.rendering import render
from api.lending import KeepingPerceiver, LoadedModels
from api.outbound import Outbound, name_in
from api.outcomes import outcome_of
from api.pictures import with_pictures
from api.pipeline import Sampled
from api.problems import BUG, CANCELLED, GAVE_UP, LATE, problem_of
from api.records import Job, JobRecords, JobSource, JobStatus, KeptLooks, Problem
from api.schemas import TimelineRequest
from api.storage import Storage, job_folder, source_key, timeline_key
from api.tracing import note, part, tell_part
from api.uploads import FileOnDisk, ReceivedFile, name_for_people
from sampler import SamplerError, SamplerStep, Scanned, Source, source_of

log = logging.getLogger(__name__)

MOST_TRIES = 5
"""How often in a row a stage is tried whose database or storage fails it."""
MOST_ATTEMPTS: Final[Mapping[JobStatus, int]] = {"sampling": 50, "analyzing": 5}
"""How often a stage is begun that neither ends nor gets on: what kills its process is not tried for ever.

Files are read in processes of their own whose end is an error of one job, so where *ours* ends during sampling the
job is hardly to blame, and on a machine that is restarted often it may take many. Local models look at pictures in
our own process: a picture that kills it must not do so for long.
"""
SAMPLING_SHARE = 0.3
"""Part of a job's progress that sampling is."""
_PULSE_SECONDS = 0.4
"""How often progress is written and a wish to cancel is looked for."""

RETRIED = (DatabaseError, StorageError)
"""What may work the next time: nothing is said against the job."""

Next = Literal["local", "remote", "ended"]
"""What comes after sampling: a look by models here, by one elsewhere, or nothing as the job has ended."""

_EVENT = TypeAdapter(Event)


class StoppedError(Exception):
    """The job is to go no further."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How much is fetched from a URL, and for how long."""

    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where jobs are worked on. Safe to share between threads."""

    records: JobRecords
    looks: KeptLooks
    storage: Storage
    outbound: Outbound
    incoming: Path
    """Folder for files that are being fetched."""
    fetching: FetchLimits
    models: LoadedModels

    def sample(self, job_id: str, number: int) -> Next:
        """Choose and store the keyframes; for a job that asks about another's, find those."""
        if not self._try(job_id, number, "sampling", self._sample):
            return "ended"
        request = TimelineRequest.model_validate(self.records.get(job_id).request)
        return "remote" if self.models.is_remote(request) else "local"

    def analyze(self, job_id: str, number: int, caller: Caller) -> None:
        """Look at the stored keyframes and write the timeline; ``caller`` has remote models asked."""
        self._try(job_id, number, "analyzing", lambda job: self._analyze(job, caller))

    def make_call(self, job_id: str, key: str) -> Called:
        """Ask a remote model the stored question of a job, unless the job has ended."""
        job = self.records.look_up(job_id)
        if job is None or job.finished:
            return NOT_CALLED
        request = TimelineRequest.model_validate(job.request)
        with self.models.lent(request) as model:
            if not isinstance(model, VisionModel):
                raise TypeError(f"{model.info.name} is not a model that can be asked")
            note({"gen_ai.request.model": model.info.name})
            called = self.models.run(make_call(model, self.storage, job_id, key, request))
        self._clear_deleted(job_id)
        return called

    # -- the frame around every stage --------------------------------------------------------------------

    def _try(self, job_id: str, number: int, status: JobStatus, work: Callable[[Job], None]) -> bool:
        """Do the work of a stage; whatever goes wrong ends the job with its reason, but for what may heal.

        Raises:
            DatabaseError, StorageError: the next try may find them.
        """
        try:
            job = self.records.begin_attempt(job_id, number, status)
            worn_out = job.attempts > MOST_ATTEMPTS[status]
            if worn_out:
                self._fail(job_id, number, GAVE_UP)
            if job.finished or job.round != number or worn_out:
                return False
            work(job)
        except StoppedError as stop:
            self._fail(job_id, number, stop.problem, "cancelled" if stop.problem is CANCELLED else "failed")
        except NotStoredError as error:
            self._fail(job_id, number, Problem("gone", str(error), 410))
        except RETRIED:
            raise
        except Exception as error:
            problem = problem_of(error)
            if problem is None and self.records.look_up(job_id) is not None:
                log.exception("job failed by a bug", extra={"job": job_id})
            self._fail(job_id, number, self._named(job_id, problem or BUG))
        else:
            return True
        return False

    def _fail(
        self,
        job_id: str,
        number: int,
        problem: Problem,
        status: Literal["failed", "cancelled"] = "failed",
    ) -> None:
        """End a job; of one that was deleted while it ran, remove what was stored since."""
        if self.records.fail(job_id, number, problem, status) is None:
            log.info("job was deleted while it ran", extra={"job": job_id})
            self.storage.delete(job_folder(job_id))

    def _clear_deleted(self, job_id: str) -> None:
        """Remove what was stored for a job that was deleted meanwhile."""
        if self.records.look_up(job_id) is None:
            self.storage.delete(job_folder(job_id))

    def _named(self, job_id: str, problem: Problem) -> Problem:
        """The problem with a file told by the name its owner knows, not the one it is stored under."""
        job, message = self.records.look_up(job_id), problem.message
        for source in job.sources if job is not None else ():
            message = message.replace(source.sha256, source.name)
        return replace(problem, message=message)

    def _check(self, verdict: Literal["go", "cancelled", "late"]) -> None:
        if verdict != "go":
            raise StoppedError(CANCELLED if verdict == "cancelled" else LATE)

    # -- sampling ----------------------------------------------------------------------------------------

    def _sample(self, job: Job) -> None:
        if job.parent is not None or shown.is_sampled(self.storage, job.id):
            return
        request = TimelineRequest.model_validate(job.request)
        with self._sources(job) as source:
            sampled = self._sampled(job, source, request)
        shown.store_sampled(self.storage, job.id, sampled)
        self._check(self.records.progress(job, SAMPLING_SHARE, "sampling"))

    def _fetch(self, job: Job, url: str) -> Job:
        """Bring a video in from the address it was given by."""
        name = name_for_people(name_in(url))
        file = FileOnDisk(self.incoming, name)
        try:
            limits, reported = self.fetching, time.monotonic()
            for piece in self.outbound.fetch(url, most_bytes=limits.bytes, most_seconds=limits.seconds):
                file.write(piece)
                if time.monotonic() - reported > _PULSE_SECONDS:
                    reported = time.monotonic()
                    self._check(self.records.progress(job, 0.0, "sampling"))
            source = keep_source(self.storage, job.id, file.close())
        finally:
            file.discard()
        self.records.set_sources(job.id, name, [source])
        return self.records.get(job.id)

    @contextmanager
    def _sources(self, job: Job) -> Iterator[Source]:
        if job.url is not None and not job.sources:
            job = self._fetch(job, job.url)
        with ExitStack() as stack:
            files = [
                stack.enter_context(self.storage.local(source_key(job.parent or job.id, each.sha256)))
                for each in job.sources
            ]
            yield source_of(files, job.interval_seconds)

    def _sampled(self, job: Job, source: Source, request: TimelineRequest) -> Sampled:
        reported = time.monotonic()
        with self.models.lent(request) as model:
            reserved = pipeline.reserve(request, model)
        with closing(pipeline.sample(source, request, reserved)) as steps:
            for step in steps:
                if isinstance(step, Sampled):
                    media = replace(step.plan.media, name=job.name)
                    return replace(step, plan=replace(step.plan, media=media))
                if time.monotonic() - reported > _PULSE_SECONDS:
                    reported = time.monotonic()
                    done = _share_scanned(step)
                    self._check(self.records.progress(job, done * SAMPLING_SHARE, "sampling"))
        raise AssertionError("sampling ended without a result")

    def picture_of(self, job: Job, keyframe: int) -> str:
        """The storage key of a keyframe's picture.

        Raises:
            NotStoredError: the job has no such keyframe, or none yet.
        """
        return shown.picture_of(self.storage, job.id, job.parent, keyframe)

    def take(self, job_id: str, times: Sequence[float], max_pixels: int) -> str | None:
        """Take the frames shown at these times and store them for a closer look; why not, if that fails."""
        job = self.records.look_up(job_id)
        if job is None or job.finished:
            return "the job had ended"
        try:
            plan = shown.load_bare(self.storage, job.parent or job.id).plan
            with self._sources(job) as source:
                frames = pipeline.frames_at(source, times, plan, max_pixels)
        except (SamplerError, NotStoredError) as error:
            return self._named(job_id, Problem("unreadable_media", str(error), 422)).message
        shown.store_frames(self.storage, job.id, shown.name_of_times(times, max_pixels), frames)
        self._clear_deleted(job_id)
        return None

    def timeline(self, job: Job) -> Timeline:
        """The finished timeline of a job.

        Raises:
            RefusedError: there is none yet.
        """
        if job.status not in ("complete", "partial"):
            raise RefusedError(409, "not_ready", f"the job is {job.status}; its timeline is not there")
        return parse_timeline(self.storage.get(timeline_key(job.id)))

    def export(self, job: Job, form: Format) -> str:
        """The finished timeline told in another form; the page carries its pictures.

        Raises:
            RefusedError: there is no timeline yet.
            ExportRefusedError: the format has rules this timeline cannot meet.
        """
        timeline = self.timeline(job)
        if form == "html":
            sampled = shown.load_looked(self.storage, job.id, job.parent)
            timeline = with_pictures(timeline, {each.index: each.jpeg for each in sampled.keyframes})
        return render(timeline, form)

    # -- analyzing ---------------------------------------------------------------------------------------

    def _analyze(self, job: Job, caller: Caller) -> None:
        request = TimelineRequest.model_validate(job.request)
        if job.parent is None:
            sampled = shown.load_sampled(self.storage, job.id)
        else:
            sampled = shown.load_looked(self.storage, job.parent, None)
        closer = CloserFrames(job, self.storage, caller)
        timeline = asyncio.run(self._looked_at(job, sampled, request, caller, closer))
        with part("write"):
            ours = shown.store_looked(self.storage, job.id, sampled, closer.taken, timeline)
            home = job.id if ours else job.parent or job.id
            self._write(job, _with_pictures(timeline, home))

    def _write(self, job: Job, timeline: Timeline) -> None:
        text = json_text(timeline_document(timeline), compact=True)
        self.storage.put(timeline_key(job.id), text.encode())
        self.records.finish(job, outcome_of(job, timeline))

    async def _looked_at(
        self, job: Job, sampled: Sampled, request: TimelineRequest, caller: Caller, closer: CloserFrames
    ) -> Timeline:
        """The timeline of the keyframes, by a model whose every answer is kept."""
        beside = request.model_copy(update={"backend": "local"})
        with self.models.lent(request) as bare, self.models.lent(beside) as local:
            if isinstance(bare, VisionModel):
                model: Perceiver | VisionModel = DurableModel(bare, job, self.storage, caller)
            else:
                model = KeepingPerceiver(bare, self.looks)
            specialists = None if isinstance(local, VisionModel) else KeepingPerceiver(local, self.looks)
            left = request.frames - len(sampled.keyframes)
            if job.parent is None:
                left = min(left, pipeline.reserve(request, model))
            larger = pipeline.larger_pictures(request, model)
            second_look = SecondLook(max(left, 0), closer.take, closer.take, larger)
            looking = pipeline.look(sampled, request, model, second_look, specialists)
            return await self._pulled(job, looking)

    async def _pulled(self, job: Job, looking: AsyncGenerator[AnalysisStep, None]) -> Timeline:
        """The timeline at the end of an analysis; what is found on the way is written down now and then."""
        found: list[Event] = []
        done, looked_at_ns = 0.0, time.time_ns()
        async with aclosing(looking) as steps:
            pending = asyncio.ensure_future(anext(steps))
            reported = 0.0
            while True:
                await asyncio.wait((pending,), timeout=_PULSE_SECONDS)
                if pending.done():
                    step = pending.result()
                    if isinstance(step, Timeline):
                        tell_part("merge", looked_at_ns)
                        self._report(job, 1.0, step.events)
                        return step
                    if isinstance(step, Event):
                        found.append(step)
                    elif isinstance(step, Analyzed):
                        done, looked_at_ns = step.done / max(1, step.total), time.time_ns()
                    pending = asyncio.ensure_future(anext(steps))
                if time.monotonic() - reported > _PULSE_SECONDS:
                    reported = time.monotonic()
                    try:
                        await asyncio.to_thread(self._report, job, done, tuple(found))
                    except (
                        BaseException
                    ):  # a step under way could not be closed, and that would be told instead
                        pending.cancel()
                        await asyncio.gather(pending, return_exceptions=True)
                        raise
                    found.clear()

    def _report(self, job: Job, done: float, found: Iterable[Event]) -> None:
        progress = SAMPLING_SHARE + (1 - SAMPLING_SHARE) * min(done, 0.99)
        events = [_EVENT.dump_python(event, mode="json") for event in found]
        self._check(self.records.progress(job, progress, "analyzing", events))


def keep_source(storage: Storage, job_id: str, file: ReceivedFile) -> JobSource:
    """Take a received file into storage, as an input of this job."""
    storage.take(source_key(job_id, file.sha256), file.path)
    return JobSource(file.sha256, file.name, file.bytes)


# -- pieces --------------------------------------------------------------------------------------------------


def _share_scanned(step: SamplerStep) -> float:
    """How much of sampling is done; taking the keyframes is the last tenth of it."""
    if isinstance(step, Scanned):
        whole = step.duration_seconds or 0.0
        return 0.9 * min(1.0, step.time_seconds / whole) if whole > 0 else 0.0
    return 0.9


def _with_pictures(timeline: Timeline, job_id: str) -> Timeline:
    """The timeline with the address of each keyframe's picture."""
    keyframes = tuple(
        replace(keyframe, image=f"/v1/timelines/{job_id}/keyframes/{keyframe.index}.jpg")
        for keyframe in timeline.keyframes
    )
    return replace(timeline, keyframes=keyframes)
