"""Lines for people, on standard error."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sampler import Notice


def tell(message: str) -> None:
    """One line, whatever the message holds."""
    sys.stderr.write(f"sceneline: {one_line(message)}\n")


def one_line(text: str) -> str:
    """The text without what breaks a line or steers a terminal, as names of files may."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def warn(name: str, notices: "Iterable[Notice]") -> None:
    """One line for each thing a reader of the result must know."""
    for notice in notices:
        tell(f"{name}: warning: {notice.message}")
