"""Even spacing with the sparse readers that training code uses: torchcodec and decord, all cores allowed."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import av
import cv2

from benchmarks.runners import Delivered


def prepare(variant: str) -> "Torchcodec | Decord":
    """Load one of the two."""
    if variant == "torchcodec":
        return Torchcodec(import_module("torchcodec.decoders").VideoDecoder)
    return Decord(import_module("decord"))


class Torchcodec:
    """``VideoDecoder.get_frames_played_at``, exact seeking (its default)."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder

    def keyframes(self, path: Path, budget: int) -> Iterator[Delivered]:
        """The frames on screen in the middles of equal parts of the counted duration."""
        decoder = self._decoder(str(path), dimension_order="NHWC", num_ffmpeg_threads=0)
        start, end = decoder.metadata.begin_stream_seconds, decoder.metadata.end_stream_seconds
        times = [start + (index + 0.5) * (end - start) / budget for index in range(budget)]
        batch = decoder.get_frames_played_at(seconds=times)
        zero = _starts(path)[0]
        for picture, seconds in zip(batch.data.numpy(), batch.pts_seconds.tolist(), strict=True):
            yield Delivered(seconds - zero, _jpeg(picture))


class Decord:
    """``VideoReader.get_batch`` of evenly spaced frame numbers."""

    def __init__(self, decord: Any) -> None:
        self._decord = decord

    def keyframes(self, path: Path, budget: int) -> Iterator[Delivered]:
        """Frames in the middles of equal parts of the frame count."""
        reader = self._decord.VideoReader(str(path), num_threads=0)
        count = len(reader)
        numbers = [int((index + 0.5) * count / budget) for index in range(budget)]
        pictures = reader.get_batch(numbers).asnumpy()
        first = _starts(path)[1]
        for picture, number in zip(pictures, numbers, strict=True):
            yield Delivered(float(reader.get_frame_timestamp(number)[0]) + first, _jpeg(picture))


def _starts(path: Path) -> tuple[float, float]:
    """Where the player's clock begins on the stream's (torchcodec states that one), and the stream on the player's
    (decord counts from the first frame).
    """
    with av.open(path) as container:
        stream = container.streams.video[0]
        zero = (container.start_time or 0) / av.time_base
        return zero, float((stream.start_time or 0) * (stream.time_base or 0)) - zero


def _jpeg(picture: Any) -> bytes:
    return cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()
