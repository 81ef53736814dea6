"""The second pass: the chosen frames at full quality."""

from collections.abc import Generator, Sequence
from contextlib import closing

from sampler.encoding import jpeg
from sampler.frames import Reader
from sampler.types import Keyframe, Notice, PlannedKeyframe


def extract(
    reader: Reader, planned: Sequence[PlannedKeyframe], max_pixels: int
) -> Generator[Keyframe | Notice, None, None]:
    """Deliver exactly the planned frames, in order, one at a time.

    A frame that cannot be delivered (the file changed, or decodes differently from another start) becomes a
    notice.
    """
    wanted = {keyframe.pts: keyframe for keyframe in planned}
    with closing(reader.picked([keyframe.pts for keyframe in planned])) as frames:
        for frame in frames:
            keyframe = wanted.pop(frame.pts)
            picture = frame.bgr(max_pixels)
            del frame
            yield Keyframe(
                index=keyframe.index,
                time_seconds=keyframe.time_seconds,
                pts=keyframe.pts,
                time_base=keyframe.time_base,
                shot=keyframe.shot,
                reason=keyframe.reason,
                sharpness=keyframe.sharpness,
                width=picture.shape[1],
                height=picture.shape[0],
                jpeg=jpeg(picture),
            )
    for keyframe in wanted.values():
        message = f"keyframe {keyframe.index} could not be decoded again"
        yield Notice("missing_keyframe", message, keyframe.time_seconds, keyframe.time_seconds)
