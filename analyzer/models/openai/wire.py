"""Chat completions on the wire: a question becomes a request body, a response body an answer. Pure."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from analyzer.conversation import Finish, Question
from analyzer.models.openai.dialect import Dialect
from analyzer.unwrapping import is_json
from sampler import Keyframe

_THOUGHT_FIELDS = ("reasoning_content", "reasoning", "thinking")
"""Where servers put what the model thought, and some of them its answer."""
_FINISHES: dict[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "end_turn": "stop",
    "max_tokens": "length",
    "content_filter": "filtered",
}
_LONGEST_MESSAGE = 300
_EMPTY_PICTURE = b'"image_url":{"url":"data:image/jpeg;base64,"}'
"""A picture of no bytes, as ``_dump`` writes it."""
_MOST_TOKENS = 1 << 40
_MOST_USD = 1e9
"""No request takes or costs so much: what a server says beyond it is nonsense."""


class UnreadableResponseError(ValueError):
    """The body is not a chat completion."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said to one request."""

    text: str
    finish: Finish
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    """As the server reports it; None where it does not."""
    field: str = "content"
    """The field of the message the text stood in."""


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What a server said went wrong."""

    message: str
    """Word for word, of any length; may hold secrets that were sent."""
    status: int | None = None
    """The status it names in the body; gateways send errors under 200 as well."""


def frame_line(keyframe: Keyframe) -> str:
    """The text before a picture: its number, and its time in the form Qwen3-VL was trained on."""
    return f"Frame {keyframe.index} <{keyframe.time_seconds:.1f} seconds>"


def request_body(question: Question, *, model: str, dialect: Dialect, openrouter: bool) -> dict[str, object]:
    """The body of ``POST /chat/completions`` that asks this question."""
    body: dict[str, object] = {"model": model, "messages": _messages(question, dialect), "stream": False}
    body[dialect.output_limit] = min(
        question.max_output_tokens, dialect.most_output_tokens or question.max_output_tokens
    )
    if dialect.temperature:
        body["temperature"] = 0
    if question.schema is not None and dialect.schema != "prompt":
        body["response_format"] = _response_format(question, dialect)
    if openrouter:
        body["provider"] = {"require_parameters": True}
        body["usage"] = {"include": True}
    return body


def packed_body(question: Question, *, model: str, dialect: Dialect, openrouter: bool) -> bytes:
    """The same as it is sent. Pictures are most of it, and base64 needs no escaping: they are put in afterwards."""
    bare = replace(question, keyframes=tuple(replace(keyframe, jpeg=b"") for keyframe in question.keyframes))
    text = _dump(request_body(bare, model=model, dialect=dialect, openrouter=openrouter)).encode()
    # A quote within a text is escaped, so this is no text; and the pictures come before any schema.
    parts = text.split(_EMPTY_PICTURE, len(question.keyframes))
    pieces = [parts[0]]
    for keyframe, after in zip(question.keyframes, parts[1:], strict=True):
        pieces += [_EMPTY_PICTURE[:-2], base64.b64encode(keyframe.jpeg), _EMPTY_PICTURE[-2:], after]
    return b"".join(pieces)


def _messages(question: Question, dialect: Dialect) -> list[dict[str, object]]:
    asked = question.text
    if question.schema is not None and dialect.schema != "json_schema":
        asked += "\n\nAnswer with one JSON object that fits this JSON Schema, and nothing else:\n"
        asked += _dump(question.schema)
    opening = asked if dialect.system_role else f"{question.instructions}\n\n{asked}"
    content: list[dict[str, object]] = [_text(opening)]
    for keyframe in question.keyframes:
        content += [_text(frame_line(keyframe)), _picture(keyframe)]
    if question.keyframes:
        content.append(_text(asked))
    messages: list[dict[str, object]] = [{"role": "user", "content": content}]
    if dialect.system_role:
        messages.insert(0, {"role": "system", "content": question.instructions})
    if question.repair is not None:
        messages.append({"role": "assistant", "content": question.repair.answer})
        messages.append({"role": "user", "content": question.repair.complaint})
    return messages


def _text(text: str) -> dict[str, object]:
    return {"type": "text", "text": text}


def _picture(keyframe: Keyframe) -> dict[str, object]:
    data = base64.b64encode(keyframe.jpeg).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}}


def _response_format(question: Question, dialect: Dialect) -> dict[str, object]:
    if dialect.schema == "json_object":
        return {"type": "json_object"}
    name = question.id.partition(".")[0]
    strict = question.schema is not None and question.schema.get("additionalProperties") is False
    return {"type": "json_schema", "json_schema": {"name": name, "strict": strict, "schema": question.schema}}


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def read_response(body: bytes, *, expects_json: bool) -> Answer | ErrorBody:
    """What a response says, whichever of the usual fields it says it in.

    Raises:
        UnreadableResponseError: it is not a chat completion.
    """
    document = _json_object(body)
    if error := _error(document):
        return error
    choices = document.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, Mapping) else None
    if not isinstance(choice, Mapping) or not isinstance(message, Mapping):
        raise UnreadableResponseError("the response holds no message")
    if error := _error(choice):
        return error
    usage = document.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    field, text = _said(message, expects_json=expects_json)
    return Answer(
        text=text,
        finish=_FINISHES.get(str(choice.get("finish_reason")), "other"),
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
        cost_usd=_price(usage.get("cost")),
        field=field,
    )


def read_error(body: bytes) -> ErrorBody:
    """What an error response says, in whichever form: an object, a string, or no JSON at all."""
    try:
        document = _json_object(body)
    except UnreadableResponseError:
        return ErrorBody(body.decode(errors="replace"))
    nested = _error(document)
    message = document.get("message") or document.get("detail")
    return nested or ErrorBody(message if isinstance(message, str) else _dump(document))


def one_line(message: str) -> str:
    """A message as it is shown. Secrets are taken out before: one that is cut short is no longer recognised."""
    line = " ".join(_whole(message).split())
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[:_LONGEST_MESSAGE]}…"


def _json_object(body: bytes) -> Mapping[str, object]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        said = body.decode(errors="replace")
        raise UnreadableResponseError(f"the response is not JSON; it begins: {said}") from error
    if not isinstance(document, Mapping):
        raise UnreadableResponseError("the response is not a JSON object")
    return document


def _error(document: Mapping[str, object]) -> ErrorBody | None:
    error = document.get("error")
    if isinstance(error, str) and error:
        return ErrorBody(error)
    if not isinstance(error, Mapping):
        return None
    message = " ".join(
        str(part) for part in (error.get("message"), _upstream(error), error.get("code")) if part
    )
    code = error.get("code")
    return ErrorBody(message, code if isinstance(code, int) and 400 <= code < 600 else None)


def _upstream(error: Mapping[str, object]) -> object:
    """What the provider behind a gateway said (OpenRouter keeps it in the metadata)."""
    metadata = error.get("metadata")
    return metadata.get("raw") if isinstance(metadata, Mapping) else None


def _said(message: Mapping[str, object], *, expects_json: bool) -> tuple[str, str]:
    """The field the answer stands in, and the answer. Beside words for us, JSON among thoughts is a draft; free text
    among thoughts always is.
    """
    content = _whole(_flat(message.get("content")).strip())
    refusal = message.get("refusal")
    if not content and isinstance(refusal, str) and refusal.strip():
        return "refusal", _whole(refusal.strip())
    if not expects_json or "{" in content:
        return "content", content
    thoughts = [
        (field, _whole(text)) for field in _THOUGHT_FIELDS if (text := _flat(message.get(field)).strip())
    ]
    answers = [said for said in thoughts if is_json(said[1])]
    if not answers and not content:
        called = _whole(_called(message))
        answers = [said for said in thoughts if "{" in said[1]]
        answers = answers or ([("tool_calls", called)] if called else thoughts)
    return answers[0] if answers else ("content", content)


def _called(message: Mapping[str, object]) -> str:
    """What a model wants to call a tool with: some answer so though none was offered."""
    calls = message.get("tool_calls")
    call = calls[0] if isinstance(calls, list) and calls else None
    function = call.get("function") if isinstance(call, Mapping) else None
    arguments = function.get("arguments") if isinstance(function, Mapping) else None
    return arguments.strip() if isinstance(arguments, str) else ""


def _flat(content: object) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, Mapping))
        return "".join(part for part in parts if isinstance(part, str))
    return ""


def _count(value: object) -> int:
    return value if isinstance(value, int) and 0 < value < _MOST_TOKENS else 0


def _price(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and 0 <= value < _MOST_USD else None


def _whole(text: str) -> str:
    """The text with a question mark for every half of a surrogate pair, which JSON may hold and nothing can encode."""
    return text.encode("utf-8", "replace").decode("utf-8")
