"""A video file as a stream of frames in display order, whatever is wrong with it."""

import io
import os
from collections.abc import Generator, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NoReturn

import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from sampler.decoding.clock import Clock
from sampler.decoding.converting import Converter, quarter_turns
from sampler.decoding.opening import (
    FFMPEG_ERRORS,
    choose_stream,
    encrypted_error,
    is_encrypted,
    open_container,
)
from sampler.errors import NoVideoError, UnreadableMediaError
from sampler.frames import STILL_SECONDS, Frame, Header, Plane, pick
from sampler.limiting import Meter
from sampler.types import Limits, Notice

_MOST_THREADS = 4
_DEMUX_RETRIES = 8
"""Consecutive damaged packets the demuxer may report before the rest is given up."""
_CREDIBLE_FPS = 300
_MICROSECOND = Fraction(1, 1_000_000)
_TOLERANCE_SECONDS = 0.5
"""Ends and starts may differ from the declared ones by this much, or two frames, before it is worth a notice.
"""


class DecodedFrame:
    """One frame of a file; see ``sampler.frames.Frame``."""

    __slots__ = ("_converter", "_frame", "duration_seconds", "pts", "time_seconds")

    def __init__(
        self, frame: VideoFrame, converter: Converter, pts: int, time: float, duration: float
    ) -> None:
        self._frame = frame
        self._converter = converter
        self.pts = pts
        self.time_seconds = time
        self.duration_seconds = duration

    @property
    def quarter_turns(self) -> int:
        """Anticlockwise quarter turns that bring the planes upright."""
        return quarter_turns(self._frame)

    def displayed_size(self) -> tuple[int, int]:
        """Width and height after rotation and with square pixels."""
        return self._converter.displayed_size(self._frame)

    def planes(self) -> tuple[Plane, Plane, Plane, int]:
        """Luma, blue and red difference as stored, and the bits to drop."""
        return self._converter.planes(self._frame)

    def bgr(self, max_pixels: int) -> NDArray[np.uint8]:
        """The upright picture."""
        return self._converter.bgr(self._frame, max_pixels)


class VideoReader:
    """Reads one file with FFmpeg; see ``sampler.frames.Reader``.

    Raises (on construction):
        MediaNotFoundError: no such file.
        UnreadableMediaError: unknown format, damaged beyond use, or encrypted.
        NoVideoError: no picture in it.
        MediaLimitError: it decodes to more than the limits allow; from ``frames`` and ``picked`` as well.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path = path
        self._limits = limits
        self._file: io.BufferedReader
        self._container: InputContainer
        self._stream: VideoStream
        self._open()
        try:
            if is_encrypted(path):
                raise encrypted_error(path)
            self._zero_seconds = self._container_start()
            self._running = self._decode()
            first = next(self._running, None)
            if first is None:
                self._refuse_emptiness()
            if (
                first.time_seconds < 0
            ):  # nothing may lie before zero, so the clock starts with this picture instead
                self._zero_seconds = first.pts * self._time_base
                first.time_seconds = 0.0
            self._first: DecodedFrame | None = first
            self._header = self._describe(first)
        except BaseException:
            self.close()
            raise

    @property
    def header(self) -> Header:
        """What the file says of itself, and its first picture."""
        return self._header

    def frames(self, start_seconds: float | None = None) -> Generator[Frame, None, None]:
        """Pictures in display order; decoding starts at the sync frame before ``start_seconds``."""
        if start_seconds is not None and start_seconds > self._header.start_seconds:
            return self._from(start_seconds)
        return self._from_start()

    def picked(self, pts: Sequence[int]) -> Generator[Frame, None, None]:
        """The frames with these timestamps."""
        return pick(self._from_start(), pts)

    def notices(self) -> tuple[Notice, ...]:
        """Damage met so far, one notice a kind."""
        found = []
        if self._corrupt:
            found.append(
                Notice(
                    "corrupt_packets",
                    f"{self._corrupt} of {self._packets} packets are damaged; their frames are missing",
                )
            )
        if self._broke_off:
            found.append(Notice("unreadable_rest", "the file breaks off in damaged data", self._end_seconds))
        if self._clock.repaired:
            found.append(
                Notice(
                    "repaired_timestamps", f"{self._clock.repaired} frames had no usable time of their own"
                )
            )
        return (*found, *self._differences_from_declaration())

    def close(self) -> None:
        """Release container and file."""
        self._container.close()
        self._file.close()

    # -- opening
    # ------------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self._container, self._file = open_container(self._path)
        try:
            self._stream = choose_stream(self._container, self._path.name)
            context = self._stream.codec_context
            context.thread_type = "AUTO"
            context.thread_count = min(_MOST_THREADS, os.cpu_count() or 1)
        except BaseException:
            self.close()
            raise
        self._time_base = self._stream.time_base or Fraction(1, 1_000_000)
        rate = self._stream.guessed_rate or self._stream.average_rate
        self._step = round(1 / (rate * self._time_base)) if rate else 0
        if self._container.format.name.endswith("_pipe"):
            self._step = round(STILL_SECONDS / self._time_base)
        aspect = self._stream.sample_aspect_ratio or Fraction(1)
        self._converter = Converter(aspect if aspect > 0 else Fraction(1))
        self._reset()

    def _reset(self) -> None:
        reordered = self._container.format.name == "avi" and bool(self._stream.codec_context.has_b_frames)
        self._clock = Clock(self._time_base, self._step, decoding_order=reordered)
        self._packets = self._corrupt = 0
        self._broke_off = False
        self._first_dts: int | None = None
        self._others_end_seconds = 0.0
        self._end_seconds: float | None = None
        self._finished = False

    def _reopen(self) -> None:
        self.close()
        self._open()

    def _container_start(self) -> Fraction:
        """Zero of the player's clock; the stream's own start where the two differ by rounding to microseconds
        only.
        """
        start = Fraction(self._container.start_time or 0, 1_000_000)
        if self._stream.start_time is not None:
            exact = self._stream.start_time * self._time_base
            return exact if abs(exact - start) <= _MICROSECOND else start
        return start

    def _refuse_emptiness(self) -> NoReturn:
        name = self._path.name
        if self._packets:
            raise UnreadableMediaError(
                f"none of the {self._packets} video packets of {name!r} can be decoded"
            )
        raise NoVideoError(f"{name!r} declares a video but holds no picture")

    def _describe(self, first: DecodedFrame) -> Header:
        stream, container = self._stream, self._container
        context = stream.codec_context
        names = container.format.name.split(",")
        suffix = self._path.suffix.lower().removeprefix(".")
        rates = [r for r in (stream.average_rate, stream.guessed_rate) if r and 0 < r <= _CREDIBLE_FPS]
        width, height = first.displayed_size()
        return Header(
            container=suffix if suffix in names else names[0],
            codec=context.codec.canonical_name,
            width=width,
            height=height,
            rotation_degrees=(-90 * first.quarter_turns) % 360,
            time_base=self._time_base,
            start_seconds=first.time_seconds,
            declared_end_seconds=self._declared_end(),
            declared_frame_count=stream.frames or None,
            average_fps=float(rates[0]) if rates else None,
            has_audio=bool(container.streams.audio),
        )

    def _declared_end(self) -> float | None:
        stream = self._stream
        if stream.duration:
            return self._seconds((stream.start_time or 0) + stream.duration)
        if self._container.duration:
            return self._container.duration / 1_000_000
        return None

    # -- decoding
    # -----------------------------------------------------------------------------------------------------

    def _seconds(self, pts: int) -> float:
        return float(pts * self._time_base - self._zero_seconds)

    def _from_start(self) -> Generator[Frame, None, None]:
        if self._first is None:
            self._reopen()
            self._running = self._decode()
        else:
            first, self._first = self._first, None
            yield first
        yield from self._running

    def _from(self, start_seconds: float) -> Generator[Frame, None, None]:
        """Decode from the sync frame before; where seeking overshoots or fails, from the start."""
        self._first = None
        self._reopen()
        try:
            target = int((Fraction(start_seconds) + self._zero_seconds) / self._time_base)
            self._container.seek(target, stream=self._stream)
        except FFMPEG_ERRORS:
            self._reopen()
        self._running = self._decode()
        held: DecodedFrame | None = next(self._running, None)
        if held is None or held.time_seconds > start_seconds:
            self._reopen()
            self._running = self._decode()
            held = next(self._running, None)
        for frame in self._running:
            if held is not None and frame.time_seconds > start_seconds:
                yield held
            held = frame
        if held is not None:
            yield held

    def _decode(self) -> Generator[DecodedFrame, None, None]:
        meter = Meter(self._limits, self._path.name)
        for packet in self._read_packets():
            try:
                frames = self._stream.decode(packet)
            except MemoryError:
                raise
            except FFMPEG_ERRORS:
                self._corrupt += 1
                continue
            for frame in frames:
                meter.add(frame.width * frame.height)
                pts = self._clock.stamp(frame, self._first_dts)
                time = self._seconds(pts)
                duration = float((frame.duration or self._step) * self._time_base)
                self._end_seconds = time + duration
                yield DecodedFrame(frame, self._converter, pts, time, duration)
        self._finished = True

    def _read_packets(self) -> "Iterator[Packet[VideoStream] | None]":
        """Packets of the stream, then what drains the decoder; damage in between is stepped over."""
        failures = 0
        while True:
            try:
                for packet in self._container.demux():
                    if (
                        packet.stream.index != self._stream.index
                    ):  # its own stream_index is 0 on draining packets
                        self._note_other(packet)
                        continue
                    failures = 0
                    self._note(packet)
                    yield packet
            except MemoryError:
                raise
            except FFMPEG_ERRORS:
                failures += 1
                if failures <= _DEMUX_RETRIES:
                    continue
                self._broke_off = True
                yield None
            return

    def _note(self, packet: "Packet[Stream]") -> None:
        if packet.size:
            self._packets += 1
            if self._first_dts is None:
                self._first_dts = packet.dts

    def _note_other(self, packet: "Packet[Stream]") -> None:
        stamp = packet.pts
        if stamp is not None and packet.time_base:
            end = float((stamp + (packet.duration or 0)) * packet.time_base - self._zero_seconds)
            self._others_end_seconds = max(self._others_end_seconds, end)

    # -- what differs from what was promised
    # --------------------------------------------------------------------------

    def _differences_from_declaration(self) -> list[Notice]:
        found = []
        slack = max(_TOLERANCE_SECONDS, float(2 * self._step * self._time_base))
        declared, start = self._header.declared_end_seconds, self._stream.start_time
        if start is not None and self._header.start_seconds - self._seconds(start) > slack:
            lost = self._seconds(start)
            message = f"the first {self._header.start_seconds - lost:.2f} s cannot be decoded"
            found.append(Notice("missing_start", message, max(lost, 0.0), self._header.start_seconds))
        end = self._end_seconds
        if self._finished and end is not None and declared is not None:
            # Where only the whole file declares a length, sound that goes on after the pictures is no
            # truncation.
            reached = end if self._stream.duration else max(end, self._others_end_seconds)
            if declared - reached > slack:
                message = f"the file declares {declared:.2f} s but its pictures end at {end:.2f} s; it may be cut short"
                found.append(Notice("truncated", message, end, declared))
        return found
