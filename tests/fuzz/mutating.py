"""Small damage to bytes and to JSON, the same for the same seed: for runs without a coverage guide, and beside one."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

LONGEST = 1 << 18
"""Bytes of a mutated input at most."""

_NUMBERS = (
    0,
    1,
    -1,
    2,
    127,
    255,
    256,
    2**31 - 1,
    2**31,
    2**32,
    2**53,
    2**63,
    10**400,
    1e308,
    -1e-300,
    0.5,
    100.0,
)
_NOT_NUMBERS = (float("nan"), float("inf"), float("-inf"))
_WORDS = (
    "", "\x00", "\x1b[31m", "\u202e", "\ud800", "é", "=1+1", "-->", "</script>", "<think>", "```json\n{", "{{a}}",
    "a" * 5000, "9" * 400, "1:00:00", f"{'9' * 400}:00:00", "..", "@/etc/passwd", "<|im_end|>", "2026-01-01", "\r\n",
)  # fmt: skip


def mutations(seeds: list[bytes], count: int, *, seed: int, as_json: bool) -> Iterator[bytes]:
    """``count`` inputs: each a seed with one to six wounds."""
    dice = random.Random(seed)
    for _ in range(count):
        data = dice.choice(seeds)
        for _ in range(dice.randint(1, 6)):
            data = (
                damaged_json(data, dice) if as_json and dice.random() < 0.85 else damaged(data, dice, seeds)
            )
        yield data[:LONGEST]


# -- bytes ---------------------------------------------------------------------------------------------------


def damaged(data: bytes, dice: random.Random, others: list[bytes]) -> bytes:
    """The data with one wound."""
    wound: Callable[[bytearray, random.Random], bytes] = dice.choice(
        (_flip, _set, _set, _number, _number, _cut, _cut_out, _repeat, _insert)
    )
    if not data:
        return dice.randbytes(8)
    if dice.random() < 0.05:
        other = dice.choice(others)
        return data[: dice.randrange(len(data))] + other[dice.randrange(len(other) + 1) :]
    return wound(bytearray(data), dice)


def _flip(data: bytearray, dice: random.Random) -> bytes:
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(data)


def _set(data: bytearray, dice: random.Random) -> bytes:
    data[dice.randrange(len(data))] = dice.choice((0, 0xFF, 0x7F, 0x80, dice.randrange(256)))
    return bytes(data)


def _number(data: bytearray, dice: random.Random) -> bytes:
    """Sizes and counts are what parsers trust."""
    width = dice.choice((2, 4, 8))
    value = dice.choice((0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)) & ((1 << 8 * width) - 1)
    at = dice.randrange(len(data))
    data[at : at + width] = value.to_bytes(width, dice.choice(("big", "little")))
    return bytes(data)


def _cut(data: bytearray, dice: random.Random) -> bytes:
    return bytes(data[: dice.randrange(len(data) + 1)])


def _cut_out(data: bytearray, dice: random.Random) -> bytes:
    at = dice.randrange(len(data))
    del data[at : at + dice.randint(1, 64)]
    return bytes(data)


def _repeat(data: bytearray, dice: random.Random) -> bytes:
    at = dice.randrange(len(data))
    piece = data[at : at + dice.randint(1, 200)]
    return bytes(data[:at] + piece * dice.randint(2, 9) + data[at:])


def _insert(data: bytearray, dice: random.Random) -> bytes:
    at = dice.randrange(len(data))
    return bytes(data[:at] + dice.randbytes(dice.randint(1, 16)) + data[at:])


# -- JSON ----------------------------------------------------------------------------------------------------


def damaged_json(data: bytes, dice: random.Random) -> bytes:
    """The JSON in the data with one value changed, moved, doubled or gone; a first line that is no JSON stays."""
    head, body = split_head(data)
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return damaged(data, dice, [data])
    places = list(_places(value))
    if not places:
        changed: Any = _anything(dice)
    else:
        holder, key = dice.choice(places)
        _change(holder, key, dice)
        changed = value
    return head + json.dumps(changed, ensure_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass")


def split_head(data: bytes) -> tuple[bytes, bytes]:
    """A first line that is no JSON, with its line break, and the rest."""
    first, found, rest = data.partition(b"\n")
    return (
        (first + found, rest) if found and not first.lstrip().startswith((b"{", b"[", b'"')) else (b"", data)
    )


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield value, key
        yield from _places(each)


def _change(holder: Any, key: Any, dice: random.Random) -> None:
    match dice.randrange(7):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, list):
            holder.extend([holder[key]] * dice.choice((1, 3, 40)))
        case 2 if isinstance(holder, list):
            dice.shuffle(holder)
        case 3 if isinstance(holder, dict):
            holder[dice.choice((*_WORDS, *map(str, holder)))] = holder[key]
        case 4:
            old = holder[key]
            if isinstance(old, str):
                at = dice.randrange(len(old) + 1)
                holder[key] = old[:at] + dice.choice(_WORDS) + old[at:]
            elif isinstance(old, int | float):
                holder[key] = dice.choice((old + 1, old - 1, -old, str(old), dice.choice(_NUMBERS)))
            else:
                holder[key] = _anything(dice)
        case _:
            holder[key] = _anything(dice)


def _anything(dice: random.Random) -> Any:
    deep: Any = []
    for _ in range(dice.choice((1, 3, 60))):
        deep = [deep] if dice.random() < 0.5 else {"a": deep}
    return dice.choice(
        (None, True, False, [], {}, deep, dice.choice(_NUMBERS), dice.choice(_NUMBERS), dice.choice(_NOT_NUMBERS),
         dice.choice(_WORDS), dice.choice(_WORDS))
    )  # fmt: skip
