"""A timeline made by hand, small enough to check by eye, with texts that try to break out of every format."""

import io
from dataclasses import replace

from PIL import Image

from analyzer import (
    AskResult,
    Chapter,
    ClauseVerdict,
    Coverage,
    DescribeResult,
    DocumentElement,
    Event,
    EventBox,
    Gap,
    Instance,
    ModelInfo,
    ModerationResult,
    ObjectsResult,
    ReasoningStep,
    Relation,
    Results,
    ShotDescription,
    Table,
    TagElement,
    TextElement,
    Timeline,
    TimelineKeyframe,
    TimelineShot,
    Track,
    Usage,
)
from api.schemas import timeline_request
from sampler import MediaInfo, Notice

NASTY = "</script><script>document.title='owned'</script> --> \x1b[31m\n\n| `x` *y* {\\an8} &amp; ]]>"
FORMULA = '=HYPERLINK("http://evil.example";"click")'


def jpeg(colour: str = "teal") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (32, 18), colour).save(out, "JPEG")
    return out.getvalue()


def timeline(seconds: float = 40.0) -> Timeline:
    """Four shots of a quarter each, a keyframe in the middle of each, two events, one text, one gap."""
    quarter = seconds / 4
    keyframes = tuple(
        TimelineKeyframe(i, (i + 0.5) * quarter, i * 512, "1/12800", i, "shot", 0.5, 32, 18) for i in range(4)
    )
    shots = tuple(
        TimelineShot(i, i * quarter, (i + 1) * quarter, "cut" if i else "start", (i,)) for i in range(4)
    )
    times = [keyframe.time_seconds for keyframe in keyframes]
    whole = Instance(quarter, 2 * quarter, (times[0], times[1]), (times[1], times[2]), (1,))
    return Timeline(
        id="0123456789abcdef",
        status="partial",
        media=MediaInfo(
            name=NASTY,
            sha256="0" * 64,
            bytes=1000,
            container="mov,mp4",
            codec="h264",
            width=32,
            height=18,
            rotation_degrees=0,
            duration_seconds=seconds,
            start_seconds=0.0,
            frame_count=1000,
            average_fps=25.0,
            variable_frame_rate=False,
            has_audio=False,
            guessed=("frame_count",),
        ),
        request=timeline_request(frames=4).model_dump(mode="json"),
        model=ModelInfo("local", "by-hand"),
        summary=NASTY,
        events=(
            Event(
                "e0",
                "cat",
                "cat",
                FORMULA,
                0.0,
                2 * quarter,
                (0.0, times[0]),
                (times[1], times[2]),
                0.875,
                "detector",
                (0, 1),
                (EventBox(0, NASTY, (0.1, 0.2, 0.3, 0.4), 0.9),),
                {"note": NASTY},
                (),
                "by-hand",
            ),
            Event(
                "e1",
                "text",
                "text",
                NASTY,
                quarter,
                2 * quarter,
                (times[0], times[1]),
                (times[1], times[2]),
                None,
                "rule",
                (1,),
                (),
                {},
                ("b0.e1",),
                "by-hand",
            ),
        ),
        shots=shots,
        keyframes=keyframes,
        results=Results(
            text=(TextElement(NASTY, None, 0.5, (0.1, 0.1, 0.9, 0.2), (whole,)),),
            objects=ObjectsResult((), ()),
            moderation=ModerationResult("default-1", "allow", (), ()),
        ),
        coverage=Coverage(4, 3, quarter, (Gap(2.5 * quarter, seconds, "model_failed"),)),
        usage=Usage(wall_seconds=1.0),
        warnings=(Notice("truncated", NASTY),),
    )


def of_every_task(said: str = NASTY) -> Timeline:
    """The same with a result of each task, all of whose words are these."""
    made = timeline()
    (text,) = made.results.text or ()
    there = text.instances
    return replace(
        made,
        results=Results(
            text=made.results.text,
            tags=(TagElement(said, 0.5, "model", there),),
            objects=ObjectsResult(
                (Track("t1", said, 0.5, (), there),), (Relation(said, "left of", "t1", there),)
            ),
            moderation=ModerationResult(
                said, "review", (ClauseVerdict("c1", "review", 0.5, said, there),), ()
            ),
            describe=DescribeResult(said, (Chapter(said, said, 0.0, 20.0),), (ShotDescription(0, said),)),
            ask=AskResult(said, said, False, 0.5, (ReasoningStep(said, (1,)),), there),
            documents=(DocumentElement(said, said, (Table(("a",), ((said,),)),), {"total": said}, there),),
            custom={"mood": said},
        ),
    )


def with_image(made: Timeline, image: str) -> Timeline:
    """The same, every keyframe naming this picture."""
    return replace(made, keyframes=tuple(replace(each, image=image) for each in made.keyframes))
