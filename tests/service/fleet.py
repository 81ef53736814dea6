"""Processes of one service on one data folder or database, to be started, killed and questioned."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests import oracle

ROOT = Path(__file__).parent.parent.parent


def answer(asked: oracle.Asked) -> object:
    frames = asked.frames
    happened = {
        "track": "main",
        "first_frame": frames[0],
        "last_frame": frames[-1],
        "label": f"frames {frames[0]} to {frames[-1]}",
        "description": "A square moves.",
        "confidence": 0.9,
    }
    return {"events": [happened], "summary": "A square."}


class Fleet:
    """Processes of one service."""

    def __init__(self, folder: Path, model_url: str, database: str | None) -> None:
        self.log = folder / "questions.log"
        self.log.touch()
        self.kills: list[str] = []
        """The roles of those that were killed."""
        self.processes: list[subprocess.Popen[bytes]] = []
        self.port = free_port()
        self._stderr = (folder / "stderr.log").open("wb")
        self._folder = folder
        self._model_url = model_url
        self._env = {
            **os.environ,
            "SCENELINE_DATA": str(folder / "data"),
            "SCENELINE_SILENT_SECONDS": "3",
            "PYTHONPATH": str(ROOT),
            "PORT": str(self.port),
        }
        if database is not None:
            self._env["SCENELINE_DATABASE_URL"] = database

    def start(self, role: str, **settings: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.service.process", role, self._model_url, str(self.log)],
            env={**self._env, **settings},
            cwd=ROOT,
            stderr=self._stderr,
        )
        self.processes.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGKILL)
        self.kills.append("serve" if "serve" in process.args else "work")
        process.wait()
        self.processes.remove(process)

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        self._stderr.close()

    def client(self) -> httpx.Client:
        transport = httpx.HTTPTransport(retries=5)
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30, transport=transport)

    def asked(self) -> list[str]:
        """The names of all questions that were asked, as often as they were."""
        return [name for what, name in self._told() if what == "ask"]

    def asked_in_vain(self) -> list[str]:
        """Questions that were asked although their answer had been recorded."""
        kept: set[str] = set()
        wrong = []
        for what, name in self._told():
            if what == "kept":
                kept.add(name)
            elif what == "ask" and name in kept:
                wrong.append(name)
        return wrong

    def _told(self) -> Iterator[tuple[str, str]]:
        for line in self.log.read_text().splitlines():
            _, _, what, name = line.split()
            yield what, name


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until_ready(http: httpx.Client, seconds: float = 240) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if http.get("/healthz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError("the server did not come up")
