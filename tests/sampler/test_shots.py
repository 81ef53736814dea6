"""Transitions: found where montages of real footage have them, and nowhere else."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampler import SampleRequest, VideoFile
from sampler.comparing import structure_change
from sampler.cuts import CutFinder
from sampler.dissolves import DissolveFinder, Gradual, strongest
from sampler.measuring import HEIGHT, WIDTH, Strip, joined, tile_differences
from sampler.moments import MomentKeeper
from tests.montages import Style, build_montage
from tests.sampler.pulling import pull

FPS = 25


def scene(seed: int) -> np.ndarray:
    """A thumbnail full of detail, with colours of its own in the last two planes of half the size."""
    rng = np.random.default_rng(seed)
    low, high = sorted(rng.integers(20, 235, 2).tolist())
    blocks = rng.integers(low, high + 21, (9, 16)).repeat(4, axis=0).repeat(4, axis=1)
    return np.clip(blocks, 0, 255).astype(np.uint8)


def strip_of(pictures: list[np.ndarray], tints: list[int], fps: int = FPS) -> Strip:
    luma = np.stack(pictures)
    count = len(luma)
    chroma = np.stack([np.full((2, HEIGHT // 2, WIDTH // 2), tint, np.uint8) for tint in tints])
    before = np.concatenate((luma[:1], luma[:-1]))
    tint = np.abs(
        np.diff(chroma.reshape(count, -1).astype(int), axis=0, prepend=chroma.reshape(count, -1)[:1])
    )
    return Strip(
        np.arange(count),
        np.arange(count) / fps,
        np.full(count, 1 / fps),
        luma,
        chroma,
        np.full(count, 0.5, np.float32),
        tile_differences(before, luma),
        tint.mean(axis=1).astype(np.float32),
    )


def video() -> Strip:
    """A cut at 2 s, a flash at 3 s, a dissolve around 5 s, a fade through black around 8 s, a cut at 10 s."""
    one, two, three, four, five = (scene(seed).astype(float) for seed in range(5))
    pictures = [one] * 50 + [two] * 25 + [two + 150] * 2 + [two] * 38
    pictures += [two + (three - two) * step / 21 for step in range(1, 21)] + [three] * 50
    pictures += [three * (1 - step / 10) for step in range(1, 11)] + [three * 0] * 3
    pictures += [four * step / 10 for step in range(1, 11)] + [four] * 42 + [five] * 4
    tints = [110] * 50 + [140] * 65 + [140 - step for step in range(20)] + [120] * 60 + [128] * 3
    tints += [128] * (len(pictures) - len(tints) - 4) + [100] * 4
    return strip_of([np.clip(p, 0, 255).astype(np.uint8) for p in pictures], tints)


def cut_up(whole: Strip, sizes: list[int]) -> Iterator[Strip]:
    start = 0
    for size in [*sizes, len(whole)]:
        if start < len(whole):
            yield whole[start : start + size]
        start += size


def found_cuts(parts: Iterator[Strip]) -> list[float]:
    finder = CutFinder()
    return [time for part in parts for time in finder.feed(part)] + finder.finish()


def test_cuts_are_found_to_the_frame_and_flashes_are_none() -> None:
    whole = video()
    assert found_cuts(iter([whole])) == [2.0, (len(whole) - 4) / FPS]


def test_a_dissolve_is_found_at_its_middle() -> None:
    finder = DissolveFinder()
    finder.feed(video())
    found = [g for g in finder.finish() if g.middle_seconds < 7]
    assert [g.middle_seconds for g in found] == pytest.approx([115 / FPS + 0.42], abs=0.1)


def test_a_dissolve_that_is_under_way_with_the_first_picture_is_found() -> None:
    one, two = scene(0).astype(float), scene(1).astype(float)
    pictures = [one + (two - one) * step / 6 for step in range(2, 6)] + [two] * 20
    finder = DissolveFinder()
    finder.feed(strip_of([picture.astype(np.uint8) for picture in pictures], [120] * 4 + [140] * 20))
    assert [gradual.end_seconds for gradual in finder.finish()] == pytest.approx([4 / FPS], abs=0.05)


def test_a_slide_with_a_plain_middle_dissolves_into_a_picture() -> None:
    slide, picture = np.full((HEIGHT, WIDTH), 230.0), np.clip(scene(1) / 4.0 + 100, 0, 255)
    slide[2:4, 4:50:2] = 20
    assert structure_change(slide.astype(np.uint8), picture.astype(np.uint8)) > 0.5
    assert structure_change(slide.astype(np.uint8), slide.astype(np.uint8) - 20) == 0
    pictures = (
        [slide] * 25 + [slide + (picture - slide) * step / 11 for step in range(1, 11)] + [picture] * 25
    )
    finder = DissolveFinder()
    finder.feed(strip_of([each.astype(np.uint8) for each in pictures], [128] * 25 + [124] * 10 + [120] * 25))
    assert [gradual.middle_seconds for gradual in finder.finish()] == pytest.approx([30 / FPS], abs=0.1)


def test_of_transitions_that_overlap_the_stronger_is_told_and_of_equals_the_shorter() -> None:
    brief, long, apart = Gradual(1, 1.3, 1.6, 9.0), Gradual(1, 1.9, 2.8, 9.1), Gradual(4, 4.5, 5, 1.0)
    much = Gradual(1.2, 2.0, 2.8, 12.0)
    assert strongest([apart, long, brief]) == [brief, apart]
    assert strongest([apart, brief, much]) == [much, apart]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 64), max_size=20))
def test_what_is_found_does_not_depend_on_how_frames_arrive(sizes: list[int]) -> None:
    whole = video()
    assert found_cuts(cut_up(whole, sizes)) == found_cuts(iter([whole]))
    one, other = DissolveFinder(), DissolveFinder()
    few, many = MomentKeeper(0.5), MomentKeeper(0.5)
    one.feed(whole)
    few.feed(whole)
    for part in cut_up(whole, sizes):
        other.feed(part)
        many.feed(part)
    assert one.finish() == other.finish()
    ours, theirs = few.moments(20.0), many.moments(20.0)
    assert [(m.start_seconds, m.pts) for m in ours] == [(m.start_seconds, m.pts) for m in theirs]


def test_strips_join_as_they_were_cut() -> None:
    whole = video()
    again = joined(list(cut_up(whole, [7, 31, 2])))
    assert np.array_equal(again.luma, whole.luma)
    assert np.array_equal(again.times, whole.times)


@pytest.mark.media
@pytest.mark.slow
@pytest.mark.parametrize(
    ("style", "seed", "variable"),
    [
        ("cuts", 3, False),
        ("dissolves", 5, False),
        ("dissolves", 6, True),
        ("fades", 7, False),
        ("wipes", 8, False),
        ("flashes", 9, False),
    ],
)
def test_transitions_of_real_footage(
    tmp_path: Path, media: Path, style: Style, seed: int, variable: bool
) -> None:
    assert media.is_dir()
    truth = build_montage(tmp_path / "montage.mp4", seed, style=style, shots=10, variable_frame_rate=variable)
    plan = pull(VideoFile(tmp_path / "montage.mp4"), SampleRequest(frames=1)).plan
    found = [shot.start_seconds for shot in plan.shots[1:]]
    spans = [cut.span for cut in truth.cuts]
    slack = [0.06 if cut.manner == "cut" else 0.15 for cut in truth.cuts]
    assert len(found) == len(spans)
    for time, (start, end), loose in zip(found, spans, slack, strict=True):
        assert start - loose <= time <= end + loose
