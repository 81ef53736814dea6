"""The task ``describe``, asked of a model: the whole, its chapters and its shots in plain words."""

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import BaseModel, Field

from analyzer.asking import Answered, Inquiry
from analyzer.conversation import Batch, Reply
from analyzer.drafts import Draft
from analyzer.merging import Claim, merge
from analyzer.parsing import Line, Paragraph, read, strict_schema
from analyzer.prompting import load
from analyzer.requests import AnalysisRequest
from analyzer.tasks.asked.joining import Joining, join_parts
from analyzer.tasks.asked.spans import SpanEntry, check_entries, in_order, joined, shown_by_batch
from analyzer.timeline import Axis
from analyzer.types import Chapter, DescribeResult, ShotDescription

_CHAPTERS: Final = "chapters"


class SceneEntry(SpanEntry):
    """One stretch that shows one scene."""

    description: Annotated[Paragraph, Field(min_length=1)]


class ChapterEntry(SpanEntry):
    """One part, by what it is about."""

    title: Annotated[Line, Field(min_length=1)]
    description: Paragraph = ""


class DescribeReply(BaseModel):
    """An answer to ``describe``."""

    scenes: list[SceneEntry]
    chapters: list[ChapterEntry] = []
    summary: Paragraph = ""


class JoinedSummary(BaseModel):
    """One summary out of those of the parts."""

    summary: Annotated[Paragraph, Field(min_length=1)]


def inquire(request: AnalysisRequest) -> Inquiry[DescribeReply]:
    """What is asked of each batch."""

    def read_description(reply: Reply, batch: Batch) -> DescribeReply:
        said = read(reply, DescribeReply, batch.frames)
        check_entries([(entry.frames(batch), entry.description) for entry in said.scenes], batch)
        check_entries(
            [(entry.frames(batch), entry.title, entry.description) for entry in said.chapters], batch
        )
        return said

    words = {"instructions": request.instructions}
    schema = strict_schema(DescribeReply)
    return Inquiry(
        "describe", load("describe"), read_description, schema, words, retell=lambda said: said.summary
    )


def join(answers: Sequence[Answered[DescribeReply]]) -> Joining[JoinedSummary] | None:
    """The question that makes one summary of several; None where there is only one."""
    summaries = [answer.said.summary for answer in in_order(answers) if answer.said.summary]
    if len(summaries) < 2:
        return None
    wanted = "Give a `summary` of the whole video in two to four sentences, mood included."
    schema = strict_schema(JoinedSummary)
    return join_parts("describe", wanted, summaries, schema, lambda reply: read(reply, JoinedSummary, ()))


def conclude(
    answers: Sequence[Answered[DescribeReply]], axis: Axis, summary: JoinedSummary | None
) -> DescribeResult:
    """Chapters merged over batches, and each shot in the words of whoever saw most of it."""
    ordered = in_order(answers)
    told = summary.summary if summary else joined(answer.said.summary for answer in ordered)
    return DescribeResult(told, _chapters(ordered, axis), _shots(ordered, axis))


def _chapters(answers: Sequence[Answered[DescribeReply]], axis: Axis) -> tuple[Chapter, ...]:
    """Chapters one after another: where two overlap the later one begins when the earlier ends."""
    claims = [
        Claim(
            f"b{place}.c{number}",
            place,
            Draft(_CHAPTERS, entry.title, entry.description, entry.frames(answer.batch), None, "model", ""),
        )
        for place, answer in enumerate(answers)
        for number, entry in enumerate(answer.said.chapters)
    ]
    chapters: list[Chapter] = []
    for account in merge(claims, shown_by_batch(answers)):
        draft = account.draft
        span = axis.span(draft.frames[0], draft.frames[-1])
        start = max(span.start_seconds, chapters[-1].end_seconds if chapters else 0.0)
        if start < span.end_seconds:
            chapters.append(Chapter(draft.label, draft.description, start, span.end_seconds))
    return tuple(chapters)


def _shots(answers: Sequence[Answered[DescribeReply]], axis: Axis) -> tuple[ShotDescription, ...]:
    """For each shot the description that covers most of its keyframes and least of any other's."""
    ratings: dict[int, tuple[tuple[int, int, int], str]] = {}
    for place, answer in enumerate(answers):
        for entry in answer.said.scenes:
            frames = entry.frames(answer.batch)
            for shot in {axis.shot(frame) for frame in frames}:
                inside = sum(axis.shot(frame) == shot for frame in frames)
                rating = (inside, inside - len(frames), -place)
                if shot not in ratings or rating > ratings[shot][0]:
                    ratings[shot] = (rating, entry.description)
    return tuple(ShotDescription(shot, ratings[shot][1]) for shot in sorted(ratings))
