"""Each format holds the timeline's content, and no text in it can act as that format's markup."""

import csv
import io
import re
from dataclasses import replace

import pytest

from analyzer import Chapter, DescribeResult, ObjectsResult, Results
from api.errors import ExportRefusedError
from api.exports import SUFFIXES
from api.exports.rendering import render
from api.exports.wording import clock, cue_span, one_line
from tests.api import handmade


@pytest.mark.parametrize("form", [form for form in SUFFIXES if form != "chapters"])
def test_every_format_holds_every_event(form):
    text = render(handmade.timeline(), form)
    assert "HYPERLINK" in text
    assert "owned" in text
    assert "\x1b[31m" not in text, "no terminal escape gets out"


@pytest.mark.parametrize("form", [form for form in SUFFIXES if form != "chapters"])
def test_a_timeline_without_events_is_told_too(form):
    assert render(replace(handmade.timeline(), events=()), form) is not None


def test_csv_reads_back_and_no_cell_is_a_formula():
    rows = list(csv.DictReader(io.StringIO(render(handmade.timeline(), "csv"))))
    assert [row["id"] for row in rows] == ["e0", "e1"]
    assert rows[0]["description"] == "'" + handmade.FORMULA
    assert (rows[0]["start_seconds"], rows[0]["end_latest_seconds"]) == ("0.0", "25.0")
    assert rows[0]["keyframes"] == "0 1"
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


def test_vtt_has_one_cue_an_event_that_no_text_can_leave():
    text = render(handmade.timeline(), "vtt")
    assert text.startswith("WEBVTT\n\n")
    cues = text.split("\n\n")[1:]
    assert len(cues) == 2
    assert cues[0].splitlines()[:2] == ["e0", "00:00:00.000 --> 00:00:20.000"]
    assert text.count("-->") == 2
    assert "<" not in text


def test_srt_numbers_its_cues_and_no_text_can_leave_one():
    text = render(handmade.timeline(), "srt")
    cues = text.split("\n\n")
    assert [cue.splitlines()[0] for cue in cues] == ["1", "2"]
    assert cues[1].splitlines()[1] == "00:00:10,000 --> 00:00:20,000"
    assert text.count("-->") == 2
    assert not set("<>{}") & set(text.replace("-->", ""))


def test_markdown_tables_keep_their_columns():
    text = render(handmade.timeline(), "md")
    tables = [line for line in text.splitlines() if line.startswith("|")]
    events = [line for line in tables if "0:00.0 – 0:20.0" in line or "0:10.0 – 0:20.0" in line][:2]
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 5 for line in events), events
    assert not re.search(r"(?<!\\)<", text), "no raw HTML"
    assert "| 2 | 0:20.0 – 0:30.0 | cut |" in text


@pytest.mark.parametrize("form", ["table", "md"])
def test_what_is_read_by_people_tells_the_result_of_every_task(form):
    made = handmade.of_every_task("said")
    answer = replace(made.results.ask, question="Who comes in?", answer="A cat does.", reasoning=())
    told = {
        "tags": (replace(made.results.tags[0], tag="indoors"),),
        "objects": ObjectsResult(
            (replace(made.results.objects.tracks[0], label="lamp"),),
            (replace(made.results.objects.relations[0], subject="cat", object="t1"),),
        ),
        "documents": (replace(made.results.documents[0], title="Invoice", markdown="Sum\nfour"),),
        "custom": {"mood": "calm"},
    }
    text = render(replace(made, results=replace(made.results, ask=answer, **told)), form)
    for words in (
        "Who comes in?", "A cat does. (50 % sure) Seen at 0:10.0 – 0:20.0", "review, by the policy said",
        "likelihood",
        "indoors", "cat left of lamp t1", "Document: Invoice", "four", '"mood": "calm"',
    ):  # fmt: skip
        assert words in text.replace("\\", ""), words


@pytest.mark.parametrize("form", ["table", "md"])
def test_parts_that_could_not_be_joined_are_told_one_by_one(form):
    made = handmade.of_every_task("said")
    results = replace(made.results, custom=None, custom_parts=({"mood": "calm"}, {"mood": "tense"}))
    text = render(replace(made, results=results), form).replace("\\", "")
    assert text.index("Custom, part 1") < text.index('"mood": "calm"') < text.index("Custom, part 2")
    assert '"mood": "tense"' in text


def test_an_answer_in_markdown_that_cannot_be_seen_says_so():
    made = handmade.of_every_task("said")
    ask = replace(made.results.ask, not_visible=True, confidence=None, instances=())
    text = render(replace(made, results=replace(made.results, ask=ask)), "md")
    assert "## said\n\nNot visible: said\n\n| step | keyframes |" in text


def test_no_word_of_any_task_breaks_out_of_markdown():
    text = render(handmade.of_every_task(), "md")
    assert not re.search(r"(?<!\\)<", text), "no raw HTML"
    assert "\x1b" not in text
    tables = [part.splitlines() for part in text.split("\n\n") if part.startswith("|")]
    assert len(tables) == 12
    assert all(len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1 for table in tables)


def test_a_terminal_is_not_steered_by_any_task():
    assert "\x1b" not in render(handmade.of_every_task(), "table")


def test_chapters_follow_the_rules():
    assert render(handmade.timeline(40.0), "chapters") == "0:00 cat\n0:10 text\n0:20 Part 3\n0:30 Part 4\n"


def test_parts_too_short_for_a_chapter_join_the_one_before():
    made = handmade.timeline(40.0)
    shots = [
        replace(made.shots[0], end_seconds=4.0),
        replace(made.shots[1], start_seconds=4.0),
        *made.shots[2:],
    ]
    lines = render(replace(made, shots=tuple(shots)), "chapters").splitlines()
    assert [line.split()[0] for line in lines] == ["0:00", "0:20", "0:30"]


def test_chapters_come_from_the_description_where_there_is_one():
    parts = tuple(Chapter(f"Part {i}", "", 20.0 * i, 20.0 * (i + 1)) for i in range(3))
    made = handmade.timeline(60.0)
    made = replace(made, results=replace(made.results, describe=DescribeResult("", parts, ())))
    assert render(made, "chapters") == "0:00 Part 0\n0:20 Part 1\n0:40 Part 2\n"


@pytest.mark.parametrize("seconds", [0.04, 8.0, 29.0])
def test_too_short_a_video_has_no_chapters(seconds):
    with pytest.raises(ExportRefusedError, match="chapters need 3 parts of 10 s or more"):
        render(handmade.timeline(seconds), "chapters")


def test_the_table_tells_what_was_not_looked_at():
    text = render(handmade.timeline(), "table")
    assert "3 of 4 keyframes looked at by by-hand" in text
    assert "not looked at: 0:25.0 – 0:40.0, model failed" in text
    assert max(map(len, text.splitlines())) <= 110


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0:00.0"),
        (59.96, "1:00.0"),
        (1.85, "0:01.9"),
        (61.25, "1:01.3"),
        (3599.99, "1:00:00.0"),
        (36000.04, "10:00:00.0"),
    ],
)
def test_the_clock_carries(seconds, shown):
    assert clock(seconds) == shown


@pytest.mark.parametrize(
    ("start", "end", "shown"),
    [
        (3599.9996, 360000.5, "01:00:00.000 --> 100:00:00.500"),
        (7.5, 7.5, "00:00:07.500 --> 00:00:07.501"),
        (7.4996, 7.5004, "00:00:07.500 --> 00:00:07.501"),
    ],
)
def test_cues_carry_and_last(start: float, end: float, shown: str):
    event = replace(handmade.timeline().events[0], start_seconds=start, end_seconds=end)
    assert cue_span(event, ".") == shown


@pytest.mark.parametrize("start", "=+-@＝＋－＠")
def test_no_cell_of_csv_is_a_formula_in_any_width(start: str):
    timeline = handmade.timeline()
    event = replace(timeline.events[0], description=f"{start}1+1")
    (row,) = csv.DictReader(io.StringIO(render(replace(timeline, events=(event,)), "csv")))
    assert row["description"] == f"'{start}1+1"


def test_one_line_is_one_line():
    assert one_line("a\r\n\u2028b\x00\x1b[2J\u202ec \ud800d") == "a b [2J c d"


@pytest.mark.parametrize("word", ["می\u200cخواهم", "क्\u200dष", "👩\u200d🚀", "❤\ufe0f\u200d🔥"])
def test_joiners_stay_within_words_that_need_them(word):
    assert one_line(f" {word}\n{word} ") == f"{word} {word}"
    loose = f"\u200d{word}\u200c =\u200d1 a\u200db\u200d"
    assert one_line(loose) == f"{word} =1 ab"
    assert one_line(word[0] + "\u200d" * 9 + word[0]) == f"{word[0]}\u200d{word[0]}"
    assert one_line("\u200d") == ""


@pytest.mark.parametrize(
    ("form", "line"), [("table", '\n    "b": 1\n'), ("md", '\n> &nbsp;&nbsp;&nbsp;&nbsp;"b": 1  \n')]
)
def test_what_has_lines_keeps_how_far_in_they_begin(form, line):
    made = handmade.timeline()
    nested = replace(made, results=Results(custom={"a": {"b": 1}}))
    assert line in render(nested, form)
    deep = replace(made, results=Results(custom={"text": " " * 9_999 + "x\n\ty"}))
    assert len(render(deep, form)) < 9_999


def test_a_narrow_terminal_gets_paragraphs_of_whole_words(monkeypatch: pytest.MonkeyPatch):
    made = handmade.of_every_task("said something")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "40")
    text = re.sub(r"\x1b\[[0-9;]*m", "", render(made, "table"))
    assert max(map(len, text.splitlines())) <= 40
    assert "0:10.0 – 0:20.0\n  tag: said something\n  sure: 50 %\n" in text


def test_what_was_looked_at_stands_apart_from_a_long_text():
    made = replace(handmade.timeline(), results=Results(custom={"text": "the end"}))
    assert "the end\n\n3 of 4 keyframes" in render(made, "table")
