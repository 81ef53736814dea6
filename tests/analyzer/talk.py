"""Small makers of keyframes and questions for the tests of everything that talks to a model."""

from fractions import Fraction

from analyzer.conversation import Question
from sampler import Keyframe


def keyframe(
    index: int, *, time: float | None = None, shot: int = 0, jpeg: bytes = b"", size=(640, 352)
) -> Keyframe:
    seconds = float(index) if time is None else time
    return Keyframe(
        index=index,
        time_seconds=seconds,
        pts=round(seconds * 1000),
        time_base=Fraction(1, 1000),
        shot=shot,
        reason="shot",
        sharpness=None,
        width=size[0],
        height=size[1],
        jpeg=jpeg or b"\xff\xd8 picture %d" % index,
    )


def question(*frames: int, schema=None, **fields) -> Question:
    return Question(
        id=fields.pop("id", "events.b0"),
        instructions=fields.pop("instructions", "Watch."),
        text=fields.pop("text", "What happens?"),
        keyframes=tuple(keyframe(index) for index in frames),
        schema=schema,
        **fields,
    )
