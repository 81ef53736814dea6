"""The task ``documents``, asked of a model: pages transcribed, with their tables and values."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import chain, count, repeat
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from analyzer.asking import Answered, Inquiry
from analyzer.conversation import Batch, Reply
from analyzer.parsing import Line, Verbatim, printable, read, strict_schema
from analyzer.prompting import load
from analyzer.requests import AnalysisRequest
from analyzer.tasks.asked.spans import SpanEntry, check_entries, in_order, renumbered_entries
from analyzer.timeline import STILL, Axis
from analyzer.types import DocumentElement, Table
from sampler import Keyframe

_LONGEST_PAGE: Final = 40_000
_ALIKE: Final = 0.8
"""What two transcripts of one page have in common, 0 to 1."""
_SHORT: Final = 200
"""Characters up to which two transcripts are compared letter by letter; that takes the square of the time."""
_SHINGLE: Final = 4
"""Letters in a row by which longer ones are compared: one that was misread costs as many of them."""
_OUTPUT_TOKENS: Final = 8_192
_DENSE: Final = 1_200
"""Characters of a page from which its writing is small in a picture of a million pixels."""

Page = Annotated[str, AfterValidator(printable), Field(max_length=_LONGEST_PAGE)]
"""A page of Markdown as it was transcribed."""


class TableEntry(BaseModel):
    """A table; rows that are too short are filled up, rows that are too long are refused."""

    columns: list[Verbatim]
    rows: list[list[Verbatim]]

    @model_validator(mode="after")
    def _rectangular(self) -> Self:
        if any(len(row) > len(self.columns) for row in self.rows):
            raise ValueError(f"a row has more cells than the {len(self.columns)} columns")
        return self

    def table(self) -> Table:
        """The table with every row complete."""
        width = len(self.columns)
        rows = (tuple(row) + ("",) * (width - len(row)) for row in self.rows)
        return Table(tuple(self.columns), tuple(rows))


class FieldEntry(BaseModel):
    """A named value a document holds."""

    name: Line
    value: Verbatim


class DocumentEntry(SpanEntry):
    """One page and one stretch it is shown."""

    title: Line = ""
    markdown: Page
    tables: list[TableEntry] = Field(default=[])
    fields: list[FieldEntry] = Field(default=[])


class DocumentsReply(BaseModel):
    """An answer to ``documents``."""

    documents: list[DocumentEntry]


@dataclass(frozen=True, slots=True)
class _Transcript:
    """A page's writing, prepared once for being compared with all others."""

    entry: DocumentEntry
    text: str
    """Without line breaks and the width of tables."""
    shingles: frozenset[str]

    @classmethod
    def of(cls, entry: DocumentEntry) -> "_Transcript":
        text = " ".join(entry.markdown.split())
        return cls(entry, text, _shingles(text))


@dataclass(slots=True)
class _Shown:
    """A page while its stretches are gathered."""

    transcript: _Transcript
    frames: set[int]


def inquire(request: AnalysisRequest) -> Inquiry[DocumentsReply]:
    """What is asked of each batch."""

    def read_documents(reply: Reply, batch: Batch) -> DocumentsReply:
        said = read(reply, DocumentsReply, batch.frames)
        check_entries([(entry.frames(batch), entry.title, entry.markdown) for entry in said.documents], batch)
        return said

    return Inquiry(
        "documents",
        load("documents"),
        read_documents,
        strict_schema(DocumentsReply),
        {"instructions": request.instructions},
        max_output_tokens=_OUTPUT_TOKENS,
    )


def conclude(answers: Sequence[Answered[DocumentsReply]], axis: Axis) -> tuple[DocumentElement, ...]:
    """Each page once, in its fullest state, with every stretch it was shown, by first appearance.

    In a film two transcripts that are much alike are of one page. Where every picture is a page of its own, two
    forms that differ in a number are two pages, unless both were read off the same picture.
    """
    still = axis.plan.media.container in STILL
    pages: list[_Shown] = []
    for answer in in_order(answers):
        for entry in sorted(answer.said.documents, key=lambda entry: (entry.first_frame, entry.last_frame)):
            frames = entry.frames(answer.batch)
            read_off = _Transcript.of(entry)
            page = next((page for page in pages if _is_same(page, read_off, frames, still=still)), None)
            if page is None:
                pages.append(_Shown(read_off, set(frames)))
                continue
            page.frames.update(frames)
            if len(entry.markdown) > len(page.transcript.entry.markdown):
                page.transcript = read_off
    return tuple(_element(page, axis) for page in sorted(pages, key=lambda page: min(page.frames)))


def small_in(answers: Sequence[Answered[DocumentsReply]]) -> Iterator[int]:
    """The keyframe of each page that holds much writing, the more often the more it is."""
    for answer in answers:
        for entry in answer.said.documents:
            yield from repeat(entry.first_frame, len(entry.markdown) // _DENSE)


def corrected(
    first: Sequence[Answered[DocumentsReply]], closer: Sequence[Answered[DocumentsReply]]
) -> list[Answered[DocumentsReply]]:
    """All answers, without pages that were read again in a larger picture of every keyframe that shows them."""
    again = {frame for answer in closer if answer.said.documents for frame in answer.batch.frames}
    kept = [
        replace(
            answer,
            said=DocumentsReply(
                documents=[e for e in answer.said.documents if not set(e.frames(answer.batch)) <= again]
            ),
        )
        for answer in first
    ]
    return [*kept, *closer]


def renumbered(
    answer: Answered[DocumentsReply], numbers: Mapping[int, int], keyframes: Sequence[Keyframe]
) -> Answered[DocumentsReply]:
    """The same answer after its keyframes got new numbers; ``keyframes`` are all there are, by new number."""
    return renumbered_entries(answer, "documents", numbers, keyframes)


def _element(page: _Shown, axis: Axis) -> DocumentElement:
    entry = page.transcript.entry
    return DocumentElement(
        title=entry.title,
        markdown=entry.markdown,
        tables=tuple(table.table() for table in entry.tables),
        fields=_fields(entry.fields),
        instances=axis.instances(sorted(page.frames), bridged=0),
    )


def _fields(entries: Sequence[FieldEntry]) -> dict[str, str]:
    """The values by name; a name that has another value already is numbered, as ``Total (2)``."""
    fields: dict[str, str] = {}
    for entry in entries:
        numbered = (f"{entry.name} ({number})" for number in count(2))
        names = chain((entry.name,), numbered)
        name = next(name for name in names if fields.get(name, entry.value) == entry.value)
        fields[name] = entry.value
    return fields


def _is_same(page: _Shown, other: _Transcript, frames: Sequence[int], *, still: bool) -> bool:
    """Whether two transcripts are of one page: alike, or one the other with lines added."""
    one = page.transcript
    if one.text == other.text:
        return True
    if still and page.frames.isdisjoint(frames):
        return False
    title = one.entry.title.casefold()
    if title and title == other.entry.title.casefold() and (one.text in other.text or other.text in one.text):
        return True
    return _are_alike(one, other)


def _are_alike(one: _Transcript, other: _Transcript) -> bool:
    """Whether most of the writing is in both: in the same order if it is short, else in the same surroundings."""
    if max(len(one.text), len(other.text)) > _SHORT:
        shared, both = len(one.shingles & other.shingles), len(one.shingles) + len(other.shingles)
        return 2 * shared >= _ALIKE * both
    matcher = SequenceMatcher(None, one.text, other.text, autojunk=False)
    return (
        matcher.real_quick_ratio() >= _ALIKE and matcher.quick_ratio() >= _ALIKE and matcher.ratio() >= _ALIKE
    )


def _shingles(text: str) -> frozenset[str]:
    """All stretches of a few letters; one that comes again is numbered, so that repeats count."""
    seen: defaultdict[str, int] = defaultdict(int)
    shingles: set[str] = set()
    for start in range(max(1, len(text) - _SHINGLE + 1)):
        shingle = text[start : start + _SHINGLE]
        shingles.add(f"{shingle}{seen[shingle] or ''}")
        seen[shingle] += 1
    return frozenset(shingles)
