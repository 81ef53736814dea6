"""How times and names are put into words, the same in every format."""

import re
import unicodedata
from math import floor

from analyzer import Event

_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_JOINERS = "\u200c\u200d"
"""Invisible as well, but words of Persian and of India, and composed emoji, are others without them."""
_LOOSE = re.compile(rf"(?<![^\x00-\x7f\s{_JOINERS}])[{_JOINERS}]+|[{_JOINERS}]++(?![^\x00-\x7f\s])")
"""Joiners that join nothing: at an edge, beside a space or ASCII, or behind another one."""

_DEEPEST = 40
"""Columns a line may begin further in; more would push what it says out of sight."""


def one_line(text: str) -> str:
    """The text without line breaks, terminal escapes, other control characters and runs of spaces."""
    visible = (
        " " if unicodedata.category(each) in _INVISIBLE and each not in _JOINERS else each for each in text
    )
    return " ".join(_LOOSE.sub("", "".join(visible)).split())


def indented(line: str) -> tuple[int, str]:
    """How many columns a line of a longer text begins further in, and what it says in one line."""
    spaces = line.expandtabs(4)
    return min(len(spaces) - len(spaces.lstrip(" ")), _DEEPEST), one_line(line)


def clock(seconds: float, *, decimals: int = 1) -> str:
    """``0:07.5`` or ``1:02:03.5``: the way a player shows it, with as many decimals as asked for."""
    whole, part = divmod(nearest(seconds * 10**decimals), 10**decimals)
    hours, minutes = whole // 3600, whole // 60 % 60
    start = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{start}:{whole % 60:02}" + (f".{part:0{decimals}}" if decimals else "")


def lasting(seconds: float) -> str:
    """``2.5 s``: how long something is."""
    return f"{nearest(seconds * 10) / 10:.1f} s"


def _cue_clock(milliseconds: int, mark: str) -> str:
    """``00:00:07.500`` with the given decimal mark, as subtitle files write it."""
    whole = milliseconds // 1000
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{mark}{milliseconds % 1000:03}"


def cue_span(event: Event, mark: str) -> str:
    """``00:00:07.500 --> 00:00:09.000``: an event without length is shown for a millisecond, as a cue must be."""
    start, end = nearest(event.start_seconds * 1000), nearest(event.end_seconds * 1000)
    return f"{_cue_clock(start, mark)} --> {_cue_clock(max(end, start + 1), mark)}"


def told(event: Event) -> str:
    """What happened, in one line: the description where there is one, else the label."""
    return one_line(event.description) or one_line(event.label)


def certainty(confidence: float | None) -> str:
    """``87 %``, or nothing where nobody could tell."""
    return "" if confidence is None else f"{nearest(confidence * 100)} %"


def nearest(number: float) -> int:
    """The nearest whole number, halves up as JavaScript has it: Python's ``round`` would tell other than the page."""
    whole = floor(number)
    return whole + (number - whole >= 0.5)
