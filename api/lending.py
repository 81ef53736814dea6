"""Models that outlive a job: loaded once, lent to one job after another, and never asked twice about a picture."""

import asyncio
import hashlib
import threading
from collections import Counter, OrderedDict
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter

from analyzer import Faculty, Findings, ModelInfo, OpenAIModel, Perceiver, VisionModel
from api import pipeline
from api.records import KeptLooks
from api.schemas import TimelineRequest
from api.tracing import Said, current_span, part
from sampler import Keyframe

T = TypeVar("T")

MOST_REMOTE: Final = 16
"""Remote models that stay open while nobody asks them."""
_LOCAL: Final = "local"
_FINDINGS = TypeAdapter(Findings)


class LoadedModels:
    """Models that stay from one job to the next: a local one serves one job at a time, a remote one all.

    Local ones are alike, whatever a request calls them. Remote ones are named by requests, so only the last few that
    were asked stay; they share one event loop on a thread of their own, and with it their connections and their
    patience with the server. Close it after use.
    """

    def __init__(self) -> None:
        self._idle: list[Perceiver] = []
        self._remote: OrderedDict[str, VisionModel] = OrderedDict()
        self._users: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="remote models", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Close all connections."""
        for model in self._remote.values():
            if isinstance(model, OpenAIModel):
                self.run(model.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do this on the loop of the remote models and wait for it. Called from any other thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def is_remote(self, request: TimelineRequest) -> bool:
        """Whether this request is for a model elsewhere."""
        name = self._name(request)
        if name in self._remote:
            return True
        model = self._open(request)
        if isinstance(model, VisionModel):
            with self._lent_to_all(name, model):  # it stays for who asks next
                return True
        return False

    @contextmanager
    def lent(self, request: TimelineRequest) -> Iterator[Perceiver | VisionModel]:
        """A model for this request, for as long as the context lasts."""
        name = self._name(request)
        with self._lock:
            known = self._remote.get(name) or (self._idle.pop() if name == _LOCAL and self._idle else None)
        model = known or self._open(request)
        if isinstance(model, VisionModel):
            with self._lent_to_all(name, model) as shared:
                yield shared
            return
        yield model  # one that something went wrong with is not lent again
        with self._lock:
            self._idle.append(model)

    @contextmanager
    def _lent_to_all(self, name: str, model: VisionModel) -> Iterator[VisionModel]:
        """The one that all use under this name."""
        with self._lock:
            shared = self._remote.setdefault(name, model)
            self._remote.move_to_end(name)
            self._users[name] += 1
        try:
            yield shared
        finally:
            with self._lock:
                self._users[name] -= 1
                self._let_go()

    def _let_go(self) -> None:
        """Close those that were not asked for longest, of more than a few, and are not being asked."""
        unused = [name for name in self._remote if self._users[name] == 0]
        for name in unused[: max(0, len(self._remote) - MOST_REMOTE)]:
            model = self._remote.pop(name)
            del self._users[name]
            if isinstance(model, OpenAIModel):
                asyncio.run_coroutine_threadsafe(model.aclose(), self._loop)

    def _open(self, request: TimelineRequest) -> Perceiver | VisionModel:
        return pipeline.open_model(request)

    @staticmethod
    def _name(request: TimelineRequest) -> str:
        return f"remote {request.model or ''}" if pipeline.asks_remote(request) else _LOCAL


class KeepingPerceiver:
    """A perceiver that is not asked twice about the same picture."""

    def __init__(self, inner: Perceiver, looks: KeptLooks) -> None:
        self._inner = inner
        self._looks = looks
        self._span = current_span()

    @property
    def info(self) -> ModelInfo:
        """The models behind it."""
        return self._inner.info

    def look(self, keyframe: Keyframe, wanted: frozenset[Faculty]) -> Findings:
        """What was found before, else what is found now, kept; see ``Perceiver.look``."""
        asked = [self._inner.info.name, hashlib.sha256(keyframe.jpeg).hexdigest(), *sorted(wanted)]
        key = hashlib.sha256("\0".join(asked).encode()).hexdigest()
        kept = self._looks.get(key)
        if kept is not None:
            return replace(_FINDINGS.validate_python(kept), keyframe=keyframe.index)
        said: Said = {"gen_ai.request.model": self._inner.info.name, "sceneline.keyframe": keyframe.index}
        with part("look", said, of=self._span):
            found = self._inner.look(keyframe, wanted)
        self._looks.put(key, _FINDINGS.dump_python(found, mode="json"))
        return found
