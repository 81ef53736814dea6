import base64
import json

import pytest

from analyzer.conversation import Repair
from analyzer.models.openai.dialect import Dialect, adapt
from analyzer.models.openai.wire import (
    Answer,
    ErrorBody,
    UnreadableResponseError,
    one_line,
    packed_body,
    read_error,
    read_response,
    request_body,
)
from tests.analyzer.talk import question

SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


def body_of(asked, dialect=None, **options):
    return request_body(
        asked, model="qwen/qwen3-vl-32b-instruct", dialect=dialect or Dialect(), openrouter=False, **options
    )


def test_what_is_sent_is_the_body_byte_for_byte_whatever_its_texts_hold():
    tricky = '"image_url":{"url":"data:image/jpeg;base64,"} \\"image_url\\" é'
    picture_like = {"image_url": {"url": "data:image/jpeg;base64,"}}
    asked = question(
        1, 2, 3, text=tricky, instructions=tricky,
        schema={"type": "object", "default": picture_like, "additionalProperties": False},
        repair=Repair(tricky, tricky),
    )  # fmt: skip
    for dialect in (Dialect(), Dialect(schema="prompt", system_role=False)):
        options = {"model": "m", "dialect": dialect, "openrouter": True}
        plain = json.dumps(request_body(asked, **options), ensure_ascii=False, separators=(",", ":"))
        assert packed_body(asked, **options) == plain.encode()


def test_instructions_then_labelled_pictures_in_order_then_the_question_again():
    asked = question(7, 8, schema=SCHEMA, instructions="Rules.", text="What happens?")
    system, user = body_of(asked)["messages"]
    assert system == {"role": "system", "content": "Rules."}
    parts = [part.get("text") or part["image_url"]["url"] for part in user["content"]]
    pictures = [
        "data:image/jpeg;base64," + base64.b64encode(keyframe.jpeg).decode() for keyframe in asked.keyframes
    ]
    assert parts == [
        "What happens?",
        "Frame 7 <7.0 seconds>",
        pictures[0],
        "Frame 8 <8.0 seconds>",
        pictures[1],
        "What happens?",
    ]


def test_the_schema_is_strict_and_named_after_the_task():
    body = body_of(question(0, schema=SCHEMA, id="events.b3"))
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "events", "strict": True, "schema": SCHEMA},
    }
    assert body["temperature"] == 0
    assert body["model"] == "qwen/qwen3-vl-32b-instruct"
    assert body["stream"] is False
    assert "provider" not in body


@pytest.mark.parametrize("form", ["json_object", "prompt"])
def test_without_schema_support_the_schema_is_told_in_words(form):
    body = body_of(question(0, schema=SCHEMA), Dialect(schema=form))
    assert json.dumps(SCHEMA, separators=(",", ":")) in body["messages"][1]["content"][-1]["text"]
    assert body.get("response_format") == ({"type": "json_object"} if form == "json_object" else None)


def test_openrouter_is_asked_to_route_to_what_knows_our_parameters_and_to_report_the_cost():
    body = request_body(question(0), model="m", dialect=Dialect(), openrouter=True)
    assert body["provider"] == {"require_parameters": True}
    assert body["usage"] == {"include": True}


def test_a_repair_shows_the_answer_and_what_was_wrong_with_it():
    body = body_of(question(0, repair=Repair("{]", "That is not JSON.")))
    assert body["messages"][-2:] == [
        {"role": "assistant", "content": "{]"},
        {"role": "user", "content": "That is not JSON."},
    ]


def test_without_a_system_role_the_instructions_open_the_only_message():
    (user,) = body_of(question(0, instructions="Rules."), Dialect(system_role=False))["messages"]
    assert user["content"][0]["text"].startswith("Rules.\n\n")


def test_a_question_about_text_alone_is_asked_once():
    _system, user = body_of(question(text="Sum up."))["messages"]
    assert user["content"] == [{"type": "text", "text": "Sum up."}]


def completion(message, **more):
    return json.dumps({"choices": [{"message": message, "finish_reason": "stop"}], **more}).encode()


@pytest.mark.parametrize(
    "message",
    [
        {"content": '{"a": 1}'},
        {"content": [{"type": "text", "text": '{"a": '}, {"type": "text", "text": "1}"}]},
        {"content": None, "reasoning_content": '{"a": 1}'},
        {"content": "", "thinking": '{"a": 1}'},
        {"content": "", "reasoning": '{"a": 1}'},
        {"content": "All done.", "thinking": '{"a": 1}'},
        {"content": None, "tool_calls": [{"type": "function", "function": {"arguments": '{"a": 1}'}}]},
        {"content": '{"a": 1}', "reasoning_content": 'Perhaps {"a": 2}?'},
        {"content": "", "reasoning": 'Perhaps {"a": 2}?', "thinking": '{"a": 1}'},
    ],
)
def test_the_answer_is_found_in_whichever_field_it_stands(message):
    answer = read_response(completion(message), expects_json=True)
    assert isinstance(answer, Answer)
    assert answer.text == '{"a": 1}'


def test_who_refuses_says_so_and_a_filter_is_told_from_an_end():
    told = [{"message": {"content": None, "refusal": "I cannot help with that."}, "finish_reason": "stop"}]
    for expects_json in (True, False):
        answer = read_response(json.dumps({"choices": told}).encode(), expects_json=expects_json)
        assert (answer.field, answer.text) == ("refusal", "I cannot help with that.")
    kept = [{"message": {"content": None}, "finish_reason": "content_filter"}]
    answer = read_response(json.dumps({"choices": kept}).encode(), expects_json=True)
    assert (answer.text, answer.finish) == ("", "filtered")


@pytest.mark.parametrize("calls", [None, [], [1], [{"function": None}], [{"function": {"arguments": 1}}]])
def test_a_call_without_arguments_says_nothing(calls):
    said = [{"message": {"content": None, "tool_calls": calls}}]
    assert read_response(json.dumps({"choices": said}).encode(), expects_json=True).text == ""


def test_json_among_thoughts_is_no_answer_beside_words_that_are():
    refused = {"content": "I'm sorry, I can't help with that.", "reasoning_content": 'They want {"a": 1} but'}
    answer = read_response(completion(refused), expects_json=True)
    assert (answer.field, answer.text) == ("content", refused["content"])
    fenced = {"content": "All done.", "reasoning_content": '```json\n{"a": 1}\n```'}
    assert read_response(completion(fenced), expects_json=True).field == "reasoning_content"


@pytest.mark.parametrize("content", [None, "", "# Report"])
def test_free_text_is_never_what_was_thought(content):
    said = {"content": content, "reasoning_content": "They want a report."}
    answer = read_response(completion(said), expects_json=False)
    assert (answer.field, answer.text) == ("content", content or "")


def test_tokens_and_cost_are_the_servers_own():
    usage = {"prompt_tokens": 3000, "completion_tokens": 200, "cost": 0.0012}
    answer = read_response(completion({"content": "x"}, usage=usage), expects_json=False)
    assert answer == Answer("x", "stop", 3000, 200, 0.0012)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None, "cost": "much"}, {"prompt_tokens": -1}])
def test_a_server_that_counts_nothing_is_believed_to_have_counted_nothing(usage):
    answer = read_response(completion({"content": "x"}, usage=usage), expects_json=False)
    assert (answer.input_tokens, answer.output_tokens, answer.cost_usd) == (0, 0, None)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"choices": []}', b'{"choices": [7]}', b'{"choices": [{"text": "x"}]}'],
)
def test_what_is_no_completion_is_said_to_be_none(body):
    with pytest.raises(UnreadableResponseError):
        read_response(body, expects_json=True)


def test_an_error_under_status_200_is_an_error():
    body = b'{"error": {"code": 429, "message": "Provider busy", "metadata": {"raw": "slow down"}}}'
    assert read_response(body, expects_json=True) == ErrorBody("Provider busy slow down 429", 429)
    inside = b'{"choices": [{"error": {"code": 502, "message": "gone"}, "message": {"content": ""}}]}'
    assert read_response(inside, expects_json=True) == ErrorBody("gone 502", 502)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{\"error\": \"'response_format.type' must be 'text'\"}", "'response_format.type' must be 'text'"),
        (b'{"object": "error", "message": "At most 1 image(s)", "code": 400}', "At most 1 image(s)"),
        (b'{"detail": "Not Found"}', "Not Found"),
        (b"<html>\n <b>Bad   gateway</b>", "<html> <b>Bad gateway</b>"),
        (b"x" * 5000, "x" * 300 + "…"),
        (b"\xff", "\ufffd"),
    ],
)
def test_every_form_of_error_becomes_one_line(body, message):
    assert one_line(read_error(body).message) == message


@pytest.mark.parametrize(
    ("status", "message", "better"),
    [
        (400, "'response_format.type' must be 'json_schema' or 'text'", Dialect(schema="json_object")),
        (404, "No endpoints found that can handle the requested parameters.", Dialect(schema="json_object")),
        (400, "failed to parse grammar", Dialect(schema="json_object")),
        (400, "Use 'max_completion_tokens' instead.", Dialect(output_limit="max_completion_tokens")),
        (400, "Unsupported value: 'temperature'", Dialect(temperature=False)),
        (400, "System role not supported", Dialect(system_role=False)),
        (400, "At most 1 image(s) may be provided", None),
        (404, "The model `x` does not exist", None),
        (429, "response_format of this provider is rate limited", None),
    ],
)
def test_a_refusal_teaches_what_the_server_understands(status, message, better):
    assert adapt(Dialect(), status, message) == better


@pytest.mark.parametrize(
    ("message", "most"),
    [
        (
            "max_tokens is too large: 4096. This model supports at most 2048 completion tokens, whereas you "
            "provided 4096. invalid_value",
            2048,
        ),
        ("max_tokens: 8192 > 4096, which is the maximum allowed number of output tokens for claude-3", 4096),
        ("`max_tokens` must be less than or equal to `1024`, the maximum value for `max_tokens`", 1024),
        ("Invalid max_tokens value, the valid range of max_tokens is [1, 2000]", 2000),
        ("max_tokens is too large 400", None),
        ("max_tokens must be at least 16", None),
        ("max_tokens is too large: 4096. This model's maximum context length is 8192 tokens", None),
        ("At most 4 image(s) may be provided in one prompt.", None),
    ],
)
def test_how_long_an_answer_may_be_is_learned(message, most):
    better = adapt(Dialect(), 400, message)
    assert better == (most and Dialect(most_output_tokens=most))
    if better:
        body = body_of(question(0, max_output_tokens=4096), better)
        assert body["max_tokens"] == most
        assert body_of(question(0, max_output_tokens=16), better)["max_tokens"] == 16
        assert adapt(better, 400, message) is None


def test_learning_ends():
    dialect, steps = Dialect(), 0
    while better := adapt(
        dialect,
        400,
        "response_format max_completion_tokens at most 99 temperature system role not supported",
    ):
        dialect, steps = better, steps + 1
    assert dialect == Dialect(
        "prompt", "max_completion_tokens", temperature=False, system_role=False, most_output_tokens=99
    )
    assert steps == 6
