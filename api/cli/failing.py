"""Exit codes, and how an error is told: one line on what is wrong and what to do, never a traceback."""

import traceback
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from api.cli.telling import tell

if TYPE_CHECKING:
    from api.records import Problem

DONE = 0
BUG = 1
USAGE = 2
UNREADABLE_MEDIA = 3
MODEL_FAILED = 4
LIMIT_REACHED = 5
INTERRUPTED = 130


def fail(error: Exception) -> int:
    """Tell the error and give the exit code it ends with."""
    code = None
    with suppress(
        ModuleNotFoundError
    ):  # where something is not installed, the error trees may be out of reach too
        code = _code_of(type(error))
    if code is not None:
        tell(str(error))
        return code
    from api.errors import SetupError
    from api.settings import settings

    with suppress(SetupError):  # where the settings make no sense, nobody has read them yet
        if settings().debug:
            traceback.print_exception(error)
    tell(
        f"unexpected {type(error).__name__}: {error}. This is a bug of sceneline; "
        "set SCENELINE_DEBUG=1 and run it again to see where it happens"
    )
    return BUG


def code_of_problem(problem: "Problem") -> int:
    """The exit code of what ended a job: that of the error it was."""
    from api.problems import BUG as OUR_BUG
    from api.problems import GAVE_UP, LATE, kind_of

    kind = kind_of(problem)
    by_code = {LATE.code: LIMIT_REACHED, GAVE_UP.code: UNREADABLE_MEDIA, OUR_BUG.code: BUG}
    return by_code.get(problem.code, USAGE) if kind is None else _code_of(kind) or BUG


def code_of_partial(warnings: Iterable[str]) -> int:
    """The exit code of a partial timeline, by the codes of its warnings."""
    return LIMIT_REACHED if "budget_exceeded" in warnings else MODEL_FAILED


def _code_of(raised: type[Exception]) -> int | None:
    """The exit code of an error raised on purpose, None for any other."""
    from analyzer import AnalyzerError, BudgetExceededError, ModelError
    from api.errors import ApiError
    from sampler import MediaError, MediaLimitError, SamplerError

    codes: dict[type[Exception], int] = {
        MediaError: UNREADABLE_MEDIA,
        MediaLimitError: LIMIT_REACHED,
        BudgetExceededError: LIMIT_REACHED,
        ModelError: MODEL_FAILED,
        SamplerError: USAGE,
        AnalyzerError: USAGE,
        ApiError: USAGE,
    }
    for kind, code in codes.items():
        if issubclass(raised, kind):
            return code
    return None
