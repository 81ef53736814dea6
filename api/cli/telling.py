"""Lines for people, on standard error."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sampler import Notice


def tell(message: str) -> None:
    """One line, whatever the message holds."""
    printable = "".join(each if each.isprintable() else " " for each in message)
    sys.stderr.write(f"sceneline: {' '.join(printable.split())}\n")


def warn(name: str, notices: "Iterable[Notice]") -> None:
    """One line for each thing a reader of the result must know."""
    for notice in notices:
        tell(f"{name}: warning: {notice.message}")
