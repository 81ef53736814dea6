"""Where a timeline's keyframe pictures are: in files beside it, or inside it as ``data:`` URLs."""

import base64
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from analyzer import Timeline, TimelineKeyframe

_JPEG_START = b"\xff\xd8\xff"


def picture_name(index: int) -> str:
    """The file name of a keyframe's picture."""
    return f"{index:04}.jpg"


def with_files(timeline: Timeline, folder: Path, seen_from: Path) -> Timeline:
    """The timeline naming each keyframe's picture in ``folder``, as a path relative to ``seen_from``."""
    return _with_images(
        timeline,
        lambda keyframe: Path(os.path.relpath(folder / picture_name(keyframe.index), seen_from)).as_posix(),
    )


def with_pictures(timeline: Timeline, pictures: Mapping[int, bytes]) -> Timeline:
    """The timeline holding its pictures: JPEG bytes by keyframe index."""
    return _with_images(timeline, lambda keyframe: _data_url(pictures[keyframe.index]))


def with_pictures_beside(timeline: Timeline, folder: Path) -> Timeline:
    """The timeline holding those pictures that it names by a path relative to ``folder``.

    Only JPEG files are taken in, so that a forged timeline cannot carry other files away.
    """

    def found(keyframe: TimelineKeyframe) -> str | None:
        if keyframe.image and not Path(keyframe.image).is_absolute():
            with suppress(OSError, ValueError):
                picture = (folder / keyframe.image).read_bytes()
                return _data_url(picture) if picture.startswith(_JPEG_START) else None
        return None

    return _with_images(timeline, found)


def _with_images(timeline: Timeline, image: Callable[[TimelineKeyframe], str | None]) -> Timeline:
    keyframes = tuple(replace(keyframe, image=image(keyframe)) for keyframe in timeline.keyframes)
    return replace(timeline, keyframes=keyframes)


def _data_url(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
