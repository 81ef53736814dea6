"""Markdown: the timeline as a page to read, for notes and issue trackers."""

import re
from collections.abc import Iterable

from analyzer import TextElement, Timeline
from api.exports.wording import certainty, clock, one_line, told

_MEANINGFUL = re.compile(r"([\\`*_{}\[\]<>#|~&$!@]|^[-+]|^\d+[.)])")


def render(timeline: Timeline) -> str:
    """Summary, events, shots, texts, gaps and warnings as CommonMark with tables."""
    parts = [f"# {_plain(timeline.media.name)}", _facts(timeline), _plain(timeline.summary)]
    parts += _section(
        "Events",
        ("time", "what", "certainty"),
        (
            (_times(e.start_seconds, e.end_seconds), _plain(told(e)), certainty(e.confidence))
            for e in timeline.events
        ),
    )
    described = timeline.results.describe
    descriptions = {each.shot: each.description for each in described.shots} if described else {}
    parts += _section(
        "Shots",
        ("shot", "time", "begins with", "what is in it"),
        (
            (
                str(s.index),
                _times(s.start_seconds, s.end_seconds),
                s.transition,
                _plain(descriptions.get(s.index, "")),
            )
            for s in timeline.shots
        ),
    )
    parts += _section("Text", ("text", "on screen"), map(_text_row, timeline.results.text or ()))
    parts += _section(
        "Not looked at",
        ("time", "why"),
        ((_times(g.start_seconds, g.end_seconds), _plain(g.reason)) for g in timeline.coverage.gaps),
    )
    parts += _section("Warnings", ("what",), ((_plain(w.message),) for w in timeline.warnings))
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(timeline: Timeline) -> str:
    media, coverage = timeline.media, timeline.coverage
    return (
        f"{clock(media.duration_seconds)} long, {media.width} × {media.height}, {_plain(media.codec)}; "
        f"{coverage.keyframes_analyzed} of {coverage.keyframes} keyframes looked at "
        f"by {_plain(timeline.model.name)}; {timeline.status}"
    )


def _text_row(element: TextElement) -> tuple[str, str]:
    stretches = (_times(each.start_seconds, each.end_seconds) for each in element.instances)
    return _plain(element.text), ", ".join(stretches)


def _section(title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    body = [f"| {' | '.join(row)} |" for row in rows]
    head = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    return [f"## {title}", "\n".join(head + body)] if body else []


def _times(start_seconds: float, end_seconds: float) -> str:
    return f"{clock(start_seconds)} – {clock(end_seconds)}"


def _plain(text: str) -> str:
    """The text with everything escaped that Markdown, or HTML within it, would act on."""
    return _MEANINGFUL.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", one_line(text))
