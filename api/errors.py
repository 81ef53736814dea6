"""What the outer room refuses, split by what the caller does next.

    ApiError                    the root; catch this to catch them all
    ├── RequestError                options contradict each other or hold impossible values: fix the request
    ├── TimelineFileError           the given file is not a timeline: give the one `sceneline analyze` wrote
    ├── TruthFileError              the given truth is of no form we know: fix the file
    ├── ExportRefusedError          this timeline cannot be told in that format: choose another format
    ├── OutputError                 the result cannot be written there: choose another place
    ├── RefusedError                the service turns a request away, with a code and a status
    └── ServiceError                the service cannot do its work: the operator has to look
        ├── SetupError                  it cannot start as it is configured: fix the settings
        ├── DatabaseError               its database is out of reach, full or damaged
        └── StorageError                its storage is out of reach, full or damaged
            └── NotStoredError              nothing is stored under that name

Every message is one line that says what is wrong and what to do about it.
"""


class ApiError(Exception):
    """Root of everything this package raises on purpose."""


class RequestError(ApiError):
    """The request contradicts itself or holds an impossible value."""


class TimelineFileError(ApiError):
    """The file is not a timeline this version can read."""


class TruthFileError(ApiError):
    """The file is not a truth this version can read, or says nothing of the video."""


class ExportRefusedError(ApiError):
    """The format has rules this timeline cannot meet."""


class OutputError(ApiError):
    """The result cannot be written where it was asked for."""


class RefusedError(ApiError):
    """The service turns a request away; says so over HTTP as a problem document."""

    def __init__(self, status: int, code: str, message: str, retry_after_seconds: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        """When it may be taken; None where waiting does not help, or nobody knows how long."""
        self.status = status
        """HTTP status code of the answer."""
        self.code = code
        """Stable, snake_case: what programs look at."""


class ServiceError(ApiError):
    """The service cannot do its work."""

    def __init__(self, message: str, *, for_clients: str | None = None) -> None:
        super().__init__(message)
        self.for_clients = message if for_clients is None else for_clients
        """What a client is told: the message is for the operator, and may name hosts, users and keys."""


class SetupError(ServiceError):
    """The service cannot start as it is configured."""


class DatabaseError(ServiceError):
    """The database failed."""


class StorageError(ServiceError):
    """Storage failed."""


class NotStoredError(StorageError):
    """Nothing is stored under that name."""
