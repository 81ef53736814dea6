"""Transitions: found where montages of real footage have them, and nowhere else."""

from collections.abc import Callable, Iterator
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
from sampler.scanning import Look
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


def page(seed: int, lines: int = 6) -> np.ndarray:
    """A white slide with a letterhead and so many lines of its own."""
    rng = np.random.default_rng(seed)
    slide = np.full((HEIGHT, WIDTH), 230.0)
    slide[33, 4:30] = 150
    for line in range(lines):
        row, length = 3 + 5 * line, int(rng.integers(24, 56))
        slide[row, 4 : 4 + length] -= rng.integers(0, 120, length)
    return slide


def lecture() -> Strip:
    """Slides at 60 frames a second, beside a speaker: two cuts, a dissolve of three frames and one of half a second."""
    rng = np.random.default_rng(5)
    slides = [page(seed) for seed in range(5)]
    pictures = [slides[0]] * 50 + [slides[1]] * 40 + [slides[2]] * 50
    for steps, one, two in ((3, *slides[2:4]), (30, *slides[3:5])):
        pictures += [one + (two - one) * step / (steps + 1) for step in range(1, steps + 1)] + [two] * 60
    for picture in (pictures := [each.copy() for each in pictures]):
        picture[24:36, 48:64] = 100 + rng.integers(-12, 12, (12, 16))
    return strip_of([each.astype(np.uint8) for each in pictures], [128] * len(pictures), 60)


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


_DOWN, _ACROSS = np.mgrid[0:HEIGHT, 0:WIDTH]
_ORDERS = {
    "from the left": _ACROSS / WIDTH,
    "from a corner": (_ACROSS / WIDTH + _DOWN / HEIGHT) / 2,
    "from the middle": np.hypot(_ACROSS - WIDTH / 2, _DOWN - HEIGHT / 2) / np.hypot(WIDTH / 2, HEIGHT / 2),
    "in pieces": np.random.default_rng(7).permutation(144).reshape(9, 16).repeat(4, 0).repeat(4, 1) / 144,
}
"""How far each point of a picture lies on the way of a wipe, 0 to 1."""


def joined_by(frames: int, mixture: Callable[[float], np.ndarray], lead: int = 30) -> list[float]:
    """Middles of the transitions found where a scene becomes another in so many frames, after ``lead`` of the first."""
    pictures = [mixture(0.0)] * lead + [mixture(step / (frames + 1)) for step in range(1, frames + 1)]
    pictures += [mixture(1.0)] * 30
    tints = [110] * lead + [110 + 30 * step // (frames + 1) for step in range(1, frames + 1)] + [140] * 30
    finder = DissolveFinder()
    finder.feed(strip_of([np.clip(each, 0, 255).astype(np.uint8) for each in pictures], tints))
    return [gradual.middle_seconds for gradual in finder.finish()]


@pytest.mark.parametrize("order", _ORDERS)
@pytest.mark.parametrize("frames", [6, 7, 12, 30])
@pytest.mark.parametrize("softness", [0.01, 0.5])
def test_a_wipe_is_found_whatever_its_shape_and_length(order: str, frames: int, softness: float) -> None:
    one, two = scene(1).astype(float), scene(2).astype(float)

    def wiped(progress: float) -> np.ndarray:
        over = np.clip((progress * (1 + softness) - _ORDERS[order]) / softness, 0, 1)
        return one + (two - one) * over

    for lead in (30, 31):
        (middle,) = joined_by(frames, wiped, lead)
        assert lead / FPS - 0.05 <= middle <= (lead + frames) / FPS + 0.05


@pytest.mark.parametrize(("axis", "back"), [(0, False), (0, True), (1, False), (1, True)])
@pytest.mark.parametrize("frames", [8, 20, 36])
def test_a_push_is_found_and_a_pan_that_goes_on_is_none(axis: int, back: bool, frames: int) -> None:
    scenes = np.concatenate([scene(seed).astype(float) for seed in (3, 4, 5, 6)], axis=axis)
    length = (HEIGHT, WIDTH)[axis]

    def at(place: float) -> np.ndarray:
        begin = round(place * length)
        return scenes.take(range(begin, begin + length), axis=axis)[:HEIGHT, :WIDTH]

    (middle,) = joined_by(frames, lambda progress: at(1 + (-progress if back else progress)))
    assert 30 / FPS <= middle <= (30 + frames) / FPS
    panned = [at(3 * step / 149) for step in range(150)]
    finder = DissolveFinder()
    finder.feed(strip_of([each.astype(np.uint8) for each in panned], [128] * 150))
    assert finder.finish() == []


@pytest.mark.parametrize(("axis", "frames"), [(0, 20), (0, 40), (1, 12), (1, 40)])
def test_a_push_is_found_under_a_logo_and_a_banner_with_something_that_moves(axis: int, frames: int) -> None:
    both = np.concatenate([scene(3).astype(float), scene(4).astype(float)], axis=axis)
    length = (HEIGHT, WIDTH)[axis]
    places = [0] * 30 + [round(length * step / frames) for step in range(1, frames)] + [length] * 30
    pictures = []
    for number, place in enumerate(places):
        pictures.append(both.take(range(place, place + length), axis=axis).copy())
        pictures[-1][14:22, 20:36] += 15 * (number // 3 % 3 - 1)
        pictures[-1][2:8, 46:60], pictures[-1][30:34, :40] = 230, 40
    ((seconds, _),) = turns(pictures)
    assert 30 / FPS <= seconds <= (30 + frames) / FPS


def test_something_large_that_passes_is_no_transition() -> None:
    yard, car = scene(8).astype(float), scene(9).astype(float)

    def passing(progress: float) -> np.ndarray:
        left = round((2 * progress - 1) * WIDTH)
        picture = yard.copy()
        picture[6:30, max(left, 0) : max(left + WIDTH, 0)] = car[
            6:30, max(-left, 0) : min(WIDTH - left, WIDTH)
        ]
        return picture

    assert joined_by(25, passing) == []


def test_of_transitions_that_overlap_the_stronger_is_told_and_of_equals_the_shorter() -> None:
    brief, long, apart = Gradual(1, 1.3, 1.6, 9.0), Gradual(1, 1.9, 2.8, 9.1), Gradual(4, 4.5, 5, 1.0)
    much = Gradual(1.2, 2.0, 2.8, 12.0)
    assert strongest([apart, long, brief]) == [brief, apart]
    assert strongest([apart, brief, much]) == [much, apart]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 64), max_size=20))
@pytest.mark.parametrize("whole", [video(), lecture()], ids=["video", "lecture"])
def test_what_is_found_does_not_depend_on_how_frames_arrive(whole: Strip, sizes: list[int]) -> None:
    assert found_cuts(cut_up(whole, sizes)) == found_cuts(iter([whole])) != []
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


def turns(pictures: list[np.ndarray], fps: int = FPS) -> list[tuple[float, str]]:
    """Where shots begin but the first, and how."""
    look = Look(0.5)
    look.feed(
        strip_of([np.clip(each, 0, 255).astype(np.uint8) for each in pictures], [128] * len(pictures), fps)
    )
    shots = look.result(None, len(pictures) / fps, whole=True).shots
    return [(shot.start_seconds, shot.transition) for shot in shots[1:]]


@pytest.mark.parametrize("level", [16.0, 235.0])
def test_a_fade_that_begins_with_a_step_is_one_transition(level: float) -> None:
    one, two = scene(3).astype(float), scene(4).astype(float)
    faded = [np.full_like(one, level)] * 8 + [level + (two - level) * step / 12 for step in range(1, 12)]
    pictures = np.stack([one] * 40 + faded + [two] * 40)
    pictures[:, 30:] = 90  # a banner and a logo stay
    pictures[:, 2:6, 2:12] = 128
    ((seconds, _),) = turns(list(pictures))
    assert 40 / FPS <= seconds < 48 / FPS


def test_a_shot_between_two_fades_stays_one_however_dark_its_middle() -> None:
    one, two, three = (scene(seed).astype(float) for seed in (3, 4, 5))
    two[9:27, 16:48] = 24
    black = [np.full_like(one, 16)] * 3
    pictures = [one] * 40 + black + [two] * 30 + black + [three] * 40
    assert [seconds for seconds, _ in turns(pictures)] == pytest.approx([41 / FPS, 74 / FPS], abs=0.1)


def test_a_dissolve_of_few_pictures_is_one_transition_not_two_cuts() -> None:
    one, two = scene(1).astype(float), scene(2).astype(float)
    mixed = [one + (two - one) * share for share in (0.45, 0.47, 0.5)]
    ((seconds, transition),) = turns([one] * 20 + mixed + [two] * 20, 12)
    assert transition == "gradual"
    assert 19 / 12 < seconds < 23 / 12
    insert = [scene(9).astype(float)] * 9
    assert turns([one] * 20 + insert + [two] * 20, 12) == [(20 / 12, "cut"), (29 / 12, "cut")]


def test_each_slide_that_stands_is_a_shot_and_a_line_that_comes_or_goes_begins_none() -> None:
    slides = [page(1)] * 30 + [page(2)] * 30 + [page(3)] * 30
    assert turns(slides) == [(30 / FPS, "cut"), (60 / FPS, "cut")]
    within_bars = np.stack(slides)
    within_bars[:, :, :8] = within_bars[:, :, -8:] = 16
    assert turns(list(within_bars)) == [(30 / FPS, "cut"), (60 / FPS, "cut")]
    for lines in (range(1, 7), range(6, 1, -1)):
        assert turns([page(1, count) for count in lines for _ in range(30)]) == []
    covered = page(1)
    covered[4:16, 36:60] = 200
    covered[6:15:3, 38:58:2] = 60
    assert turns([page(1)] * 30 + [covered] * 30 + [page(1)] * 30) == []


def test_a_slide_is_found_beside_a_speaker_who_never_stands_still() -> None:
    rng = np.random.default_rng(5)
    pictures = [page(seed) for seed in (1, 2) for _ in range(30)]
    for picture in pictures:
        picture[24:36, 48:64] = 100 + rng.integers(-12, 12, (12, 16))
    assert turns(pictures) == [(30 / FPS, "cut")]


@pytest.mark.parametrize("steps", [2, 3, 8, 15])
def test_a_slide_that_dissolves_into_another_is_one_transition(steps: int) -> None:
    one, two = page(1), page(2)
    mixed = [one + (two - one) * step / (steps + 1) for step in range(1, steps + 1)]
    ((seconds, transition),) = turns([one] * 30 + mixed + [two] * 30)
    assert 30 / FPS <= seconds <= (31 + steps) / FPS
    assert transition == ("cut" if steps < 4 else "gradual")


def test_credits_that_roll_off_and_come_on_are_one_shot() -> None:
    rng = np.random.default_rng(6)
    rows = 10  # of the video for one that is looked at
    roll = np.full((6 * rows * HEIGHT, WIDTH), 16.0)
    for top in (0, 4 * rows * HEIGHT):
        for line in range(top + 20, top + rows * HEIGHT, 24):
            roll[line : line + 20, 16:48] += rng.integers(-200, 180, (10, 32)).clip(0).repeat(2, axis=0)
    pictures = [roll[row : row + rows * HEIGHT : rows] for row in range(0, 5 * rows * HEIGHT, 6)]
    assert min(picture.std() for picture in pictures) == 0
    assert turns(pictures) == []


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
        ("pushes", 10, False),
        ("irises", 11, False),
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
