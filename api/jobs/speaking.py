"""What the engine says: written as all our lines are, less what is ordinary here and looks like a fault there."""

import logging
import re
import threading
import time
from collections.abc import Callable
from typing import Final

from dbos import error as dbos_errors

from api.logs import take_over

SILENT_SECONDS: Final = 60.0
"""How long after a warning those that give the same reason are left out."""
_LOGGER = "dbos"


def hear_engine() -> None:
    """Have what the engine says written as all else is; it sets up lines of its own each time it is made."""
    take_over(_LOGGER)
    logger = logging.getLogger(_LOGGER)
    for earlier in [each for each in logger.filters if isinstance(each, Seldom)]:
        logger.removeFilter(earlier)
    logger.addFilter(_is_news)
    logger.addFilter(Seldom())


class Seldom(logging.Filter):
    """Tells why something fails once a minute: each queue looks for its database ten times a second.

    The next line says how many were left out as ``repeated``. Errors, which are of single workflows, are all told.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._told: dict[str, tuple[float, int]] = {}
        """When a reason was told, and how often it came since."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is to be told."""
        if record.levelno != logging.WARNING:
            return True
        message, now = record.getMessage(), self._clock()
        reason = re.sub(r"\d+", "0", message.partition(": ")[2] or message)
        with self._lock:
            told_at, repeated = self._told.get(reason, (now - SILENT_SECONDS, 0))
            if now - told_at < SILENT_SECONDS:
                self._told[reason] = told_at, repeated + 1
                return False
            recent = {name: each for name, each in self._told.items() if now - each[0] < SILENT_SECONDS}
            self._told = {**recent, reason: (now, 0)}
        if repeated:
            record.repeated = repeated
        return True


def _is_news(record: logging.LogRecord) -> bool:
    """Not that a workflow found itself gone when it ended: its job was deleted while it ran."""
    error = record.exc_info[1] if record.exc_info else None
    return not (
        isinstance(error, dbos_errors.DBOSNonExistentWorkflowError)
        and record.getMessage().startswith("Exception encountered in background workflow")
    )
