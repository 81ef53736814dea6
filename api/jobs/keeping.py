"""Staying alive, and seeing to what was left undone: by processes that died, and by work that broke off in ours."""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from typing import get_args

from dbos import DBOSClient

from api.errors import ServiceError
from api.jobs.delivering import Messenger
from api.jobs.place import WORK_VERSION, Place
from api.jobs.queues import Stage, UnderWay
from api.jobs.rounds import Rounds
from api.problems import BROKEN_OFF, LATE
from api.uploads import abandoned_after, clear_abandoned
from api.working import MOST_TRIES

log = logging.getLogger(__name__)

LOOKS_AT_SILENCE = 4
"""In how many rounds of housekeeping in a row a process must have said nothing since the same moment to be dead.

As many as there are in the time of its silence. After the database was away, or its clock has jumped, all look silent
until they have had time to speak: two of the rounds, at least, when it is back.
"""

KEPT_LOOKS_SECONDS = 7 * 86_400.0
"""How long what local models saw is kept: longer than any job is taken up again."""

FORGOTTEN_SECONDS = 3600.0
"""How long after a job was deleted what is left of it is removed: longer than anybody works on it who did not know.

Whoever does removes its files at the end. This is for processes that died before, and for storage that failed; and for
uploads whose job was never written, as a process died or the database went away between the two.
"""


class Keeper:
    """Keeps house for one process, whose workflows are ``under_way``. Start it once, close it once."""

    def __init__(
        self, place: Place, executor: str, client: DBOSClient, rounds: Rounds, under_way: UnderWay | None
    ) -> None:
        self._place = place
        self._executor = executor
        self._client = client
        self._rounds = rounds
        self._under_way = under_way
        self._messenger = Messenger(place)
        self._missing: frozenset[str] = frozenset()
        self._left_behind: frozenset[tuple[str, float]] = frozenset()
        self._silences: Counter[tuple[str, float]] = Counter()
        self._closing = threading.Event()
        # Two, for whatever holds up the one, the process lives.
        self._threads = [
            threading.Thread(target=work, name=work.__name__.strip("_"), daemon=True)
            for work in (self._live, self._keep)
        ]

    def start(self) -> None:
        """Say that this process lives, take up what waits for it, and go on so on a thread."""
        self._beat()
        if self._under_way is not None:
            # A database of our own has no other living process: nothing has to fall silent first.
            self._take_over(alone=not self._place.database.is_postgresql)
            self._take_up_from_earlier_versions()
            self._messenger.take_up(self._client)
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Fall silent."""
        self._closing.set()
        for thread in self._threads:
            thread.join()

    def _beat(self) -> None:
        self._place.executors.beat(self._executor, works=self._under_way is not None)

    def _live(self) -> None:
        """Say that this process lives."""
        self._again_and_again("signs of life", self._beat)

    def _keep(self) -> None:
        """Free what nobody works on any more, remove what is too old."""
        self._again_and_again("housekeeping", self.keep_house)

    def _again_and_again(self, what: str, work: Callable[[], None]) -> None:
        """Do it every few seconds; say when it begins to fail, and for what, and when it no longer does."""
        failing: str | None = None
        while not self._closing.wait(self._place.settings.silent_seconds / 4):
            try:
                work()
            except ServiceError as error:
                # The next time may find the database again; ending here would look like dying.
                if failing != str(error):
                    failing = str(error)
                    log.warning(f"{what} failed", extra={"reason": failing})
            except Exception:
                log.exception(f"{what} failed")
            else:
                if failing is not None:
                    log.info(f"{what} succeeded again", extra={"reason": failing})
                    failing = None

    def keep_house(self) -> None:
        """See once to everything."""
        age_seconds = abandoned_after(self._place.settings.job_timeout_seconds)
        self._left_behind = clear_abandoned(self._place.workshop.incoming, age_seconds, self._left_behind)
        if self._under_way is not None:
            self._take_over()
            self._begin_forgotten(self._under_way)
            self._end_lost()
            self._messenger.take_up(self._client)
        self._remove_old()

    def _take_over(self, *, alone: bool = False) -> None:
        """Put back into their queues the workflows of processes that are dead: of all others, where we are alone."""
        executors = self._place.executors
        others = executors.silent(self._executor, 0.0)
        self._silences = Counter({each: self._silences[each] + 1 for each in others.items()})
        silent = others if alone else executors.silent(self._executor, self._place.settings.silent_seconds)
        for dead, seen_at in silent.items():
            sure = alone or seen_at == 0 or self._silences[dead, seen_at] >= LOOKS_AT_SILENCE
            if not sure or not executors.claim(dead, seen_at):
                continue
            left = self._begun_by(dead)
            for name, queue in left.items():
                self._client.resume_workflow(name, queue_name=queue)
            executors.forget(dead)
            if left:
                log.warning("took over from a dead process", extra={"executor": dead, "workflows": len(left)})

    def _begin_forgotten(self, under_way: UnderWay) -> None:
        """Put back into their queues those of our own workflows that do not run here.

        The database went away when they were to begin, or when their outcome was to be written. One that only just
        begins or ends looks the same, so it must do so twice in a row.
        """
        begun = self._begun_by(self._executor)
        missing = begun.keys() - under_way.names()
        for name in missing & self._missing:
            self._client.resume_workflow(name, queue_name=begun[name])
            log.warning("took up work that had broken off", extra={"workflow": name})
        self._missing = frozenset(missing - self._missing)

    def _begun_by(self, executor: str) -> dict[str, str | None]:
        """The workflows a process has begun and not ended, each with its queue."""
        begun = self._client.list_workflows(
            status="PENDING", executor_id=[executor], load_input=False, load_output=False
        )
        return {workflow.workflow_id: workflow.queue_name for workflow in begun}

    def _end_lost(self) -> None:
        """See to jobs nobody works on any more: long past their deadline, or broken off as nothing could be written."""
        for job in self._place.records.overdue():
            self._rounds.end(job, LATE)
        broken = self._client.list_workflows(
            status="ERROR", name=list(get_args(Stage)), limit=100, load_input=False, load_output=False
        )
        names = [workflow.workflow_id for workflow in broken]
        for job_id, number in (name.split(".")[:2] for name in names):
            lost = self._place.records.look_up(job_id)
            if lost is None or lost.finished or lost.round != int(number):
                continue
            if lost.round < MOST_TRIES:
                self._rounds.begin_anew(lost)
            else:
                self._rounds.end(lost, BROKEN_OFF)
        self._client.delete_workflows(names)

    def _take_up_from_earlier_versions(self) -> None:
        """Begin anew, with all that they have, the jobs that wait for a process of an earlier version.

        Should one be alive still and work on such a job, it stops: the round it knows is over.
        """
        active = self._client.list_workflows(
            status=["ENQUEUED", "PENDING", "DELAYED"],
            name=list(get_args(Stage)),
            load_input=False,
            load_output=False,
        )
        stale = {each.workflow_id.partition(".")[0] for each in active if each.app_version != WORK_VERSION}
        for job_id in sorted(stale):
            job = self._place.records.look_up(job_id)
            if job:
                self._rounds.begin_anew(job)
        if stale:
            log.info("took up jobs of an earlier version", extra={"jobs": len(stale)})

    def _remove_old(self) -> None:
        self._place.workshop.looks.forget_older(KEPT_LOOKS_SECONDS)
        if self._place.settings.keep_days is not None:
            for job in self._place.records.finished_before(self._place.settings.keep_days * 86400):
                self._rounds.delete(job)
        for job_id in self._place.records.deleted_before(FORGOTTEN_SECONDS):
            self._rounds.clear(job_id)
