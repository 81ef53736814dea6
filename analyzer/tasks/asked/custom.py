"""The task ``custom``: the caller's own instructions and form of answer, validated."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from analyzer.asking import Answered, Inquiry
from analyzer.conversation import Reply
from analyzer.errors import AnalysisRequestError, UnusableAnswerError
from analyzer.parsing import find_answer, printable, read_text
from analyzer.prompting import load
from analyzer.requests import AnalysisRequest
from analyzer.tasks.asked.checking import check_answer, check_schema
from analyzer.tasks.asked.joining import Joining, join_parts
from analyzer.tasks.asked.spans import in_order
from analyzer.tasks.asked.tags import list_examples

CustomAnswer = Mapping[str, object]
"""What the caller's schema says, or ``{"text": ...}``."""

_LONGEST_TEXT: Final = 100_000
_OUTPUT_TOKENS: Final = 8_192


def inquire(request: AnalysisRequest) -> Inquiry[CustomAnswer]:
    """What is asked of each batch.

    Raises:
        AnalysisRequestError: nothing is asked, or the schema is none.
    """
    if not (request.question or request.instructions).strip():
        raise AnalysisRequestError("the task custom needs instructions or a question; give one of them")
    if request.schema is not None:
        check_schema(request.schema)
    words = {
        "instructions": request.instructions,
        "question": request.question or "Do as you were told.",
        "examples": list_examples(request.examples),
    }
    return Inquiry(
        "custom",
        load("custom"),
        lambda reply, _batch: _read(reply, request.schema),
        request.schema,
        words,
        retell=lambda said: _told(said)[:1_000],
        max_output_tokens=_OUTPUT_TOKENS,
    )


def join(answers: Sequence[Answered[CustomAnswer]], request: AnalysisRequest) -> Joining[CustomAnswer] | None:
    """The question that makes one answer of several; None where there is only one."""
    if len(answers) < 2:
        return None
    wanted = f"{request.instructions}\n\n{request.question or ''}".strip()
    parts = [_told(answer.said) for answer in in_order(answers)]

    def read_whole(reply: Reply) -> CustomAnswer:
        return _read(reply, request.schema)

    return join_parts("custom", wanted, parts, request.schema, read_whole, _OUTPUT_TOKENS)


def conclude(
    answers: Sequence[Answered[CustomAnswer]], joined: CustomAnswer | None, request: AnalysisRequest
) -> dict[str, Any]:
    """The one answer, by its name in ``Results``.

    Texts that could not be joined stand one after another. Of answers that follow a schema no such whole would follow
    it: they are kept apart, under a name of their own.
    """
    said = [answer.said for answer in in_order(answers)]
    if joined is None and len(said) > 1 and request.schema is not None:
        return {"custom_parts": tuple(said)}
    if joined is None and len(said) > 1:
        return {"custom": {"text": "\n\n".join(_told(part) for part in said)}}
    return {"custom": said[0] if joined is None else joined}


def _told(said: CustomAnswer) -> str:
    """An answer as a model is told of it: the text alone, or JSON."""
    text = said.get("text")
    if isinstance(text, str) and len(said) == 1:
        return text
    return json.dumps(said, ensure_ascii=False)


def _read(reply: Reply, schema: Mapping[str, object] | None) -> CustomAnswer:
    if schema is None:
        return {"text": read_text(reply)[:_LONGEST_TEXT]}
    said = find_answer(reply)
    check_answer(schema, said)
    return {printable(name): _harmless(value) for name, value in said.items()}


def _harmless(value: Any) -> Any:
    """The value with texts that cannot steer whoever shows them, and numbers that JSON can hold."""
    if isinstance(value, float) and not math.isfinite(value):
        raise UnusableAnswerError("a number in the answer is not finite; give one that is")
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [_harmless(each) for each in value]
    if isinstance(value, dict):
        return {printable(name): _harmless(each) for name, each in value.items()}
    return value
