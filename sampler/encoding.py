"""Pictures become JPEG."""

import cv2
import numpy as np
from numpy.typing import NDArray

_QUALITY = 90


def jpeg(bgr: NDArray[np.uint8]) -> bytes:
    """Encode ``(height, width, 3)`` as JPEG at quality 90, full range as JPEG demands."""
    encoded, buffer = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not encoded:
        raise ValueError(f"{bgr.shape = } cannot be encoded")
    return buffer.tobytes()
