"""What goes wrong, as a stable code and an HTTP status: one table for requests and failed jobs."""

from analyzer import AnalysisRequestError, BudgetExceededError, ModelError, ModelUnavailableError
from api.errors import (
    DatabaseError,
    ExportRefusedError,
    NotStoredError,
    RefusedError,
    RequestError,
    ServiceError,
    StorageError,
)
from api.records import Problem
from sampler import (
    MediaError,
    MediaLimitError,
    MediaNotFoundError,
    NoVideoError,
    SampleRequestError,
    UnreadableMediaError,
)

_CODES: dict[type[Exception], tuple[str, int]] = {
    MediaNotFoundError: ("media_not_found", 404),
    UnreadableMediaError: ("unreadable_media", 422),
    NoVideoError: ("no_video", 422),
    MediaError: ("unusable_media", 422),
    SampleRequestError: ("impossible_sampling", 422),
    AnalysisRequestError: ("impossible_analysis", 422),
    ModelUnavailableError: ("model_unavailable", 503),
    ModelError: ("model_failed", 502),
    BudgetExceededError: ("budget_exceeded", 422),
    RequestError: ("invalid_request", 422),
    ExportRefusedError: ("export_refused", 409),
    NotStoredError: ("gone", 410),
    StorageError: ("storage_failed", 507),
    DatabaseError: ("database_failed", 503),
    ServiceError: ("service_failed", 503),
}

CANCELLED = Problem("cancelled", "the job was cancelled", 409)
LATE = Problem("deadline_exceeded", "it did not end in time; ask for fewer frames or a shorter window", 504)
BROKEN_OFF = Problem("database_failed", "work broke off as the database could not be written; retry it", 503)
GAVE_UP = Problem("gave_up", "work on this video was broken off again and again; it may be damaged", 500)
BUG = Problem("internal_error", "sceneline made a mistake; the log has its traceback", 500)


def kind_of(problem: Problem) -> type[Exception] | None:
    """The error that a problem's code stands for; None where it is no error that made it one."""
    if problem.code.endswith("_limit"):
        return MediaLimitError
    return next((kind for kind, (code, _) in _CODES.items() if code == problem.code), None)


def problem_of(error: Exception) -> Problem | None:
    """The problem an error of ours is; None for one that is nobody's: a bug."""
    if isinstance(error, RefusedError):
        return Problem(error.code, str(error), error.status)
    if isinstance(error, MediaLimitError):
        return Problem(f"{error.limit}_limit", str(error), 422)
    for kind in type(error).__mro__:
        if kind in _CODES:
            code, status = _CODES[kind]
            return Problem(code, error.for_clients if isinstance(error, ServiceError) else str(error), status)
    return None
