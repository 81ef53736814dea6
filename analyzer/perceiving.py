"""From keyframes to findings: a perceiver looks at one keyframe after another, on a thread of its own."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, get_args

from analyzer.errors import ModelError, ModelUnavailableError
from analyzer.findings import Findings
from analyzer.types import ModelInfo
from sampler import Keyframe

Faculty = Literal["objects", "text", "tags", "unsafe"]
"""What can be looked for on one keyframe; each is a field of ``Findings``."""


class Perceiver(Protocol):
    """Looks at one keyframe at a time and says what is on it."""

    @property
    def info(self) -> ModelInfo:
        """Which models these are."""

    def look(self, keyframe: Keyframe, wanted: frozenset[Faculty]) -> Findings:
        """Find what is ``wanted``, and only that. Blocks; called from one thread at a time within a run.

        Raises:
            ModelUnavailableError: a model this needs cannot be loaded; no keyframe will do better.
            ModelError: this keyframe could not be looked at; the next one may.
        """


class Remembering:
    """A perceiver that looks at each keyframe once for all that is ever wanted of it; see ``Perceiver``."""

    def __init__(self, inner: Perceiver, wanted: frozenset[Faculty]) -> None:
        self._inner = inner
        self._wanted = wanted
        self._found: dict[int, Findings] = {}

    @property
    def info(self) -> ModelInfo:
        """The models behind it."""
        return self._inner.info

    def look(self, keyframe: Keyframe, wanted: frozenset[Faculty]) -> Findings:
        """See ``Perceiver.look``; a keyframe that could not be looked at is tried again."""
        if keyframe.index not in self._found:
            self._found[keyframe.index] = self._inner.look(keyframe, self._wanted | wanted)
        found = self._found[keyframe.index]
        unwanted: dict[str, Any] = {name: None for name in get_args(Faculty) if name not in wanted}
        return replace(found, **unwanted)


@dataclass(frozen=True, slots=True)
class Unseen:
    """A keyframe the perceiver failed on, and why."""

    keyframe: int
    message: str


async def perceive(
    keyframes: Sequence[Keyframe], wanted: frozenset[Faculty], perceiver: Perceiver
) -> AsyncGenerator[Findings | Unseen]:
    """Yield one answer per keyframe, in order.

    Inference is bound to the processor, so it runs on one worker thread: the event loop stays free, and closing
    this generator stops the work after the keyframe under way.

    Raises:
        ModelUnavailableError: a model that is needed cannot be loaded.
    """
    worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="perceive")
    loop = asyncio.get_running_loop()
    try:
        for keyframe in keyframes:
            try:
                found: Findings | Unseen = await loop.run_in_executor(
                    worker, perceiver.look, keyframe, wanted
                )
            except ModelUnavailableError:
                raise
            except ModelError as error:
                found = Unseen(keyframe.index, str(error))
            yield found
    finally:
        worker.shutdown(wait=False, cancel_futures=True)
