"""Models that outlive a job: loaded once, lent to one job after another, and never asked twice about a picture."""

import asyncio
import hashlib
import threading
from collections import defaultdict
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import TypeAdapter

from analyzer import Faculty, Findings, ModelInfo, OpenAIModel, Perceiver, VisionModel
from api import pipeline
from api.records import KeptLooks
from api.schemas import TimelineRequest
from api.tracing import Said, current_span, part
from sampler import Keyframe

T = TypeVar("T")
_FINDINGS = TypeAdapter(Findings)


class LoadedModels:
    """Models that stay from one job to the next: a local one serves one job at a time, a remote one all.

    Remote models share one event loop on a thread of their own, and with it their connections and their
    patience with the server. Close it after use.
    """

    def __init__(self) -> None:
        self._idle: defaultdict[str, list[Perceiver]] = defaultdict(list)
        self._remote: dict[str, VisionModel] = {}
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
        return self._name(request) in self._remote or isinstance(self._opened(request), VisionModel)

    @contextmanager
    def lent(self, request: TimelineRequest) -> Iterator[Perceiver | VisionModel]:
        """A model for this request, for as long as the context lasts."""
        name = self._name(request)
        with self._lock:
            model = self._remote.get(name) or (self._idle[name].pop() if self._idle[name] else None)
        if model is None:
            model = self._opened(request)
        yield model
        if not isinstance(model, VisionModel):
            self._idle[name].append(model)

    def _opened(self, request: TimelineRequest) -> Perceiver | VisionModel:
        model = self._open(request)
        if not isinstance(model, VisionModel):
            return model
        with self._lock:
            return self._remote.setdefault(self._name(request), model)

    def _open(self, request: TimelineRequest) -> Perceiver | VisionModel:
        return pipeline.open_model(request)

    @staticmethod
    def _name(request: TimelineRequest) -> str:
        return f"{request.backend} {request.model or ''}"


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
