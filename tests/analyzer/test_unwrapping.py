import json
import re
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.errors import UnusableAnswerError
from analyzer.unwrapping import find_json, is_json, without_fence

SAID = {"events": [{"a": 1}], "summary": "{x} ``` <think>"}
objects = st.dictionaries(
    st.text(string.ascii_letters, max_size=5), st.none() | st.integers() | st.text(max_size=8), min_size=1
)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(SAID),
        f"```json\n{json.dumps(SAID, indent=2)}\n```",
        f"```\n{json.dumps(SAID)}\n```",
        f"Sure! Here you are:\n```json\n{json.dumps(SAID)}\n```\nAnything else?",
        f"The answer is {json.dumps(SAID)} as I see it.",
        f'<think>Perhaps {{"events": []}}?</think>\n{json.dumps(SAID)}',
        f'I first thought {{"a": 1}} but it is {json.dumps(SAID)}.',
        f"\ufeff {json.dumps(SAID)}\n\n",
    ],
)
def test_the_json_is_found_bare_fenced_and_among_chatter(text):
    assert find_json(text.replace("\ufeff", "")) == SAID


@given(objects, st.text(alphabet=string.ascii_letters + " .,!\n`", max_size=40))
def test_json_is_found_in_any_chatter_without_braces(said, chatter):
    assert find_json(f"{chatter}\n{json.dumps(said)}\n{chatter}") == said


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "there is no JSON"),
        ("I cannot see any picture.", "there is no JSON"),
        ("[1, 2]", "there is no JSON"),
        ('{"events": [{"first_frame": 1, "la', "breaks off"),
        ('{"events": [{"first_frame": 1, "last_frame": 2}, {"first_fra', "breaks off"),
        ('{"summary": "whole", "fields": {"mood": "dark"}, "count": 1', "breaks off"),
        ("{" * 100_000, "breaks off"),
        ("[" * 100_000, "there is no JSON"),
        ('{"a":' * 5_000, "breaks off"),
        (f'{{"a": {"9" * 5_000}}}', "not valid"),
        (f'Here it is: {{"a": {"9" * 5_000}}}', "not valid"),
    ],
)
def test_what_holds_no_json_is_refused_with_a_complaint(text, complaint):
    with pytest.raises(UnusableAnswerError, match=complaint):
        find_json(text)


def test_an_object_that_was_complete_before_another_broke_off_is_the_answer():
    assert find_json('{"rows": []} and once more: {"rows": [{"frame": 1}, {"fr') == {"rows": []}


def test_a_model_stuck_in_thought_is_read_in_one_pass():
    """The text is cut at 400,000 characters; looking from each of its 57,000 beginnings for an end took minutes."""
    began = time.perf_counter()
    with pytest.raises(UnusableAnswerError):
        find_json("<think>" * 100_000)
    assert time.perf_counter() - began < 5
    assert find_json("<think>a<think>b</think>{}<THINKING>{</thinking>") == {}


@pytest.mark.parametrize(
    "text",
    [
        'Perhaps {"a": 1, "long": "draft"}?\n</think>\n{"a": 2}',
        '<think>One { more.</think>{"a": 2}<think>Or {"a": 3, "b": 4}, as',
        '<thinking>{"a": 1}</thinking> {"a": 2} <think>',
    ],
)
def test_drafts_in_thoughts_without_a_beginning_or_an_end_are_no_answers(text):
    assert find_json(text) == {"a": 2}


@pytest.mark.parametrize("mark", ["<think>", "</think>", "</think> {", "<think>a</think>"])
def test_marks_in_the_strings_of_an_answer_begin_and_end_no_thought(mark):
    said = {"text": mark, "b": [mark]}
    assert find_json(json.dumps(said)) == said
    assert find_json(f"<think>{{}}</think> Here: {json.dumps(said)} <think>Well, {{") == said


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("```\na\n```", "a"),
        (" ```markdown\n# A\n\n```python\nb\n```\n```\n", "# A\n\n```python\nb\n```"),
        ("```xml\n<a/>\n```\nand\n```xml\n<b/>\n```", "```xml\n<a/>\n```\nand\n```xml\n<b/>\n```"),
        ("````\n```\na\n````", "````\n```\na\n````"),
        ("a\n```\nb\n```", "a\n```\nb\n```"),
        ("```", "```"),
        ("", ""),
    ],
)
def test_one_fence_around_everything_is_taken_off(text, bare):
    assert without_fence(text) == bare


@pytest.mark.parametrize(
    ("text", "is_it"),
    [
        (' {"a": 1} ', True),
        ('```json\n{"a": 1,}\n```', True),
        ('Here: {"a": 1}', False),
        ('{"a": 1} {"a": 2}', False),
        ('{"a": ', False),
        ("[1]", False),
        ("", False),
    ],
)
def test_json_and_nothing_else_is_told_from_text_with_json_in_it(text, is_it):
    assert is_json(text) == is_it


def test_half_a_character_does_not_come_in():
    assert find_json('{"a": "\\ud800", "b": "\\ud83d\\ude00"}') == {"a": "?", "b": "😀"}


TRICKY = st.text(st.sampled_from('ab",:/*\\[]{} \n<>`'), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TRICKY,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TRICKY, inner, max_size=3),
    max_leaves=12,
)
DEEP = st.dictionaries(TRICKY, VALUES, min_size=1, max_size=4)
COMMENTS = st.sampled_from(['// "it" is {so,', "/* , */", "/* // ] */", '/* "\n} */', ""])


def slipshod(said, comment):
    """As people write JSON: in every line a comment, and a comma behind the last of several entries."""
    commas = re.sub(r"([^\s\[{,])\n(\s*[\]}])", r"\1,\n\2", json.dumps(said, indent=1))
    return commas.replace("\n", f" {comment}\n")


@given(DEEP, COMMENTS)
def test_commas_and_comments_that_json_does_not_know_change_nothing(said, comment):
    assert find_json(slipshod(said, comment)) == said
    assert find_json(f"Here: {slipshod(said, comment)} That is it.") == said


@given(DEEP, st.data())
def test_no_piece_of_an_object_that_breaks_off_is_the_answer(said, data):
    whole = json.dumps(said)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(UnusableAnswerError):
        find_json(cut)
    with pytest.raises(UnusableAnswerError):
        find_json(f"Here it is: {cut}")


@pytest.mark.parametrize(
    "text",
    [
        '{"people": [{"name": "Ann"}, {"name": "Bob"}], "name": all}',
        '{"people": [{"name": "Ann"}] "name": "all"}',
        '{"people": [{"name": "Ann"},, {"name": "Bob"}]}',
        '{\'people\': [], "inner": {"name": "Ann"}}',
        f'Here: {{"count": {"9" * 5_000}, "inner": {{"name": "Ann"}}}}',
        '{"findings": [,]}',
        '{"findings": [ , ]}',
        "{,}",
    ],
)
def test_no_piece_of_an_object_that_is_not_valid_is_the_answer(text):
    with pytest.raises(UnusableAnswerError, match="not valid"):
        find_json(text)
    assert find_json(f'{text} No: {{"name": "all"}}') == {"name": "all"}


@pytest.mark.parametrize(
    "text",
    [
        '{"' + '\\"' * 200_000,
        "{" + "/*" * 200_000,
        '{"a": [' + "1 , " * 100_000,
        "{" * 400_000,
        "{x}" * 130_000 + "</think>",
        "{x}</think>" * 36_000,
    ],
    ids=len,
)
def test_what_is_not_valid_is_gone_through_a_few_times_only(text):
    began = time.perf_counter()
    with pytest.raises(UnusableAnswerError):
        find_json(text)
    assert time.perf_counter() - began < 5
