"""One clock that only moves forward, made of what files say about time."""

from fractions import Fraction

from av.video.frame import VideoFrame

_RESTART_SECONDS = 1.0
"""A step back by more than this is a clock that started again (TS, chained Ogg), less is a wrong stamp."""


class Clock:
    """Gives every frame a timestamp later than the one before.

    Files without timestamps (raw streams) are counted at ``step`` units a frame; where presentation times are
    known to be wrong (AVI stores none, and FFmpeg's guess runs backwards at B-frames) decoding times, which a
    decoder hands out in display order, stand in; a clock that starts again is carried on.
    """

    def __init__(self, time_base: Fraction, step: int, *, decoding_order: bool) -> None:
        self._step = max(step, 1)
        self._restart = int(_RESTART_SECONDS / time_base) or 1
        self._decoding_order = decoding_order
        self._shift = 0
        self._last: int | None = None
        self.repaired = 0
        """Frames whose own timestamp could not be used."""

    def stamp(self, frame: VideoFrame, first_dts: int | None) -> int:
        """The timestamp of the next frame in display order; ``first_dts`` is that of the first packet."""
        raw = frame.dts if self._decoding_order or frame.pts is None else frame.pts
        if self._last is None and self._decoding_order and raw is not None and first_dts is not None:
            self._shift = first_dts - raw
        if raw is None:
            stamp = 0 if self._last is None else self._last + self._step
            self.repaired += not self._decoding_order
        else:
            stamp = raw + self._shift
        if self._last is not None and stamp <= self._last:
            self.repaired += 1
            if self._last - stamp > self._restart:
                self._shift += self._last + self._step - stamp
                stamp = self._last + self._step
            else:
                stamp = self._last + max(self._step // 2, 1)
        self._last = stamp
        return stamp
