"""Whether two short texts mean the same: words compared without order, case or endings."""

import re
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Final

_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""Scripts without spaces (Thai, Lao, Khmer, Japanese, Chinese), and Korean, whose endings stick to words."""
_EMPTY_WORDS: Final = frozenset({
    "a", "an", "the", "of", "is", "are", "was", "were", "be", "being", "been", "in", "on", "at", "to", "and",
    "or", "with", "for", "from", "by", "into", "onto", "as", "its", "his", "her", "their", "it", "he", "she",
    "they", "this", "that", "there", "some", "while", "then",
})  # fmt: skip
_ENDINGS: Final = ("ing", "ies", "ed", "es", "s")
_SHORTEST_STEM: Final = 3
_OPPOSITES: Final = frozenset(frozenset(pair) for pair in (
    ("open", "clos"), ("open", "shut"), ("enter", "leav"), ("enter", "exit"), ("arriv", "leav"),
    ("arriv", "depart"), ("com", "go"), ("appear", "disappear"), ("left", "right"), ("up", "down"),
    ("start", "stop"), ("start", "end"), ("begin", "end"), ("on", "off"), ("in", "out"),
    ("ris", "fall"), ("lift", "lower"), ("pick", "put"), ("push", "pull"), ("add", "remov"),
    ("load", "unload"), ("win", "los"), ("empty", "full"), ("day", "night"),
))  # fmt: skip
"""Stems that turn a text into its contrary."""


def likeness(a: str, b: str) -> float:
    """How much two texts have in common, 0 to 1: the Dice coefficient of their words.

    0 where they name different numbers or say opposite things, whatever else they share: "3 people" is not
    "2 people", and "the door opens" is not "the door closes".
    """
    if a.casefold().split() == b.casefold().split():
        return 1.0
    ours, theirs = _words(a), _words(b)
    if not ours or not theirs or _contradict(ours, theirs):
        return 0.0
    return 2 * len(ours & theirs) / (len(ours) + len(theirs))


def _contradict(ours: AbstractSet[str], theirs: AbstractSet[str]) -> bool:
    if _numbers(ours) != _numbers(theirs):
        return True
    only_ours, only_theirs = ours - theirs, theirs - ours
    return any(frozenset((one, other)) in _OPPOSITES for one in only_ours for other in only_theirs)


def _numbers(words: AbstractSet[str]) -> frozenset[str]:
    return frozenset(word for word in words if word.isdecimal())


@lru_cache(maxsize=4096)
def _words(text: str) -> frozenset[str]:
    words: set[str] = set()
    for word in _WORD.findall(text.casefold()):
        if _UNSPACED.search(word):
            words |= {word[at : at + 2] for at in range(max(1, len(word) - 1))}
        elif word not in _EMPTY_WORDS:
            words.add(_stem(word))
    return frozenset(words)


def _stem(word: str) -> str:
    """The word without the commonest English endings; enough to tell its forms from other words."""
    if word.isdecimal():
        return word.lstrip("0") or "0"
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            word = word.removesuffix(ending)
            break
    return word.removesuffix("e") if len(word) > _SHORTEST_STEM else word
