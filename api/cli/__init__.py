"""The command line: ``sceneline``. Parses, calls one function, tells errors in one line."""

import io
import os
import sys
from collections.abc import Sequence

import typer

from api.cli.commands import app
from api.cli.failing import DONE, INTERRUPTED, USAGE, fail
from api.cli.telling import tell

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 our bug, 2 usage, 3 the media cannot be read,
    4 the model failed, 5 a limit was hit, 130 interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        code = app(arguments, prog_name="sceneline", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        return _refuse(error)
    except BrokenPipeError:
        # The reader has seen enough. Python would complain while closing; there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last line of defence: people get a line, not a traceback
        return fail(error)
    if code == INTERRUPTED:
        tell("interrupted")
    return code or DONE


def _refuse(error: typer.TyperException) -> int:
    message = error.format_message().replace("Value error, ", "").rstrip(".")
    if "\n" in message:  # no command was given: the message is the help
        sys.stderr.write(f"{message}\n")
    else:
        tell(f"{message}; `sceneline --help` shows what there is")
    return USAGE
