"""From which pictures a picture was predicted, told by a decoder that gets nothing of those."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import cast

import numpy as np
from av.codec.context import CodecContext, Flags, Flags2
from av.packet import Packet
from av.sidedata.motionvectors import MotionVectors
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from sampler.decoding.opening import FFMPEG_ERRORS

_TELLING = frozenset({"h264"})
"""Codecs whose decoders tell where every block comes from and bear that most of it is missing."""
_COLUMNS, _ROWS, _NARROWEST = 8, 6, 32
"""How many bands a picture is divided into, each of so many pixels at least: blocks have up to sixteen."""


class Predictions:
    """A second decoder for a stream, which shows pictures whatever they lack."""

    def __init__(self, stream: VideoStream) -> None:
        self._context: VideoCodecContext | None = None
        if stream.codec_context.codec.canonical_name not in _TELLING:
            return
        context = cast("VideoCodecContext", CodecContext.create(stream.codec_context.codec.name, "r"))
        context.extradata = stream.codec_context.extradata
        context.thread_count = 1
        context.options = {"skip_loop_filter": "all"}
        context.flags |= Flags.output_corrupt
        context.flags2 |= Flags2.export_mvs | Flags2.show_all
        self._context = context

    def of(
        self, packets: "Sequence[Packet[VideoStream]]", run_up: "Sequence[Packet[VideoStream]]"
    ) -> Iterator[tuple[VideoFrame, tuple[float, float, float]]]:
        """Pictures in the order they are shown, with the shares of ``sampler.frames.Origin``.

        Of one picture in sixteen, where its count of pictures starts over, a decoder that has just been emptied tells
        nothing; then it gets the ``run_up`` before the packets. Nothing comes where the codec does not tell; a picture
        that does not decode is left out.
        """
        if self._context is None:
            return
        wanted = {packet.pts for packet in packets}
        told = [(frame, _vectors(frame)) for frame in self._decoded(self._context, packets)]
        if any(vectors is None and frame.pict_type != PictureType.I for frame, vectors in told):
            frames = self._decoded(self._context, (*run_up, *packets))
            told = [(frame, _vectors(frame)) for frame in frames if frame.pts in wanted]
        for frame, vectors in told:
            yield frame, _shares(frame, vectors)

    def glimpses(self, packets: "Sequence[Packet[VideoStream]]") -> Iterator[VideoFrame]:
        """Pictures as they come of these packets alone, in the order they are shown; of other codecs none."""
        if self._context is not None:
            yield from self._decoded(self._context, packets)

    def _decoded(
        self, context: VideoCodecContext, packets: "Iterable[Packet[VideoStream]]"
    ) -> Iterator[VideoFrame]:
        context.flush_buffers()
        for packet in (*packets, None):
            try:
                yield from context.decode(packet)
            except MemoryError:
                raise
            except FFMPEG_ERRORS:
                continue


def _vectors(frame: VideoFrame) -> NDArray[np.void] | None:
    vectors = frame.side_data.get("MOTION_VECTORS")
    return vectors.to_ndarray() if isinstance(vectors, MotionVectors) else None


@lru_cache(maxsize=16)
def _bands(length: int, count: int) -> NDArray[np.intp]:
    """Which of so many bands each place along a side is in."""
    return np.arange(length) * count // length


def _shares(frame: VideoFrame, blocks: NDArray[np.void] | None) -> tuple[float, float, float]:
    if blocks is None:
        return 0.0, 0.0, 0.0
    whole = frame.width * frame.height
    areas = blocks["w"].astype(np.int32) * blocks["h"]
    past = areas * (blocks["source"] < 0)
    earlier, least = int(past.sum()), float(whole)
    later = int((areas * (blocks["source"] > 0)).sum())
    sides = ((blocks["dst_x"], frame.width, _COLUMNS), (blocks["dst_y"], frame.height, _ROWS))
    for centres, length, most in sides:
        bands = max(1, min(most, length // _NARROWEST))
        band = _bands(length, bands).take(centres, mode="clip")
        least = min(least, float(np.bincount(band, past, bands).min()) * bands)
    # Blocks at the edges reach beyond the picture.
    return min(earlier / whole, 1.0), min(later / whole, 1.0), least / whole
