"""The task ``tags``, asked of a model: a given taxonomy or an open set, with examples."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, create_model

from analyzer.asking import Answered, Inquiry
from analyzer.conversation import Batch, Reply
from analyzer.parsing import Confidence, Line, read, strict_schema
from analyzer.prompting import load
from analyzer.requests import AnalysisRequest, Example
from analyzer.tasks.asked.spans import SpanEntry, best, check_entries
from analyzer.timeline import Axis
from analyzer.types import TagElement


class TagEntry(SpanEntry):
    """One stretch a tag applies to."""

    tag: Annotated[Line, Field(min_length=1)]
    confidence: Confidence = None


class TagsReply(BaseModel):
    """An answer to ``tags``."""

    tags: list[TagEntry]


def inquire(request: AnalysisRequest) -> Inquiry[TagsReply]:
    """What is asked of each batch."""
    form = _form(request.taxonomy)
    listed = "".join(f"- {tag}\n" for tag in request.taxonomy)
    words = {
        "instructions": request.instructions,
        "taxonomy": f"Choose from these tags and no others:\n{listed}" if listed else "",
        "examples": list_examples(request.examples),
    }

    def read_tags(reply: Reply, batch: Batch) -> TagsReply:
        said = read(reply, form, batch.frames)
        check_entries([(entry.frames(batch), entry.tag) for entry in said.tags], batch)
        return said

    return Inquiry("tags", load("tags"), read_tags, strict_schema(form), words)


def conclude(answers: Sequence[Answered[TagsReply]], axis: Axis) -> tuple[TagElement, ...]:
    """Each tag once, with every stretch some batch gave it; the surest first."""
    frames: dict[str, set[int]] = defaultdict(set)
    said: dict[str, list[float | None]] = defaultdict(list)
    spelling: dict[str, str] = {}
    for answer in answers:
        for entry in answer.said.tags:
            name = entry.tag.casefold()
            spelling[name] = min(spelling.get(name, entry.tag), entry.tag)
            frames[name].update(entry.frames(answer.batch))
            said[name].append(entry.confidence)
    elements = [
        TagElement(spelling[name], best(said[name]), "model", axis.instances(sorted(frames[name]), bridged=0))
        for name in frames
    ]
    return tuple(sorted(elements, key=lambda element: (-(element.confidence or 0.0), element.tag)))


def list_examples(examples: Sequence[Example]) -> str:
    """The caller's examples as the model reads them."""
    if not examples:
        return ""
    told = "\n".join(f"- Given: {example.given}\n  Answer: {example.answer}" for example in examples)
    return f"Examples of good answers:\n{told}"


def _form(taxonomy: Sequence[str]) -> type[TagsReply]:
    """The reply model; with a taxonomy its tags are the only ones, in whatever capitals they come."""
    if not taxonomy:
        return TagsReply
    names = {tag.casefold(): tag for tag in taxonomy}

    def spelled(value: object) -> object:
        return names.get(value.strip().casefold(), value) if isinstance(value, str) else value

    known: Any = Annotated[Literal[tuple(taxonomy)], BeforeValidator(spelled)]
    entry: Any = create_model("KnownTagEntry", __base__=TagEntry, tag=(known, ...))
    return create_model("KnownTagsReply", __base__=TagsReply, tags=(list[entry], ...))
