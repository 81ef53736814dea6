"""From what a model said to values that can be trusted: form and frames checked, texts bounded and scrubbed.

A model's answer is inert data. Numbers outside what was shown are refused, and an answer that does not fit is
refused as a whole, with a complaint the model can act on.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError, ValidationInfo

from analyzer.conversation import Reply
from analyzer.errors import UnusableAnswerError
from analyzer.types import Box
from analyzer.unwrapping import find_json, without_fence, without_thoughts

R = TypeVar("R", bound=BaseModel)

_LONGEST_LINE = 120
_LONGEST_PARAGRAPH = 2_000
_MOST_COMPLAINTS = 5
_CUT_OFF = "the answer was cut off at the length limit; say less"
_LOOP = 4
"""Identical rows in a row, about one frame, that make an answer a loop."""
_QWEN_GRID = 1000.0
_OFF_GRID = 50.0
"""How far beyond the grid a corner may lie and still be meant to be on it."""
_ON_GRID = "give [x0, y0, x1, y1] on a grid of 0 to 1000"

_ROUNDED = 1.01
"""Up to here a confidence is 1 with an error of rounding."""
_OF_TEN = 10
_NAMED_FRAME = re.compile(r"\s*frame\s*#?\s*(\d{1,9})\s*(?:<[^<>]{0,40}>)?\s*", re.IGNORECASE)
_PERCENT = re.compile(r"\s*(\d{1,3}(?:\.\d{1,9})?)\s*%\s*")
_MARKUP = re.compile(r"<\|[^|>]{1,40}\|>|</?[a-zA-Z!][^<>]{0,200}>|!\[[^\]]{0,200}\]\([^)]{0,500}\)")
_LOOSE_JOINERS = re.compile(
    r"(?<![^\x00-\x7f\s\u200c\u200d])[\u200c\u200d]+|[\u200c\u200d]++(?![^\x00-\x7f\s])"
)
"""Joiners that join nothing: at an edge, beside a space or ASCII, or behind another one."""


# -- reading it into a reply model ------------------------------------------------------------------


def read(reply: Reply, form: type[R], frames: Collection[int]) -> R:
    """The answer as ``form``; ``frames`` are the numbers of the keyframes that were shown.

    Raises:
        UnusableAnswerError: it has another form, cites frames that were not shown, or broke off.
    """
    try:
        return form.model_validate(find_answer(reply), context={"frames": frozenset(frames)})
    except ValidationError as error:
        raise UnusableAnswerError(_complaint(error)) from error
    except RecursionError as error:
        raise UnusableAnswerError("the JSON is nested too deeply") from error


def find_answer(reply: Reply) -> Mapping[str, object]:
    """The JSON object in a reply. What breaks off, and a field for thoughts, may hold drafts: only its last counts.

    Raises:
        UnusableAnswerError: there is none.
    """
    _refuse_silence(reply)
    cut = reply.finish == "length"
    try:
        return find_json(reply.text, last=cut or reply.field != "content")
    except UnusableAnswerError as error:
        if cut:
            raise UnusableAnswerError(_CUT_OFF) from None
        said = scrub(without_thoughts(reply.text))
        if said and "{" not in said:  # mostly an apology, which says more than we could
            raise UnusableAnswerError(f"{error}; it begins: {_bounded(said, _LONGEST_LINE)}") from None
        raise


def _refuse_silence(reply: Reply) -> None:
    """Refuse what is no answer, and say who would not give one."""
    if reply.field == "refusal":
        raise UnusableAnswerError(f"the model refuses: {_bounded(scrub(reply.text), _LONGEST_LINE)}")
    if reply.finish == "filtered" and not reply.text.strip():
        raise UnusableAnswerError("the server's content filter keeps the answer back")


def read_text(reply: Reply) -> str:
    """The answer as free text, without the thoughts before it and the fence around it.

    Raises:
        UnusableAnswerError: there is none, or it broke off.
    """
    _refuse_silence(reply)
    if reply.finish == "length":
        raise UnusableAnswerError(_CUT_OFF)
    text = printable(without_fence(without_thoughts(reply.text)))
    if not text:
        raise UnusableAnswerError("the answer is empty")
    return text


def _complaint(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    lines = []
    for problem in problems[:_MOST_COMPLAINTS]:
        where = ".".join(str(part) for part in problem["loc"]) or "answer"
        lines.append(f"{where}: {problem['msg'].removeprefix('Value error, ')}")
    if len(problems) > _MOST_COMPLAINTS:
        lines.append(f"and {len(problems) - _MOST_COMPLAINTS} more")
    return "; ".join(lines)


def _shown(number: int, info: ValidationInfo) -> int:
    frames = (info.context or {}).get("frames", frozenset())
    if number not in frames:
        raise ValueError(f"frame {number} was not shown; the frames are {_listed(frames)}")
    return number


def _listed(frames: Iterable[int]) -> str:
    ordered = sorted(frames)
    if ordered and ordered == list(range(ordered[0], ordered[-1] + 1)):
        return f"{ordered[0]} to {ordered[-1]}"
    return ", ".join(map(str, ordered))


def _number(value: object) -> object:
    """``Frame 3``, or all of the line that announces a picture, is meant as its number."""
    if not isinstance(value, str) or value.strip().isdecimal():
        return value
    named = _NAMED_FRAME.fullmatch(value)
    if named is None:
        raise ValueError("give the number that stands behind `Frame` before the picture, not a time")
    return int(named[1])


def _share(value: object) -> object:
    """A confidence said in percent is meant as a share; what may be of ten as well as of a hundred is left alone."""
    said = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if said:
        return float(said[1]) / 100
    if not isinstance(value, int | float):
        return value
    if 1 < value <= _ROUNDED:
        return 1.0
    return value / 100 if _OF_TEN < value <= 100 else value


def _worded(value: object) -> object:
    """A number where words are asked for, as in the cells of a table, is one; nothing at all is an empty text."""
    if value is None:
        return ""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def scrub(text: str) -> str:
    """Prose without markup, control characters and runs of white space."""
    return " ".join(_MARKUP.sub(" ", printable(text)).split())


def printable(text: str) -> str:
    """The text without characters that are invisible or steer terminals; line breaks stay.

    So do joiners where writing needs them: within words of Persian and of India, within composed emoji.
    """
    kept = (
        c
        for c in text
        if c in "\n\t\u200c\u200d" or unicodedata.category(c) not in {"Cc", "Cf", "Cn", "Co", "Cs"}
    )
    whole = unicodedata.normalize("NFC", "".join(kept))
    return unicodedata.normalize("NFC", _LOOSE_JOINERS.sub("", whole)).strip()


def _bounded(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def _box(value: tuple[float, float, float, float]) -> Box:
    """Corners on the model's grid of 0..1000 become shares of the picture, clipped, in order.

    Shares are told by their size, since nobody sees a thing of a thousandth of the picture; pixels where it shows, else
    they would be boxes in another place.
    """
    grid = 1.0 if max(value) <= 1 else _QWEN_GRID
    if not all(-_OFF_GRID <= corner * _QWEN_GRID / grid <= _QWEN_GRID + _OFF_GRID for corner in value):
        raise ValueError(f"the box is not on the grid; {_ON_GRID}")
    x0, y0, x1, y1 = (min(max(corner / grid, 0.0), 1.0) for corner in value)
    box = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
    if box[0] == box[2] or box[1] == box[3]:
        raise ValueError(f"the box has no area; {_ON_GRID}")
    return box


Row = tuple[Collection[int], *tuple[object, ...]]
"""An entry of an answer: the keyframes it is about, then what it says of them."""
Frame = Annotated[int, BeforeValidator(_number), AfterValidator(_shown)]
"""Number of a keyframe that was shown."""
Confidence = Annotated[Annotated[float, Field(ge=0.0, le=1.0)] | None, BeforeValidator(_share)]
"""How sure the model says it is, 0..1."""
Line = Annotated[
    str,
    BeforeValidator(_worded),
    AfterValidator(scrub),
    AfterValidator(lambda text: _bounded(text, _LONGEST_LINE)),
]
"""A few words of prose."""
Paragraph = Annotated[
    str,
    BeforeValidator(_worded),
    AfterValidator(scrub),
    AfterValidator(lambda text: _bounded(text, _LONGEST_PARAGRAPH)),
]
"""A few sentences of prose."""
Verbatim = Annotated[
    str,
    BeforeValidator(_worded),
    AfterValidator(printable),
    AfterValidator(lambda text: _bounded(text, _LONGEST_PARAGRAPH)),
]
"""Text as it stands in the picture; what looks like markup in it stays."""
GridBox = Annotated[
    tuple[
        Annotated[float, Field(allow_inf_nan=False)],
        Annotated[float, Field(allow_inf_nan=False)],
        Annotated[float, Field(allow_inf_nan=False)],
        Annotated[float, Field(allow_inf_nan=False)],
    ],
    AfterValidator(_box),
]
"""A box the model gives on its grid of 0..1000; reads as shares of the picture."""


# -- the schema that is sent ------------------------------------------------------------------------

_SENT_KEYWORDS = frozenset(
    {"type", "properties", "items", "enum", "anyOf", "description", "const", "prefixItems", "$ref"}
)
"""All that strict schemas may hold on every server; bounds are checked on arrival instead."""


def strict_schema(form: type[BaseModel]) -> dict[str, object]:
    """The JSON Schema of a reply model in the strict form: no references, all required, nothing else."""
    schema = form.model_json_schema()
    return strict_form(schema, schema.get("$defs", {}))


def strict_form(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, object]:
    """One schema made strict; ``definitions`` resolve its references."""
    if reference := schema.get("$ref"):
        return strict_form(definitions[reference.rpartition("/")[2]], definitions)
    strict: dict[str, Any] = {key: value for key, value in schema.items() if key in _SENT_KEYWORDS}
    if "const" in strict:
        strict["enum"] = [strict.pop("const")]
    if "prefixItems" in strict:  # a tuple: most grammars know lists of one type only
        strict["items"] = strict.pop("prefixItems")[0]
    if "items" in strict:
        strict["items"] = strict_form(strict["items"], definitions)
    if "anyOf" in strict:
        strict["anyOf"] = [strict_form(choice, definitions) for choice in strict["anyOf"]]
    if strict.get("type") == "object":
        properties = {
            name: strict_form(value, definitions) for name, value in strict.get("properties", {}).items()
        }
        strict.pop("description", None)  # of a reply model: its docstring, which is not meant for models
        strict |= {"properties": properties, "required": list(properties), "additionalProperties": False}
    return strict


# -- answers that are not looks ---------------------------------------------------------------------


def refuse_loops(rows: Sequence[Row]) -> None:
    """Refuse an answer that repeats itself, as stuck models do. What comes and goes is told once for each stretch.

    Raises:
        UnusableAnswerError: several rows that follow one another say the same of the same frame.
    """
    for said, run in groupby(rows, key=lambda row: row[1:]):
        told = Counter(frame for frames, *_said in run for frame in set(frames))
        repeated = max(told.values(), default=0)
        if repeated >= _LOOP:
            raise UnusableAnswerError(
                f"the same entry ({said[0]!r}) is repeated {repeated} times in a row for the same frame; "
                "give each thing once, from its first frame to its last"
            )


def is_templated(rows: Sequence[tuple[int, int, str]]) -> bool:
    """Whether entries ``(first, last, text)`` look counted out rather than looked at.

    That is: many, at one constant step and length, with texts alike but for their digits. It is a reason to doubt,
    not to refuse, since keyframes are often spaced evenly and things are often numbered.
    """
    if len(rows) < 2 * _LOOP:
        return False
    lengths = {last - first for first, last, _text in rows}
    steps = {after[0] - before[0] for before, after in pairwise(rows)}
    texts = {re.sub(r"\d+", "#", text) for _first, _last, text in rows}
    return len(lengths) == len(steps) == len(texts) == 1
