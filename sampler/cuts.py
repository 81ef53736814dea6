"""Hard cuts: PySceneDetect's adaptive detector, asked only where a cut is possible.

Every cut is a jump of the thumbnail, so frames whose jump does not stand out need no detector. Around each that does,
``AdaptiveDetector`` judges a short window of small colour pictures. What it cannot know is added here: thresholds
that follow the frame rate (at 3 frames a second everything jumps), flashes (the picture comes back), and the first
and last frames of a file.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from scenedetect import AdaptiveDetector, FrameTimecode

from sampler.measuring import HEIGHT, WIDTH, Strip, tile_differences

_REACH = 3
"""Frames on each side of a candidate that are shown to the detector."""
_LOOK = 8
"""Frames kept before and awaited after a candidate."""
_FLASH_SECONDS = 0.2
"""A picture that comes back within this time was interrupted, not cut."""
_COMES_BACK = 0.4
"""Share of the jump below which two pictures count as the same."""
_LOWEST_JUMP = 5.0
_STANDS_OUT = 1.4
"""How far a jump must exceed the median of its neighbourhood to be worth asking about."""
_RATIO, _CONTENT = 3.0, 13.0
"""What the detector demands at 25 frames a second: of a score over its neighbours', and of the score itself."""
_USUAL_INTERVAL_SECONDS = 0.04


class CutFinder:
    """Finds hard cuts in strips fed to it in order; results come a few frames late and do not depend on strip sizes."""

    def __init__(self) -> None:
        self._held: Strip | None = None
        self._next = 0
        """Index in ``_held`` of the first frame not judged yet."""

    def feed(self, strip: Strip) -> list[int]:
        """The pts of frames found to begin a shot."""
        self._held = strip if self._held is None else self._held.joined(strip)
        return self._judge(len(self._held) - _LOOK)

    def finish(self) -> list[int]:
        """The same for the frames still waiting for their future."""
        return [] if self._held is None else self._judge(len(self._held))

    def _judge(self, end: int) -> list[int]:
        held = self._held
        if held is None or end <= self._next:
            return []
        found = [int(held.pts[index]) for index in _candidates(held, self._next, end) if _is_cut(held, index)]
        drop = max(0, end - _LOOK)
        self._held, self._next = held[drop:], end - drop
        return found


def _candidates(held: Strip, start: int, end: int) -> list[int]:
    jumps = held.jumps
    possible = []
    for index in np.flatnonzero(jumps[start:end] >= _LOWEST_JUMP) + start:
        near = np.delete(jumps[max(0, index - 4) : index + 5], min(4, index))
        if index > 0 and jumps[index] >= _STANDS_OUT * np.median(near if len(near) else [0.0]):
            possible.append(int(index))
    return possible


def _is_cut(held: Strip, index: int) -> bool:
    return _detector_says_so(held, index) and not _comes_back(held, index)


def _detector_says_so(held: Strip, index: int) -> bool:
    interval = max(held.times[index] - held.times[index - 1], 1e-3)
    # The longer between two frames, the more of a jump is mere motion; half as much again at a third of a second.
    strictness = float(np.clip((interval / _USUAL_INTERVAL_SECONDS) ** 0.2, 1.0, 1.6))
    detector = AdaptiveDetector(
        _RATIO / strictness**0.5, min_scene_len=0, window_width=2, min_content_val=_CONTENT * strictness
    )
    for offset in range(-_REACH, _REACH):
        picture = _colour(held, min(max(index + offset, 0), len(held) - 1))
        cuts = detector.process_frame(FrameTimecode(offset + _REACH, fps=25.0), picture)
        if any(cut.frame_num == _REACH for cut in cuts):
            return True
    return False


def _comes_back(held: Strip, index: int) -> bool:
    """Whether the picture before the jump is seen again soon, or the one after it was seen just before."""
    jump = float(held.jumps[index])
    time = held.times[index]
    after = range(index + 1, min(index + _LOOK, len(held)))
    later = [i for i in after if held.times[i] - time <= _FLASH_SECONDS]
    earlier = [i for i in range(max(0, index - _LOOK), index - 1) if time - held.times[i] <= _FLASH_SECONDS]
    return (
        _nearest(held, index - 1, later) < _COMES_BACK * jump
        or _nearest(held, index, earlier) < _COMES_BACK * jump
    )


def _nearest(held: Strip, index: int, others: list[int]) -> float:
    """The smallest difference between one frame and any of the others, in the unit of ``jumps``."""
    if not others:
        return float("inf")
    luma = tile_differences(np.repeat(held.luma[index : index + 1], len(others), axis=0), held.luma[others])
    tint = (
        np.abs(held.chroma[others].astype(np.int16) - held.chroma[index])
        .reshape(len(others), -1)
        .mean(axis=1)
    )
    return float((luma.reshape(len(others), -1).mean(axis=1) + tint).min())


def _colour(held: Strip, index: int) -> NDArray[np.uint8]:
    blue, red = (cv2.resize(plane, (WIDTH, HEIGHT)) for plane in held.chroma[index])
    return np.asarray(cv2.cvtColor(cv2.merge((held.luma[index], red, blue)), cv2.COLOR_YCrCb2BGR))
