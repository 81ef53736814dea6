"""Finding what a model answers within what it says: without its thoughts, fences, chatter and slips of the pen.

What is found is an answer as a whole or nothing: a piece of an object that breaks off or is not valid says something
else than the object would have.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from analyzer.errors import UnusableAnswerError

_LONGEST_ANSWER = 400_000
_MOST_STARTS = 64
"""Places at which JSON is looked for inside chatter."""
_LONGEST_FENCE = 40

_THINKS = re.compile(r"</?think(?:ing)?>", re.IGNORECASE)
_MARK = re.compile(r"\{|<(?P<end>/)?think(?:ing)?>", re.IGNORECASE)
_FENCE = re.compile(r"\s*(?P<ticks>`{3,})\s*(?P<language>[^`\s]*)[^`]*")
_FENCE_BEFORE = re.compile(r"```[\w-]*\s*\Z")
_STRING = r'"(?:[^"\\]++|\\.)*+["\\]?'
"""A string, or what is begun as one to the end of the text: so that no text is gone through twice."""
_COMMENT = re.compile(rf"{_STRING}|//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_COMMA = re.compile(rf'{_STRING}|(?<=[\w"\]}}])\s*+,(?=\s*[\]}}])', re.DOTALL)
_BRACE = re.compile(rf"{_COMMENT.pattern}|[{{}}]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Braced:
    """What stands between a brace and the one that closes it."""

    start: int
    end: int | None
    """Behind its last brace; None where it is not closed."""
    value: Mapping[str, object] | None
    """None where it is no JSON."""


def find_json(text: str, *, last: bool = False) -> Mapping[str, object]:
    """The JSON object in an answer: bare, fenced, or among chatter; the longest if there are several.

    With ``last`` it has to be what the text ends with, since drafts may stand before. Comments, and commas behind the
    last of several entries, are overlooked.

    Raises:
        UnusableAnswerError: there is none.
    """
    text = without_thoughts(text[:_LONGEST_ANSWER]).strip()
    best: tuple[tuple[bool, int], Mapping[str, object]] | None = None
    for braced in _braced(text):
        if braced.value is None or braced.end is None:
            continue
        if not last or not text[braced.end :].strip("` \n\t"):
            rank = (_is_fenced(text, braced.start, braced.end), braced.end - braced.start)
            best = (rank, braced.value) if best is None or rank > best[0] else best
    if best is None:
        cut = text.startswith("```") or "{" in text
        raise UnusableAnswerError(
            "the JSON breaks off or is not valid; answer with one complete JSON object"
            if cut
            else "there is no JSON in the answer; answer with one JSON object and nothing else"
        )
    return best[1]


def is_json(text: str) -> bool:
    """Whether a text is one JSON object, bare or in a fence, and nothing besides."""
    bare = without_fence(text)
    found = _decode(bare, 0) if bare.startswith("{") else None
    return found is not None and found.value is not None and found.end == len(bare)


def without_fence(text: str) -> str:
    """The text without the fence around all of it, if there is one; fences within it stay."""
    first, *lines = text.strip().split("\n")
    fence = _FENCE.fullmatch(first)
    if fence is None or not lines or lines[-1].strip() != fence["ticks"]:
        return text.strip()
    depth = 0
    for inner in filter(None, map(_FENCE.fullmatch, lines[:-1])):
        depth += 1 if inner["language"] else -1
        if depth < 0:  # the fence ends here, and another begins further on
            return text.strip()
    return "\n".join(lines[:-1]).strip()


def without_thoughts(text: str) -> str:
    """The text without what stands between ``<think>`` and ``</think>``, and without a thought that breaks off.

    A thought that was begun for the model, as some chat templates do, reaches from the beginning to its end. What looks
    like a mark in the strings of JSON is none. One pass, however often a model begins.
    """
    kept: list[str] = []
    begun, after, at, starts = None, 0, 0, _MOST_STARTS
    until = max((mark.end() for mark in _THINKS.finditer(text)), default=0)
    while mark := _MARK.search(text, at, until):
        at = mark.end()
        if mark[0] == "{":
            if begun is None and starts:
                end = _decode(text, mark.start()).end
                at, starts = (end, starts - 1) if end else (at, 0)
        elif mark["end"] is None:
            begun = mark.start() if begun is None else begun
        else:
            if begun is None:
                kept.clear()
            else:
                kept.append(text[after:begun])
            begun, after = None, mark.end()
    return "".join(kept) + text[after:begun]


def _braced(text: str) -> Iterator[_Braced]:
    """What stands in braces, one after another; what stands in braces within these is a part of them."""
    start = text.find("{")
    for _ in range(_MOST_STARTS):
        if start < 0:
            return
        found = _decode(text, start)
        yield found
        if found.end is None:
            return
        start = text.find("{", found.end)


def _decode(text: str, start: int) -> _Braced:
    """The JSON object that begins at a brace."""
    found = _loaded(text, start)
    if found is not None:
        return _Braced(start, found[1], found[0])
    end = _closing(text, start)
    if end is None:
        return _Braced(start, None, None)
    mended = _loaded(_mended(text[start:end]), 0)
    return _Braced(start, end, mended and mended[0])


def _loaded(text: str, start: int) -> tuple[Mapping[str, object], int] | None:
    """The JSON object that begins at a brace, and where it ends; None where it is not valid."""
    try:
        value, end = json.JSONDecoder().raw_decode(text, start)
        return (_whole(value) if "\\u" in text else value), end
    except (ValueError, RecursionError):  # ValueError: of a number of more digits than Python reads as well
        return None


def _mended(text: str) -> str:
    """JSON of the same length with spaces for what people write in it and the standard does not know."""

    def blank(match: re.Match[str]) -> str:
        return match[0] if match[0][0] == '"' else " " * len(match[0])

    text = _COMMENT.sub(blank, text)
    return _COMMA.sub(blank, text)


def _closing(text: str, start: int) -> int | None:
    """Behind the brace that closes the one at ``start``."""
    depth = 0
    for match in _BRACE.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return match.end()
    return None


def _whole(value: Any) -> Any:
    """The value, in its texts a question mark for every half of a surrogate pair: nothing can encode one."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_whole(each) for each in value]
    if isinstance(value, dict):
        return {_whole(key): _whole(each) for key, each in value.items()}
    return value


def _is_fenced(text: str, start: int, end: int) -> bool:
    """Whether a fence holds this part of a text and nothing else."""
    before = text[max(0, start - _LONGEST_FENCE) : start]
    return bool(_FENCE_BEFORE.search(before)) and text[end:].lstrip().startswith("```")
