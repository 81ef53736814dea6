"""From which pictures a picture was predicted, told by a decoder that gets nothing of those."""

from collections.abc import Iterable, Iterator
from typing import cast

from av.codec.context import CodecContext, Flags, Flags2
from av.packet import Packet
from av.sidedata.motionvectors import MotionVectors
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from sampler.decoding.opening import FFMPEG_ERRORS

_TELLING = frozenset({"h264"})
"""Codecs whose decoders tell where every block comes from and bear that most of it is missing."""


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

    def of(self, packets: "Iterable[Packet[VideoStream]]") -> Iterator[tuple[VideoFrame, float, float]]:
        """Pictures in the order they are shown, and which share of each comes from earlier and from later ones.

        Nothing comes where the codec does not tell; a picture that does not decode is left out.
        """
        context = self._context
        if context is None:
            return
        context.flush_buffers()
        for packet in (*packets, None):
            try:
                frames = context.decode(packet)
            except MemoryError:
                raise
            except FFMPEG_ERRORS:
                continue
            for frame in frames:
                yield frame, *_shares(frame)


def _shares(frame: VideoFrame) -> tuple[float, float]:
    vectors = frame.side_data.get("MOTION_VECTORS")
    if not isinstance(vectors, MotionVectors):
        return 0.0, 0.0
    blocks = vectors.to_ndarray()
    areas = blocks["w"].astype(float) * blocks["h"] / (frame.width * frame.height)
    past, future = (float(areas[side].sum()) for side in (blocks["source"] < 0, blocks["source"] > 0))
    return min(past, 1.0), min(future, 1.0)  # blocks at the edges reach beyond the picture
