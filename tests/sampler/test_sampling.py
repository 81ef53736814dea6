"""Whole runs over clips whose every frame says which one it is."""

import dataclasses
import math
import random
import struct
import threading
import time
import wave
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from sampler import (
    MediaNotFoundError,
    NoVideoError,
    PictureSequence,
    SampleRequest,
    SampleRequestError,
    SamplingPlan,
    UnreadableMediaError,
    VideoFile,
    probe,
    sample,
)
from tests.coded import CodedClip, draw_clip
from tests.oracle import read_code
from tests.sampler.pulling import draw_timed_clip, pull


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> CodedClip:
    return draw_clip(tmp_path_factory.mktemp("coded") / "coded.mp4", (30, 18, 42, 24), fps=12)


def test_shots_are_the_ones_that_were_drawn(coded: CodedClip) -> None:
    plan = pull(VideoFile(coded.path)).plan
    assert [s.start_seconds for s in plan.shots] == pytest.approx([start for start, _ in coded.spans])
    assert [s.end_seconds for s in plan.shots] == pytest.approx([end for _, end in coded.spans])
    assert [s.transition for s in plan.shots] == ["start", "cut", "cut", "cut"]


def test_every_picture_is_the_one_its_time_says(coded: CodedClip) -> None:
    pulled = pull(VideoFile(coded.path))
    assert [dataclasses.astuple(k)[:7] for k in pulled.keyframes] == [
        dataclasses.astuple(k) for k in pulled.plan.keyframes
    ]
    for keyframe in pulled.keyframes:
        frame, shot = read_code(keyframe.jpeg)
        assert coded.time(frame) == pytest.approx(keyframe.time_seconds)
        assert keyframe.shot == shot


def test_every_shot_has_a_keyframe_while_the_budget_allows(coded: CodedClip) -> None:
    for budget in (4, 5, 8, 32):
        plan = pull(VideoFile(coded.path), SampleRequest(frames=budget)).plan
        assert {k.shot for k in plan.keyframes} == {0, 1, 2, 3}
        assert len(plan.keyframes) <= budget


def test_one_frame_is_one_keyframe(coded: CodedClip) -> None:
    keyframes = pull(VideoFile(coded.path), SampleRequest(frames=1)).keyframes
    assert [k.reason for k in keyframes] == ["only"]


def test_the_media_facts_are_counted(coded: CodedClip) -> None:
    media = pull(VideoFile(coded.path)).plan.media
    assert (media.width, media.height, media.frame_count) == (320, 192, 114)
    assert media.duration_seconds == pytest.approx(114 / 12)
    assert media.average_fps == pytest.approx(12)
    assert (media.variable_frame_rate, media.guessed) == (False, ())
    assert media.bytes == coded.path.stat().st_size


def test_a_probe_says_what_it_only_read(coded: CodedClip) -> None:
    media = probe(VideoFile(coded.path))
    assert media.duration_seconds == pytest.approx(114 / 12)
    assert "duration_seconds" in media.guessed


def test_two_runs_are_alike(coded: CodedClip) -> None:
    assert pull(VideoFile(coded.path)).plan == pull(VideoFile(coded.path)).plan


def test_a_window_is_all_that_is_spent_on(coded: CodedClip) -> None:
    pulled = pull(VideoFile(coded.path), SampleRequest(frames=6, start_seconds=3.0, end_seconds=6.0))
    plan = pulled.plan
    assert (plan.start_seconds, plan.end_seconds) == (3.0, 6.0)
    assert (plan.shots[0].start_seconds, plan.shots[-1].end_seconds) == (3.0, 6.0)
    assert all(3.0 <= k.time_seconds < 6.0 for k in plan.keyframes)
    for keyframe in pulled.keyframes:
        assert coded.time(read_code(keyframe.jpeg)[0]) == pytest.approx(keyframe.time_seconds)


@pytest.mark.parametrize(("start", "end"), [(20.0, None), (5.0, 5.0), (6.0, 2.0), (None, -1.0)])
def test_a_window_outside_the_video_is_refused(
    coded: CodedClip, start: float | None, end: float | None
) -> None:
    with pytest.raises(SampleRequestError):
        pull(VideoFile(coded.path), SampleRequest(start_seconds=start, end_seconds=end))


@pytest.mark.parametrize(
    "request_",
    [
        SampleRequest(frames=0),
        SampleRequest(sampling="interval"),
        SampleRequest(interval_seconds=2.0),
        SampleRequest(sampling="interval", interval_seconds=0.0),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(coded: CodedClip, request_: SampleRequest) -> None:
    with pytest.raises(SampleRequestError):
        pull(VideoFile(coded.path), request_)


def test_uniform_takes_the_middles_of_equal_parts(coded: CodedClip) -> None:
    keyframes = pull(VideoFile(coded.path), SampleRequest(frames=4, sampling="uniform")).keyframes
    middles = [9.5 * (part + 0.5) / 4 for part in range(4)]
    assert [k.time_seconds for k in keyframes] == pytest.approx([math.floor(m * 12) / 12 for m in middles])
    assert {k.reason for k in keyframes} == {"uniform"}


def test_an_interval_is_kept_to_and_widened_only_for_the_budget(coded: CodedClip) -> None:
    exact = pull(VideoFile(coded.path), SampleRequest(sampling="interval", interval_seconds=2.0))
    assert [k.time_seconds for k in exact.keyframes] == pytest.approx([0, 2, 4, 6, 8])
    assert not exact.plan.notices
    wide = pull(VideoFile(coded.path), SampleRequest(frames=3, sampling="interval", interval_seconds=1.0))
    assert [k.time_seconds for k in wide.keyframes] == pytest.approx([0, 4, 8])
    assert [n.code for n in wide.plan.notices] == ["interval_widened"]


def test_pixels_are_bounded_and_never_invented(coded: CodedClip) -> None:
    small = pull(VideoFile(coded.path), SampleRequest(frames=2, max_pixels=160 * 100)).keyframes[0]
    assert small.width * small.height <= 160 * 100
    assert (small.width % 2, small.height % 2) == (0, 0)
    assert small.width / small.height == pytest.approx(320 / 192, rel=0.05)
    large = pull(VideoFile(coded.path), SampleRequest(frames=2, max_pixels=10**8)).keyframes[0]
    assert (large.width, large.height) == (320, 192)


VARIABLE = np.cumsum([0, *random.Random(3).choices([20, 33, 40, 100, 250], k=119)]).tolist()
STEADY = [40 * number for number in range(120)]


@pytest.mark.parametrize(
    ("name", "stamps", "codec", "options"),
    [
        ("b-frames.mp4", STEADY, "libx264", {"bf": "4", "b-pyramid": "normal", "g": "25"}),
        ("open-gop.mp4", STEADY, "libx264", {"bf": "3", "x264-params": "open-gop=1:keyint=12"}),
        ("variable.mp4", VARIABLE, "libx264", {"bf": "2", "g": "30"}),
        ("variable.mkv", VARIABLE, "libx264", {"bf": "2", "g": "30"}),
        ("late.mp4", [stamp + 700 for stamp in STEADY], "libx264", {"g": "10"}),
        ("transport.ts", STEADY, "libx264", {"bf": "2", "g": "20"}),
        ("giant-gop.mkv", STEADY, "libx264", {"g": "1000"}),
        ("all-intra.mp4", STEADY, "libx264", {"g": "1"}),
        ("hevc.mp4", STEADY, "libx265", {"x265-params": "keyint=20:bframes=4:open-gop=1:log-level=none"}),
        ("vp9.webm", STEADY, "libvpx-vp9", {"g": "20", "deadline": "realtime", "cpu-used": "8", "crf": "20"}),
    ],
)
def test_the_delivered_frame_is_exactly_the_planned_one(
    tmp_path: Path, name: str, stamps: list[int], codec: str, options: dict[str, str]
) -> None:
    draw_timed_clip(tmp_path / name, stamps, codec=codec, options=options)
    pulled = pull(VideoFile(tmp_path / name), SampleRequest(frames=16, sampling="uniform"))
    assert len(pulled.keyframes) == 16
    shown_at = [(stamp - stamps[0]) / 1000 for stamp in stamps]
    start = pulled.plan.media.start_seconds
    for keyframe in pulled.keyframes:
        frame, _ = read_code(keyframe.jpeg)
        assert shown_at[frame] == pytest.approx(keyframe.time_seconds - start, abs=0.002)


def test_a_variable_frame_rate_is_noticed(tmp_path: Path) -> None:
    draw_timed_clip(tmp_path / "v.mp4", VARIABLE)
    media = pull(VideoFile(tmp_path / "v.mp4")).plan.media
    assert media.variable_frame_rate
    assert media.frame_count == 120


def test_progress_comes_often_and_forward(coded: CodedClip) -> None:
    times = [step.time_seconds for step in pull(VideoFile(coded.path)).scanned]
    assert len(times) >= 2
    assert all(a < b for a, b in pairwise(times))
    assert times[-1] == pytest.approx(9.5)


def test_closing_early_releases_the_file_at_once(coded: CodedClip) -> None:
    steps = sample(VideoFile(coded.path), SampleRequest())
    next(steps)
    started = time.monotonic()
    steps.close()
    assert time.monotonic() - started < 1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fingerprint")]


def test_a_source_whose_fingerprint_is_known_is_not_read_for_it(
    coded: CodedClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("read from end to end")

    first = pull(VideoFile(coded.path)).plan.media
    monkeypatch.setattr("sampler.sampling.fingerprint", never)
    known = SampleRequest(frames=2, fingerprint=(first.sha256, first.bytes))
    assert pull(VideoFile(coded.path), known).plan.media == first


def test_stopping_after_the_plan_extracts_nothing(coded: CodedClip) -> None:
    steps = sample(VideoFile(coded.path), SampleRequest())
    assert any(isinstance(step, SamplingPlan) for step in steps)
    steps.close()


def test_pictures_in_order_are_a_video(tmp_path: Path) -> None:
    paths = []
    for number, (size, colour) in enumerate([((64, 48), "red"), ((48, 64), "lime"), ((80, 80), "blue")]):
        paths.append(tmp_path / f"{number}.png")
        Image.new("RGB", size, colour).save(paths[-1])
    pulled = pull(PictureSequence(paths, interval_seconds=2.5))
    assert pulled.plan.media.duration_seconds == pytest.approx(7.5)
    assert [k.time_seconds for k in pulled.keyframes] == pytest.approx([0, 2.5, 5.0])
    assert [(k.width, k.height) for k in pulled.keyframes] == [(64, 48), (48, 64), (80, 80)]
    colours = [
        cv2.imdecode(np.frombuffer(k.jpeg, np.uint8), cv2.IMREAD_COLOR)[20, 20] for k in pulled.keyframes
    ]
    assert [int(np.argmax(colour)) for colour in colours] == [2, 1, 0]


def test_a_photo_is_upright_and_stands_for_a_moment(tmp_path: Path) -> None:
    photo = Image.new("RGB", (60, 40), "white")
    photo.paste("black", (0, 0, 60, 10))
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.save(tmp_path / "photo.jpg", exif=exif, quality=95)
    pulled = pull(VideoFile(tmp_path / "photo.jpg"))
    (keyframe,) = pulled.keyframes
    assert (keyframe.width, keyframe.height, keyframe.reason) == (40, 60, "only")
    assert pulled.plan.shots[0].end_seconds > 0
    picture = cv2.imdecode(np.frombuffer(keyframe.jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture[30, 36] < 60
    assert picture[30, 5] > 200


@pytest.mark.parametrize("colours", [("red", "white", "blue"), ("white", "black", "red", "black")])
def test_no_picture_is_left_out_for_being_unlike_the_one_before(
    tmp_path: Path, colours: tuple[str, ...]
) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(len(colours))]
    for path, colour in zip(paths, colours, strict=True):
        Image.new("RGB", (300, 200), colour).save(path)
    keyframes = pull(PictureSequence(paths, 1.0)).keyframes
    assert [keyframe.pts for keyframe in keyframes] == [*range(len(colours))]


RAMP = np.tile(np.linspace(0, 1, 64), (48, 1))
GREY_FILES = {
    "scan.png": (RAMP * 65535).astype(np.uint16),
    "scan.tif": (RAMP * 65535).astype(np.uint16),
    "from_a_big_endian_machine.tif": (RAMP * 65535).astype(">u2"),
    "whole_numbers.tif": (RAMP * 65535).astype(np.int32),
    "eight_bits_in_32.tif": (RAMP * 255).astype(np.int32),
    "beyond_16_bits.tif": (RAMP * 1_000_000).astype(np.int32),
    "up_to_one.tif": RAMP.astype(np.float32),
    "up_to_255.tif": (RAMP * 255).astype(np.float32),
}


def grey_of(path: Path) -> np.ndarray:
    (keyframe,) = pull(VideoFile(path)).keyframes
    return cv2.imdecode(np.frombuffer(keyframe.jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)


@pytest.mark.parametrize("name", GREY_FILES)
def test_deep_grey_keeps_its_shades(tmp_path: Path, name: str) -> None:
    Image.fromarray(GREY_FILES[name]).save(tmp_path / name)
    assert np.abs(grey_of(tmp_path / name) - RAMP * 255).max() < 6


def test_a_large_scan_of_16_bits_is_read(tmp_path: Path) -> None:
    Image.new("I;16", (5000, 6600), 0x8000).save(tmp_path / "scan.png", compress_level=1)
    assert np.abs(grey_of(tmp_path / "scan.png").astype(int) - 0x80).max() < 3


def test_a_scan_of_12_bits_keeps_its_shades(tmp_path: Path) -> None:
    pixels = "".join(f"{round(level * 4095):012b}" for level in RAMP.ravel())
    (tmp_path / "scan.tif").write_bytes(tiff(64, 48, 12, int(pixels, 2).to_bytes(len(pixels) // 8, "big")))
    assert np.abs(grey_of(tmp_path / "scan.tif") - RAMP * 255).max() < 6


def tiff(width: int, height: int, bits: int, pixels: bytes) -> bytes:
    """Grey without compression; written by hand, for want of a library that writes 12 bits."""
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: len(pixels)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(pixels)) + pixels + directory


def test_a_dark_picture_among_deep_ones_stays_dark(tmp_path: Path) -> None:
    paths = [tmp_path / "dark.pgm", tmp_path / "bright.pgm"]
    for path, level in zip(paths, (b"\x00\xff", b"\xc0\x00"), strict=True):
        path.write_bytes(b"P5 64 48 65535\n" + level * 64 * 48)
    keyframes = pull(PictureSequence(paths)).keyframes
    assert [int(cv2.imdecode(np.frombuffer(k.jpeg, np.uint8), 0).mean()) for k in keyframes] == pytest.approx(
        [0, 0xC0], abs=3
    )


def test_what_is_no_number_is_black(tmp_path: Path) -> None:
    depth = (RAMP * 65535).astype(np.float32)
    depth[:, :8] = np.nan
    Image.fromarray(depth).save(tmp_path / "depth.tif")
    assert grey_of(tmp_path / "depth.tif")[:, :4].max() < 10
    assert grey_of(tmp_path / "depth.tif")[:, -4:].min() > 240


def written(word: str, colour: str, **box: object) -> Image.Image:
    """A word on nothing, perhaps beside a box."""
    layer = Image.new("RGBA", (320, 120), (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    if box:
        draw.rectangle((170, 20, 300, 100), **box)
    draw.text((20, 30), word, fill=colour, font=ImageFont.load_default(48))
    return layer


@pytest.mark.parametrize(
    ("layer", "ground"),
    [
        (written("white", "white"), 0),
        (written("pale", "#fff4b0"), 0),
        (written("black", "black"), 255),
        (written("blue", "#2040ff"), 255),
        (written("beside", "black", fill="white"), 255),
        (written("clear", "white").quantize(), 0),
        (written("grey", "white").convert("LA"), 0),
        (Image.new("RGBA", (320, 120)), 255),
        (written("large", "white").resize((6400, 2400)), 0),
    ],
)
def test_what_stands_on_nothing_stays_to_be_seen(tmp_path: Path, layer: Image.Image, ground: int) -> None:
    layer.save(tmp_path / "layer.png")
    seen = grey_of(tmp_path / "layer.png")
    assert abs(int(seen[-3, 3]) - ground) < 4
    assert layer.getbbox() is None or np.abs(seen.astype(int) - ground).max() > 100


def test_what_is_behind_an_animation_does_not_change(tmp_path: Path) -> None:
    frames = [written("one", colour) for colour in ("black", "white", "black")]
    path = tmp_path / "word.webp"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=500, lossless=True)
    keyframes = pull(VideoFile(path), SampleRequest(frames=3)).keyframes
    assert all(cv2.imdecode(np.frombuffer(k.jpeg, np.uint8), 0)[-3, 3] > 250 for k in keyframes)


@pytest.mark.parametrize("kind", ["gif", "webp", "png"])
@pytest.mark.parametrize(("colour", "ground"), [("black", 255), ("white", 0)])
def test_what_moves_on_nothing_stays_to_be_seen(tmp_path: Path, kind: str, colour: str, ground: int) -> None:
    frames = [written(word, colour) for word in ("one", "two", "three")]
    path = tmp_path / f"words.{kind}"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=500, disposal=2)
    pulled = pull(VideoFile(path), SampleRequest(frames=3))
    assert (pulled.plan.media.frame_count, pulled.plan.media.duration_seconds) == (3, 1.5)
    for keyframe in pulled.keyframes:
        seen = cv2.imdecode(np.frombuffer(keyframe.jpeg, np.uint8), 0).astype(int)
        assert abs(seen[-3, 3] - ground) < 8
        assert np.abs(seen - ground).max() > 100


@pytest.mark.parametrize("kind", ["gif", "webp", "png"])
def test_animations_keep_their_own_durations(tmp_path: Path, kind: str) -> None:
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "lime", "blue", "white")]
    path = tmp_path / f"animation.{kind}"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=[100, 400, 200, 300])
    plan = pull(VideoFile(path), SampleRequest(frames=4)).plan
    assert plan.media.frame_count == 4
    assert [s.start_seconds for s in plan.shots] == pytest.approx([0, 0.1, 0.5, 0.7], abs=0.011)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (None, MediaNotFoundError),
        (b"", UnreadableMediaError),
        (b"no video at all" * 99, UnreadableMediaError),
    ],
)
def test_what_is_no_video_is_refused_in_one_line(
    tmp_path: Path, content: bytes | None, error: type[Exception]
) -> None:
    path = tmp_path / "thing.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error) as raised:
        pull(VideoFile(path))
    assert "\n" not in str(raised.value)
    assert "thing.mp4" in str(raised.value)


def test_a_cut_off_file_says_so(tmp_path: Path) -> None:
    draw_timed_clip(tmp_path / "whole.mkv", STEADY, options={"g": "10"})
    whole = (tmp_path / "whole.mkv").read_bytes()
    (tmp_path / "half.mkv").write_bytes(whole[: len(whole) // 2])
    plan = pull(VideoFile(tmp_path / "half.mkv")).plan
    assert "truncated" in [notice.code for notice in plan.notices]
    assert plan.media.duration_seconds < 3.5


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16000))
    with pytest.raises(NoVideoError):
        pull(VideoFile(tmp_path / "sound.wav"))
