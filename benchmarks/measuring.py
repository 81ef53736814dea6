"""One measurement: a competitor does one task on one file, in a process that does nothing else.

    python -m benchmarks.measuring NAME TASK BUDGET FILE

The process imports, loads and does the task on a tiny clip first, then does it once while clocks run, then says what it
found and what that took as one line of JSON.
"""

import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from benchmarks.films import read_number
from benchmarks.runners import Name, Runner, Task, prepare

_TIMEOUT_SECONDS = 900.0
_WARM_UP = Path(__file__).parent.parent / "sampler" / "sandbox" / "rehearsal.mp4"
"""What is done at the first call only (loading code, starting threads) is in nobody's figures."""
_STATUS = Path("/proc/self/status")


class CompetitorError(Exception):
    """A competitor could not do its task."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run found and took."""

    wall_seconds: float
    cpu_seconds: float
    """User and system time of the process and its children, all threads."""
    peak_bytes: int
    """Largest resident set, with the interpreter and everything imported."""
    times_seconds: tuple[float, ...]
    """Boundaries, or times stated for keyframes."""
    numbers: tuple[int, ...] = ()
    """Of keyframes: the number read in each picture; means something only where a film shows one."""


def measure(name: Name, task: Task, path: Path, budget: int = 0) -> Measured:
    """Run one competitor in a process of its own.

    Raises:
        CompetitorError: it failed, or took more than a quarter of an hour.
    """
    command = [sys.executable, "-m", "benchmarks.measuring", name, task, str(budget), str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise CompetitorError(f"took more than {_TIMEOUT_SECONDS:.0f} s") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise CompetitorError(last)
    answer = json.loads(done.stdout.splitlines()[-1])
    return Measured(
        **{**answer, "times_seconds": tuple(answer["times_seconds"]), "numbers": tuple(answer["numbers"])}
    )


def _run(name: Name, task: Task, path: Path, budget: int) -> Measured:
    runner = prepare(name)
    _found(runner, task, _WARM_UP, budget, [])
    jpegs: list[bytes] = []
    cpu, wall = _cpu_seconds(), time.perf_counter()
    found = _found(runner, task, path, budget, jpegs)
    wall, cpu = time.perf_counter() - wall, _cpu_seconds() - cpu
    peak = _peak_bytes()
    numbers = tuple(_number(jpeg) for jpeg in jpegs)
    return Measured(wall, cpu, peak, tuple(found), numbers)


def _found(runner: Runner, task: Task, path: Path, budget: int, jpegs: list[bytes]) -> list[float]:
    if task == "boundaries":
        return runner.boundaries(path)
    if task == "plan":
        return runner.plan(path, budget)
    times = []
    for delivered in runner.keyframes(path, budget):
        times.append(delivered.stated_seconds)
        jpegs.append(delivered.jpeg)
    return times


def _number(jpeg: bytes) -> int:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    return read_number(np.asarray(picture, np.uint8))


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _peak_bytes() -> int:
    """Linux counts what the parent held before this program began towards ``ru_maxrss``, but not towards VmHWM."""
    if _STATUS.exists():
        line = next(line for line in _STATUS.read_text("ascii").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale


if __name__ == "__main__":
    which, what, count, file = sys.argv[1:]
    print(json.dumps(asdict(_run(cast("Name", which), cast("Task", what), Path(file), int(count)))))
