import json
import math

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from analyzer.conversation import Reply
from analyzer.errors import UnusableAnswerError
from analyzer.parsing import (
    Confidence,
    Frame,
    GridBox,
    Line,
    Verbatim,
    is_templated,
    printable,
    read,
    read_text,
    refuse_loops,
    scrub,
    strict_schema,
)
from analyzer.types import Usage


class Row(BaseModel):
    frame: Frame
    label: Line
    text: Verbatim = ""
    confidence: Confidence = None
    box: GridBox | None = None


class Rows(BaseModel):
    """Said to those who read the code."""

    rows: list[Row]


def reply(value, finish="stop", field="content"):
    return Reply(value if isinstance(value, str) else json.dumps(value), Usage(), finish, field)


def read_row(**fields):
    return read(reply({"rows": [{"frame": 3, "label": "cup"} | fields]}), Rows, range(3, 9)).rows[0]


def test_an_answer_at_the_length_limit_is_told_to_be_shorter():
    with pytest.raises(UnusableAnswerError, match="cut off at the length limit"):
        read(reply('{"rows": [', "length"), Rows, range(3))


DRAFT = 'If nothing I answer {"rows": []}. Frame 2 shows a gun, so'


@pytest.mark.parametrize(
    ("text", "finish", "field"),
    [
        (f"<think>{DRAFT}", "length", "content"),
        (f"<think>{DRAFT}", "stop", "content"),
        (DRAFT, "length", "content"),
        (DRAFT, "length", "reasoning_content"),
        (DRAFT, "stop", "reasoning_content"),
        (DRAFT, "other", "thinking"),
    ],
)
def test_a_draft_in_a_thought_that_breaks_off_is_no_answer(text, finish, field):
    with pytest.raises(UnusableAnswerError):
        read(reply(text, finish, field), Rows, range(3))


@pytest.mark.parametrize(
    "text", ['{"rows": []}', '```json\n{"rows": []}\n```', '<think>{"rows": 1} or</think>{"rows": []}']
)
def test_an_answer_that_was_complete_at_the_length_limit_is_taken(text):
    assert read(reply(text, "length"), Rows, range(3)).rows == []
    assert (
        read(reply(f'At first {{"rows": [7]}}. Now: {text}', "stop", "thinking"), Rows, range(3)).rows == []
    )


@given(st.integers())
def test_frames_outside_the_batch_are_refused(number):
    shown = range(3, 9)
    if number in shown:
        assert read_row(frame=number).frame == number
    else:
        with pytest.raises(
            UnusableAnswerError, match=f"rows.0.frame: frame {number} was not shown; .* 3 to 8"
        ):
            read_row(frame=number)


@pytest.mark.parametrize("said", ["4", "Frame 4", "frame #4", "Frame 4 <3.5 seconds>"])
def test_a_frame_may_be_named_as_it_was_announced(said):
    assert read_row(frame=said).frame == 4


@pytest.mark.parametrize("said", ["00:04", "4s", "4-5", "Frame 99", "Frame 4 to 5"])
def test_times_and_ranges_are_no_frames(said):
    with pytest.raises(UnusableAnswerError, match=r"number that stands behind|was not shown"):
        read_row(frame=said)


def test_numbers_and_nothing_at_all_are_texts_where_texts_are_asked_for():
    row = read_row(label=3, text=12.5)
    assert (row.label, row.text) == ("3", "12.5")
    assert read_row(text=None).text == ""
    with pytest.raises(UnusableAnswerError, match="text"):
        read_row(text=True)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            reply("I'm sorry, I cannot do that.", field="refusal"),
            "model refuses: I'm sorry, I cannot do that.",
        ),
        (reply("", "filtered"), "content filter keeps"),
        (reply("I'm sorry, <b>I</b> cannot."), "no JSON .* it begins: I'm sorry, I cannot."),
    ],
)
def test_who_will_not_answer_is_quoted(answer, told):
    with pytest.raises(UnusableAnswerError, match=told):
        read(answer, Rows, range(3))


def test_a_refusal_is_no_free_text():
    with pytest.raises(UnusableAnswerError, match="model refuses"):
        read_text(reply("I'm sorry.", field="refusal"))


def test_complaints_name_the_places_and_stay_short():
    rows = [{"frame": 99}] * 20
    with pytest.raises(UnusableAnswerError) as caught:
        read(reply({"rows": rows}), Rows, range(3))
    assert "rows.0.label: Field required" in str(caught.value)
    assert str(caught.value).endswith("and 35 more")
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("said", "read_as"),
    [(0.5, 0.5), (90, 0.9), (1, 1.0), (None, None), (0, 0.0), ("0.4", 0.4), (1.0001, 1.0), ("95 %", 0.95)],
)
def test_confidence_is_a_share(said, read_as):
    assert read_row(confidence=said).confidence == read_as


@pytest.mark.parametrize("said", [-1, 101, math.nan, math.inf, "high", 1.5, 9, "101%"])
def test_impossible_confidence_is_refused(said):
    with pytest.raises(UnusableAnswerError, match="confidence"):
        read_row(confidence=said)


@pytest.mark.parametrize(
    ("grid", "box"),
    [
        ([0, 0, 1000, 1000], (0, 0, 1, 1)),
        ([100, 250, 500, 750], (0.1, 0.25, 0.5, 0.75)),
        ([500, 750, 100, 250], (0.1, 0.25, 0.5, 0.75)),
        ([-20, 900, 500, 1010], (0, 0.9, 0.5, 1)),
        ([0, 0, 1, 2], (0, 0, 0.001, 0.002)),
    ],
)
def test_boxes_come_on_a_grid_of_a_thousand(grid, box):
    assert read_row(box=grid).box == pytest.approx(box)


@pytest.mark.parametrize(
    "grid", [[1, 2, 3], [5, 5, 5, 9], [0, 0, math.nan, 5], ["a", 0, 1, 1], [0, 0, 10**400, 1]]
)
def test_impossible_boxes_are_refused(grid):
    with pytest.raises(UnusableAnswerError, match="box"):
        read(reply(json.dumps({"rows": [{"frame": 3, "label": "x", "box": grid}]})), Rows, range(9))


@pytest.mark.parametrize("shares", [(0.1, 0.2, 0.5, 0.6), (0.0, 0.0, 1.0, 1.0)])
def test_boxes_in_shares_are_told_by_their_size(shares):
    assert read_row(box=list(shares)).box == shares
    assert read_row(box=[1000 * corner for corner in shares]).box == pytest.approx(shares)


@pytest.mark.parametrize(
    "other",
    [[800, 200, 1800, 1000], [0, -300, 500, 500], [10, 10, 1051, 20], [-300, 0, 1, 1]],
)
def test_boxes_in_pixels_are_refused_and_not_misplaced(other):
    with pytest.raises(UnusableAnswerError, match=r"not on the grid; give .* on a grid of 0 to 1000"):
        read_row(box=other)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("<script>alert(1)</script>A <b>red</b> cup", "alert(1) A red cup"),
        ("cup <|im_end|> x", "cup x"),
        ("look ![x](http://evil/?a) here", "look here"),
        ("a\x1b[31mb\x00\u202ec\u200bd", "a[31mbcd"),
        ("two\n\n lines\t", "two lines"),
        ("3 < 5 and 7 > 2", "3 < 5 and 7 > 2"),
    ],
)
def test_prose_is_scrubbed(text, clean):
    assert scrub(text) == clean


def test_text_in_pictures_keeps_what_looks_like_markup():
    assert read_row(text="<b>SALE</b>\x07\nnow").text == "<b>SALE</b>\nnow"


@given(st.text() | st.text("a\u200c\u200d\u0301é\u212aم "))
def test_scrubbing_is_done_once_and_for_all(text):
    assert printable(printable(text)) == printable(text)
    assert all(c.isprintable() or c.isspace() or c in "\u200c\u200d" for c in scrub(text))


def test_long_texts_are_cut():
    label = read_row(label="word " * 100).label
    assert len(label) <= 120
    assert label.endswith("…")


def test_the_schema_that_is_sent_is_strict_all_the_way_down():
    schema = strict_schema(Rows)
    jsonschema.Draft202012Validator.check_schema(schema)
    row = schema["properties"]["rows"]["items"]
    assert row["required"] == ["frame", "label", "text", "confidence", "box"]
    assert row["additionalProperties"] is False
    assert schema["additionalProperties"] is False
    text = json.dumps(schema)
    for keyword in (
        "Said to those",
        "$ref",
        "$defs",
        "title",
        "default",
        "minimum",
        "maxLength",
        "prefixItems",
    ):
        assert keyword not in text


def test_loops_are_refused_and_repetition_is_not():
    cup, plate = ((1, 2), "cup", "x"), ((1, 2), "plate", "x")
    refuse_loops([cup, plate] * 9)
    refuse_loops([cup] * 3)
    with pytest.raises(UnusableAnswerError, match=r"\('cup'\) is repeated 4 times"):
        refuse_loops([plate, *[cup] * 4])


def test_what_comes_and_goes_is_no_loop_unless_its_stretches_lie_over_one_another():
    refuse_loops([((n, n + 1), "cup") for n in range(0, 40, 2)])
    refuse_loops([((n, n + 1), "cup") for n in range(20)])
    refuse_loops([((), "cup")] * 9)
    with pytest.raises(UnusableAnswerError, match="repeated 5 times in a row for the same frame"):
        refuse_loops([(range(n, n + 5), "cup") for n in range(20)])
    with pytest.raises(UnusableAnswerError, match="repeated 4 times"):
        refuse_loops([((n % 5,), "cup") for n in range(20)])


def test_counted_out_answers_are_noticed():
    assert is_templated([(n, n, f"Scene {n}") for n in range(10)])
    assert not is_templated([(n, n, f"Scene {n}") for n in range(5)])
    assert not is_templated([(n, n, f"Scene {n}" if n % 3 else "A cup") for n in range(10)])
    assert not is_templated([(n, n + n % 2, f"Scene {n}") for n in range(10)])


def test_joiners_stay_within_words_that_need_them():
    for word in ("می\u200cخواهم", "क्\u200dष", "👩\u200d🚀"):
        assert scrub(f"\u200d{word}\u200c <\u200db>x\u200dy") == f"{word} xy"
        assert printable(f"{word}\n{word}\u200d") == f"{word}\n{word}"
