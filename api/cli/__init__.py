"""The command line: ``sceneline``. Importing it imports nothing else: an interrupt is heeded from the very start."""

from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 our bug, 2 usage, 3 the media cannot be read,
    4 the model failed, 5 a limit was hit, 130 interrupted.
    """
    try:
        from api.cli.invoking import invoke

        return invoke(arguments)
    except KeyboardInterrupt:  # before a command ran, or after
        from api.cli.failing import INTERRUPTED
        from api.cli.telling import tell

        tell("interrupted")
        return INTERRUPTED
