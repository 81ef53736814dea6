"""What is concluded from single packets: by hand, and from a real decoder."""

from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from threading import Event
from typing import cast

import av
import cv2
import numpy as np
import pytest

from sampler import Limits, VideoFile
from sampler.comparing import looks
from sampler.frames import Frame, Group, Origin, PacketReader, Packets
from sampler.groups import Opening, leaders_beside, outstanding_leaders
from sampler.measuring import strips
from sampler.origins import CONTINUES
from sampler.probing import Probe
from sampler.sources import open_source
from sampler.timetables import Timetable, timetable
from tests.sampler.pulling import timetable_of

NOBODY = cast("Frame", None)
"""What is concluded here rests on shares alone."""
EVEN = [1000, *([50] * 49)]
LONG = [1000, *([50] * 10), *([60] * 4), *([50] * 85)]
RISING = [1000, *([20] * 15), *([300] * 12), *([20] * 22)]
LOUDEST = range(16, 28)
LIVELIER = [1000, *([50] * 40), *([75] * 39)]


class Teller:
    """A group that says of every packet what it was told to."""

    def __init__(
        self,
        shares: Mapping[int, tuple[float, float] | None],
        usual: tuple[float, float] | None = (0.9, 0.8),
    ) -> None:
        self._shares = shares
        self._usual = usual
        self.asked: Counter[int] = Counter()

    def origin(self, packet: int) -> Origin | None:
        self.asked[packet] += 1
        shares = self._shares.get(packet, self._usual)
        return None if shares is None else Origin(NOBODY, shares[0], 0.0, shares[1])


def probe(sizes: list[int], teller: Teller) -> Probe:
    whole = np.array(sizes * 4)
    pts = np.arange(len(whole)) * 40
    sync = np.arange(len(whole)) % len(sizes) == 0
    table = timetable(Packets(pts, np.full(len(whole), 40), whole, sync, 0), Fraction(1, 1000))
    assert isinstance(table, Timetable)
    return Probe(table, 1, cast("Group", teller))


@pytest.mark.parametrize(
    ("sizes", "shares", "usual", "calm"),
    [
        (EVEN, {}, (0.9, 0.8), True),
        (EVEN, {1: (0.1, 0.0)}, (0.9, 0.8), False),
        (EVEN, {1: (0.4, 0.0)}, (0.9, 0.8), False),
        (LONG, {11: (0.4, 0.2)}, (0.9, 0.8), True),
        (LONG, {11: (0.4, 0.2), 13: (0.2, 0.1)}, (0.9, 0.8), False),
        (EVEN, {}, None, True),
        ([1000, *([50] * 20), 700, *([50] * 28)], {}, None, False),
        (RISING, {}, (0.9, 0.8), True),
        (RISING, {}, (0.5, 0.2), True),
        (RISING, dict.fromkeys(LOUDEST, (0.3, 0.2)), (0.9, 0.8), False),
        (RISING, dict.fromkeys(LOUDEST, (0.8, 0.05)), (0.9, 0.8), False),
        (RISING, {}, None, False),
    ],
)
def test_where_packets_rise_pictures_must_go_on_with_one_another_in_every_band(
    sizes: list[int], shares: dict[int, tuple[float, float]], usual: tuple[float, float] | None, *, calm: bool
) -> None:
    teller = Teller(shares, usual)
    assert probe(sizes, teller).calm(0, len(sizes)) == calm
    assert max(teller.asked.values()) == 1
    assert teller.asked.total() <= 15


@pytest.mark.parametrize(
    ("shares", "calm"),
    [
        ({}, True),
        (dict.fromkeys(range(39, 44), (0.8, 0.3)), False),
        (dict.fromkeys(range(39, 44), (0.9, 0.6)), True),
        (dict.fromkeys(range(10, 20), (0.8, 0.3)), True),
        (dict.fromkeys(range(20, 60)), True),
    ],
    ids=["motion", "a push", "more motion", "a push before none is livelier", "nothing told"],
)
def test_where_a_livelier_shot_follows_no_band_may_be_uncovered(
    shares: dict[int, tuple[float, float] | None], *, calm: bool
) -> None:
    teller = Teller(shares)
    assert probe(LIVELIER, teller).calm(0, len(LIVELIER)) == calm
    assert max(teller.asked.values()) == 1
    assert teller.asked.total() <= 12


@pytest.mark.parametrize(
    ("hardly", "calm", "strictly"),
    [
        ({18: (0.4, 0.2)}, True, False),
        ({18: (0.4, 0.05)}, False, False),
        ({17: (0.4, 0.2), 19: (0.4, 0.2)}, False, False),
        ({20: (0.4, 0.2), 21: (0.3, 0.2)}, False, False),
    ],
    ids=["one alone", "a band that is new", "two", "one beside another"],
)
def test_one_packet_that_hardly_goes_on_among_others_that_do_is_motion(
    hardly: dict[int, tuple[float, float]], *, calm: bool, strictly: bool
) -> None:
    assert probe(RISING, Teller(hardly)).calm(0, 50) == calm
    assert probe(RISING, Teller(hardly)).calm(0, 50, strictly=True) == strictly


@pytest.mark.parametrize(
    ("shares", "last"),
    [
        ({}, None),
        ({16: (0.1, 0.0)}, 16),
        ({16: (0.1, 0.0), 19: (0.1, 0.0), 30: (0.1, 0.0)}, 19),
        (dict.fromkeys(LOUDEST, (0.1, 0.0)), 45),
    ],
    ids=["motion", "once", "and once more", "without end"],
)
def test_what_is_more_than_motion_ends_where_nothing_else_follows(
    shares: dict[int, tuple[float, float]], last: int | None
) -> None:
    until = probe(RISING, Teller(shares)).stirs_until(0, 45)
    assert until == (None if last is None else (50 + last) * 40)


def test_no_packet_is_asked_twice() -> None:
    teller = Teller({})
    one = probe(RISING, teller)
    assert one.calm(0, 50)
    assert one.calm(0, 50)
    assert not one.begin(teller.asked)
    assert one.new() == []
    assert max(teller.asked.values()) == 1


def test_packets_say_where_pictures_change_unless_they_do_everywhere_or_one_begins_a_shot() -> None:
    assert not probe(RISING, Teller({})).tells()
    for shares, tells in (((0.3, 0.2), True), ((0.05, 0.0), False)):
        one = probe(RISING, Teller({16: shares}))
        one.calm(0, 50)
        assert one.tells() == tells
        assert one.new() == [16]
    everywhere = probe(RISING, Teller({}, (0.4, 0.3)))
    everywhere.go_on(LOUDEST, 0.1)
    assert not everywhere.tells()


def test_pictures_have_settled_when_one_goes_on_with_those_before() -> None:
    teller = Teller(dict.fromkeys(range(20, 26), (0.2, 0.1)))
    assert probe(RISING, teller).settled(Opening(20, 0, 0.0)) == (50 + 26) * 40


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[PacketReader]:
    """Five seconds a group; other blurred blots every 37 frames, with something that moves in front of them."""
    rng = np.random.default_rng(8)
    with av.open(str(tmp_path / "scenes.mp4"), "w") as container:
        options = {"g": "125", "sc_threshold": "0", "preset": "fast", "bf": "2"}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(500):
            if number % 37 == 0:
                blots = cv2.resize(
                    rng.integers(0, 256, (9, 16, 3), np.uint8), (320, 180), interpolation=cv2.INTER_CUBIC
                )
                grain = rng.integers(0, 12, blots.shape, np.uint8)
                picture = cv2.add(blots, grain)
            shown = picture.copy()
            shown[80:100, number % 300 : number % 300 + 20] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        container.mux(stream.encode(None))
    found = open_source(VideoFile(tmp_path / "scenes.mp4"), Limits(), draft=True)
    assert isinstance(found, PacketReader)
    yield found
    found.close()


def test_shots_within_a_group_are_found_and_seen_without_decoding_what_lies_between(
    reader: PacketReader,
) -> None:
    table = timetable_of(reader)
    groups = reader.groups(table.sync_pts.tolist())
    group, following = next(groups), next(groups)
    sync, after = (looks(cast("Frame", each.sync_frame())) for each in (group, following))
    one = Probe(table, 0, group)
    openings = one.openings(outstanding_leaders(table, 0), sync, after)
    assert [opening.seconds for opening in openings] == pytest.approx([37 * 0.04, 74 * 0.04, 111 * 0.04])
    assert all(opening.sure for opening in openings)
    glimpses = one.glimpses(openings)
    assert [int(strip.pts[0]) for strip in glimpses] == [int(table.pts(0)[o.packet]) for o in openings]
    shown = {
        pts: luma
        for strip in strips(reader.frames())
        for pts, luma in zip(strip.pts, strip.luma, strict=True)
    }
    for strip in glimpses:
        assert np.abs(strip.luma[0].astype(float) - shown[strip.pts[0]]).mean() < 6


def test_shots_of_the_last_group_are_found_and_followed_to_the_end(reader: PacketReader) -> None:
    table = timetable_of(reader)
    *_, group = reader.groups(table.sync_pts.tolist())
    sync = looks(cast("Frame", group.sync_frame()))
    openings = Probe(table, 3, group).openings(outstanding_leaders(table, 3), sync, None)
    assert [opening.seconds for opening in openings] == pytest.approx([407 * 0.04, 444 * 0.04, 481 * 0.04])
    assert all(opening.sure for opening in openings)


def test_a_shot_that_comes_back_after_a_flash_does_not_begin_again(tmp_path: Path) -> None:
    """A cut after a second, and two white pictures two seconds later: what follows is predicted from nothing."""
    rng, path = np.random.default_rng(5), tmp_path / "flash.mp4"
    strengths = (rng.integers(0, 200, (3, 5), np.uint8).repeat(60, 0).repeat(64, 1) for _ in range(2))
    one, other = (np.uint8(128 + (rng.random((180, 320)) - 0.5) * strength) for strength in strengths)
    with av.open(str(path), "w") as container:
        options = {"g": "125", "sc_threshold": "0", "preset": "fast", "bf": "0", "refs": "1"}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(500):
            other[60:90, 100:150] = rng.integers(0, 256, (30, 50))  # so that the white ones do not stand out
            shown = one if number < 25 else np.full_like(other, 250) if number in {75, 76} else other
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="gray")))
        container.mux(stream.encode(None))
    reader = open_source(VideoFile(path), Limits(), draft=True)
    assert isinstance(reader, PacketReader)
    table = timetable_of(reader)
    groups = reader.groups(table.sync_pts.tolist())
    group, following = next(groups), next(groups)
    sync, after = (looks(cast("Frame", each.sync_frame())) for each in (group, following))
    openings = Probe(table, 0, group).openings(outstanding_leaders(table, 0), sync, after)
    assert [opening.seconds for opening in openings if opening.sure] == [1.0]
    reader.close()


def pan(path: Path, last_look: int) -> PacketReader:
    """Five seconds a group: a cut after a second, then a camera that pans until it shows something else altogether.

    From frame ``last_look`` on a third picture is shown.
    """
    rng = np.random.default_rng(9)
    first, last = (rng.integers(0, 256, (180, 320), np.uint8) // 4 + 60 for _ in range(2))
    strength = cv2.resize(rng.integers(0, 256, (3, 12), np.uint8), (960, 180), interpolation=cv2.INTER_CUBIC)
    wide = (128 + (rng.random((180, 960)) - 0.5) * strength).astype(np.uint8)
    with av.open(str(path), "w") as container:
        options = {"g": "125", "sc_threshold": "0", "preset": "fast", "bf": "2"}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(500):
            panned = wide[:, 2 * min(number, 320) :][:, :320]
            shown = first if number < 25 else panned if number < last_look else last
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(shown), format="gray"))
            )
        container.mux(stream.encode(None))
    found = open_source(VideoFile(path), Limits(), draft=True)
    assert isinstance(found, PacketReader)
    return found


@pytest.mark.parametrize("last_look", [500, 125, 120])
def test_a_shot_that_moves_on_to_something_else_is_followed_to_the_end_of_its_group(
    tmp_path: Path, last_look: int
) -> None:
    reader = pan(tmp_path / "pan.mp4", last_look)
    table = timetable_of(reader)
    groups = reader.groups(table.sync_pts.tolist())
    group, following = next(groups), next(groups)
    sync, after = (looks(cast("Frame", each.sync_frame())) for each in (group, following))
    candidates = outstanding_leaders(table, 0)[:1]
    openings = Probe(table, 0, group).openings(candidates, sync, after)
    # What comes in the last half second was no candidate, but is asked on the way.
    assert [opening.seconds for opening in openings] == {500: [1.0], 125: [], 120: [1.0, 4.8]}[last_look]
    assert all(opening.sure for opening in openings)
    if last_look == 500:
        stopped = Event()
        stopped.set()
        assert Probe(table, 0, group, stopped).openings(candidates, sync, after) == []
    reader.close()


def test_a_cut_after_a_shot_most_of_which_changes_all_the_time_is_sure(tmp_path: Path) -> None:
    rng, path = np.random.default_rng(3), tmp_path / "lively.mp4"
    still, last = (rng.integers(0, 256, (9, 16), np.uint8).repeat(20, 0).repeat(20, 1) for _ in range(2))
    with av.open(str(path), "w") as container:
        options = {"g": "125", "keyint_min": "125", "sc_threshold": "0", "bf": "3", "b_strategy": "0"}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(500):
            lively = still.copy()
            lively[:, 80:] = rng.integers(118, 138, (9, 12), np.uint8).repeat(20, 0).repeat(20, 1)
            shown = last if number >= 62 else lively
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="gray")))
        container.mux(stream.encode(None))
    reader = open_source(VideoFile(path), Limits(), draft=True)
    assert isinstance(reader, PacketReader)
    table = timetable_of(reader)
    groups = reader.groups(table.sync_pts.tolist())
    group, following = next(groups), next(groups)
    sync, after = (looks(cast("Frame", each.sync_frame())) for each in (group, following))
    (opening,) = Probe(table, 0, group).openings(outstanding_leaders(table, 0), sync, after)
    (before, _) = leaders_beside(table, 0, opening.packet)
    assert cast("Origin", group.origin(int(before[0]))).earlier < CONTINUES
    assert opening.seconds == 2.48
    assert opening.sure
    reader.close()
