"""What the outer room refuses, split by what the caller does next.

    ApiError                    the root; catch this to catch them all
    ├── RequestError                options contradict each other or hold impossible values: fix the request
    ├── TimelineFileError           the given file is not a timeline: give the one `sceneline analyze` wrote
    ├── TruthFileError              the given truth is of no form we know: fix the file
    ├── ExportRefusedError          this timeline cannot be told in that format: choose another format
    └── OutputError                 the result cannot be written there: choose another place

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
