"""What was followed and read becomes events that a person would tell."""

from dataclasses import replace

import pytest

from analyzer.chaptering import chapters
from analyzer.describing import describe_shots, summarise
from analyzer.findings import Findings
from analyzer.tasks.events import draft_events
from analyzer.timeline import date
from analyzer.types import Event
from analyzer.understanding import Understanding, understand
from sampler import SamplingPlan, Signal
from tests.analyzer.scenes import Box, found, plan

BOX: Box = (0.4, 0.4, 0.5, 0.6)
PLACES: tuple[Box, ...] = tuple((0.1 + 0.2 * n, 0.4, 0.2 + 0.2 * n, 0.8) for n in range(4))
TITLE: Box = (0.1, 0.1, 0.9, 0.2)
BODY: Box = (0.1, 0.4, 0.9, 0.46)


def seconds(count: int, **more: object) -> SamplingPlan:
    return plan(list(range(count)), duration=float(count), **more)  # type: ignore[arg-type]


def events(made: SamplingPlan, findings: list[Findings]) -> list[Event]:
    seen = understand(made, findings)
    return list(date(draft_events(seen), seen.axis))


def people(*counts: int) -> list[Findings]:
    return [found(n, *(("person", PLACES[p], 0.9) for p in range(count))) for n, count in enumerate(counts)]


def test_a_thing_that_stays_is_one_event() -> None:
    (event,) = events(seconds(4), people(1, 1, 1, 1))
    assert (event.label, event.description) == ("person", "A person is in view.")
    assert (event.start_seconds, event.end_seconds) == (0, 4)
    assert event.evidence == (0, 1, 2, 3)
    assert event.confidence_kind == "detector"


def test_several_of_a_kind_are_one_event_with_their_number() -> None:
    (event,) = events(seconds(6), people(3, 3, 3, 1, 1, 1))
    assert event.description == "Three people, then one."
    assert event.attributes["counts"] == [{"keyframe": 0, "count": 3}, {"keyframe": 3, "count": 1}]


def test_many_changes_are_told_with_their_times_as_long_as_they_are_rare() -> None:
    made = plan([0, 4, 8, 12, 16, 20, 24, 28], duration=32.0)
    (event,) = events(made, people(3, 3, 2, 2, 3, 3, 1, 1))
    assert event.description == "Three people, then two from 0:08, three from 0:16, one from 0:24."


def test_a_count_that_slips_for_one_keyframe_is_no_change() -> None:
    made = plan([0, 0.5, 1, 1.5, 2], duration=3.0)
    (event,) = events(made, people(2, 2, 1, 2, 2))
    assert event.description == "Two people."


ACROSS: list[Box] = [(0.0, 0.4, 0.2, 0.6), (0.4, 0.4, 0.6, 0.6), (0.8, 0.4, 1.0, 0.6)]
IN_AND_OUT: list[Box] = [(0.4, 0.0, 0.5, 0.1), (0.4, 0.0, 0.5, 0.15), (0.4, 0.0, 0.5, 0.1)]
CLOSER: list[Box] = [BOX, (0.38, 0.36, 0.52, 0.64), (0.3, 0.3, 0.6, 0.7)]


@pytest.mark.parametrize(
    ("way", "description"),
    [
        (ACROSS, "A car enters from the left, moves right and leaves at the right."),
        (IN_AND_OUT, "A car comes in from the top and goes out again."),
        (CLOSER, "A car appears, comes closer and is gone again."),
        ([BOX, BOX, BOX], "A car appears and is gone again."),
    ],
)
def test_a_lone_thing_is_told_with_its_movement(way: list[Box], description: str) -> None:
    there = [found(n + 2, ("car", box, 0.9)) for n, box in enumerate(way)]
    seen = [found(0), found(1), *there, found(5), found(6)]
    (event,) = [one for one in events(seconds(7), seen) if one.track == "car"]
    assert event.description == description
    assert (event.start_seconds, event.end_seconds) == (1.5, 4.5)


def test_what_is_there_from_the_beginning_and_goes_is_told_so() -> None:
    seen = [*(found(n, ("car", BOX, 0.9)) for n in range(3)), found(3), found(4), found(5)]
    assert [one.description for one in events(seconds(6), seen)] == ["A car is in view, then gone."]


def test_what_the_last_keyframe_alone_misses_is_not_said_to_be_gone() -> None:
    standing = [*(found(n, ("car", BOX, 0.9)) for n in range(3)), found(3)]
    (event,) = [one for one in events(seconds(4), standing) if one.track == "car"]
    assert (event.description, "leaves" in event.attributes) == ("A car is in view.", False)
    assert event.end_range_seconds == (2, 3)
    leaving = [*(found(n, ("car", box, 0.9)) for n, box in enumerate(ACROSS)), found(3)]
    (event,) = [one for one in events(seconds(4), leaving) if one.track == "car"]
    assert event.description == "A car moves right and leaves at the right."


def test_what_the_first_keyframe_alone_misses_is_not_said_to_come() -> None:
    standing = [found(0), *(found(n, ("car", BOX, 0.9)) for n in range(1, 4))]
    (event,) = [one for one in events(seconds(4), standing) if one.track == "car"]
    assert (event.description, "enters" in event.attributes) == ("A car is in view.", False)
    assert event.start_range_seconds == (0, 1)
    coming = [found(0), *(found(n + 1, ("car", box, 0.9)) for n, box in enumerate(ACROSS))]
    (event,) = [one for one in events(seconds(4), coming) if one.track == "car"]
    assert event.description == "A car enters from the left and moves right."


def test_what_fills_the_picture_came_in_by_no_edge() -> None:
    everywhere = (0.0, 0.01, 1.0, 0.99)
    there = [found(n, ("person", everywhere, 0.9)) for n in range(2, 5)]
    seen = [found(0), found(1), *there, found(5), found(6)]
    (event,) = [one for one in events(seconds(7), seen) if one.track == "person"]
    assert event.description == "A person appears and is gone again."


def test_while_the_camera_moves_nothing_is_said_of_movement_in_the_picture() -> None:
    seen = [found(n, ("car", (0.1 + 0.1 * n, 0.4, 0.3 + 0.1 * n, 0.6), 0.9)) for n in range(5)]
    moving, still = (
        events(seconds(5, shots={0: {"camera": camera}}), seen)[0] for camera in ("pan_left", "static")
    )
    assert "moves" not in moving.attributes
    assert still.attributes["moves"] == "right"


def test_cars_that_pass_one_after_another_are_events_of_their_own() -> None:
    passing = [(0.4, 0.7, 0.5, 1.0), (0.4, 0.3, 0.5, 0.6), (0.4, 0.0, 0.5, 0.2)]
    boxes = {1: passing[0], 2: passing[1], 3: passing[2], 6: passing[0], 7: passing[1], 8: passing[2]}
    seen = [found(n, *([("car", boxes[n], 0.9)] if n in boxes else [])) for n in range(10)]
    passes = [(one.start_seconds, one.end_seconds) for one in events(seconds(10), seen)]
    assert passes == [(0.5, 3.5), (5.5, 8.5)]


def test_lines_that_come_and_go_together_are_one_event_named_by_the_largest() -> None:
    slide = [("The shape of water", TITLE, 0.99), ("three points to make", BODY, 0.99)]
    other = [("Where it went", TITLE, 0.99)]
    seen = [found(n, text=slide if n < 3 else other) for n in range(6)]
    first, second = events(seconds(6), seen)
    assert first.label == "The shape of water"
    assert first.description == "The text “The shape of water” is shown with 1 more line of text."
    assert first.attributes["lines"] == ["The shape of water", "three points to make"]
    assert (second.label, second.start_seconds) == ("Where it went", 2.5)


def test_a_bullet_that_comes_later_is_told_when_it_comes() -> None:
    title, bullet = ("The shape of water", TITLE, 0.99), ("and it is round", BODY, 0.99)
    seen = [found(n, text=[title] if n < 6 else [title, bullet]) for n in range(8)]
    assert [(one.label, one.start_seconds) for one in events(seconds(8), seen)] == [
        ("The shape of water", 0),
        ("and it is round", 5.5),
    ]


def test_a_text_is_not_shown_through_a_shot_that_shows_another() -> None:
    made = seconds(7, cuts=[1.5, 3.5])
    said = ["The results"] * 2 + ["An advertisement"] * 2 + ["The results"] * 3
    seen = [found(n, text=[(text, TITLE if n < 4 else BODY, 0.99)]) for n, text in enumerate(said)]
    told = events(made, seen)
    assert [(one.label, one.start_seconds, one.end_seconds, one.evidence) for one in told] == [
        ("The results", 0, 1.5, (0, 1)),
        ("An advertisement", 1.5, 3.5, (2, 3)),
        ("The results", 3.5, 7, (4, 5, 6)),
    ]
    assert [(box.keyframe, box.box) for one in told for box in one.boxes] == [
        (0, TITLE),
        (2, TITLE),
        (4, BODY),
    ]


def test_a_keyframe_on_which_no_line_was_read_is_no_evidence_of_text() -> None:
    slide = [("The shape of water", TITLE, 0.99), ("three points to make", BODY, 0.99)]
    lines = [slide, slide[:1], [], slide[1:], slide]
    (event,) = events(seconds(5), [found(n, text=text) for n, text in enumerate(lines)])
    assert (event.start_seconds, event.end_seconds, event.evidence) == (0, 5, (0, 1, 3, 4))


def test_a_clock_is_not_shown_through_a_shot_without_it() -> None:
    made = seconds(10, cuts=[3.5, 5.5])
    seen = [found(n, text=[(f"12:00:0{n}", TITLE, 0.99)] if n not in (4, 5) else []) for n in range(10)]
    told = [one for one in events(made, seen) if one.track == "text"]
    assert [(one.start_seconds, one.end_seconds) for one in told] == [(0, 3.5), (5.5, 10)]
    assert {one.description for one in told} == {
        "A clock or counter that runs from 12:00:00 to 12:00:09 is shown."
    }


def test_a_burned_in_clock_is_one_event() -> None:
    seen = [found(n, text=[(f"12:00:{n:02}", TITLE, 0.99)]) for n in range(20)]
    (event,) = events(seconds(20), seen)
    assert event.description == "A clock or counter runs from 12:00:00 to 12:00:19."


def test_signals_are_events_by_rule_and_flashes_come_in_bursts() -> None:
    signals = [
        Signal("black", 0.0, 0.4),
        Signal("flash", 3.1, 3.14),
        Signal("flash", 3.5, 3.54),
        Signal("fade_out", 5.0, 6.0),
    ]
    found_events = events(seconds(6, signals=signals), people(1, 1, 1, 1, 1, 1))
    told = [
        (one.label, one.start_seconds, one.end_seconds, one.description)
        for one in found_events
        if one.track == "signal"
    ]
    assert told == [
        ("black", 0.0, 0.4, "The picture is black."),
        ("flash", 3.1, 3.54, "The picture flashes two times."),
        ("fade out", 5.0, 6.0, "The picture fades out."),
    ]
    assert {one.confidence_kind for one in found_events if one.track == "signal"} == {"rule"}


def test_a_shot_in_which_nothing_was_found_is_told_as_such() -> None:
    shots = {0: {"brightness": 0.05}}
    (quiet,) = events(seconds(2, shots=shots), [found(0), found(1)])
    assert quiet.description == "Nothing the local models recognise. The picture is dark."
    assert (quiet.track, quiet.confidence_kind, quiet.confidence) == ("scene", "rule", None)


def test_of_a_shot_that_is_black_nothing_but_that_is_told() -> None:
    made = seconds(6, cuts=[3.0], signals=[Signal("black", 0.0, 2.9)])
    seen = [found(n, *([("person", BOX, 0.9)] if n > 2 else [])) for n in range(6)]
    assert [event.description for event in events(made, seen)] == [
        "The picture is black.",
        "A person is in view.",
    ]


def stage() -> Understanding:
    made = plan(list(range(0, 30, 2)), cuts=[12.0], duration=30.0, shots={0: {"camera": "pan_left"}})
    first = [
        found(n, *(("person", PLACES[p], 0.9) for p in range(2)), tags=[("stage", 0.6)]) for n in range(6)
    ]
    return understand(
        made, [*first, *(found(n, text=[("The end of it", TITLE, 0.99)]) for n in range(6, 15))]
    )


def test_shots_are_described_by_what_was_found_in_them() -> None:
    assert [one.description for one in describe_shots(stage())] == [
        "Two people, on a stage. The camera pans left.",
        "The text “The end of it”.",
    ]


def test_chapters_tile_the_window_and_are_named_by_text_or_subjects() -> None:
    assert [(one.title, one.start_seconds, one.end_seconds) for one in chapters(stage())] == [
        ("Two people", 0, 12),
        ("“The end of it”", 12, 30),
    ]


def test_no_chapter_is_shorter_than_ten_seconds_but_a_lone_one() -> None:
    made = plan([1, 3, 5, 7], cuts=[2, 4, 6], duration=8.0)
    seen = understand(made, [found(n, (("cat", "dog")[n % 2], BOX, 0.9)) for n in range(4)])
    assert [(one.start_seconds, one.end_seconds) for one in chapters(seen)] == [(0, 8)]


def captioned(*runs: tuple[str, int]) -> list[Findings]:
    """A text on so many keyframes, then another."""
    words = [text for text, count in runs for _ in range(count)]
    return [found(n, text=[(word, TITLE, 0.99)] if word else []) for n, word in enumerate(words)]


def test_a_chapter_is_described_by_its_own_part_of_a_shot() -> None:
    seen = understand(seconds(24), captioned(("Zeroth Law", 12), ("Second Law", 12)))
    assert [one.description for one in chapters(seen)] == ["The text “Zeroth Law”.", "The text “Second Law”."]


def test_a_chapter_in_which_something_is_recognised_does_not_say_nothing_is() -> None:
    lone = [found(n, *([("person", PLACES[0], 0.9)] if n >= 3 else [])) for n in range(6)]
    seen = understand(seconds(6, cuts=(3.0,)), lone)
    assert [one.description for one in chapters(seen)] == ["A person."]


def test_neighbouring_chapters_have_no_title_in_common() -> None:
    runs = (("Zeroth Law", 11), ("Second Law", 3), ("Zeroth Law", 9))
    assert [one.title for one in chapters(understand(seconds(23), captioned(*runs)))] == ["“Zeroth Law”"]


def test_a_chapter_of_texts_that_take_turns_is_named_by_the_first_and_the_last() -> None:
    runs = (("Day 1: London", 3), ("Day 2: Concert", 4), ("Day 3: Shopping", 3))
    (chapter,) = chapters(understand(seconds(10), captioned(*runs)))
    assert chapter.title == "“Day 1: London” to “Day 3: Shopping”"


def test_the_summary_says_nothing_of_what_was_not_looked_for() -> None:
    seen = understand(seconds(2), [replace(found(n), objects=None, text=None) for n in range(2)])
    assert summarise(seen, ()) == "2 seconds in one shot."
    looked = understand(seconds(2), [found(0), found(1)])
    assert summarise(looked, ()) == "2 seconds in one shot. The local models recognise nothing in it."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("STOP", "the text “STOP”"),
        ("42", "the text “42”"),
        ("12:00:0{}", "a clock or counter runs from 12:00:00 to 12:00:03"),
    ],
)
def test_where_a_text_was_read_nobody_says_that_nothing_was_recognised(text: str, told: str) -> None:
    seen = understand(seconds(4), [found(n, text=[(text.format(n), BODY, 0.99)]) for n in range(4)])
    (shot,) = describe_shots(seen)
    assert shot.description == f"{told[0].upper()}{told[1:]}."
    assert summarise(seen, ()) == f"4 seconds in one shot. {shot.description}"


def test_of_full_pages_the_summary_tells_the_uppermost_of_the_largest_lines() -> None:
    small = [
        (f"{word} line of the page", (0.1, 0.1 * n, 0.6, 0.1 * n + 0.03), 0.99)
        for n, word in ((1, "First"), (2, "Next"))
    ]
    seen = understand(seconds(1), [found(0, text=small)])
    assert summarise(seen, ()) == "1.0 seconds in one shot. The text “First line of the page”."


def test_lines_of_rolling_credits_are_joined_as_they_stand_together() -> None:
    """Each line comes in at the bottom, where the one before it came in."""
    lines = ("Directed by", "Maria Lopez", "Written by", "Emily Stone")
    rolls = [
        found(
            n,
            text=[
                (line, (0.3, y, 0.7, y + 0.07), 0.99)
                for m, line in enumerate(lines)
                if (y := 0.8 - 0.1 * n + 0.08 * m) < 0.9
            ],
        )
        for n in range(6)
    ]
    (shot,) = describe_shots(understand(seconds(6), rolls))
    assert shot.description == "The text “Directed by Maria Lopez Written by”."


def test_a_line_that_shines_through_for_a_moment_is_no_part_of_the_headline() -> None:
    title, ghost = ("The shape of water", TITLE, 0.99), ("Is there more?", (0.5, 0.11, 0.9, 0.2), 0.99)
    seen = [found(n, text=[title, ghost] if n == 5 else [title]) for n in range(8)]
    (shot,) = describe_shots(understand(seconds(8), seen))
    assert shot.description == "The text “The shape of water”."


def test_of_headings_that_take_turns_a_shot_is_told_by_the_one_that_stands_longest() -> None:
    low: Box = (0.1, 0.11, 0.9, 0.21)
    turns = (
        [("Zeroth Law", TITLE, 0.99)] * 2 + [("First Law", low, 0.99)] * 5 + [("Second Law", TITLE, 0.99)] * 3
    )
    (shot,) = describe_shots(understand(seconds(10), [found(n, text=[turn]) for n, turn in enumerate(turns)]))
    assert shot.description == "The text “First Law”."


def test_a_short_word_is_an_event_where_it_is_large_and_sure() -> None:
    def labels(text: str, box: Box, sureness: float) -> list[str]:
        seen = [found(n, text=[(text, box, sureness)]) for n in range(4)]
        return [one.label for one in events(seconds(4), seen) if one.track == "text"]

    assert labels("STOP", TITLE, 0.99) == ["STOP"]
    assert labels("STOP", TITLE, 0.9) == []
    assert labels("2018", BODY, 0.99) == []
    assert labels("HE", TITLE, 0.99) == []


@pytest.mark.parametrize(
    ("duration", "told"),
    [
        (0.04, "40 milliseconds"), (1.5, "1.5 seconds"), (99.6, "100 seconds"),
        (362.8, "6:02 minutes"), (3602.0, "1:00:02 hours"),
    ],
)  # fmt: skip
def test_how_long_it_is_is_told_in_its_unit(duration: float, told: str) -> None:
    made = plan([0], duration=duration)
    seen = understand(made, [found(0)])
    assert summarise(seen, ()).startswith(f"{told} in one shot.")


def test_a_single_picture_is_told_without_times() -> None:
    made = plan([0], duration=1.0)
    made = replace(made, media=replace(made.media, frame_count=1))
    seen = understand(made, [found(0, ("cat", BOX, 0.9))])
    assert summarise(seen, ()) == "A single picture. Seen: a cat."
