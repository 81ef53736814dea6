"""Films within bars: what is found of them is what is found of the film alone."""

import numpy as np
import pytest

from sampler.bars import boxes
from sampler.cuts import CutFinder
from sampler.dissolves import DissolveFinder
from sampler.measuring import HEIGHT, WIDTH
from tests.sampler.test_shots import scene, strip_of


def within(picture: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
    """A picture shrunk to a part of a black frame."""
    frame = np.full((HEIGHT, WIDTH), 16.0)
    height, width = rows.stop - rows.start, columns.stop - columns.start
    down, across = np.arange(height) * HEIGHT // height, np.arange(width) * WIDTH // width
    frame[rows, columns] = picture[np.ix_(down, across)]
    return frame


UPRIGHT = (slice(0, HEIGHT), slice(22, 42))
WIDE = (slice(6, 30), slice(0, WIDTH))


@pytest.mark.parametrize("part", [UPRIGHT, WIDE])
def test_a_cut_and_a_dissolve_are_found_between_bars(part: tuple[slice, slice]) -> None:
    # Calm pictures, which differ by half of what counts: a third of the frame shows them.
    one, two, three = (np.clip(100 + (scene(seed).astype(float) - 120) / 4, 40, 160) for seed in (1, 2, 3))
    dissolved = [two + (three - two) * step / 16 for step in range(1, 16)]
    pictures = [
        within(each, *part).astype(np.uint8) for each in [one] * 40 + [two] * 40 + dissolved + [three] * 40
    ]
    strip = strip_of(pictures, [110] * 40 + [120] * 40 + [120 + step // 2 for step in range(15)] + [128] * 40)
    cuts = CutFinder()
    assert [*cuts.feed(strip), *cuts.finish()] == [40 / 25]
    dissolves = DissolveFinder()
    dissolves.feed(strip)
    assert [gradual.middle_seconds for gradual in dissolves.finish()] == pytest.approx([87 / 25], abs=0.15)


def test_bars_are_black_on_both_sides_all_the_while() -> None:
    upright, dark = within(scene(1), *UPRIGHT), within(scene(1), slice(0, HEIGHT), slice(0, 40))
    luma = np.stack([upright] * 20 + [dark] * 20).astype(np.uint8)
    found = boxes(luma, 5)
    assert found.columns[10].tolist() == [22, 42]
    assert found.shares()[10] == pytest.approx(20 / 64)
    assert found.columns[16].tolist() == [0, WIDTH]  # what comes soon reaches further
    assert found.columns[30].tolist() == [0, WIDTH]  # black on one side only
    assert boxes(np.full((9, HEIGHT, WIDTH), 16, np.uint8), 5).shares().tolist() == [1.0] * 9


def test_frames_without_bars_stay_as_they_are() -> None:
    strip = strip_of([scene(1)] * 9, [128] * 9)
    assert boxes(strip.luma, 5).filled(strip) is strip
