"""The results of a timeline as titled tables of words, for every format that is read from top to bottom."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from analyzer import AskResult, Instance, ModerationResult, ObjectsResult, Timeline
from api.exports.wording import certainty, clock, one_line, told

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One table. Cells are plain text in one line, and so is ``lead``; only ``body`` has lines."""

    title: str
    columns: Row
    rows: tuple[Row, ...]
    lead: str = ""
    """A sentence above the table."""
    body: str = ""
    """Text below the table, line by line as it stands."""


def sections(timeline: Timeline, *, shots: bool) -> Iterator[Section]:
    """Yield what was found, task by task, the answer to a question first; what was not asked has no rows."""
    results = timeline.results
    if results.ask is not None:
        yield _answer(results.ask)
    if results.moderation is not None:
        yield _moderation(results.moderation)
    yield _section(
        "Events",
        ("time", "what happens", "sure", "keyframes"),
        (
            (span(e.start_seconds, e.end_seconds), told(e), certainty(e.confidence), _brief(e.evidence))
            for e in timeline.events
        ),
    )
    if results.describe is not None:
        yield _section(
            "Chapters",
            ("chapter", "title", "what it is about"),
            (
                (span(c.start_seconds, c.end_seconds), one_line(c.title), one_line(c.description))
                for c in results.describe.chapters
            ),
        )
    if shots:
        yield _shots(timeline)
    yield _section(
        "Text",
        ("on screen", "text"),
        ((_when(e.instances), one_line(e.text)) for e in results.text or ()),
    )
    yield _section(
        "Tags",
        ("applies", "tag", "sure"),
        ((_when(e.instances), one_line(e.tag), certainty(e.confidence)) for e in results.tags or ()),
    )
    if results.objects is not None:
        yield from _objects(results.objects)
    for document in results.documents or ():
        when, title = _when(document.instances), one_line(document.title) or "untitled"
        fields = ((one_line(name), one_line(value)) for name, value in document.fields.items())
        yield _section(f"Document: {title}", ("field", "value"), fields, lead=when, body=document.markdown)
    if results.custom is not None:
        text = results.custom.get("text") if set(results.custom) == {"text"} else None
        body = text if isinstance(text, str) else json.dumps(results.custom, ensure_ascii=False, indent=2)
        yield _section("Custom", (), (), body=body)
    for number, part in enumerate(results.custom_parts or (), start=1):
        body = json.dumps(part, ensure_ascii=False, indent=2)
        yield _section(f"Custom, part {number}", (), (), body=body)


def remarks(timeline: Timeline) -> Iterator[Section]:
    """Yield what was not looked at, and what a reader must know besides."""
    yield _section(
        "Not looked at",
        ("time", "why"),
        ((span(g.start_seconds, g.end_seconds), g.reason.replace("_", " ")) for g in timeline.coverage.gaps),
    )
    yield _section("Warnings", ("what",), ((one_line(w.message),) for w in timeline.warnings))


def span(start_seconds: float, end_seconds: float) -> str:
    """``0:07.5 – 0:09.0``."""
    return f"{clock(start_seconds)} – {clock(end_seconds)}"


_KEYFRAMES_SHOWN = 6


def _brief(indexes: tuple[int, ...]) -> str:
    more = " …" if len(indexes) > _KEYFRAMES_SHOWN else ""
    return " ".join(str(index) for index in indexes[:_KEYFRAMES_SHOWN]) + more


def _when(instances: Iterable[Instance]) -> str:
    return ", ".join(span(each.start_seconds, each.end_seconds) for each in instances)


def _section(title: str, columns: Row, rows: Iterable[Row], *, lead: str = "", body: str = "") -> Section:
    return Section(title, columns, tuple(rows), lead, body)


def _answer(ask: AskResult) -> Section:
    sure = f" ({certainty(ask.confidence)} sure)" if ask.confidence is not None else ""
    seen = f" Seen at {_when(ask.instances)}." if ask.instances else ""
    said = f"{'Not visible: ' if ask.not_visible else ''}{one_line(ask.answer)}{sure}{seen}"
    return _section(
        one_line(ask.question) or "Answer",
        ("step", "keyframes"),
        ((one_line(step.step), _brief(step.keyframes)) for step in ask.reasoning),
        lead=said,
    )


def _moderation(found: ModerationResult) -> Section:
    return _section(
        "Moderation",
        ("clause", "verdict", "likelihood", "when", "why"),
        (
            (
                one_line(c.id),
                c.verdict,
                certainty(c.confidence),
                _when(c.instances),
                one_line(c.explanation),
            )
            for c in found.clauses
        ),
        lead=f"{found.verdict}, by the policy {one_line(found.policy)}",
    )


def _shots(timeline: Timeline) -> Section:
    described = timeline.results.describe
    words = {each.shot: one_line(each.description) for each in described.shots} if described else {}
    return _section(
        "Shots",
        ("shot", "time", "begins with", "what is in it"),
        (
            (str(s.index), span(s.start_seconds, s.end_seconds), s.transition, words.get(s.index, ""))
            for s in timeline.shots
        ),
    )


def _objects(found: ObjectsResult) -> Iterator[Section]:
    things = {track.id: f"{track.label} {track.id}" for track in found.tracks}
    yield _section(
        "Objects",
        ("in view", "thing", "id", "sure"),
        (
            (_when(t.instances), one_line(t.label), one_line(t.id), certainty(t.confidence))
            for t in found.tracks
        ),
    )
    yield _section(
        "Relations",
        ("while", "how things stand"),
        (
            (
                _when(r.instances),
                one_line(f"{things.get(r.subject, r.subject)} {r.relation} {things.get(r.object, r.object)}"),
            )
            for r in found.relations
        ),
    )
