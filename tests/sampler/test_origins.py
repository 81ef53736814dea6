"""Which picture begins a shot, from where pictures come from: by hand, and as a real decoder tells it."""

from contextlib import closing
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
import pytest

from sampler import Limits, VideoFile
from sampler.frames import Frame, Origin, Origins
from sampler.groups import leaders_beside
from sampler.measuring import strips
from sampler.origins import CONTINUES, begins, first_of_shot, parts
from sampler.sources import open_source
from tests.sampler.pulling import draw_timed_clip, timetable_of

OLD, NEW, ITSELF, MIXED, HALF = (1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (1.0, 0.9), (0.2, 0.3)
NOBODY = cast("Frame", None)
"""No rule looks at pictures, but at their thumbnails."""


def origins(*shares: tuple[float, float], complete: bool = True) -> Origins:
    return Origins([Origin(NOBODY, *pair) for pair in shares], complete)


@pytest.mark.parametrize(
    ("told", "looks", "first"),
    [
        (origins(), "B", 0),
        (origins(OLD, OLD), "AAB", 2),
        (origins(OLD, NEW, MIXED), "ABBB", 1),
        (origins(MIXED, OLD, NEW), "AABB", 2),
        (origins(NEW, NEW, NEW), "BBBB", 0),
        (origins(OLD, ITSELF), "ABB", 1),
        (origins(OLD, ITSELF), "AAB", 2),
        (origins(OLD, HALF), "AAB", None),
        (origins(OLD, complete=False), "AB", 1),
        (origins(NEW, complete=False), "BB", None),
    ],
)
def test_the_first_picture_of_a_shot_owes_nothing_to_those_before(
    told: Origins, looks: str, first: int | None
) -> None:
    luma = np.stack([np.full((36, 64), 40 if look == "A" else 200, np.uint8) for look in looks])
    assert first_of_shot(told, luma) == first


@pytest.mark.parametrize(
    ("told", "first", "parted"),
    [
        (origins(OLD, NEW, MIXED), 1, True),
        (origins(NEW, MIXED), 0, True),
        (origins(MIXED, OLD), 2, True),
        (origins(OLD, MIXED), 2, False),
        (origins(MIXED, MIXED, MIXED), 3, False),
        (origins(), 0, False),
    ],
)
def test_pictures_beside_a_cut_come_from_one_side_of_it(told: Origins, first: int, *, parted: bool) -> None:
    assert parts(told, first) == parted


def test_what_begins_owes_next_to_nothing_to_earlier_pictures() -> None:
    assert begins(Origin(NOBODY, 0.05, 1.0))
    assert not begins(Origin(NOBODY, 0.15, 0.0))


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
    table = timetable_of(reader)
    group = next(iter(reader.groups(table.sync_pts.tolist())))
    largest = int(table.sizes(0)[1:].argmax()) + 1
    own = group.origin(largest)
    assert own is not None
    told = group.origins_between(largest)
    (seen,) = strips([*(origin.frame for origin in told.pictures), own.frame])
    first = first_of_shot(told, seen.luma)
    assert first is not None
    assert seen.times[first] == pytest.approx(0.04 * shot_frames)
    assert own.earlier < CONTINUES
    for beside in leaders_beside(table, 0, largest):
        for leader in beside.tolist():
            assert cast("Origin", group.origin(leader)).earlier >= CONTINUES
    reader.close()


@pytest.mark.parametrize("slices", ["1", "2", "4"])
@pytest.mark.parametrize("b_frames", ["0", "3"])
def test_every_picture_that_goes_on_is_told_to(tmp_path: Path, slices: str, b_frames: str) -> None:
    """Also where the count of pictures starts over, every sixteenth, and nothing is told without what comes before."""
    path = tmp_path / "slices.mp4"
    options = {"g": "60", "sc_threshold": "0", "preset": "fast", "slices": slices, "bf": b_frames}
    draw_timed_clip(path, [40 * n for n in range(180)], options=options, scene_frames=1000)
    reader = open_source(VideoFile(path), Limits(), draft=True)
    table = timetable_of(reader)
    for number, group in enumerate(reader.groups(table.sync_pts.tolist())):
        for packet in range(1, len(table.sizes(number))):
            origin = group.origin(packet)
            assert origin is not None
            assert origin.earlier + origin.later > 0.5, (number, packet)
    reader.close()


def test_a_band_that_is_new_from_edge_to_edge_is_told(tmp_path: Path) -> None:
    path = tmp_path / "wipe.mp4"
    rng = np.random.default_rng(5)
    old, new = (cv2.resize(rng.integers(0, 256, (5, 9), np.uint8), (320, 180)) for _ in range(2))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "50", "bf": "0", "sc_threshold": "0"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(150):
            picture = old.copy()
            edge = min(max(number - 60, 0) * 40, 320)
            picture[:, :edge] = new[:, :edge]
            frame = av.VideoFrame.from_ndarray(np.repeat(picture[..., None], 3, 2), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    reader = open_source(VideoFile(path), Limits(), draft=True)
    group = list(reader.groups(timetable_of(reader).sync_pts.tolist()))[1]
    before, during = (cast("Origin", group.origin(packet)) for packet in (5, 13))
    assert before.band > 0.7
    assert during.band < 0.1
    assert during.earlier > 0.7
    del before, during, group
    reader.close()


@pytest.mark.media
def test_every_picture_of_a_turned_video_is_turned(media: Path) -> None:
    reader = open_source(VideoFile(media / "tricky" / "rotated_270.mp4"), Limits(), draft=True)
    assert reader.header.rotation_degrees == 270
    group = next(iter(reader.groups(timetable_of(reader).sync_pts.tolist()[:1])))
    (glimpse,) = group.glimpses([1])
    with closing(group.frames([])) as frames:
        shown = [group.sync_frame(), cast("Origin", group.origin(1)).frame, glimpse, next(frames)]
    assert [frame.quarter_turns for frame in shown if frame is not None] == [1, 1, 1, 1]
    reader.close()
