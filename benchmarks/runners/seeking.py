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

    def plan(self, path: Path, budget: int) -> list[float]:
        """The middles of equal parts of the declared duration."""
        with av.open(path) as container:
            length = (container.duration or 0) / av.time_base
        return [(index + 0.5) * length / budget for index in range(budget)]

    def keyframes(self, path: Path, budget: int) -> Iterator[Delivered]:
        """The frames on screen at the planned times."""
        due_times = self.plan(path, budget)
        with av.open(path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            zero = (container.start_time or 0) / av.time_base
            for due in (zero + time for time in due_times):
                container.seek(round(due * av.time_base))
                held = None
                for frame in container.decode(stream):
                    if held is not None and frame.time > due:
                        break
                    held = frame
                if held is not None:
                    encoded = cv2.imencode(".jpg", held.to_ndarray(format="bgr24"))[1]
                    yield Delivered(held.time - zero, encoded.tobytes())
