"""Whether a picture that takes as many bytes as a sync frame begins a shot, and which picture is the shot's first.

At a cut nothing can be predicted from what was shown before, so the first picture that is stored after it consists of
itself alone; of the pictures shown just before that one, those of the old shot are predicted from earlier ones only and
those of the new shot from later ones only (Meng, Juan and Chang, "Scene change detection in an MPEG compressed video
sequence", 1995). None of this needs the pictures that others are predicted from.
"""

import numpy as np

from sampler.frames import Origin, Origins
from sampler.measuring import U8

ITSELF = 0.1
"""Share predicted from earlier pictures up to which a picture owes them nothing."""
_OLD = 0.3
"""The same from which it belongs to them."""
_NEW = 0.3
"""Share predicted from later pictures from which a picture that owes earlier ones nothing belongs to the later."""
CONTINUES = 0.42
"""Share predicted from earlier pictures from which a picture goes on with them. What follows a flash comes after a
picture of nothing, and in a dissolve each picture is new in part."""
CONTINUES_IN_MOTION = 0.3
"""The same where much moves: in dissolves it was 0.26 at most."""
_LIKE = 6.0
"""Mean difference, in levels, up to which a picture of which neither is known repeats the one that begins the shot."""


def begins(origin: Origin) -> bool:
    """Whether a picture owes nothing to what was shown before it, as the first that is stored of a shot."""
    return origin.earlier <= ITSELF


def first_of_shot(before: Origins, luma: U8) -> int | None:
    """Index of the picture that begins a shot; None where it is not certain which.

    Args:
        before: Of the pictures shown just before the one that is stored first of a shot, but stored after it.
        luma: Thumbnails of them and of that one, ``(N + 1, 36, 64)``.
    """
    for index, origin in enumerate(before.pictures):
        if origin.earlier >= _OLD:
            continue
        if not begins(origin):
            return None
        if origin.later >= _NEW or _difference(luma[index], luma[-1]) <= _LIKE:
            return index if index or before.complete else None
    return len(before.pictures)


def parts(before: Origins, first: int) -> bool:
    """Whether a picture shown beside the one that begins a shot comes from its own side alone, as in no dissolve.

    Args:
        before: As for ``first_of_shot``.
        first: What that says.
    """
    return first < len(before.pictures) or any(origin.later <= ITSELF for origin in before.pictures[-1:])


def _difference(one: U8, other: U8) -> float:
    return float(np.abs(one.astype(np.int16) - other).mean())
