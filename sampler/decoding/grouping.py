"""Packets as they are stored: counted without decoding, and held a group at a time to be decoded or not."""

from array import array
from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import takewhile
from time import monotonic

import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream

from sampler.decoding.decoders import Decoders
from sampler.decoding.running import DecodedFrame, Run
from sampler.frames import UNTIMED, Frame, Origin, Origins, Packets

_SIGN_OF_LIFE_SECONDS = 0.2
_FEW_BYTES, _OBJECT_BYTES = 32 << 20, 600
"""Up to which packets are kept once they have been counted, as reading them costs as much again; and what each takes
besides its data."""
_RUN_UP = 4
"""So many packets back there is one to which others refer: the one that is shown last of them."""


class StoredGroup:
    """The packets from one sync frame to the next; see ``sampler.frames.Group``.

    Those of the next group that are shown before its sync frame (open GOP) are here as well.
    """

    def __init__(
        self, decoders: Decoders, packets: "Sequence[Packet[VideoStream]]", end_pts: int | None
    ) -> None:
        self._decoders = decoders
        self._packets = packets
        self.end_pts = end_pts

    def sync_frame(self) -> DecodedFrame | None:
        """The first picture, if it is the only one that comes of its packet."""
        with self._decoders.lent() as decoder:
            frames = list(decoder.frames_of(self._packets[:1]))
        return frames[0] if [frame.pts for frame in frames] == [self._packets[0].pts] else None

    def frames(self, quiet: Sequence[bool]) -> Generator[DecodedFrame, None, None]:
        """From the sync frame to the next one, both included."""
        first = self._packets[0].pts
        with self._decoders.lent() as decoder:
            for frame in decoder.frames_of(self._packets, quiet):
                if frame.pts >= (first or 0) and (self.end_pts is None or frame.pts <= self.end_pts):
                    yield frame
                del frame

    def origin(self, packet: int) -> Origin | None:
        """See ``sampler.frames.Group``."""
        pts = self._packets[packet].pts
        return next((told for told in self._told(packet, 1) if told.frame.pts == pts), None)

    def origins_between(self, packet: int) -> Origins:
        """See ``sampler.frames.Group``."""
        end = self._packets[packet].pts or 0
        asked = [*takewhile(lambda other: (other.pts or 0) < end, self._packets[packet + 1 :])]
        told = {origin.frame.pts: origin for origin in self._told(packet + 1, len(asked))} if asked else {}
        pictures: list[Origin] = []
        for pts in sorted((stored.pts or 0 for stored in asked), reverse=True):
            if pts not in told:
                break
            pictures.insert(0, told[pts])
        return Origins(pictures, len(pictures) == len(asked))

    def _told(self, packet: int, count: int) -> list[Origin]:
        """Of so many consecutive packets."""
        before = self._packets[max(packet - _RUN_UP, 0) : packet]
        run_up = [max(before, key=lambda stored: stored.pts or 0)] if before else []
        with self._decoders.lent() as decoder:
            return decoder.origins_of(self._packets[packet : packet + count], run_up)

    def glimpses(self, packets: Sequence[int]) -> Generator[Frame, None, None]:
        """See ``sampler.frames.Group``."""
        asked = [self._packets[packet] for packet in packets]
        wanted = {packet.pts for packet in asked}
        with self._decoders.lent() as decoder:
            for frame in decoder.glimpses_of([self._packets[0], *asked]) if asked else ():
                if frame.pts in wanted:
                    yield frame
                del frame


def count_packets(run: Run) -> "Generator[None, None, tuple[Packets, list[Packet[VideoStream]]]]":
    """Read to the end; 25 bytes of memory a packet, and the packets themselves, or none of them if they are many.

    Yields a few times a second.
    """
    declared = run.container.size + _OBJECT_BYTES * run.stream.frames
    held, room = list["Packet[VideoStream]"](), _FEW_BYTES if declared <= _FEW_BYTES else 0
    pts, durations, sizes, sync, flawed = array("q"), array("q"), array("q"), bytearray(), 0
    spoken = monotonic()
    for packet in _sized(run.read_packets()):
        if not sizes and not packet.is_keyframe:
            continue
        pts.append(UNTIMED if packet.pts is None else packet.pts)
        durations.append(packet.duration or run.step)
        sizes.append(packet.size)
        sync.append(packet.is_keyframe)
        flawed += packet.is_corrupt or packet.is_discard
        room -= packet.size + _OBJECT_BYTES
        if room >= 0:
            held.append(packet)
        elif held:
            held.clear()
        if monotonic() - spoken > _SIGN_OF_LIFE_SECONDS:
            yield
            spoken = monotonic()
    found = Packets(
        np.array(pts, np.int64),
        np.array(durations, np.int64),
        np.array(sizes, np.int64),
        np.frombuffer(bytes(sync), np.bool_),
        flawed + run.broke_off,
    )
    return found, held


def stored_groups(
    packets: "Iterable[Packet[VideoStream] | None]", decoders: Decoders, sync_pts: Sequence[int]
) -> Generator[StoredGroup, None, None]:
    """The groups that begin with these timestamps; holds the packets of one at a time."""
    wanted = iter(sync_pts)
    begin = next(wanted, None)
    held: list[Packet[VideoStream]] = []
    trailing = 0
    """How many of the held packets belong to the next group already."""
    for packet in _sized(packets):
        if trailing and packet.pts is not None and packet.pts > (held[-trailing].pts or 0):
            yield StoredGroup(decoders, held, held[-trailing].pts)
            held, trailing = held[-trailing:], 0
            begin = next(wanted, None)
            if begin is None:
                return
            if held[0].pts != begin:
                return
        starts = packet.is_keyframe and (bool(held) or packet.pts == begin)
        if starts and held and trailing:
            return  # two sync frames that nothing divides: not the file that was counted
        if held or starts:
            held.append(packet)
            trailing += bool(trailing) or (starts and len(held) > 1)
    if trailing:
        yield StoredGroup(decoders, held, held[-trailing].pts)
        held, begin = held[-trailing:], next(wanted, None)
    if held and held[0].pts == begin:
        yield StoredGroup(decoders, held, None)


def _sized(packets: "Iterable[Packet[VideoStream] | None]") -> "Iterator[Packet[VideoStream]]":
    """Without those that only drain the decoder."""
    return (packet for packet in packets if packet is not None and packet.size)
