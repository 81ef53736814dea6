"""Even spacing as most scripts do it: seek to the sync frame before each time, decode up to it."""

from collections.abc import Iterator
from pathlib import Path

import av
import cv2

from benchmarks.runners import Delivered


def prepare(_variant: str) -> "Seeking":
    """Nothing to load."""
    return Seeking()


class Seeking:
    """PyAV's ``seek`` and ``decode``."""

    def keyframes(self, path: Path, budget: int) -> Iterator[Delivered]:
        """The frames on screen in the middles of equal parts of the declared duration."""
        with av.open(path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            zero, length = (
                (container.start_time or 0) / av.time_base,
                (container.duration or 0) / av.time_base,
            )
            for index in range(budget):
                due = zero + (index + 0.5) * length / budget
                container.seek(round(due * av.time_base))
                held = None
                for frame in container.decode(stream):
                    if held is not None and frame.time > due:
                        break
                    held = frame
                if held is not None:
                    encoded = cv2.imencode(".jpg", held.to_ndarray(format="bgr24"))[1]
                    yield Delivered(held.time - zero, encoded.tobytes())
