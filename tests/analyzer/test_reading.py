"""Lines of single keyframes fused into texts."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from analyzer.findings import Findings
from analyzer.reading import Passage, gather, resembles
from analyzer.timeline import Axis
from tests.analyzer.scenes import Box, found, plan

TOP: Box = (0.1, 0.1, 0.6, 0.16)
LOW: Box = (0.2, 0.85, 0.8, 0.91)


def texts(*findings: Findings, gradual: bool = False) -> tuple[Passage, ...]:
    times = list(range(len(findings)))
    shots = {1: {"transition": "gradual"}} if gradual else {}
    made = plan(times, cuts=[1.4] if gradual else [], duration=len(times), shots=shots)
    return gather(findings, Axis(made, range(len(findings))))


def read(readings: Sequence[tuple[str, float]], cuts: Sequence[float] = ()) -> tuple[Passage, ...]:
    """One reading a second, all in one place."""
    made = plan(list(range(len(readings))), cuts=cuts, duration=len(readings))
    seen = [line(n, (text, TOP, sureness)) for n, (text, sureness) in enumerate(readings)]
    return gather(seen, Axis(made, range(len(readings))))


def line(frame: int, *lines: tuple[str, Box, float]) -> Findings:
    return found(frame, text=lines)


def test_readings_that_differ_a_little_are_one_text_in_its_best_reading() -> None:
    (passage,) = texts(
        line(0, ("Hel1o wor1d", TOP, 0.86)),
        line(1, ("Hello world", TOP, 0.99)),
        line(2, ("Hello world", TOP, 0.97)),
    )
    assert (passage.text, passage.frames, passage.confidence) == ("Hello world", (0, 1, 2), 0.99)


def test_a_space_that_is_seen_on_one_keyframe_is_there() -> None:
    (passage,) = read([("THE END", 0.93), ("THEEND", 1.0), ("THEEND", 1.0)])
    assert passage.text == "THE END"


def test_another_text_in_the_same_place_is_another() -> None:
    seen = texts(*(line(n, ("First caption" if n < 2 else "What follows it", LOW, 0.99)) for n in range(4)))
    assert [(one.text, one.frames) for one in seen] == [
        ("First caption", (0, 1)),
        ("What follows it", (2, 3)),
    ]


@pytest.mark.parametrize("cuts", [[], [1.5, 3.5]])
@pytest.mark.parametrize(
    "captions",
    [
        ("Sales figures for Germany", "Sales figures for Hungary", "Sales figures for Norway"),
        ("Anna Miller, Professor", "Anne Mills, Professor", "Anna Mills, Professor"),
        ("Price now 19.99 dollars", "Price now 24.99 dollars", "Price now 9.99 dollars"),
        ("Question 1", "Question 2", "Question 3"),
        ("Gate 1", "Gate 10", "Gate 100"),
    ],
)
def test_captions_of_one_form_are_texts_of_their_own(captions: tuple[str, ...], cuts: list[float]) -> None:
    seen = read([(captions[n // 2], 0.99) for n in range(6)], cuts)
    assert [(one.text, one.frames) for one in seen] == [
        (caption, (2 * n, 2 * n + 1)) for n, caption in enumerate(captions)
    ]


def test_after_a_cut_only_the_same_text_is_the_same_however_unsure_its_reading() -> None:
    names = [("Anna Miller", 0.99), ("Anna Miller", 0.99), ("Anne Miller", 0.9), ("Anne Miller", 0.9)]
    assert [one.text for one in read(names, [1.5])] == ["Anna Miller", "Anne Miller"]
    assert [one.text for one in read(names, [])] == ["Anna Miller"]


def test_of_captions_of_one_form_the_first_that_returns_is_the_same_text() -> None:
    captions = ["Sales figures for Germany", "Sales figures for Hungary", "Sales figures for Germany"]
    seen = read([(captions[n // 2], 0.99) for n in range(6)], [1.5, 3.5])
    assert [(one.text, one.frames) for one in seen] == [(captions[0], (0, 1, 4, 5)), (captions[1], (2, 3))]


def test_pages_of_one_form_keep_their_lines() -> None:
    def page(number: int) -> list[tuple[str, Box, float]]:
        return [
            (f"Line {n} of page {number} holds words", (0.1, 0.02 + 0.05 * n, 0.6, 0.06 + 0.05 * n), 0.99)
            for n in range(8, 13)
        ]

    made = plan([0, 1, 2], cuts=[0.5, 1.5], duration=3)
    seen = gather([line(n, *page(n + 1)) for n in range(3)], Axis(made, range(3)))
    assert [(one.text, one.frames) for one in seen] == [
        (row[0], (n,)) for n in range(3) for row in page(n + 1)
    ]


@pytest.mark.parametrize("slip", ["Attenti0n is all", "Attention isall you", "Attenton is all"])
def test_what_is_misread_once_is_no_text_however_sure_its_reading(slip: str) -> None:
    seen = read([(slip if n == 2 else "Attention is all", 0.99) for n in range(5)])
    assert [(one.text, one.frames) for one in seen] == [("Attention is all", (0, 1, 2, 3, 4))]


def test_two_lines_read_as_one_are_no_text() -> None:
    seen = read([("We scale quadratically", 0.99)] * 3 + [("We scale quadratically, right?", 0.98)])
    assert [one.text for one in seen] == ["We scale quadratically"]


def test_a_line_that_is_being_typed_is_one_text_and_told_as_a_whole() -> None:
    seen = read([("Somebody", 0.999), ("Somebody is", 0.99), ("Somebody is typing", 0.98)])
    assert [(one.text, one.frames) for one in seen] == [("Somebody is typing", (0, 1, 2))]


def test_the_clock_in_the_overlay_of_a_camera_is_one_text() -> None:
    (passage,) = read([(f"Camera 4, parking north gate 12:03:4{n}", 0.99) for n in range(6)])
    assert passage.text == "Camera 4, parking north gate 12:03:40 … Camera 4, parking north gate 12:03:45"


def test_a_clock_runs_on_when_a_digit_of_it_is_not_seen() -> None:
    values = ["0:00:59", "0:00:58", "0:00:5", "0:00:56", "0:00:55", "0:00:54"]
    (passage,) = read([(value, 0.99) for value in values])
    assert passage.text == "0:00:59 … 0:00:54"


def test_the_same_text_shown_again_is_the_same_text() -> None:
    there = {0, 1, 8, 9}
    (passage,) = texts(*(line(n, *([("Chapter one", TOP, 0.99)] if n in there else [])) for n in range(10)))
    assert passage.frames == (0, 1, 8, 9)


def test_a_text_that_scrolls_is_one_text() -> None:
    (passage,) = texts(
        *(line(n, ("Directed by nobody", (0.2, 0.8 - 0.2 * n, 0.8, 0.86 - 0.2 * n), 0.99)) for n in range(4))
    )
    assert passage.frames == (0, 1, 2, 3)


def test_a_ticker_is_one_text_while_it_comes_in_and_goes_out() -> None:
    shown = [("Storm wa", 0.8), ("Storm warning for the coast", 0.4), ("orm warning for the coast", 0.0)]
    shown += [("ing for the coast", 0.0), ("the coast", 0.0), ("oast", 0.0)]
    crawl = [
        line(n, (text, (x, 0.9, min(1.0, x + 0.02 * len(text) + 0.04), 0.96), 0.99))
        for n, (text, x) in enumerate(shown)
    ]
    (passage,) = texts(*crawl)
    assert (passage.text, passage.frames) == ("Storm warning for the coast", (0, 1, 2, 3, 4, 5))


def test_a_letter_that_the_edge_goes_through_makes_no_other_text() -> None:
    """The camera comes closer to a sign that grows out of the picture."""
    signs = [
        ("Grand exhibition", 0.05),
        ("Grand exhibition", 0.04),
        ("irand exhibition", 0.0),
        ("and exhibition", 0.0),
    ]
    (passage,) = texts(*(line(n, (text, (x, 0.4, 0.9, 0.5), 0.97)) for n, (text, x) in enumerate(signs)))
    assert (passage.text, passage.frames) == ("Grand exhibition", (0, 1, 2, 3))


def test_a_short_text_away_from_the_edge_is_no_part_of_a_longer_one() -> None:
    seen = [("Storm warning for the coast", 0.3), ("coast", 0.3), ("coast", 0.3)]
    parts = texts(*(line(n, (text, (x, 0.9, 0.8, 0.96), 0.99)) for n, (text, x) in enumerate(seen)))
    assert [one.text for one in parts] == ["Storm warning for the coast", "coast"]


def test_a_clock_is_one_text_however_often_it_ticks() -> None:
    (passage,) = texts(*(line(n, (f"0:00:{59 - n}", TOP, 0.99)) for n in range(30)))
    assert passage.running
    assert passage.text == "0:00:59 … 0:00:30"
    assert len(passage.frames) == 30


def test_a_misread_clock_does_not_spoil_its_ends() -> None:
    values = ["0:00:59", "0:00:58", "0:00:57", "0:00:56", "0:00:55", "0:08:54"]
    (passage,) = texts(*(line(n, (value, TOP, 0.99)) for n, value in enumerate(values)))
    assert passage.text == "0:00:59 … 0:00:55"


def test_the_number_of_a_page_is_no_counter_and_the_next_page_another_text() -> None:
    pages = [f"Quarterly report, page {n}" for n in range(1, 5)]
    for cuts in ([0.5, 1.5, 2.5], []):
        seen = read([(page, 0.99) for page in pages], cuts)
        assert [(one.text, one.running) for one in seen] == [(page, False) for page in pages]


@pytest.mark.parametrize(
    ("container", "values", "running"),
    [
        ("pdf", ("1 / 9", "2 / 9", "5 / 9", "6 / 9"), False),
        ("pdf", ("2019", "2020", "2021", "2022"), False),
        ("pictures", ("11", "12", "15", "16"), False),
        ("pictures", ("- 17 -", "- 18 -", "- 27 -", "- 22 -"), False),
        ("pictures", ("12:30:07", "12:30:08", "12:30:11", "12:30:12"), True),
        ("mp4", ("11", "12", "15", "16"), True),
    ],
)
def test_the_numbers_of_sheets_are_no_counter(
    container: str, values: tuple[str, ...], *, running: bool
) -> None:
    made = plan([0, 1, 4, 5], duration=9)
    sheets = tuple(replace(one, pts=sheet) for one, sheet in zip(made.keyframes, (0, 1, 4, 5), strict=True))
    made = replace(made, media=replace(made.media, container=container), keyframes=sheets)
    seen = gather([line(n, (value, TOP, 0.99)) for n, value in enumerate(values)], Axis(made, range(4)))
    assert [one.text for one in seen] == ([f"{values[0]} … {values[-1]}"] if running else list(values))
    assert [one.running for one in seen] == [running] * len(seen)


def test_a_clock_runs_on_through_a_cut() -> None:
    made = plan([0, 1, 2, 3], cuts=[1.5], duration=4)
    (passage,) = gather([line(n, (f"89:1{n}", TOP, 0.99)) for n in range(4)], Axis(made, range(4)))
    assert passage.text == "89:10 … 89:13"


def test_the_years_under_a_chart_that_is_drawn_anew_are_no_counter() -> None:
    years = ["2080", "2080", "2080", "2070", "2065", "2065", "2065", "2065"]
    seen = texts(*(line(n, (year, TOP, 0.99)) for n, year in enumerate(years)))
    assert [(one.text, one.running) for one in seen] == [("2080", False), ("2070", False), ("2065", False)]


def test_digits_that_go_up_and_down_are_no_clock() -> None:
    values = ["Gate 10", "Gate 71", "Gate 12", "Gate 64", "Gate 13", "Gate 50"]
    seen = texts(*(line(n, (value, TOP, 0.99)) for n, value in enumerate(values)))
    assert [one.text for one in seen] == values
    assert not any(one.running for one in seen)


def test_small_print_that_reads_as_nonsense_is_left_out() -> None:
    assert not texts(line(0, ("Sooge loogle Padut", TOP, 0.6)), line(1, ("Sooge loogle Padut", TOP, 0.7)))


def test_single_letters_and_marks_are_left_out() -> None:
    assert not texts(*(line(n, ("-", TOP, 0.99), ("日", LOW, 0.99)) for n in range(3)))


def test_a_single_digit_is_a_text_where_it_is_read_surely_and_again() -> None:
    assert [one.text for one in read([("3", 0.99), ("3", 0.98)])] == ["3"]
    assert read([("3", 0.9), ("3", 0.9)]) == ()
    assert read([("3", 0.99), ("Results of the year", 0.99), ("Results of the year", 0.99)])[0].frames == (
        1,
        2,
    )


def test_what_stands_on_one_page_alone_is_read_however_short() -> None:
    seen = [line(n, (text, TOP, 0.97)) for n, text in enumerate(("Q1", "7", "EUR"))]
    made = plan([0, 1, 2], duration=3)
    assert gather(seen, Axis(made, range(3))) == ()
    pages = replace(made, media=replace(made.media, container="pdf"))
    assert [one.text for one in gather(seen, Axis(pages, range(3)))] == ["Q1", "7", "EUR"]


def test_buttons_in_a_row_are_no_text_but_surely_read_letters_are() -> None:
    assert read([("0000", 0.94)]) == ()
    assert [one.text for one in read([("00:00", 0.94)])] == ["00:00"]
    assert [one.text for one in read([("AAA", 0.97)])] == ["AAA"]


def test_the_digits_of_a_countdown_are_one_counter() -> None:
    (passage,) = read([(digit, 0.99) for digit in "54321"])
    assert (passage.text, passage.running) == ("5 … 1", True)


def test_two_slides_laid_over_one_another_are_not_read() -> None:
    seen = [line(0), line(1, ("Alwboleipilctofrarne", TOP, 0.95)), line(2), line(3)]
    assert not texts(*seen, gradual=True)
    assert texts(*seen)


def test_resemblance_is_of_letters_not_of_marks_and_case() -> None:
    assert resembles("NeurIPS 2023.", "neurips2023")
    assert not resembles("Encoder", "Attention")
