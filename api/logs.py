"""Log lines on standard error: text for people, or one JSON object a line for machines, with the job they are of."""

import asyncio
import json
import logging
import sys
import time
from typing import Final, Literal

_USUAL: Final = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "color_message",
    "taskName",
    "applicationID",
    "applicationVersion",
    "executorID",
}
"""What every record has, or every one of the job engine; all else was given as ``extra``."""


def set_up_logs(form: Literal["text", "json"]) -> None:
    """Have all log lines of the process written in this form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name, level in {
        "uvicorn.access": logging.WARNING,
        "dbos": logging.WARNING,
        "httpx": logging.WARNING,
    }.items():
        logging.getLogger(name).setLevel(level)
        take_over(name)
    logging.getLogger("uvicorn.error").addFilter(_is_fault)


def _is_fault(record: logging.LogRecord) -> bool:
    """Not that a request was cut off as the server ends, which is said in a line of its own."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


def take_over(name: str) -> None:
    """Have what this logger is told written as all else is, not in lines of its own."""
    logger = logging.getLogger(name)
    logger.handlers.clear()
    logger.propagate = True


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record with everything it was given."""
        line = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_given(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class TextLines(logging.Formatter):
    """A line for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, message, and what else it was given."""
        given = "".join(f" {name}={value}" for name, value in _given(record).items())
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        line = f"{clock} {record.levelname.lower():7} {record.getMessage()}{given}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _given(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _USUAL}
