"""A video file as a stream of frames in display order, from any time, or just the ones that are asked for."""

from collections.abc import Generator, Sequence
from fractions import Fraction
from pathlib import Path

from av.packet import Packet
from av.video.stream import VideoStream

from sampler.decoding.decoders import Decoders, useful_decoders
from sampler.decoding.grouping import StoredGroup, count_packets, stored_groups
from sampler.decoding.opening import encrypted_error, is_encrypted
from sampler.decoding.running import DecodedFrame, Run
from sampler.errors import NoVideoError, UnreadableMediaError
from sampler.frames import Frame, Header, Packets, pick, standing_from
from sampler.types import Limits, Notice

_CREDIBLE_FPS = 300
_TOLERANCE_SECONDS = 0.5
"""Ends and starts may differ from the declared ones by this much, or two frames, before it is worth a notice."""
_IN_FLIGHT_FRAMES = 6
"""Frames a decoder has under way: a sync frame nearer than this is reached sooner by going on."""
_STEPS_BACK_SECONDS = (0, 1, 4)
"""How far before a target to seek, tried in turn until the sync frame found comes no later than it."""


class VideoReader:
    """Reads one file with FFmpeg; see ``sampler.frames.Reader``.

    A ``draft`` is good enough to be measured: block edges show, and decoding costs a fifth less.

    Raises (on construction):
        MediaNotFoundError: no such file.
        UnreadableMediaError: unknown format, damaged beyond use, or encrypted.
        NoVideoError: no picture in it.
        MediaLimitError: it decodes to more than the limits allow; from ``frames`` and ``picked`` as well.
    """

    def __init__(self, path: Path, limits: Limits, *, draft: bool = False) -> None:
        self._path = path
        self._limits = limits
        self._draft = draft
        self._run = Run(path, limits, draft=draft)
        self._counted_end_seconds: float | None = None
        self._held: list[Packet[VideoStream]] = []
        """All packets, where they have been counted and are few."""
        try:
            self._check_readable()
            self._running = self._run.frames()
            first = next(self._running, None)
            if first is None:
                raise _emptiness(path, self._run.packets)  # noqa: TRY301  (closing is the same for every failure)
            if first.time_seconds < 0:
                # Nothing may lie before zero, so the clock starts with this picture instead.
                self._run.zero_seconds = first.pts * self._run.time_base
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
        """The frames with these timestamps, by way of their sync frames where that decodes less.

        Whatever seeking does not deliver exactly is looked for in a straight run.
        """
        waiting = list(pts)
        if len(self._run.stream.index_entries) > 1 and not self._run.in_decoding_order:
            for target in pts:
                frame = self._reach(target)
                if frame is None:
                    break
                yield frame
                del frame
                waiting.remove(target)
        if waiting:
            self._restart()
            yield from pick(self._running, waiting)

    def packets(self) -> Generator[None, None, Packets]:
        """See ``sampler.frames.PacketReader``."""
        self._restart()
        found, self._held = yield from count_packets(self._run)
        if len(found):
            last = int(found.pts.argmax())
            self._counted_end_seconds = self._run.seconds(int(found.pts[last] + found.durations[last]))
        return found

    @property
    def parallel(self) -> int:
        """See ``sampler.frames.PacketReader``."""
        return useful_decoders(self._run.stream)

    def groups(self, sync_pts: Sequence[int]) -> Generator[StoredGroup, None, None]:
        """See ``sampler.frames.PacketReader``; the last packets having been counted, the file is known to its end."""
        held, self._held = self._held, []
        if not held:
            self._restart()
            if sync_pts[0] > self._run.zero_seconds / self._run.time_base and not self._approach(sync_pts[0]):
                self._restart()
        decoders = Decoders(self._run, self._header.rotation_degrees // -90 % 4)
        yield from stored_groups(held or self._run.read_packets(), decoders, sync_pts)
        self._run.end_seconds, self._run.finished = self._counted_end_seconds, True

    def notices(self) -> tuple[Notice, ...]:
        """Damage met so far, one notice a kind."""
        run, found = self._run, []
        if run.corrupt:
            message = f"{run.corrupt} of {run.packets} packets are damaged; their frames are missing"
            found.append(Notice("corrupt_packets", message))
        if run.broke_off:
            found.append(Notice("unreadable_rest", "the file breaks off in damaged data", run.end_seconds))
        if run.clock.repaired:
            message = f"{run.clock.repaired} frames had no usable time of their own"
            found.append(Notice("repaired_timestamps", message))
        return (*found, *self._differences_from_declaration())

    def close(self) -> None:
        """Release container and file."""
        self._run.close()

    # -- opening -------------------------------------------------------------------------------------------------

    def _check_readable(self) -> None:
        if is_encrypted(self._path):
            raise encrypted_error(self._path)

    def _describe(self, first: DecodedFrame) -> Header:
        stream, container = self._run.stream, self._run.container
        names = container.format.name.split(",")
        suffix = self._path.suffix.lower().removeprefix(".")
        rates = [r for r in (stream.average_rate, stream.guessed_rate) if r and 0 < r <= _CREDIBLE_FPS]
        width, height = first.displayed_size()
        return Header(
            container=suffix if suffix in names else names[0],
            codec=stream.codec_context.codec.canonical_name,
            width=width,
            height=height,
            rotation_degrees=(-90 * first.quarter_turns) % 360,
            time_base=self._run.time_base,
            start_seconds=first.time_seconds,
            declared_end_seconds=self._declared_end(),
            declared_frame_count=stream.frames or None,
            average_fps=float(rates[0]) if rates else None,
            has_audio=bool(container.streams.audio),
        )

    def _declared_end(self) -> float | None:
        stream, container = self._run.stream, self._run.container
        if stream.duration:
            return self._run.seconds((stream.start_time or 0) + stream.duration)
        return container.duration / 1_000_000 if container.duration else None

    # -- moving about --------------------------------------------------------------------------------------------

    def _restart(self) -> None:
        self._first, self._held = None, []
        self._run.close()
        self._run = Run(self._path, self._limits, self._run.zero_seconds, draft=self._draft)
        self._running = self._run.frames()

    def _from_start(self) -> Generator[Frame, None, None]:
        if self._first is None:
            self._restart()
        else:
            first, self._first = self._first, None
            yield first
            del first
        yield from self._running

    def _from(self, start_seconds: float) -> Generator[Frame, None, None]:
        target = int((Fraction(start_seconds) + self._run.zero_seconds) / self._run.time_base)
        if self._run.in_decoding_order or not self._approach(target):
            self._restart()
        yield from standing_from(self._running, start_seconds)

    def _reach(self, target: int) -> DecodedFrame | None:
        """The frame with this timestamp, from where the decoder stands or from a sync frame; None if missed."""
        if self._worth_seeking(target) and not self._approach(target):
            return None
        self._run.skip_before = target
        try:
            if self._first is not None:
                first, self._first = self._first, None
                if first.pts == target:
                    return first
            for frame in self._running:
                if frame.pts >= target:
                    return frame if frame.pts == target and not self._run.clock.repaired else None
                del frame
        finally:
            self._run.skip_before = None
        return None

    def _approach(self, target: int) -> bool:
        """Stand at a sync frame from which ``target`` decodes whole; False where none was found.

        Pictures shown before their sync frame (open GOP) lack what they refer to, so the sync frame itself must not
        come after the target.
        """
        self._first = None
        for seconds in _STEPS_BACK_SECONDS:
            found = self._run.seek(max(target - int(seconds / self._run.time_base), 0))
            if found is not None and found <= target:
                self._running = self._run.frames()
                return True
        return False

    def _worth_seeking(self, target: int) -> bool:
        """Whether the sync frame of ``target`` lies beyond what the decoder has under way."""
        entries = self._run.stream.index_entries
        sync = entries.search_timestamp(target, backward=True)
        if sync < 0:
            return False
        position = self._first.pts if self._first is not None else self._run.position
        return position is None or entries[sync].timestamp > position + _IN_FLIGHT_FRAMES * self._run.step

    # -- what differs from what was promised ---------------------------------------------------------------------

    def _differences_from_declaration(self) -> list[Notice]:
        run, found = self._run, []
        slack = max(_TOLERANCE_SECONDS, float(2 * run.step * run.time_base))
        first = self._header.start_seconds
        start = run.seconds(run.stream.start_time) if run.stream.start_time is not None else first
        if first - start > slack:
            message = f"the first {first - start:.2f} s cannot be decoded"
            found.append(Notice("missing_start", message, max(start, 0.0), first))
        end, declared = run.end_seconds, self._header.declared_end_seconds
        if run.finished and end is not None and declared is not None:
            # Where only the whole file declares a length, sound that outlasts the pictures is no truncation.
            reached = end if run.stream.duration else max(end, run.others_end_seconds)
            if declared - reached > slack:
                message = (
                    f"the file declares {declared:.2f} s but its pictures end at {end:.2f} s;"
                    " it may be cut short"
                )
                found.append(Notice("truncated", message, end, declared))
        return found


def _emptiness(path: Path, packets: int) -> UnreadableMediaError | NoVideoError:
    if packets:
        return UnreadableMediaError(f"none of the {packets} video packets of {path.name!r} can be decoded")
    return NoVideoError(f"{path.name!r} declares a video but holds no picture")
