"""One opened file and the decoder that runs over it, whatever is wrong with it."""

import os
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from threading import Lock
from typing import BinaryIO, cast

import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from sampler.decoding.clock import Clock
from sampler.decoding.converting import Converter, quarter_turns
from sampler.decoding.opening import FFMPEG_ERRORS, choose_stream, open_container, seeing_through
from sampler.frames import STILL_SECONDS, Plane
from sampler.limiting import Meter
from sampler.types import Limits

MOST_THREADS = 4
"""Up to this, one more than there are cores: while frames are looked at, no core waits for the next packet."""
LARGE_PIXELS = 12_000_000
"""Above this, threads share one frame instead of holding several each, to keep memory in bounds."""
_DEMUX_RETRIES = 8
"""Consecutive damaged packets the demuxer may report before the rest is given up."""
SKIPPABLE = frozenset({"h264", "hevc", "mpeg2video", "mpeg4"})
"""Codecs whose decoders leave out frames that nothing refers to when told so."""
_MICROSECOND = Fraction(1, 1_000_000)


class DecodedFrame:
    """One frame of a file; see ``sampler.frames.Frame``."""

    __slots__ = ("_converter", "_frame", "_quarter_turns", "duration_seconds", "pts", "time_seconds")

    def __init__(
        self,
        frame: VideoFrame,
        converter: Converter,
        pts: int,
        time: float,
        duration: float,
        turns: int | None = None,
    ) -> None:
        self._frame = frame
        self._converter = converter
        self.pts = pts
        self.time_seconds = time
        self.duration_seconds = duration
        self._quarter_turns = turns

    @property
    def quarter_turns(self) -> int:
        """Anticlockwise quarter turns that bring the planes upright."""
        return quarter_turns(self._frame) if self._quarter_turns is None else self._quarter_turns

    def displayed_size(self) -> tuple[int, int]:
        """Width and height after rotation and with square pixels."""
        return self._converter.displayed_size(self._frame)

    def planes(self) -> tuple[Plane, Plane, Plane, int]:
        """Luma, blue and red difference as stored, and the bits to drop."""
        return self._converter.planes(self._frame)

    def bgr(self, max_pixels: int) -> NDArray[np.uint8]:
        """The upright picture."""
        return self._converter.bgr(self._frame, max_pixels)


class Run:
    """Decodes one stream of one opened file from its start, or from a sync frame on after ``seek``.

    In a ``draft`` the edges of blocks are left as they are, without the smoothing that codecs prescribe. What that
    changes adds up until the next sync frame.

    Raises (on construction): see ``open_container`` and ``choose_stream``.
    """

    stream: VideoStream
    container: InputContainer
    context: VideoCodecContext
    """What decodes the stream."""

    def __init__(
        self,
        path: Path,
        limits: Limits,
        zero_seconds: Fraction | None = None,
        *,
        draft: bool = False,
    ) -> None:
        self._path = path
        self._limits = limits
        self._file: BinaryIO
        self.container, self._file = open_container(path)
        try:
            self.stream = choose_stream(self.container, path.name)
            declared = self.stream.codec_context
            large = declared.width * declared.height > LARGE_PIXELS
            self.context = context = seeing_through(self.stream)
            context.thread_type = "SLICE" if large else "AUTO"
            context.thread_count = min(MOST_THREADS, (os.cpu_count() or 1) + 1)
            self.options = {"skip_loop_filter": "all"} if draft else {}
            context.options = self.options
        except BaseException:
            self.close()
            raise
        self.time_base = self.stream.time_base or _MICROSECOND
        self._zero_seconds = Fraction(0)
        self.zero_seconds = self._container_start() if zero_seconds is None else zero_seconds
        rate = self.stream.guessed_rate or self.stream.average_rate
        self.step = round(1 / (rate * self.time_base)) if rate else 0
        if self.container.format.name.endswith("_pipe"):
            self.step = round(STILL_SECONDS / self.time_base)
        self._converter = self.converter()
        self.in_decoding_order = self.container.format.name == "avi" and bool(declared.has_b_frames)
        self.skip_before: int | None = None
        """Frames before this timestamp are not needed by the caller and may be left out."""
        self._pushed_back: Packet[VideoStream] | None = None
        self._noting = Lock()
        self._reset()

    def _reset(self) -> None:
        self.clock = Clock(self.time_base, self.step, decoding_order=self.in_decoding_order)
        self.packets = self.corrupt = 0
        self.broke_off = self.finished = False
        self.end_seconds: float | None = None
        self.position: int | None = None
        """Timestamp of the frame delivered last."""
        self.others_end_seconds = 0.0
        self._first_dts: int | None = None
        self._meter = Meter(self._limits, self._path.name)

    def close(self) -> None:
        """Release container and file. May be called twice."""
        self.container.close()
        self._file.close()

    @property
    def zero_seconds(self) -> Fraction:
        """Zero of the player's clock, on the file's."""
        return self._zero_seconds

    @zero_seconds.setter
    def zero_seconds(self, seconds: Fraction) -> None:
        self._zero_seconds = seconds
        # Seconds of a timestamp as one division of integers: exact, and ten times as fast as fractions.
        self._scale = self.time_base.numerator * seconds.denominator
        self._shift = seconds.numerator * self.time_base.denominator
        self._parts = self.time_base.denominator * seconds.denominator

    def seconds(self, pts: int) -> float:
        """A timestamp on the player's clock."""
        return (pts * self._scale - self._shift) / self._parts

    def seek(self, pts: int) -> int | None:
        """Go to the sync frame FFmpeg finds for ``pts``; its timestamp, or None where seeking fails."""
        try:
            self.container.seek(pts, stream=self.stream)
        except FFMPEG_ERRORS:
            return None
        self.context.flush_buffers()  # PyAV does so with the stream's own alone
        self._reset()
        self._pushed_back = None
        first = next(self.read_packets(), None)
        self._pushed_back = first
        return first.pts if first is not None and first.is_keyframe else None

    def frames(self) -> Generator[DecodedFrame, None, None]:
        """Frames in display order to the end; a damaged packet costs its own.

        Raises:
            MediaLimitError: they come to more than the limits allow.
        """
        context = self.context
        for packet in self.read_packets():
            if self.skip_before is not None and context.codec.canonical_name in SKIPPABLE:
                needed = packet is None or packet.pts is None or packet.pts >= self.skip_before
                context.skip_frame = "DEFAULT" if needed else "NONREF"
            try:
                frames = context.decode(packet)
            except MemoryError:
                raise
            except FFMPEG_ERRORS:
                self.note_corrupt()
                continue
            while frames:  # not a loop over them, which would hold each while the next is decoded
                frame = frames.pop(0)
                delivered = self.delivered(frame, self.clock.stamp(frame, self._first_dts), self._converter)
                self.end_seconds = delivered.time_seconds + delivered.duration_seconds
                self.position = delivered.pts
                yield delivered
                del frame, delivered
        self.finished = True

    def note_corrupt(self) -> None:
        """One more packet that does not decode; from any thread."""
        with self._noting:
            self.corrupt += 1

    def converter(self) -> Converter:
        """For frames of this stream; each serves one thread."""
        aspect = self.stream.sample_aspect_ratio or Fraction(1)
        return Converter(aspect if aspect > 0 else Fraction(1))

    def delivered(
        self, frame: VideoFrame, pts: int, converter: Converter, quarter_turns: int | None = None
    ) -> DecodedFrame:
        """A decoded frame under this timestamp, turned as it says itself or as ``quarter_turns`` does.

        Raises:
            MediaLimitError: all that was decoded comes to more than the limits allow.
        """
        time = self.seconds(pts)
        duration = (frame.duration or self.step) * self._scale / self._parts
        self._meter.add(frame.width * frame.height, time + duration)
        return DecodedFrame(frame, converter, pts, time, duration, quarter_turns)

    def read_packets(self) -> "Iterator[Packet[VideoStream] | None]":
        """Packets of the stream, then what drains the decoder; damage in between is stepped over."""
        if self._pushed_back is not None:
            packet, self._pushed_back = self._pushed_back, None
            yield packet
        failures = 0
        while True:
            try:
                for other in self.container.demux():
                    # Draining packets say 0 for their own stream_index, whichever stream they drain.
                    if other.stream.index != self.stream.index:
                        self._note_other(other)
                        continue
                    failures = 0
                    self._note(other)
                    yield cast("Packet[VideoStream]", other)
            except MemoryError:
                raise
            except FFMPEG_ERRORS:
                failures += 1
                if failures <= _DEMUX_RETRIES:
                    continue
                self.broke_off = True
                yield None
            return

    def _note(self, packet: "Packet[Stream]") -> None:
        if packet.size:
            self.packets += 1
            if self._first_dts is None:
                self._first_dts = packet.dts

    def _note_other(self, packet: "Packet[Stream]") -> None:
        if packet.pts is not None and packet.time_base:
            end = float((packet.pts + (packet.duration or 0)) * packet.time_base - self.zero_seconds)
            self.others_end_seconds = max(self.others_end_seconds, end)

    def _container_start(self) -> Fraction:
        """Zero of the player's clock: the container's start, or the stream's where only rounding divides them."""
        start = (self.container.start_time or 0) * _MICROSECOND
        if self.stream.start_time is not None:
            exact = self.stream.start_time * self.time_base
            return exact if abs(exact - start) <= _MICROSECOND else start
        return start
