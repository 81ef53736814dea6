"""A service that is made to suffer: its processes with what faults need, and what became of its jobs."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.service.conftest import moving_square
from tests.service.fleet import ROOT, Fleet

ENDED = ("complete", "partial", "failed", "cancelled")


class Sufferer(Fleet):
    """A fleet whose processes may be wrapped in another program, or run with a clock that jumps."""

    def suffer(
        self, role: str, *, wrap: Sequence[str] = (), module: str = "tests.service.process", **settings: str
    ) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [*wrap, sys.executable, "-m", module, role, self._model_url, str(self.log)],
            env={**self._env, **settings},
            cwd=ROOT,
            stderr=self._stderr,
        )
        self.processes.append(process)
        return process

    def said(self) -> str:
        """All that the processes wrote for people."""
        return (self._folder / "stderr.log").read_text(errors="replace")


@dataclass
class Tally:
    """Jobs by what became of them."""

    refused: Counter[str] = field(default_factory=Counter)
    """By the code of the refusal."""
    ended: Counter[str] = field(default_factory=Counter)
    """By status, of a failure by its code."""
    lost: list[str] = field(default_factory=list)
    """Accepted, and then neither ended nor findable."""

    def __str__(self) -> str:
        tried = self.ended.total() + self.refused.total() + len(self.lost)
        return (
            f"{tried} tried, {self.ended.total()} ended {dict(self.ended)}, "
            f"{self.refused.total()} refused {dict(self.refused)}, {len(self.lost)} lost"
        )

    def tell(self, what: str) -> None:
        """A line for whoever runs it."""
        sys.stderr.write(f"\n{what}: {self}\n")


def post(
    http: httpx.Client, seed: int, tally: Tally, video: bytes | None = None, **request: object
) -> str | None:
    """Post a film; its id, or None where it was refused, which is noted."""
    data = {"request": str(request or {"frames": 6}).replace("'", '"')}
    answer = http.post(
        "/v1/timelines", files={"video": (f"{seed}.gif", video or moving_square(9, seed=seed))}, data=data
    )
    if answer.status_code in (200, 202):
        return str(answer.json()["id"])
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    tally.refused[answer.json()["code"]] += 1
    return None


def look(http: httpx.Client, job_id: str) -> dict[str, object] | None:
    """The job, or None where it is not to be had now."""
    try:
        answer = http.get(f"/v1/timelines/{job_id}")
    except httpx.TransportError:
        return None
    return answer.json() if answer.status_code == 200 else None


def await_all(
    http: httpx.Client, ids: Iterable[str], tally: Tally, seconds: float = 300
) -> list[dict[str, object]]:
    """Every job once it has ended; those that never do are lost."""
    until, jobs = time.monotonic() + seconds, []
    for job_id in ids:
        job = look(http, job_id)
        while (job is None or job["status"] not in ENDED) and time.monotonic() < until:
            time.sleep(0.1)
            job = look(http, job_id)
        if job is None or job["status"] not in ENDED:
            tally.lost.append(job_id)
            continue
        error = job["error"]
        tally.ended[str(error["code"]) if isinstance(error, dict) else str(job["status"])] += 1
        jobs.append(job)
    return jobs


def below(pid: int) -> dict[int, bytes]:
    """The processes below one, by what they were started with."""
    parents, commands = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            _, _, rest = (folder / "stat").read_text().rpartition(")")
            if not rest.startswith(" Z"):
                parents[int(folder.name)] = int(rest.split()[1])
                commands[int(folder.name)] = (folder / "cmdline").read_bytes()
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return {each: commands.get(each, b"") for each in found - {pid}}


def resident_megabytes(pid: int) -> float:
    """Memory of one process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def descriptors(pid: int) -> int:
    """How many files, sockets and pipes it holds."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
