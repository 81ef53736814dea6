"""Decoders for packets that are held. A group of pictures depends on nothing outside it, so several can be decoded
at a time, each by one thread: of 640 × 360 that costs a fourth less processor time than threads that share a picture or
wait for one another's, and uses all cores instead of some.
"""

import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import chain, zip_longest
from queue import Empty, LifoQueue
from typing import cast

from av.codec.context import CodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from sampler.decoding.opening import FFMPEG_ERRORS
from sampler.decoding.predicting import Predictions
from sampler.decoding.running import LARGE_PIXELS, MOST_THREADS, SKIPPABLE, DecodedFrame, Run
from sampler.frames import Origin

_COPYABLE = frozenset({"h264", "hevc", "vp8", "vp9", "av1", "mpeg2video"})
"""Codecs whose packets and extra data say all that a decoder has to know."""


class Decoder:
    """Decodes packets of a run's stream apart from anything else; serves one thread at a time."""

    def __init__(self, run: Run, context: VideoCodecContext, quarter_turns: int) -> None:
        self._run = run
        self._context = context
        self._quarter_turns = quarter_turns
        self._converter = run.converter()

    def frames_of(
        self, packets: "Iterable[Packet[VideoStream]]", quiet: Iterable[bool] = ()
    ) -> Generator[DecodedFrame, None, None]:
        """Frames of packets that begin with a sync frame, with the file's own times.

        Where ``quiet``, an entry a packet, says so, frames that nothing refers to are left out.

        Raises:
            MediaLimitError: all that was decoded comes to more than the limits allow.
        """
        context = self._context
        context.flush_buffers()
        skips = context.codec.canonical_name in SKIPPABLE
        for packet, thin in zip_longest(chain(packets, (None,)), quiet, fillvalue=None):
            context.skip_frame = "NONREF" if skips and thin else "DEFAULT"
            try:
                frames = context.decode(packet)
            except MemoryError:
                raise
            except FFMPEG_ERRORS:
                self._run.note_corrupt()
                continue
            while frames:  # not a loop over them, which would hold each while the next is decoded
                frame = frames.pop(0)
                if frame.pts is not None:
                    yield self._run.delivered(frame, frame.pts, self._converter, self._quarter_turns)
                del frame

    def origins_of(
        self, packets: "Sequence[Packet[VideoStream]]", run_up: "Sequence[Packet[VideoStream]]" = ()
    ) -> list[Origin]:
        """See ``sampler.frames.Group.origin`` and ``Predictions.of``."""
        return [
            Origin(self._run.delivered(frame, frame.pts, self._converter, self._quarter_turns), *shares)
            for frame, shares in self._predictions.of(packets, run_up)
            if frame.pts is not None
        ]

    def glimpses_of(self, packets: "Sequence[Packet[VideoStream]]") -> Generator[DecodedFrame, None, None]:
        """See ``sampler.frames.Group.glimpses``."""
        for frame in self._predictions.glimpses(packets):
            if frame.pts is not None:
                yield self._run.delivered(frame, frame.pts, self._converter, self._quarter_turns)
            del frame

    @cached_property
    def _predictions(self) -> Predictions:
        return Predictions(self._run.stream)


class Decoders:
    """As many decoders of one stream as are in use at a time."""

    def __init__(self, run: Run, quarter_turns: int) -> None:
        self._run = run
        self._quarter_turns = quarter_turns
        self._idle: LifoQueue[Decoder] = LifoQueue()

    @contextmanager
    def lent(self) -> Iterator[Decoder]:
        """A decoder that nobody else uses meanwhile."""
        try:
            decoder = self._idle.get_nowait()
        except Empty:
            decoder = Decoder(self._run, self._context(), self._quarter_turns)
        try:
            yield decoder
        finally:
            self._idle.put(decoder)

    def _context(self) -> VideoCodecContext:
        """Of a thread where there are others beside it; else the stream's own, with as many as are of use."""
        own = self._run.context
        if useful_decoders(self._run.stream) == 1:
            return own
        context = cast("VideoCodecContext", CodecContext.create(own.codec.name, "r"))
        context.extradata = own.extradata
        context.thread_count = 1
        context.options = self._run.options
        return context


def useful_decoders(stream: VideoStream) -> int:
    """How many are worth their memory, each holding a dozen pictures; one where a decoder cannot be copied."""
    context = stream.codec_context
    if context.codec.canonical_name not in _COPYABLE:
        return 1
    bearable = LARGE_PIXELS // max(context.width * context.height, 1)
    return max(1, min(MOST_THREADS, os.cpu_count() or 1, bearable))
