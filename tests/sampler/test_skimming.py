"""The fast pass against the exact one: same cuts, same pictures, less decoded, and not where it cannot work."""

import time
from collections.abc import Generator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from sampler import Limits, PictureSequence, SampleRequest, SamplingPlan, Scanned, VideoFile, sample
from sampler.frames import UNTIMED, Packets
from sampler.groups import (
    even,
    judge,
    judge_last,
    largest_leaders,
    outstanding_leaders,
    quiet,
    wakes,
)
from sampler.scanning import Scan
from sampler.skimming import Unfit, skim
from sampler.sources import open_source
from sampler.timetables import Timetable, timetable
from tests.montages import Style, build_montage
from tests.oracle import read_code
from tests.sampler.pulling import draw_timed_clip, pull
from tests.truth import Truth

FAST, EXACT = SampleRequest(sampling="fast"), SampleRequest(sampling="exact")
MILLISECOND = Fraction(1, 1000)
SLACK_SECONDS = 0.15


def draw_long_clip(path: Path, *, seconds: int, fps: int, shot_seconds: int, sync_seconds: int) -> None:
    """Tiny pictures that stand still but for a bar that moves; another picture every ``shot_seconds``."""
    rng = np.random.default_rng(11)
    picture = np.zeros((36, 64, 3), np.uint8)
    options = {"g": str(sync_seconds * fps), "sc_threshold": "0", "preset": "ultrafast", "bf": "2"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        for number in range(seconds * fps):
            if number % (shot_seconds * fps) == 0:
                picture = rng.integers(0, 256, (6, 8, 3), np.uint8).repeat(6, axis=0).repeat(8, axis=1)
            moved = picture.copy()
            moved[:, number % 60 : number % 60 + 3] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(moved, format="rgb24")))
        container.mux(stream.encode(None))


def skimmed(path: Path, request: SampleRequest = FAST) -> tuple[Scan, list[Scanned]]:
    reader = open_source(VideoFile(path), Limits())
    found: list[Scan | Unfit] = []

    def steps() -> Generator[Scanned, None, None]:
        found.append((yield from skim(reader, request)))

    progress = list(steps())
    reader.close()
    assert isinstance(found[0], Scan), found
    return found[0], progress


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    draw_long_clip(path, seconds=31 * 60, fps=8, shot_seconds=61, sync_seconds=2)
    return path


def test_a_long_video_is_skimmed_and_nothing_is_missed(long_clip: Path) -> None:
    pulled = pull(VideoFile(long_clip))
    media = pulled.plan.media
    assert (pulled.plan.sampling, pulled.plan.notices) == ("fast", ())
    assert [s.start_seconds for s in pulled.plan.shots] == pytest.approx([61.0 * n for n in range(31)])
    assert (media.frame_count, media.duration_seconds) == (31 * 60 * 8, pytest.approx(1860.0))
    assert media.guessed == ("frame_count", "average_fps")
    assert not media.variable_frame_rate
    assert {k.shot for k in pulled.keyframes} == set(range(31))


def test_a_quarter_is_decoded_and_progress_keeps_coming(long_clip: Path) -> None:
    scan, progress = skimmed(long_clip)
    assert len(scan.trace) < 0.25 * 31 * 60 * 8
    times = [step.time_seconds for step in progress]
    assert times == sorted(times)
    assert max(b - a for a, b in pairwise(times)) < 5


def test_a_short_video_is_looked_at_whole_unless_asked(long_clip: Path) -> None:
    window = SampleRequest(start_seconds=100.0, end_seconds=160.0)
    assert pull(VideoFile(long_clip), window).plan.sampling == "exact"
    assert pull(VideoFile(long_clip), replace(window, sampling="fast")).plan.sampling == "fast"


def test_a_window_has_the_same_shots_either_way(long_clip: Path) -> None:
    for start, end in ((100.3, 260.7), (1741.0, 1860.0), (0.0, 62.0)):
        window = SampleRequest(start_seconds=start, end_seconds=end, frames=6)
        fast = pull(VideoFile(long_clip), replace(window, sampling="fast"))
        exact = pull(VideoFile(long_clip), replace(window, sampling="exact"))
        assert fast.plan.sampling == "fast"
        ours, theirs = ([s.start_seconds for s in p.plan.shots] for p in (fast, exact))
        assert ours == pytest.approx(theirs)
        assert fast.plan.shots[-1].end_seconds == pytest.approx(exact.plan.shots[-1].end_seconds)
        assert all(start <= k.time_seconds < end for k in fast.keyframes[1:])
        assert len(fast.keyframes) == len(fast.plan.keyframes)


def test_stopping_is_possible_at_any_step(long_clip: Path) -> None:
    for steps_taken in (1, 3, 200):
        steps = sample(VideoFile(long_clip), FAST)
        for _ in range(steps_taken):
            next(steps)
        started = time.monotonic()
        steps.close()
        assert time.monotonic() - started < 1


STEADY = [40 * number for number in range(200)]
VARIABLE = np.cumsum([0, *np.random.default_rng(3).choice([20, 33, 40, 100, 250], 199)]).tolist()


@pytest.mark.parametrize(
    ("name", "stamps", "codec", "options"),
    [
        ("b-frames.mp4", STEADY, "libx264", {"bf": "4", "b-pyramid": "normal", "g": "25"}),
        ("fixed.mp4", STEADY, "libx264", {"bf": "3", "g": "50", "sc_threshold": "0"}),
        ("open-gop.mp4", STEADY, "libx264", {"bf": "3", "x264-params": "open-gop=1:keyint=30:scenecut=0"}),
        ("variable.mp4", VARIABLE, "libx264", {"bf": "2", "g": "30", "sc_threshold": "0"}),
        ("variable.mkv", VARIABLE, "libx264", {"bf": "2", "g": "30"}),
        ("late.mp4", [stamp + 700 for stamp in STEADY], "libx264", {"g": "24"}),
        ("transport.ts", STEADY, "libx264", {"bf": "2", "g": "30"}),
        ("hevc.mp4", STEADY, "libx265", {"x265-params": "keyint=30:bframes=4:open-gop=1:log-level=none"}),
        ("vp9.webm", STEADY, "libvpx-vp9", {"g": "40", "deadline": "realtime", "cpu-used": "8", "crf": "20"}),
        ("mpeg4.mp4", STEADY, "mpeg4", {"g": "30", "bf": "2", "qscale": "3"}),
    ],
)
def test_pictures_are_exactly_the_planned_ones_in_the_shots_they_belong_to(
    tmp_path: Path, name: str, stamps: list[int], codec: str, options: dict[str, str]
) -> None:
    draw_timed_clip(tmp_path / name, stamps, codec=codec, options=options, scene_frames=40)
    fast, exact = (pull(VideoFile(tmp_path / name), request).plan for request in (FAST, EXACT))
    assert (fast.sampling, fast.media.frame_count) == ("fast", exact.media.frame_count)
    assert fast.media.duration_seconds == pytest.approx(exact.media.duration_seconds, abs=0.001)
    assert fast.media.variable_frame_rate == exact.media.variable_frame_rate
    assert [s.start_seconds for s in fast.shots] == pytest.approx(
        [s.start_seconds for s in exact.shots], abs=SLACK_SECONDS
    )
    shown_at = [(stamp - stamps[0]) / 1000 for stamp in stamps]
    pulled = pull(VideoFile(tmp_path / name), FAST)
    assert len(pulled.keyframes) == len(pulled.plan.keyframes) >= 5
    for keyframe in pulled.keyframes:
        frame, _ = read_code(keyframe.jpeg)
        at = keyframe.time_seconds - pulled.plan.media.start_seconds
        assert shown_at[frame] == pytest.approx(at, abs=0.002)


@pytest.mark.parametrize(
    ("name", "options"),
    [("all-intra.mp4", {"g": "1"}), ("giant.mkv", {"g": "1000", "sc_threshold": "0"})],
)
def test_what_cannot_be_skimmed_is_looked_at_whole(
    tmp_path: Path, name: str, options: dict[str, str]
) -> None:
    draw_timed_clip(tmp_path / name, STEADY, options=options)
    fast, exact = (pull(VideoFile(tmp_path / name), request).plan for request in (FAST, EXACT))
    assert [notice.code for notice in fast.notices] == ["exact_instead_of_fast"]
    assert replace(fast, notices=()) == exact


def test_pictures_are_all_looked_at(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path, colour in zip(paths, ("red", "lime", "blue"), strict=True):
        Image.new("RGB", (64, 48), colour).save(path)
    plan = pull(PictureSequence(paths), FAST).plan
    assert (plan.sampling, [n.code for n in plan.notices]) == ("exact", ["exact_instead_of_fast"])


def test_a_cut_off_file_says_so(tmp_path: Path) -> None:
    draw_timed_clip(tmp_path / "whole.mkv", STEADY, options={"g": "10"})
    whole = (tmp_path / "whole.mkv").read_bytes()
    (tmp_path / "half.mkv").write_bytes(whole[: len(whole) // 2])
    plan = pull(VideoFile(tmp_path / "half.mkv"), FAST).plan
    assert "truncated" in [notice.code for notice in plan.notices]
    assert plan.media.duration_seconds < 6


def f1(plan: SamplingPlan, truth: Truth) -> float:
    left = [shot.start_seconds for shot in plan.shots[1:]]
    found = 0
    for cut in truth.cuts:
        first = (cut.time_seconds if cut.start_seconds is None else cut.start_seconds) - SLACK_SECONDS
        last = (cut.time_seconds if cut.end_seconds is None else cut.end_seconds) + SLACK_SECONDS
        hit = next((seconds for seconds in left if first <= seconds <= last), None)
        if hit is not None:
            left.remove(hit)
            found += 1
    return 2 * found / (found + len(left) + len(truth.cuts))


@pytest.mark.media
@pytest.mark.slow
@pytest.mark.parametrize("sync_every", [50, 250, None])
@pytest.mark.parametrize(("seed", "style"), [(311, "cuts"), (312, "dissolves")])
def test_transitions_are_found_as_well_as_by_looking_at_everything(
    tmp_path: Path, media: Path, seed: int, style: Style, sync_every: int | None
) -> None:
    assert media.is_dir()
    truth = build_montage(tmp_path / "m.mp4", seed, style=style, shots=10, sync_every=sync_every)
    fast, exact = (pull(VideoFile(tmp_path / "m.mp4"), request).plan for request in (FAST, EXACT))
    assert fast.sampling == "fast"
    assert f1(fast, truth) >= f1(exact, truth) - 0.02


@pytest.mark.media
@pytest.mark.slow
def test_cuts_within_groups_are_told_exactly_without_looking_at_what_leads_up_to_them(
    tmp_path: Path, media: Path
) -> None:
    assert media.is_dir()
    truth = build_montage(tmp_path / "m.mp4", 313, style="cuts", shots=10, sync_every=50)
    scan, _ = skimmed(tmp_path / "m.mp4")
    assert [shot.start_seconds for shot in scan.shots[1:]] == pytest.approx(
        [c.time_seconds for c in truth.cuts]
    )
    assert len(scan.trace) < 0.5 * len(scan.frame_times)


@pytest.mark.media
@pytest.mark.slow
@pytest.mark.parametrize("sync_every", [250, None])
def test_something_of_every_shot_is_seen_though_little_is_decoded(
    tmp_path: Path, media: Path, sync_every: int | None
) -> None:
    """Where sync frames come every ten seconds, most shots have none; where x264 sees cuts, all begin with one."""
    assert media.is_dir()
    truth = build_montage(tmp_path / "m.mp4", 321, style="cuts", shots=12, sync_every=sync_every)
    scan, _ = skimmed(tmp_path / "m.mp4")
    begins = [0.0, *(c.time_seconds or 0.0 for c in truth.cuts)]
    assert [shot.start_seconds for shot in scan.shots] == pytest.approx(begins)
    assert len(scan.trace) < 0.4 * len(scan.frame_times)
    plan = pull(VideoFile(tmp_path / "m.mp4"), replace(FAST, frames=12)).plan
    assert {keyframe.shot for keyframe in plan.keyframes} == set(range(12))


@pytest.mark.media
@pytest.mark.parametrize("request_", [FAST, EXACT], ids=["fast", "exact"])
def test_an_exposure_that_swings_as_a_white_car_leaves_is_no_transition(
    media: Path, request_: SampleRequest
) -> None:
    plan = pull(VideoFile(media / "real" / "intel_car-detection.mp4"), request_).plan
    assert [shot.start_seconds for shot in plan.shots] == [0.0]


@pytest.mark.media
@pytest.mark.slow
def test_a_wipe_is_seen_though_most_of_the_picture_goes_on(tmp_path: Path, media: Path) -> None:
    assert media.is_dir()
    truth = build_montage(tmp_path / "m.mp4", 32, style="wipes", shots=10)
    plan = pull(VideoFile(tmp_path / "m.mp4"), FAST).plan
    assert plan.sampling == "fast"
    assert f1(plan, truth) >= 0.94


@pytest.mark.media
@pytest.mark.slow
@pytest.mark.parametrize(("seed", "style"), [(1401, "pushes"), (36, "irises")])
def test_what_looks_like_motion_to_packets_is_seen_where_one_shot_gives_way_to_a_livelier_one(
    tmp_path: Path, media: Path, seed: int, style: Style
) -> None:
    assert media.is_dir()
    truth = build_montage(tmp_path / "m.mp4", seed, style=style, shots=14)
    plan = pull(VideoFile(tmp_path / "m.mp4"), FAST).plan
    assert plan.sampling == "fast"
    assert f1(plan, truth) >= 0.96


@pytest.mark.parametrize("end_seconds", [None, 19.0])
@pytest.mark.parametrize("flashed", [False, True])
def test_cuts_of_the_last_group_are_told_by_packets_and_flashes_are_none(
    tmp_path: Path, end_seconds: float | None, *, flashed: bool
) -> None:
    """A camera that pans, with a cut at 19.2 s or a flash at 18.0 s."""
    rng, path = np.random.default_rng(12), tmp_path / "last.mp4"
    strengths = (rng.integers(0, 200, (3, 22), np.uint8).repeat(60, 0).repeat(60, 1) for _ in range(2))
    one, other = (np.uint8(128 + (rng.random((180, 1320)) - 0.5) * strength) for strength in strengths)
    with av.open(str(path), "w") as container:
        options = {"g": "125", "sc_threshold": "0", "preset": "fast", "bf": "0", "refs": "1"}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(500):
            shown = one[:, 2 * number :][:, :320]
            if flashed and number in {450, 451}:
                shown = np.full_like(shown, 250)
            elif number >= 480 and not flashed:
                shown = other[:, 2 * number :][:, :320]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(shown), format="gray")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    scan, _ = skimmed(path, replace(FAST, end_seconds=end_seconds))
    cuts = [] if flashed or end_seconds else [19.2]
    assert [shot.start_seconds for shot in scan.shots] == pytest.approx([0.0, *cuts])
    last = scan.trace.times[scan.trace.times > 15.2]
    assert len(last) == (1 if cuts else pytest.approx(100, abs=25)), "doubts are looked into"


@pytest.mark.parametrize("options", [{}, {"g": "50", "sc_threshold": "0"}], ids=["at turns", "every 2 s"])
def test_slides_of_one_layout_are_told_apart_wherever_sync_frames_are(
    tmp_path: Path, options: dict[str, str]
) -> None:
    rng, path = np.random.default_rng(4), tmp_path / "deck.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for _ in range(6):
            slide = np.full((360, 640), 232, np.uint8)
            slide[330:336, 40:300] = 150
            for row in range(30, 320, 40):
                words = rng.integers(0, 232, (1, rng.integers(40, 56))).repeat(10, 1).astype(np.uint8)
                slide[row : row + 14, 40 : 40 + words.shape[1]] = words
            for _ in range(150):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(slide, format="gray")))
        container.mux(stream.encode(None))
    seen, _ = skimmed(path)
    assert [shot.start_seconds for shot in seen.shots] == [0.0, 6.0, 12.0, 18.0, 24.0, 30.0]


def made(groups: list[list[int]], *, milliseconds: int = 40) -> Packets:
    """Packets of groups of these sizes, shown in the order they are stored."""
    sizes = [size for group in groups for size in group]
    sync = [position == 0 for group in groups for position in range(len(group))]
    pts = np.arange(len(sizes), dtype=np.int64) * milliseconds
    return Packets(pts, np.full(len(sizes), milliseconds), np.array(sizes), np.array(sync), 0)


def table(groups: list[list[int]]) -> Timetable:
    found = timetable(made(groups), MILLISECOND)
    assert isinstance(found, Timetable)
    return found


CALM = [1000, *([50] * 49)]
CUT = [1000, *([50] * 20), 900, *([50] * 28)]
SHORT = [1000, *([50] * 30)]
SWOLLEN = [1000, *([20] * 15), *([300] * 12), *([20] * 22)]


@pytest.mark.parametrize(
    ("packets", "why"),
    [
        (replace(made([CALM] * 5), flawed=1), "damaged"),
        (replace(made([CALM] * 5), pts=np.full(250, UNTIMED)), "without times"),
        (replace(made([CALM] * 5), pts=np.zeros(250, np.int64)), "clock"),
        (made([CALM] * 2), "hardly any"),
        (made([[1000]] * 50), "nearly every"),
        (made([CALM] * 5, milliseconds=800), "apart"),
        (made([[40 << 20] * 50] * 5), "too large"),
    ],
)
def test_what_packets_forbid(packets: Packets, why: str) -> None:
    assert why in str(timetable(packets, MILLISECOND))


def test_what_looks_alike_and_is_calm_is_left_alone() -> None:
    assert not judge(table([CALM] * 5), 1, 0.1, plain=False).decode


def test_a_packet_like_a_picture_is_looked_at_though_the_picture_comes_back() -> None:
    assert judge(table([CALM, CUT, CALM, CALM]), 1, 0.1, plain=False).decode


def test_what_looks_different_is_decoded_until_a_while_after_the_last_large_packet() -> None:
    verdict = judge(table([CALM, CUT, CALM, CALM]), 1, 1.5, plain=False)
    assert (verdict.decode, verdict.loud_until) == (True, (50 + 21) * 40 + 400)


def test_what_comes_and_goes_between_two_sync_frames_is_looked_at() -> None:
    groups = table([CALM] * 40 + [SWOLLEN, CALM, CALM])
    assert [judge(groups, number, 0.0, plain=False).decode for number in (39, 40)] == [False, True]


@pytest.mark.parametrize(
    ("groups", "milliseconds", "found"),
    [
        ([CUT, *([CALM] * 4)] * 8, 40, True),
        ([CUT, *([CALM] * 2)] * 13, 40, False),
        ([SHORT, *([CALM] * 3)] * 10, 40, False),
        ([CUT, CALM] * 20, 400, False),
    ],
    ids=["every 10 s", "every 6 s", "groups that end early", "in every other group"],
)
def test_nothing_is_unusual_where_pictures_of_their_own_come_all_the_time(
    groups: list[list[int]], milliseconds: int, found: bool
) -> None:
    packets = made([*groups, SWOLLEN, CALM], milliseconds=milliseconds)
    told = timetable(packets, MILLISECOND)
    assert isinstance(told, Timetable)
    assert (len(groups) in told.unusual) == found


def test_where_something_comes_and_goes_all_the_time_it_must_begin_something() -> None:
    groups = table([SWOLLEN] * 40)
    verdicts = [judge(groups, number, 0.0, plain=False) for number in range(39)]
    assert all(verdict.beginners for verdict in verdicts)
    assert set(verdicts[0].beginners) <= set(range(16, 28))


def test_a_group_that_ended_early_may_end_in_a_cut() -> None:
    groups = table([CALM, SHORT, CALM, CALM])
    assert judge(groups, 1, 1.5, plain=False).cut
    assert not judge(groups, 1, 1.5, plain=True).cut, "an even surface is a flash or a fade"
    assert not judge(table([CALM, CALM, CALM, CALM]), 1, 1.5, plain=False).cut
    swollen = table([CALM, SWOLLEN[:30], CALM, CALM])
    assert [judge(swollen, 1, change, plain=False).cut for change in (1.0, 1.3)] == [False, True]
    flash = table([CALM, SHORT, [1000, 50, 50, 950, *([50] * 46)], CALM, CALM])
    assert not judge(flash, 1, 1.5, plain=False).cut
    late = table([CALM, CALM[:40], CALM, CALM])
    assert [judge(late, 1, change, plain=False).cut for change in (1.3, 1.6)] == [False, True]


def test_a_group_that_ended_early_though_its_ends_look_alike_is_asked_about() -> None:
    groups = table([CALM, SHORT, CALM, CALM])
    verdicts = [judge(groups, number, 0.1, plain=False) for number in (0, 1)]
    assert [(verdict.decode, verdict.calm, verdict.cut) for verdict in verdicts] == [
        (False, False, False),
        (True, True, False),
    ]


def test_the_last_group_of_few_is_asked_about_and_that_of_many_looked_at() -> None:
    assert judge_last(table([CALM] * 20), 19, plain=False).calm
    assert not judge_last(table([CALM] * 40), 39, plain=False).calm
    cut = judge_last(table([CALM, CALM, CALM, CUT]), 3, plain=False)
    assert not cut.calm
    assert cut.candidates
    assert not judge_last(table([CALM, CALM, CALM, CUT]), 3, plain=True).candidates


def test_the_longest_group_of_all_ended_early_as_well() -> None:
    assert table([CALM[:40], CALM[:30], CALM, CALM[:20], CALM[:45]]).irregular.tolist() == [True] * 5
    assert table([CALM[:40], CALM, CALM, CALM[:20]]).irregular.tolist() == [True, False, False, True]


def test_the_first_picture_of_a_calm_shot_stands_out_though_it_is_small() -> None:
    groups = table([[1000, *([600] * 20), 500, *([40] * 28)]] * 4)
    assert 21 in outstanding_leaders(groups, 1)[:2]
    assert 21 not in largest_leaders(groups, 1)[:20]
    assert outstanding_leaders(table([[1000], CALM, CALM, CALM]), 0) == ()


def test_where_much_happened_it_need_not_be_over_but_where_it_was_even_for_long() -> None:
    long = [1000, *([20] * 15), *([300] * 12), *([20] * 200)]
    assert judge(table([long] * 4), 1, 1.5, plain=False).loud_until == (228 + 27) * 40 + 400
    late = [1000, *([20] * 15), *([300] * 12), *([20] * 150), *([150] * 30), *([20] * 20)]
    until = judge(table([late] * 4), 1, 1.5, plain=False).loud_until
    assert until is not None
    assert until > (228 + 200) * 40


def test_a_slide_that_gives_way_to_motion_for_good_is_not_even() -> None:
    moving = [1000, *([150] * 49)]
    awakes = [1000, *([2] * 14), *([60] * 5), *([200] * 30)]
    groups = table([CALM, moving, awakes, SWOLLEN])
    assert [even(groups, number, 0, 0, 50) for number in range(4)] == [True, True, False, False]


def test_a_group_at_whose_end_leaders_grow_wakes() -> None:
    waking = [1000, *([50] * 38), *([80] * 11)]
    groups = table([CALM, waking, SWOLLEN, [1000, *([80] * 24), *([50] * 25)]])
    assert [wakes(groups, number, 0) for number in range(4)] == [False, True, False, False]
    assert not wakes(groups, 1, 40)


def test_packets_beside_a_large_one_are_never_left_out() -> None:
    calm = quiet(table([CALM, CUT, CALM, CALM]), 1)
    assert calm.tolist() == [i > 8 and not 13 <= i <= 29 for i in range(50)]
