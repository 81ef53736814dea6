"""Which picture begins a shot, from where pictures come from: by hand, and as a real decoder tells it."""

from pathlib import Path
from typing import cast

import numpy as np
import pytest

from sampler import Limits, VideoFile
from sampler.frames import Frame, Origin, Origins, PacketReader
from sampler.groups import Timetable, leader_before, timetable
from sampler.measuring import strips
from sampler.origins import begins, continues, first_of_shot
from sampler.sources import open_source
from tests.sampler.pulling import draw_timed_clip

OLD, NEW, ITSELF, MIXED, HALF = (1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (1.0, 0.9), (0.2, 0.3)
NOBODY = cast("Frame", None)
"""No rule looks at pictures, but at their thumbnails."""


def origins(*shares: tuple[float, float], complete: bool = True) -> Origins:
    return Origins([Origin(NOBODY, *pair) for pair in shares], complete)


@pytest.mark.parametrize(
    ("told", "looks", "first"),
    [
        (origins(ITSELF), "B", 0),
        (origins(OLD, OLD, ITSELF), "AAB", 2),
        (origins(OLD, NEW, MIXED, ITSELF), "ABBB", 1),
        (origins(MIXED, OLD, NEW, ITSELF), "AABB", 2),
        (origins(NEW, NEW, NEW, ITSELF), "BBBB", 0),
        (origins(OLD, ITSELF, ITSELF), "ABB", 1),
        (origins(OLD, ITSELF, ITSELF), "AAB", 2),
        (origins(OLD, HALF, ITSELF), "AAB", None),
        (origins(OLD, ITSELF, complete=False), "AB", 1),
        (origins(NEW, ITSELF, complete=False), "BB", None),
    ],
)
def test_the_first_picture_of_a_shot_owes_nothing_to_those_before(
    told: Origins, looks: str, first: int | None
) -> None:
    luma = np.stack([np.full((36, 64), 40 if look == "A" else 200, np.uint8) for look in looks])
    assert first_of_shot(told, luma) == first


def test_what_begins_does_not_continue() -> None:
    assert begins(Origin(NOBODY, 0.05, 0.0))
    assert not continues(Origin(NOBODY, 0.05, 0.0))
    assert continues(Origin(NOBODY, 0.8, 0.0))
    assert continues(None), "a file that tells nothing raises no doubt"
    assert not continues(Origin(NOBODY, 0.35, 0.0))
    assert continues(Origin(NOBODY, 0.35, 0.0), least=0.3)


@pytest.mark.parametrize("options", [{"bf": "0"}, {"bf": "3", "b-pyramid": "normal"}, {"bf": "2"}])
@pytest.mark.parametrize("shot_frames", [37, 38, 39, 40, 41])
def test_a_decoder_that_gets_nothing_before_the_cut_tells_its_very_frame(
    tmp_path: Path, options: dict[str, str], shot_frames: int
) -> None:
    path = tmp_path / "cut.mp4"
    fixed = {"g": "50", "sc_threshold": "0", "preset": "fast"}
    draw_timed_clip(
        path, [40 * n for n in range(150)], options={**fixed, **options}, scene_frames=shot_frames
    )
    reader = open_source(VideoFile(path), Limits(), draft=True)
    table = _table(reader)
    group = next(iter(reader.groups(table.sync_pts.tolist())))
    largest = int(table.sizes(0)[1:].argmax()) + 1
    told = group.origins(largest)
    (seen,) = strips(origin.frame for origin in told.pictures)
    first = first_of_shot(told, seen.luma)
    assert first is not None
    assert seen.times[first] == pytest.approx(0.04 * shot_frames)
    before = leader_before(table, 0, largest)
    assert before is not None
    assert continues(group.origin(before))
    assert not continues(group.origin(largest))
    reader.close()


def _table(reader: PacketReader) -> Timetable:
    counting = reader.packets()
    while True:
        try:
            next(counting)
        except StopIteration as stopped:
            found = timetable(stopped.value, reader.header.time_base)
            assert isinstance(found, Timetable)
            return found
