"""The timelines of our own samples against the truth they were drawn from."""

from collections.abc import Callable
from difflib import SequenceMatcher

import pytest

from tests.acceptance.conftest import SAMPLE_TASKS, Analyze, Document
from tests.clips import Clip, sample_clips
from tests.truth import Read, Seen

HALF_HIDDEN = {"spoon", "dining table"}
"""Things of the tour that lie behind its cup: a detector that misses them is no worse for that."""
ALIKE = 0.85
"""Share of characters two readings of one text have in common at least."""


@pytest.fixture
def timeline_of(analyze: Analyze) -> Callable[[Clip], Document]:
    return lambda clip: analyze(clip.path, tasks=SAMPLE_TASKS)


@pytest.mark.parametrize("clip", sample_clips(), ids=str)
def test_shots_begin_where_they_were_cut(timeline_of, clip):
    shots = timeline_of(clip)["shots"]
    found = [(shot["start_seconds"], shot["transition"]) for shot in shots if shot["transition"] != "start"]
    for cut in clip.truth.cuts:
        first, last = (
            edge + way * cut.tolerance_seconds for edge, way in zip(cut.span, (-1, 1), strict=True)
        )
        assert any(first <= time <= last and transition == cut.transition for time, transition in found), cut
    assert len(found) == len(clip.truth.cuts), found


@pytest.mark.parametrize("clip", sample_clips(), ids=str)
def test_texts_are_read_while_they_are_shown(timeline_of, clip):
    found = [
        (element["text"], instance["start_seconds"], instance["end_seconds"])
        for element in timeline_of(clip)["results"]["text"]
        for instance in element["instances"]
    ]
    missed = [text for text in clip.truth.texts if not any(is_reading_of(text, *each) for each in found)]
    assert len(missed) <= 0.1 * len(clip.truth.texts), missed


def is_reading_of(text: Read, read: str, start: float, end: float) -> bool:
    alike = SequenceMatcher(None, plain(read), plain(text.text)).ratio() >= ALIKE
    return alike and min(end, text.end_seconds) > max(start, text.start_seconds)


def plain(text: str) -> str:
    return "".join(each for each in text.lower() if each.isalnum())


@pytest.mark.parametrize("clip", sample_clips(), ids=str)
def test_things_are_found_while_they_are_there(timeline_of, clip):
    document = timeline_of(clip)
    tracks = [
        (track["label"], instance["start_seconds"], instance["end_seconds"])
        for track in document["results"]["objects"]["tracks"]
        for instance in track["instances"]
    ]
    happened = [(e["label"], e["start_seconds"], e["end_seconds"]) for e in document["events"]]
    for thing in clip.truth.things:
        if thing.label not in HALF_HIDDEN:
            assert any(is_sighting_of(thing, *each) for each in tracks), thing
            assert any(is_sighting_of(thing, *each) for each in happened), thing


def is_sighting_of(thing: Seen, label: str, start: float, end: float) -> bool:
    shared = min(end, thing.end_seconds) - max(start, thing.start_seconds)
    return label == thing.label and shared > 0.5 * (thing.end_seconds - thing.start_seconds)
