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

from sampler import SampleRequest, SamplerStep, VideoFile, sample, sample_isolated

_TICKS = os.sysconf("SC_CLK_TCK")


def _below() -> dict[int, float]:
    """Processor seconds of every process below this one."""
    parents, used = {}, {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(status.parent.name)
        parents[pid], used[pid] = int(fields[1]), (int(fields[11]) + int(fields[12])) / _TICKS
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return {pid: used[pid] for pid in found - {os.getpid()}}


def _measured(run: Callable[[], Iterator[SamplerStep]]) -> tuple[float, float]:
    """Wall and processor seconds of one run."""
    before, began, cpu = _below(), time.perf_counter(), time.process_time()
    last: dict[int, float] = {}
    looked = began
    for _ in run():
        # The last look before a decoder ends is what counts of it; looking costs, so not too often.
        if time.perf_counter() - looked > 0.05:
            last |= _below()
            looked = time.perf_counter()
    return time.perf_counter() - began, time.process_time() - cpu + sum(
        used - before.get(pid, 0.0) for pid, used in last.items()
    )


def compare(path: Path, frames: int, pairs: int) -> str:
    """One line: what a file takes without and with the sandbox."""
    source, request = VideoFile(path), SampleRequest(frames=frames)
    runs = (lambda: sample(source, request), lambda: sample_isolated(source, request))
    for run in runs:
        _measured(run)
    taken = [[_measured(run) for run in runs] for _ in range(pairs)]
    bare, confined = (min(pair[which][0] for pair in taken) for which in (0, 1))
    more = median(pair[1][0] - pair[0][0] for pair in taken)
    shares = median(pair[1][1] / pair[0][1] - 1 for pair in taken)
    return (
        f"{path.name}: best wall {bare:.3f} s without, {confined:.3f} s with ({confined / bare - 1:+.1%}); "
        f"median difference {more * 1000:+.0f} ms wall, {shares:+.1%} processor time ({pairs} pairs)"
    )


def main() -> None:
    """Measure every file that is given."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.confinement", description=__doc__)
    parser.add_argument("video", nargs="+", type=Path)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--frames", type=int, default=32)
    given = parser.parse_args()
    for path in given.video:
        sys.stdout.write(compare(path, given.frames, given.pairs) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
