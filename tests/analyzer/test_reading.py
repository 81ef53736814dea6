"""Lines of single keyframes fused into texts."""

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


def line(frame: int, *lines: tuple[str, Box, float]) -> Findings:
    return found(frame, text=lines)


def test_readings_that_differ_a_little_are_one_text_in_its_best_reading() -> None:
    (passage,) = texts(
        line(0, ("Hel1o wor1d", TOP, 0.86)),
        line(1, ("Hello world", TOP, 0.99)),
        line(2, ("Hello world", TOP, 0.97)),
    )
    assert (passage.text, passage.frames, passage.confidence) == ("Hello world", (0, 1, 2), 0.99)


def test_another_text_in_the_same_place_is_another() -> None:
    seen = texts(*(line(n, ("First caption" if n < 2 else "What follows it", LOW, 0.99)) for n in range(4)))
    assert [(one.text, one.frames) for one in seen] == [
        ("First caption", (0, 1)),
        ("What follows it", (2, 3)),
    ]


def test_the_same_text_shown_again_is_the_same_text() -> None:
    there = {0, 1, 8, 9}
    (passage,) = texts(*(line(n, *([("Chapter one", TOP, 0.99)] if n in there else [])) for n in range(10)))
    assert passage.frames == (0, 1, 8, 9)


def test_a_text_that_scrolls_is_one_text() -> None:
    (passage,) = texts(
        *(line(n, ("Directed by nobody", (0.2, 0.8 - 0.2 * n, 0.8, 0.86 - 0.2 * n), 0.99)) for n in range(4))
    )
    assert passage.frames == (0, 1, 2, 3)


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
    def read(cuts: list[float]) -> tuple[Passage, ...]:
        made = plan([0, 1, 2, 3], cuts=cuts, duration=4)
        pages = [line(n, (f"Quarterly report, page {n + 1}", TOP, 0.99)) for n in range(4)]
        return gather(pages, Axis(made, range(4)))

    assert [one.text for one in read([0.5, 1.5, 2.5])] == [f"Quarterly report, page {n}" for n in range(1, 5)]
    assert not any(one.running for one in read([]))


def test_a_clock_runs_on_through_a_cut() -> None:
    made = plan([0, 1, 2, 3], cuts=[1.5], duration=4)
    (passage,) = gather([line(n, (f"89:1{n}", TOP, 0.99)) for n in range(4)], Axis(made, range(4)))
    assert passage.text == "89:10 … 89:13"


def test_the_years_under_a_chart_that_is_drawn_anew_are_no_counter() -> None:
    years = ["2080", "2080", "2080", "2070", "2065", "2065", "2065", "2065"]
    (passage,) = texts(*(line(n, (year, TOP, 0.99)) for n, year in enumerate(years)))
    assert (passage.running, passage.text) == (False, "2065")


def test_digits_that_go_up_and_down_are_no_clock() -> None:
    values = ["Gate 10", "Gate 71", "Gate 12", "Gate 64", "Gate 13", "Gate 50"]
    (passage,) = texts(*(line(n, (value, TOP, 0.99)) for n, value in enumerate(values)))
    assert not passage.running


def test_small_print_that_reads_as_nonsense_is_left_out() -> None:
    assert not texts(line(0, ("Sooge loogle Padut", TOP, 0.6)), line(1, ("Sooge loogle Padut", TOP, 0.7)))


def test_single_letters_and_marks_are_left_out() -> None:
    assert not texts(*(line(n, ("-", TOP, 0.99), ("日", LOW, 0.99)) for n in range(3)))


def test_two_slides_laid_over_one_another_are_not_read() -> None:
    seen = [line(0), line(1, ("Alwboleipilctofrarne", TOP, 0.95)), line(2), line(3)]
    assert not texts(*seen, gradual=True)
    assert texts(*seen)


def test_resemblance_is_of_letters_not_of_marks_and_case() -> None:
    assert resembles("NeurIPS 2023.", "neurips2023")
    assert not resembles("Encoder", "Attention")
