"""What the engine says: written as all our lines are, less what is ordinary here and looks like a fault there."""

import logging

from dbos import error as dbos_errors

from api.logs import take_over

_LOGGER = "dbos"


def hear_engine() -> None:
    """Have what the engine says written as all else is; it sets up lines of its own each time it is made."""
    take_over(_LOGGER)
    logging.getLogger(_LOGGER).addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """Not that a workflow found itself gone when it ended: its job was deleted while it ran."""
    error = record.exc_info[1] if record.exc_info else None
    return not (
        isinstance(error, dbos_errors.DBOSNonExistentWorkflowError)
        and record.getMessage().startswith("Exception encountered in background workflow")
    )
