"""Runs one command: parses, calls one function, tells errors in one line."""

import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

import typer

from api.cli.commands import app
from api.cli.failing import DONE, INTERRUPTED, USAGE, fail
from api.cli.telling import tell
from api.cli.writing import write_out
from api.errors import OutputError


def invoke(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; see ``main``."""
    _stand_in_for_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        return _run(arguments)
    finally:
        _let_go_of_output()


def _stand_in_for_what_is_closed() -> None:
    """Give a standard stream that was closed before we began something to stand on.

    Otherwise the next file that is opened gets its number, and whoever writes to the stream writes there. What cannot
    be told to people is dropped; a result cannot be written, as on a full disk.
    """
    for name, flags, mode in (
        ("stdin", os.O_RDONLY, "r"),
        ("stdout", os.O_RDONLY, "w"),
        ("stderr", os.O_WRONLY, "w"),
    ):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, flags), mode, encoding="utf-8"))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        code = app(arguments, prog_name="sceneline", standalone_mode=False)
        if not code:  # else what went wrong has been told
            write_out("")
    except typer.TyperException as error:
        return _refuse(error)
    except BrokenPipeError:
        return DONE  # the reader has seen enough
    except SystemExit as left:
        # Within a command typer leaves of itself with 1, which would be our bug.
        if isinstance(left.__context__, BrokenPipeError):
            return DONE
        raise
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except OSError as error:
        return fail(_refused_output() or error)
    except Exception as error:  # noqa: BLE001 - the last line of defence: people get a line, not a traceback
        return fail(error)
    if code == INTERRUPTED:
        tell("interrupted")
    return code or DONE


def _refused_output() -> OutputError | None:
    """Why standard output cannot be written, if so: typer prints help itself, and what failed waits to be written."""
    with suppress(BrokenPipeError):
        try:
            write_out("")
        except OutputError as error:
            return error
    return None


def _let_go_of_output() -> None:
    """Drop what cannot be written: Python would complain while closing, of what has been told or nobody reads."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        try:
            sys.stdout.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refuse(error: typer.TyperException) -> int:
    message = error.format_message().replace("Value error, ", "").rstrip(".")
    if "\n" in message:  # no command was given: the message is the help
        sys.stderr.write(f"{message}\n")
    else:
        tell(f"{message}; `sceneline --help` shows what there is")
    return USAGE
