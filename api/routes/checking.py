"""Finding out whether what the service stands on answers, without waiting for what does not."""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from api.errors import ServiceError

log = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 5.0
"""What has said nothing for so long cannot be worked with. Who asks whether we are ready seldom waits longer."""


class Check:
    """One thing to be asked. However many want to know, it is asked once at a time, on a thread of its own: what does
    not answer holds up nobody else. For one event loop.
    """

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask
        self._answer: asyncio.Future[str] | None = None
        self._reason = ""

    async def answer(self) -> str:
        """``ok`` or what is wrong."""
        if self._answer is None:
            loop = asyncio.get_running_loop()
            self._answer = answer = loop.create_future()
            threading.Thread(target=self._find_out, args=(loop, answer), name="check", daemon=True).start()
        try:
            return await asyncio.wait_for(asyncio.shield(self._answer), ANSWER_SECONDS)
        except TimeoutError:
            return f"no answer within {ANSWER_SECONDS:g} s"

    def _find_out(self, loop: asyncio.AbstractEventLoop, answer: asyncio.Future[str]) -> None:
        reason = ""
        try:
            self._ask()
            found = "ok"
        except ServiceError as error:
            found, reason = error.for_clients, str(error)
            if reason != self._reason:  # once, and not for every probe
                log.warning("not ready", extra={"reason": reason})
        except Exception:
            log.exception("a check failed by a bug")
            found = "sceneline made a mistake; the log has its traceback"
        self._reason = reason

        def tell() -> None:
            self._answer = None
            answer.set_result(found)

        with suppress(RuntimeError):  # the loop has ended meanwhile, and nobody waits
            loop.call_soon_threadsafe(tell)
