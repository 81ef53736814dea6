"""How things are said in plain English: counts, lists, quotations, times."""

from collections import Counter
from collections.abc import Iterable, Sequence

_IRREGULAR = {"person": "people", "sheep": "sheep", "skis": "skis", "scissors": "scissors", "knife": "knives"}
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def plural(noun: str) -> str:
    """Return the plural of a label: ``people``, ``buses``, ``wine glasses``."""
    if noun in _IRREGULAR:
        return _IRREGULAR[noun]
    if noun.endswith(("s", "sh", "ch", "x")):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def counted(number: int, noun: str) -> str:
    """Return ``a car``, ``an apple``, ``three people``, ``12 books``."""
    if number == 1:
        return noun if noun in ("skis", "scissors") else f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
    return f"{number_word(number)} {plural(noun)}"


def number_word(number: int) -> str:
    """Return ``three``, from eleven on ``11``."""
    return _NUMBERS[number] if number < len(_NUMBERS) else str(number)


def joined(parts: Sequence[str]) -> str:
    """Return ``a``, ``a and b``, ``a, b and c``."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def sentence(text: str) -> str:
    """Return the text as a sentence: a capital in front, a full stop behind."""
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")


def quoted(text: str, limit: int = 80) -> str:
    """Return the text in quotation marks, cut at a word when it is longer than ``limit`` characters."""
    if len(text) > limit:
        text = text[: limit - 1].rsplit(" ", 1)[0].rstrip(" ,.;:") + "…"
    return f"“{text}”"


def clock(seconds: float) -> str:
    """Return ``0:07`` or ``1:02:03``."""
    whole = int(seconds)
    minutes = f"{whole // 60 % 60:02}" if whole >= 3600 else f"{whole // 60}"
    return f"{whole // 3600}:{minutes}:{whole % 60:02}" if whole >= 3600 else f"{minutes}:{whole % 60:02}"


def most_common(labels: Iterable[str]) -> list[tuple[str, int]]:
    """Return labels with their counts, the most frequent first, ties by name."""
    return sorted(Counter(labels).items(), key=lambda pair: (-pair[1], pair[0]))
