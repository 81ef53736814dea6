"""Whether bytes from a decoder are the plain JPEG they are said to be, without decoding them.

Whoever decodes a keyframe later does so outside the sandbox. So what a decoder hands over must be built of the few
parts our own encoder writes: no progressive scans, no arithmetic coding, no colour profiles, no thumbnails, no second
picture, and of the size that was announced (ITU-T T.81, annex B).
"""

import struct
from typing import Final

_BEGIN, _END = b"\xff\xd8", b"\xff\xd9"
_APP0, _QUANTISATION, _BASELINE, _HUFFMAN, _SCAN = 0xE0, 0xDB, 0xC0, 0xC4, 0xDA
_LONGEST: Final = {_APP0: 16, _QUANTISATION: 67 * 4, _BASELINE: 17, _HUFFMAN: 420 * 4, _SCAN: 12}
"""The parts there may be, and how long each is at most, its length field included."""
_MOST_PARTS = 16
_BYTES_PER_PIXEL = 6
_BYTES_BESIDE = 8_192


def is_plain_jpeg(data: bytes, width: int, height: int) -> bool:
    """Whether ``data`` is one baseline JPEG of this size with nothing in it but the picture."""
    if not (data.startswith(_BEGIN) and data.endswith(_END)):
        return False
    if len(data) > width * height * _BYTES_PER_PIXEL + _BYTES_BESIDE:
        return False
    head = _head(data)
    return head is not None and head[0] == (8, height, width) and _is_one_scan(data, head[1])


def _head(data: bytes) -> tuple[tuple[int, int, int] | None, int] | None:
    """Bits, height and width of the picture, and where its scan begins; None where other parts stand before it."""
    at, size = len(_BEGIN), None
    for _ in range(_MOST_PARTS):
        if at + 4 > len(data) or data[at] != 0xFF:
            return None
        kind, (length,) = data[at + 1], struct.unpack_from(">H", data, at + 2)
        if not 2 <= length <= _LONGEST.get(kind, 0):
            return None
        if kind == _BASELINE:
            if size is not None or at + 9 > len(data):
                return None
            size = struct.unpack_from(">BHH", data, at + 4)
        at += 2 + length
        if kind == _SCAN:
            return size, at
    return None


def _is_one_scan(data: bytes, at: int) -> bool:
    """Whether nothing but entropy-coded bytes, stuffed zeros and restart marks stands between here and the end."""
    marks = data[at:-2].split(b"\xff")[1:]
    return all(mark[:1] == b"\0" or 0xD0 <= (mark[0] if mark else 0) <= 0xD7 for mark in marks)
