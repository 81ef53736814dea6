"""A process of the service for tests that kill it: as ``sceneline serve`` or ``worker`` run it, with a model that
writes down every question it is asked and every answer it got, flushed, so that a killed process has told all.

    python -m tests.service.process serve|work MODEL_URL LOG_FILE
"""

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
from api.calls import store_question
from api.jobs import JobEngine, Place
from api.logs import set_up_logs
from api.places import opened
from api.settings import settings
from api.storage import FolderStorage
from tests.service.conftest import with_model


class Log:
    """Lines ``TIME PID WHAT NAME``, each on disk before what it tells of goes on."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, what: str, name: str) -> None:
        line = f"{time.time():.3f} {os.getpid()} {what} {name}\n".encode()
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, line)
        os.close(descriptor)


class Forgetful:
    """Storage that holds nothing: for the name that a question would be stored by."""

    def size(self, _key: str) -> int:
        return 1

    def put(self, _key: str, _data: bytes) -> None:
        pass


class Witnessed(OpenAIModel):
    """Writes ``ask`` before and ``got`` after every question, by the name it is recorded by."""

    def __init__(self, endpoint: Endpoint, profile: ModelProfile, log: Log) -> None:
        super().__init__(endpoint, profile)
        self._log = log

    async def ask(self, question: Question, ledger: Ledger) -> Reply:
        name = store_question(Forgetful(), "", question, self.info.name)
        self._log.write("ask", name)
        reply = await super().ask(question, ledger)
        self._log.write("got", name)
        return reply

    @property
    def info(self) -> ModelInfo:
        return ModelInfo("openai", "witnessed", None)


class Recording(FolderStorage):
    """Writes ``kept`` as soon as an answer is recorded: from then on nobody may ask for it."""

    def __init__(self, root: Path, log: Log) -> None:
        super().__init__(root)
        self._log = log

    def put(self, key: str, data: bytes) -> None:
        super().put(key, data)
        if "/answers/" in key:
            self._log.write("kept", Path(key).stem)


def _recorded(place: Place, witness: Log) -> Place:
    storage = Recording(place.settings.data.absolute() / "storage", witness)
    return replace(place, storage=storage, workshop=replace(place.workshop, storage=storage))


def main(role: str, url: str, log: str) -> None:
    ours = settings()
    set_up_logs("text")
    profile = replace(find_profile("test-model"), images_per_batch=3)
    witness = Log(Path(log))
    model = Witnessed(Endpoint(url, "test-model"), profile, witness)
    with opened(ours) as real, with_model(_recorded(real, witness), model) as place:
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
