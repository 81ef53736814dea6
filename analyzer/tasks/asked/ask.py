"""The task ``ask``: a question answered from what was seen, with the steps that lead there."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, Field

from analyzer.asking import Answered, Inquiry
from analyzer.conversation import Batch, Reply
from analyzer.errors import AnalysisRequestError
from analyzer.parsing import Confidence, Frame, Paragraph, read, strict_schema
from analyzer.prompting import load
from analyzer.requests import AnalysisRequest
from analyzer.tasks.asked.joining import Joining, join_parts
from analyzer.tasks.asked.spans import SpanEntry, best, check_entries, in_order
from analyzer.timeline import Axis
from analyzer.types import AskResult, ReasoningStep
from sampler import Keyframe

_MOST_STEPS = 24
_MOST_DOUBTS = 4
_SURE = 0.6
"""Confidence from which an answer needs no closer look."""


class StepEntry(BaseModel):
    """One step of the reasoning and the keyframes it rests on."""

    step: Paragraph
    frames: list[Frame]


class AskReply(BaseModel):
    """An answer to ``ask`` from one batch."""

    reasoning: list[StepEntry] = []
    answer: Annotated[Paragraph, Field(min_length=1)]
    not_visible: bool = False
    confidence: Confidence = None
    moments: list[SpanEntry] = []
    look_closer: list[SpanEntry] = []


class JoinedAnswer(BaseModel):
    """One answer out of those for the parts."""

    answer: Annotated[Paragraph, Field(min_length=1)]
    confidence: Confidence = None


def inquire(request: AnalysisRequest) -> Inquiry[AskReply]:
    """What is asked of each batch.

    Raises:
        AnalysisRequestError: there is no question.
    """
    if not (request.question or "").strip():
        raise AnalysisRequestError("the task ask needs a question; give one with ask")

    def read_answer(reply: Reply, batch: Batch) -> AskReply:
        said = read(reply, AskReply, batch.frames)
        check_entries([(entry.frames or batch.frames, entry.step) for entry in said.reasoning], batch)
        return said

    words = {"instructions": request.instructions, "question": request.question or ""}
    return Inquiry("ask", load("ask"), read_answer, strict_schema(AskReply), words)


def join(answers: Sequence[Answered[AskReply]], request: AnalysisRequest) -> Joining[JoinedAnswer] | None:
    """The question that makes one answer of several; None where one batch alone saw what is needed."""
    told = _telling(answers)
    if len(told) < 2 or len({answer.said.answer.casefold() for answer in told}) < 2:
        return None
    wanted = (
        f"The question about the video was: {request.question}\n\nGive the one `answer` to it in one or two "
        "sentences, and your `confidence` in it. Where the parts contradict each other, say so."
    )
    parts = [_part(answer.said) for answer in told]
    schema = strict_schema(JoinedAnswer)
    return join_parts("ask", wanted, parts, schema, lambda reply: read(reply, JoinedAnswer, ()))


def _part(said: AskReply) -> str:
    sure = "" if said.confidence is None else f" (confidence {said.confidence})"
    return f"{said.answer}{sure} {' '.join(entry.step for entry in said.reasoning)}"


def conclude(
    answers: Sequence[Answered[AskReply]],
    axis: Axis,
    request: AnalysisRequest,
    joined: JoinedAnswer | None,
) -> AskResult:
    """One result; without a joined answer the surest of the batches speaks for all."""
    told = _telling(answers) or in_order(answers)
    not_visible = all(answer.said.not_visible for answer in told)
    surest = max(told, key=lambda answer: answer.said.confidence or 0.0).said
    steps = [entry for answer in told for entry in answer.said.reasoning]
    moments = {f for answer in told for span in answer.said.moments for f in span.frames(answer.batch)}
    return AskResult(
        question=request.question or "",
        answer=joined.answer if joined else surest.answer,
        not_visible=not_visible,
        confidence=joined.confidence if joined else best([surest.confidence]),
        reasoning=tuple(
            ReasoningStep(entry.step, tuple(sorted(set(entry.frames)))) for entry in steps[:_MOST_STEPS]
        ),
        instances=() if not_visible else axis.instances(sorted(moments), bridged=0),
    )


def unsure_of(answers: Sequence[Answered[AskReply]]) -> tuple[tuple[int, int], ...]:
    """Between which keyframes closer ones are needed: where an answer says so, or is unsure of its moments."""
    return tuple(
        dict.fromkeys(
            (span.frames(answer.batch)[0], span.frames(answer.batch)[-1])
            for answer in in_order(answers)
            for span in _doubts(answer.said)
            if span.frames(answer.batch)
        )
    )


def superseded(
    first: Sequence[Answered[AskReply]], closer: Sequence[Answered[AskReply]]
) -> list[Answered[AskReply]]:
    """What counts after a closer look: where it can tell, it takes the place of what was in doubt."""
    told = _telling(closer)
    seen = {frame for answer in told for frame in answer.batch.frames}
    kept = [
        answer
        for answer in first
        if not any(seen & set(span.frames(answer.batch)) for span in _doubts(answer.said))
    ]
    return [*kept, *told]


def renumbered(
    answer: Answered[AskReply], numbers: Mapping[int, int], keyframes: Sequence[Keyframe]
) -> Answered[AskReply]:
    """The same answer after its keyframes got new numbers; ``keyframes`` are all there are, by new number."""

    def spans(listed: Sequence[SpanEntry]) -> list[SpanEntry]:
        return [
            span.model_copy(
                update={"first_frame": numbers[span.first_frame], "last_frame": numbers[span.last_frame]}
            )
            for span in listed
        ]

    said = answer.said
    steps = [step.model_copy(update={"frames": [numbers[f] for f in step.frames]}) for step in said.reasoning]
    changed = {"reasoning": steps, "moments": spans(said.moments), "look_closer": spans(said.look_closer)}
    shown = tuple(keyframes[numbers[frame]] for frame in answer.batch.frames)
    return replace(answer, batch=replace(answer.batch, keyframes=shown), said=said.model_copy(update=changed))


def _doubts(said: AskReply) -> Sequence[SpanEntry]:
    """The stretches an answer wants to see more closely, first of all those it names."""
    if said.look_closer:
        return said.look_closer[:_MOST_DOUBTS]
    unsure = said.confidence is not None and said.confidence < _SURE and not said.not_visible
    return said.moments[:_MOST_DOUBTS] if unsure else ()


def _telling(answers: Sequence[Answered[AskReply]]) -> list[Answered[AskReply]]:
    """The answers of those batches that could see what is asked."""
    return [answer for answer in in_order(answers) if not answer.said.not_visible]
