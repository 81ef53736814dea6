"""Looking at every picture group by group finds what a straight run finds, and says where it cannot."""

from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import av
import numpy as np
import pytest

from sampler.frames import PacketReader
from sampler.groupwise import Unfit
from sampler.scanning import Scan, scan
from sampler.sources import open_source
from sampler.surveying import survey
from sampler.types import Limits, SampleRequest, Scanned, VideoFile
from tests.sampler.pulling import draw_timed_clip

STEADY = [40 * number for number in range(200)]
VARIABLE = np.cumsum([0, *np.random.default_rng(3).choice([20, 33, 40, 100, 250], 199)]).tolist()
WINDOW = SampleRequest(start_seconds=1.7, end_seconds=5.03)


def run(steps: "Generator[Scanned, None, Scan | Unfit]") -> tuple[Scan | Unfit, list[float]]:
    """What came of it, and the progress on the way."""
    reached = []
    while True:
        try:
            reached.append(next(steps).time_seconds)
        except StopIteration as stopped:
            return stopped.value, reached


@pytest.fixture
def several(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine of several cores."""
    monkeypatch.setattr("os.cpu_count", lambda: 3)


def both(path: Path, request: SampleRequest) -> tuple[Scan | Unfit, Scan]:
    with closing(open_source(VideoFile(path), Limits(), draft=True)) as reader:
        ours, reached = run(survey(reader, request))
        assert reached == sorted(reached)
    with closing(open_source(VideoFile(path), Limits(), draft=True)) as reader:
        straight, _ = run(scan(reader, request))
    assert isinstance(straight, Scan)
    return ours, straight


@pytest.mark.usefixtures("several")
@pytest.mark.parametrize("request_", [SampleRequest(), WINDOW], ids=["whole", "window"])
@pytest.mark.parametrize(
    ("name", "stamps", "codec", "options"),
    [
        ("b-frames.mp4", STEADY, "libx264", {"bf": "4", "b-pyramid": "normal", "g": "25"}),
        ("open-gop.mp4", STEADY, "libx264", {"bf": "3", "x264-params": "open-gop=1:keyint=30:scenecut=0"}),
        ("variable.mp4", VARIABLE, "libx264", {"bf": "2", "g": "30", "sc_threshold": "0"}),
        ("variable.mkv", VARIABLE, "libx264", {"bf": "2", "g": "30"}),
        ("stream.ts", STEADY, "libx264", {"bf": "2", "g": "30"}),
        ("vp9.webm", STEADY, "libvpx-vp9", {"g": "40", "deadline": "realtime", "cpu-used": "8"}),
        ("hevc.mp4", STEADY, "libx265", {"x265-params": "keyint=30:bframes=4:open-gop=1:log-level=none"}),
    ],
)
def test_it_is_what_a_straight_run_sees(
    tmp_path: Path, name: str, stamps: list[int], codec: str, options: dict[str, str], request_: SampleRequest
) -> None:
    path = tmp_path / name
    draw_timed_clip(path, stamps, codec=codec, options=options, scene_frames=37)
    ours, straight = both(path, request_)
    assert isinstance(ours, Scan), ours
    assert len(straight.shots) >= 2
    assert ours.shots == straight.shots
    assert (ours.start_seconds, ours.end_seconds) == (straight.start_seconds, straight.end_seconds)
    assert ours.signals == straight.signals
    assert ours.trace.pts.tolist() == straight.trace.pts.tolist()
    for one, other in zip(ours.moments, straight.moments, strict=True):
        assert one.pts == other.pts
        assert np.array_equal(one.look, other.look)
    assert (ours.decoded, ours.whole) == (straight.decoded, straight.whole) == (True, request_ != WINDOW)


@pytest.mark.usefixtures("several")
def test_a_packet_that_gives_no_picture_is_left_to_a_straight_run(tmp_path: Path) -> None:
    whole, lame = tmp_path / "whole.mkv", tmp_path / "lame.mkv"
    draw_timed_clip(whole, STEADY, options={"g": "25", "bf": "0"}, scene_frames=37)
    with av.open(str(whole)) as source, av.open(str(lame), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(video=0)):
            if packet.size:
                copy = av.Packet(b"\x00" * packet.size if number == 90 else bytes(packet))
                copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
                copy.is_keyframe, copy.stream = packet.is_keyframe, stream
                target.mux(copy)
    ours, straight = both(lame, SampleRequest())
    assert ours == Unfit("not all of its packets decode to a picture")
    assert len(straight.trace.pts) == len(STEADY) - 1


def test_on_one_core_a_straight_run_does_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    path = tmp_path / "clip.mp4"
    draw_timed_clip(path, STEADY, options={"g": "25"})
    with closing(open_source(VideoFile(path), Limits(), draft=True)) as reader:
        assert isinstance(reader, PacketReader)
        assert reader.parallel == 1
        assert isinstance(run(survey(reader, SampleRequest()))[0], Unfit)


@pytest.mark.usefixtures("several")
def test_several_decoders_only_where_their_pictures_fit_into_memory(tmp_path: Path) -> None:
    for size, decoders in (((320, 180), 3), ((2560, 1440), 3), ((3840, 2160), 1)):
        path = tmp_path / f"{size[0]}.mp4"
        draw_timed_clip(path, STEADY[:3], size=size, options={"preset": "ultrafast"})
        with closing(open_source(VideoFile(path), Limits())) as reader:
            assert isinstance(reader, PacketReader)
            assert reader.parallel == decoders
