"""Small makers of keyframes and questions for the tests of everything that talks to a model."""

import json
from fractions import Fraction

from analyzer.asking import Answered
from analyzer.conversation import Batch, ModelProfile, Question, Reply
from analyzer.spending import Ledger
from analyzer.types import ModelInfo, Usage
from sampler import Keyframe, MediaInfo, PlannedKeyframe, SamplingPlan, Shot


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


def plan_of(times, *, shots=None, duration=None) -> SamplingPlan:
    """A plan with keyframes at these times; ``shots`` are (start, end), one for all if not given."""
    duration = duration or times[-1] + 1.0
    spans = shots or [(0.0, duration)]
    shot_of = [next(i for i, (start, end) in enumerate(spans) if start <= t < end) for t in times]
    media = MediaInfo("a.mp4", "00", 1, "mp4", "h264", 640, 352, 0, duration, 0.0, None, None, False, False)
    return SamplingPlan(
        media=media,
        sampling="exact",
        start_seconds=0.0,
        end_seconds=duration,
        shots=tuple(Shot(i, start, end, "cut" if i else "start") for i, (start, end) in enumerate(spans)),
        signals=(),
        keyframes=tuple(
            PlannedKeyframe(i, time, round(time * 1000), Fraction(1, 1000), shot_of[i], "shot")
            for i, time in enumerate(times)
        ),
        notices=(),
    )


def keyframes_of(plan: SamplingPlan) -> list[Keyframe]:
    return [keyframe(k.index, time=k.time_seconds, shot=k.shot) for k in plan.keyframes]


def answered(inquiry, plan: SamplingPlan, *said):
    """Answers to an inquiry as a model would give them: ``said`` are (frames, what was said)."""
    keyframes = keyframes_of(plan)
    answers = []
    for index, (frames, value) in enumerate(said):
        batch = Batch(index, tuple(keyframes[frame] for frame in frames))
        reply = Reply(value if isinstance(value, str) else json.dumps(value), Usage())
        answers.append(Answered(inquiry.task, batch, inquiry.read(reply, batch)))
    return answers


class Talker:
    """A model that answers from a function of the question; keeps what it was asked."""

    def __init__(self, answer, profile: ModelProfile | None = None) -> None:
        self.answer = answer
        self.profile = profile or ModelProfile("talker", images_per_batch=4)
        self.info = ModelInfo("openai", "talker")
        self.asked: list[Question] = []

    async def ask(self, question: Question, ledger: Ledger) -> Reply:
        self.asked.append(question)
        ledger.reserve(None).settle(Usage(input_tokens=question.input_tokens(self.profile)))
        said = self.answer(question)
        if isinstance(said, Exception):
            raise said
        return Reply(said if isinstance(said, str) else json.dumps(said), Usage(requests=1))
