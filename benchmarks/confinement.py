"""What decoding in the sandbox costs beside decoding without: pairs by turns, wall and processor time.

    python -m benchmarks.confinement VIDEO... [--pairs 10] [--frames 32]

The nursery is warm, as it is in the service and from the second file of a command on. Processor time is that of
this process, the decoder and its warden.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import cv2

from sampler import SampleRequest, SamplerStep, VideoFile, sample, sample_isolated

_TICKS = os.sysconf("SC_CLK_TCK")


def _below() -> set[int]:
    """Every process below this one."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {os.getpid()}


def _measured(run: Callable[[], Iterator[SamplerStep]]) -> tuple[float, float]:
    """Wall and processor seconds of one run."""
    before, began, cpu = _below(), time.perf_counter(), time.process_time()
    new: dict[int, float] = {}
    for _ in run():
        # A decoder's last step but the end is the last moment at which it can be asked.
        new = new or {pid: 0.0 for pid in _below() if pid not in before}
        for pid in new:
            new[pid] = max(new[pid], _used(pid))
    return time.perf_counter() - began, time.process_time() - cpu + sum(new.values())


def _used(pid: int) -> float:
    """Processor seconds of a process; 0 of one that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def compare(path: Path, frames: int, pairs: int) -> str:
    """One line: what a file takes without and with the sandbox."""
    source, request = VideoFile(path), SampleRequest(frames=frames)
    runs = (lambda: sample(source, request), lambda: sample_isolated(source, request))
    for run in runs:
        _measured(run)
    taken = [[_measured(run) for run in runs] for _ in range(pairs)]
    bare, confined = (min(pair[which][0] for pair in taken) for which in (0, 1))
    more = median(pair[1][0] - pair[0][0] for pair in taken)
    cpu, cpu_confined = (median(pair[which][1] for pair in taken) for which in (0, 1))
    return (
        f"{path.name}: best wall {bare:.3f} s without, {confined:.3f} s with ({confined / bare - 1:+.1%}); "
        f"median difference {more * 1000:+.0f} ms wall; processor time {cpu:.3f} s without, {cpu_confined:.3f} s with "
        f"({cpu_confined / cpu - 1:+.1%}, {(cpu_confined - cpu) * 1000:+.0f} ms; {pairs} pairs)"
    )


def main() -> None:
    """Measure every file that is given."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.confinement", description=__doc__)
    parser.add_argument("video", nargs="+", type=Path)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--frames", type=int, default=32)
    given = parser.parse_args()
    cv2.setNumThreads(1)  # as in the sandbox: what is compared is confinement, not threads
    for path in given.video:
        sys.stdout.write(compare(path, given.frames, given.pairs) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
