"""What the service costs over the command line: one video, looked at by both in turns.

    python -m benchmarks.overhead --runs 5

Processor time is that of all processes that took part. What the service remembers of pictures is wiped before each
run. The command line loads its models every time; the service did so before its first run. So its runs are also
held against what the command line's own work takes, without its start.
"""

import argparse
import ctypes
import json
import os
import resource
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.datasets import repeat

_SAMPLE = Path(__file__).parent.parent / "samples" / "tour.mp4"
_SUBREAPER = 36
_TICKS = os.sysconf("SC_CLK_TCK")
_MAIN = "from api.cli import main; raise SystemExit(main())"


@dataclass(frozen=True)
class Run:
    """One video, once."""

    wall_seconds: float
    cpu_seconds: float
    work_seconds: float
    """Decoding and looking, as the timeline's usage has it."""


def main() -> None:
    """Measure and print."""
    given = argparse.ArgumentParser()
    given.add_argument("--runs", type=int, default=5)
    runs = given.parse_args().runs
    # Whatever a process leaves behind becomes ours, so that its time is counted.
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "minute.mp4"
        repeat(_SAMPLE, video, 2, 30.0)
        lines: dict[str, list[Run]] = {"command line": [], "service": []}
        with _serving(Path(folder) / "data") as (server, url):
            by_service(server, url, Path(folder) / "data", video)
            for _ in range(runs):
                lines["command line"].append(by_command(video))
                lines["service"].append(by_service(server, url, Path(folder) / "data", video))
                for name, done in lines.items():
                    last = done[-1]
                    told = f"wall {last.wall_seconds:.1f} CPU {last.cpu_seconds:.1f} work {last.work_seconds:.1f} s"
                    print(f"{name}: {told}", flush=True)
    command, service = (_middle(all_runs) for all_runs in lines.values())
    print(f"CPU of the service / of the command line: {service.cpu_seconds / command.cpu_seconds:.3f}")
    print(f"wall of the service / of the command line: {service.wall_seconds / command.wall_seconds:.3f}")
    beyond = service.wall_seconds - service.work_seconds
    print(f"the service beyond its work: {beyond:.2f} s, {beyond / service.work_seconds:.1%}")
    beyond = command.wall_seconds - command.work_seconds
    print(f"the command line beyond its work: {beyond:.2f} s, {beyond / command.work_seconds:.1%}")


def by_command(video: Path) -> Run:
    """``sceneline analyze``, from start to end."""
    before, began = _reaped_seconds(), time.perf_counter()
    command = [sys.executable, "-c", _MAIN, "analyze", str(video), "--backend", "local", "--quiet"]
    done = subprocess.run(command, capture_output=True, check=True)
    wall = time.perf_counter() - began
    while len(_children(os.getpid())) > 1:  # what it left behind; the one that stays is the server
        os.waitpid(-1, os.WNOHANG)
        time.sleep(0.05)
    return Run(wall, _reaped_seconds() - before, _work(json.loads(done.stdout)))


def by_service(server: int, url: str, data: Path, video: Path) -> Run:
    """``POST /v1/timelines?wait=``, from the first byte sent to the timeline."""
    with sqlite3.connect(data / "sceneline.db") as database:
        database.execute("DELETE FROM sceneline_looks")
    before, began = _tree_seconds(server), time.perf_counter()
    with video.open("rb") as file:
        body = {"request": '{"backend": "local"}'}
        job = httpx.post(f"{url}/v1/timelines?wait=60", files={"video": file}, data=body, timeout=120).json()
    while job["finished_at"] is None:
        job = httpx.get(f"{url}{job['links']['self']}?wait=60", timeout=120).json()
    wall = time.perf_counter() - began
    time.sleep(0.5)
    return Run(wall, _tree_seconds(server) - before, _work(job["timeline"]))


def _work(timeline: dict[str, dict[str, float]]) -> float:
    return timeline["usage"]["decode_seconds"] + timeline["usage"]["analyze_seconds"]


def _middle(runs: list[Run]) -> Run:
    return Run(
        statistics.median(each.wall_seconds for each in runs),
        statistics.median(each.cpu_seconds for each in runs),
        statistics.median(each.work_seconds for each in runs),
    )


def _reaped_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return [int(each) for task in tasks for each in (task / "children").read_text().split()]
    return []


def _tree_seconds(pid: int) -> float:
    """Processor time of a process, of all it started, and of what these have waited for."""
    total = 0.0
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total = sum(int(each) for each in fields[11:15]) / _TICKS
    return total + sum(_tree_seconds(child) for child in _children(pid))


@contextmanager
def _serving(data: Path) -> Iterator[tuple[int, str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", _MAIN, "serve", "--port", str(port), "--data", str(data)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        url = f"http://127.0.0.1:{port}"
        for _ in range(300):
            with suppress(httpx.TransportError):
                if httpx.get(f"{url}/healthz").status_code == 200:
                    break
            time.sleep(0.2)
        try:
            yield server.pid, url
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
