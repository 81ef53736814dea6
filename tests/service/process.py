"""A process of the service for tests that kill it: as ``sceneline serve`` or ``worker`` run it, with a model that
writes down every question it is asked and every answer it got, flushed, so that a killed process has told all.

    python -m tests.service.process serve|work MODEL_URL LOG_FILE
"""

import hashlib
import os
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import uvicorn

from analyzer import Endpoint, Ledger, ModelInfo, ModelProfile, OpenAIModel, Question, Reply, find_profile
from api.app import make_app
from api.jobs import JobEngine
from api.logs import set_up_logs
from api.places import opened
from api.settings import settings
from tests.service.conftest import with_model


class Witnessed(OpenAIModel):
    """Writes ``TIME PID ask|got HASH`` lines."""

    def __init__(self, endpoint: Endpoint, profile: ModelProfile, log: Path) -> None:
        super().__init__(endpoint, profile)
        self._log = log

    async def ask(self, question: Question, ledger: Ledger) -> Reply:
        said = [question.id, question.text, *(hashlib.sha256(k.jpeg).hexdigest() for k in question.keyframes)]
        name = hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]
        self._write("ask", name)
        reply = await super().ask(question, ledger)
        self._write("got", name)
        return reply

    def _write(self, what: str, name: str) -> None:
        line = f"{time.time():.3f} {os.getpid()} {what} {name}\n".encode()
        descriptor = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, line)
        os.close(descriptor)

    @property
    def info(self) -> ModelInfo:
        return ModelInfo("openai", "witnessed", None)


def main(role: str, url: str, log: str) -> None:
    ours = settings()
    set_up_logs("text")
    profile = replace(find_profile("test-model"), images_per_batch=3)
    model = Witnessed(Endpoint(url, "test-model"), profile, Path(log))
    with opened(ours) as real, with_model(real, model) as place:
        if role == "serve":
            app = make_app(place, loopback_only=True, grace_seconds=0)
            uvicorn.run(app, port=int(os.environ["PORT"]), log_config=None)
        else:
            engine = JobEngine(place, works=True)
            engine.start()
            stop = threading.Event()
            signal.signal(signal.SIGTERM, lambda *_: stop.set())
            stop.wait()
            engine.close()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
