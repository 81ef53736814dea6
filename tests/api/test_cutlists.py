"""Cut lists by hand: every frame number here was counted on paper."""

import json
from dataclasses import replace

import pytest

from analyzer import Coverage, TimelineShot
from api.exports.cutlists import shots_edl, shots_otio
from api.plans import Estimate, KeyframePlan, Plan, SecondLookPlan
from sampler import MediaInfo

NAME = "my\x1b film #1.mp4"


def plan(fps: float | None = 25.0, *, variable: bool = False, start: float = 0.0) -> Plan:
    """Two shots, the second of which comes gradually, with a keyframe in each."""
    media = MediaInfo(
        name=NAME,
        sha256="0" * 64,
        bytes=1,
        container="mov,mp4",
        codec="h264",
        width=32,
        height=18,
        rotation_degrees=0,
        duration_seconds=4.2,
        start_seconds=0.0,
        frame_count=None,
        average_fps=fps,
        variable_frame_rate=variable,
        has_audio=False,
    )
    return Plan(
        media=media,
        sampling="exact",
        shots=(TimelineShot(0, start, 2.04, "start", (0,)), TimelineShot(1, 2.04, 4.2, "gradual", (1,))),
        keyframes=(
            KeyframePlan(0, 1.0, 0, "1/25", 0, "first", None),
            KeyframePlan(1, 3.0, 0, "1/25", 1, "last", None),
        ),
        batches=(),
        estimate=Estimate(),
        second_look=SecondLookPlan(),
        coverage=Coverage(2, 0, 1.0, ()),
        warnings=(),
    )


def codes(edl: str) -> list[list[str]]:
    return [line.split()[4:] for line in edl.splitlines() if line[:3].isdigit()]


def test_an_edit_decision_list_counts_frames_and_ends_after_the_last() -> None:
    edl = shots_edl(plan())
    assert edl.splitlines()[:4] == [
        "TITLE: my film #1.mp4",
        "FCM: NON-DROP FRAME",
        "",
        "001  AX       V     C        00:00:00:00 00:00:02:01 00:00:00:00 00:00:02:01",
    ]
    assert codes(edl)[1] == ["00:00:02:01", "00:00:04:05", "00:00:02:01", "00:00:04:05"]
    assert edl.count("GRADUAL") == 1


def test_a_window_keeps_the_source_clock_and_records_from_zero() -> None:
    assert codes(shots_edl(plan(start=1.0)))[0] == [
        "00:00:01:00",
        "00:00:02:01",
        "00:00:00:00",
        "00:00:01:01",
    ]


@pytest.mark.parametrize(
    ("fps", "variable", "end"),
    [
        (29.97, False, "00:00:04:06"),  # 4.2 s x 30000/1001 = 125.9, at thirty a second
        (30.0, True, "00:00:04:06"),
        (29.6, True, "00:00:04:06"),  # 4.2 s x 30, as the rate is no more than a habit
        (10.0, False, "00:00:04:02"),
        (
            12.5,
            False,
            "00:00:04:05",
        ),  # at 25 a second: 12 would tell 4.2 s as 00:00:04:04 and 100 s as 00:01:44:02
        (7.5, False, "00:00:04:06"),  # at thirty a second
        (17.3, False, "00:00:04:03"),  # no common rate is a multiple of it: 17 a second
        (14.985, False, "00:00:04:03"),  # 15000/1001, as cheap cameras count
        (None, False, "00:00:04:05"),
    ],
)
def test_timecode_follows_the_frame_rate(fps: float | None, variable: bool, end: str) -> None:
    assert codes(shots_edl(plan(fps, variable=variable)))[-1][1] == end


def test_timecode_tells_the_time_an_hour_on_whatever_the_rate_and_at_which() -> None:
    hour = replace(plan(12.5), shots=(TimelineShot(0, 0.0, 3600.0, "start", (0,)),))
    edl = shots_edl(hour)
    assert codes(edl)[0][1] == "01:00:00:00"
    assert "* COMMENT: TIMECODE AT 25 FRAMES A SECOND, NOT THE RATE OF THE VIDEO" in edl.splitlines()
    assert "TIMECODE AT" not in shots_edl(plan()) + shots_edl(plan(29.97)) + shots_edl(plan(10.0))
    assert "TIMECODE AT 30 FRAMES" in shots_edl(plan(29.6, variable=True))


def test_a_shot_too_short_for_a_frame_is_left_out() -> None:
    short = replace(plan(1.0), shots=(*plan(1.0).shots, TimelineShot(2, 4.2, 4.4, "cut", ())))
    assert len(codes(shots_edl(short))) == 2


def test_an_otio_timeline_holds_the_shots_as_clips_with_their_keyframes() -> None:
    document = json.loads(shots_otio(plan()))
    assert document["OTIO_SCHEMA"] == "Timeline.1"
    (track,) = document["tracks"]["children"]
    first, second = track["children"]
    assert second["source_range"]["start_time"] == {
        "OTIO_SCHEMA": "RationalTime.1",
        "rate": 25.0,
        "value": 51.0,
    }
    assert second["source_range"]["duration"]["value"] == 54.0
    assert first["media_references"]["DEFAULT_MEDIA"]["target_url"] == "my%1B%20film%20%231.mp4"
    assert first["media_references"]["DEFAULT_MEDIA"]["available_range"]["duration"]["value"] == 105.0
    assert [marker["marked_range"]["start_time"]["value"] for marker in second["markers"]] == [75.0]
    assert second["metadata"]["sceneline"]["transition"] == "gradual"


def test_an_otio_timeline_of_a_variable_rate_counts_milliseconds() -> None:
    (track,) = json.loads(shots_otio(plan(29.6, variable=True)))["tracks"]["children"]
    assert track["children"][1]["source_range"]["start_time"] == {
        "OTIO_SCHEMA": "RationalTime.1",
        "rate": 1000.0,
        "value": 2040.0,
    }
