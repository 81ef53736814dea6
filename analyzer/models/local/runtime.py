"""ONNX Runtime, kept from reporting to its maker, which from 1.29 on it does as soon as it is loaded."""

import os
from typing import Any


def load_runtime() -> Any:
    """The module, its telemetry off: what is looked at here is nobody else's business, and needs no network.

    The variable has no uploader, identifier or file made, if it is set before the first import; where the program
    around us had loaded it, and on Windows, what can still be stopped is.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415 - as said

    onnxruntime.disable_telemetry_events()
    return onnxruntime
