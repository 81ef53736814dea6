"""The truths that other tests lean on are sound: they fit their files, and montages are what they say."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from tests.clips import Clip, clip, malformed_clips, real_clips, sample_clips, tricky_clips
from tests.montages import FPS, LONGEST_FRAMES, SHORTEST_FRAMES, Style, build_montage, plan_montage
from tests.truth import Cut, Happening, Read, Seen, Table, Truth

WRITE_TRUTHS = """
import draw
for make in draw.FILMS:
    film = make()
    (draw.Path(draw.sys.argv[1]) / film.truth.video).with_suffix(".truth.json").write_text(draw.truth_text(film))
"""


def truth_of(clip: Clip) -> Truth:
    assert clip.truth is not None
    return clip.truth


def frame_times(path: Path) -> list[float]:
    with av.open(path) as container:
        zero = (container.start_time or 0) / av.time_base
        return [frame.time - zero for frame in container.decode(video=0)]


@pytest.mark.parametrize("clip", [*sample_clips(), *real_clips()], ids=str)
def test_spans_lie_within_the_clip(clip: Clip) -> None:
    truth = truth_of(clip)
    parts: list[Seen | Read | Happening | Table] = [
        *truth.things, *truth.texts, *truth.happenings, *truth.tables
    ]  # fmt: skip
    for part in parts:
        assert 0 <= part.start_seconds < part.end_seconds <= truth.duration_seconds, part
    for thing in truth.things:
        for edge, span in (
            (thing.start_seconds, thing.start_range_seconds),
            (thing.end_seconds, thing.end_range_seconds),
        ):
            assert span is None or span[0] <= edge <= span[1], thing


@pytest.mark.parametrize("clip", [*sample_clips(), *real_clips()], ids=str)
def test_cuts_are_in_order_and_apart(clip: Clip) -> None:
    truth = truth_of(clip)
    spans = [cut.span for cut in truth.cuts]
    assert spans == sorted(spans)
    assert all(before[1] < after[0] for before, after in pairwise(spans))
    assert all(start <= cut.time_seconds <= end for cut, (start, end) in zip(truth.cuts, spans, strict=True))


@pytest.mark.parametrize("clip", sample_clips(), ids=str)
def test_a_sample_is_as_long_as_its_truth_says(clip: Clip) -> None:
    times = frame_times(clip.path)
    assert times == pytest.approx([number / 25 for number in range(len(times))], abs=1e-6)
    assert len(times) / 25 == truth_of(clip).duration_seconds
    assert clip.path.stat().st_size < 2_000_000


def test_the_samples_truth_is_what_the_script_computes(tmp_path: Path, samples: Path) -> None:
    subprocess.run([sys.executable, "-c", WRITE_TRUTHS, str(tmp_path)], cwd=samples, check=True)
    drawn = {file.name: file.read_text("utf-8") for file in tmp_path.glob("*.truth.json")}
    assert drawn == {file.name: file.read_text("utf-8") for file in samples.glob("*.truth.json")}


@pytest.mark.media
def test_every_listed_file_is_there_and_every_file_is_listed(media: Path) -> None:
    listed = {clip.path for clip in (*real_clips(), *tricky_clips(), *malformed_clips())}
    there = {file for kind in ("real", "tricky", "malformed") for file in (media / kind).iterdir()}
    assert listed == there


@pytest.mark.media
@pytest.mark.parametrize("clip", real_clips(), ids=str)
def test_the_truth_by_eye_fits_the_file(clip: Clip, media: Path) -> None:
    assert clip.path.is_relative_to(media)
    times, truth = frame_times(clip.path), truth_of(clip)
    assert clip.facts is not None
    assert truth.duration_seconds == pytest.approx(clip.facts.duration_seconds, abs=0.01)
    assert min(times) == pytest.approx(truth.first_frame_seconds, abs=0.05)
    hard = [cut.time_seconds for cut in truth.cuts if cut.manner == "cut"]
    assert all(min(abs(time - frame) for frame in times) < 0.002 for time in hard), (
        "a cut where no frame begins"
    )


def test_things_are_counted_at_a_time() -> None:
    bottles = truth_of(clip("intel_bottle-detection.mp4"))
    assert [bottles.things_at(time, "bottle") for time in (1, 9, 15, 20, 25, 30, 33, 38)] == [
        3,
        2,
        3,
        1,
        2,
        3,
        2,
        3,
    ]


def test_unbroken_stretches_keep_away_from_cuts_and_doubts() -> None:
    truth = Truth(
        10.0, cuts=(Cut(2.0), Cut(5.0, "dissolve", 4.5, 5.5)), unclear=((7.0, 7.2),), first_frame_seconds=0.5
    )
    unbroken = [edge for span in truth.unbroken(0.1) for edge in span]
    assert unbroken == pytest.approx([0.5, 1.9, 2.1, 4.4, 5.6, 6.9, 7.3, 10.0])


@pytest.mark.parametrize(
    "style", ["cuts", "dissolves", "fades", "wipes", "pushes", "irises", "flashes", "mixed"]
)
def test_a_plan_keeps_its_promises(style: Style) -> None:
    montage = plan_montage(3, style=style, variable_frame_rate=True)
    assert montage == plan_montage(3, style=style, variable_frame_rate=True)
    assert all(before.clip != after.clip for before, after in pairwise(montage.takes))
    edges = [0.0, *(cut.time_seconds for cut in montage.truth().cuts), montage.frames / FPS]
    lengths = [(end - start) * FPS for start, end in pairwise(edges)]
    assert min(lengths) > SHORTEST_FRAMES - 1
    assert max(lengths) < LONGEST_FRAMES + 1
    for take in montage.takes:
        end = take.start_seconds + take.frames / FPS
        assert any(
            start <= take.start_seconds and end <= stop for start, stop in truth_of(take.clip).unbroken()
        )


@pytest.mark.media
@pytest.mark.usefixtures("media")
def test_a_montage_is_cut_where_its_truth_says(tmp_path: Path) -> None:
    path = tmp_path / "montage.mp4"
    truth = build_montage(path, seed=5, style="cuts", shots=4, variable_frame_rate=True)
    kept = plan_montage(5, style="cuts", shots=4, variable_frame_rate=True).kept
    with av.open(path) as container:
        small = [
            (frame.time, frame.to_ndarray(width=64, height=36, format="gray"))
            for frame in container.decode(video=0)
        ]
    assert [time for time, _ in small] == pytest.approx([number / FPS for number in kept])
    change = [
        (float(np.abs(new.astype(int) - old).mean()), time) for (_, old), (time, new) in pairwise(small)
    ]
    sharpest = sorted(time for _, time in sorted(change)[-len(truth.cuts) :])
    assert sharpest == pytest.approx([cut.time_seconds for cut in truth.cuts], abs=1e-3)
    assert truth.duration_seconds == pytest.approx(small[-1][0] + 1 / FPS)
