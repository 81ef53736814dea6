"""What was found, said in plain words: shots, chapters, the whole."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from analyzer.reading import Passage
from analyzer.tracking import Trail, count_by_frame
from analyzer.types import Chapter, ShotDescription
from analyzer.understanding import Understanding
from analyzer.wording import clock, counted, joined, plural, quoted, sentence
from sampler import Camera, Shot

_CAMERA: Final[dict[Camera, str]] = {
    "pan_left": "the camera pans left",
    "pan_right": "the camera pans right",
    "tilt_up": "the camera tilts up",
    "tilt_down": "the camera tilts down",
    "zoom_in": "the camera zooms in",
    "zoom_out": "the camera zooms out",
    "moving": "the camera moves",
}
"""A static camera is not worth a word."""

_SETTINGS: Final = {
    "web site": "a web page or slide",
    "stage": "on a stage",
    "library": "in a library",
    "bookshop": "in a bookshop",
    "bookcase": "by a bookcase",
    "grocery store": "in a shop",
    "shoe shop": "in a shop",
    "bakery": "in a shop",
    "confectionery": "in a shop",
    "toyshop": "in a shop",
    "tobacco shop": "in a shop",
    "butcher shop": "in a shop",
    "restaurant": "in a restaurant",
    "barbershop": "in a barbershop",
    "cinema": "in a cinema",
    "church": "at a church",
    "castle": "at a castle",
    "palace": "at a palace",
    "mosque": "at a mosque",
    "monastery": "at a monastery",
    "greenhouse": "in a greenhouse",
    "seashore": "by the sea",
    "sandbar": "by the sea",
    "promontory": "by the sea",
    "coral reef": "under water",
    "lakeside": "by a lake",
    "valley": "in a valley",
    "alp": "in the mountains",
    "cliff": "by a cliff",
    "volcano": "at a volcano",
    "geyser": "at a geyser",
    "suspension bridge": "at a bridge",
    "steel arch bridge": "at a bridge",
    "viaduct": "at a bridge",
    "dock": "at a dock",
    "barn": "by a barn",
    "boathouse": "by the water",
}
"""ImageNet is about things; these few of its tags tell where one is."""

_SETTING: Final = 0.3
"""Mean score over a shot from which a setting is believed."""
DARK: Final = 0.18
"""Mean luma under which a shot is dark, 0..1."""
_BRIGHT: Final = 0.8
_CHAPTER_SECONDS: Final = 10.0
"""A chapter is at least this long; players show none that are shorter."""
_CHAPTERS: Final = 12
_SUBJECTS: Final = 4


def describe_shot(shot: Shot, seen: Understanding) -> str:
    """Say in one or two sentences what a shot shows."""
    parts = [part for part in (subjects(shot, seen), setting(shot, seen)) if part]
    text = headline_of(_passages(shot, seen))
    if text:
        parts.append(f"the text {quoted(text)}" if not parts else f"with the text {quoted(text)}")
    if not parts:
        parts.append("nothing the local models recognise")
    sentences = [sentence(", ".join(parts))]
    manner = [*_light(shot), *([_CAMERA[shot.camera]] if shot.camera in _CAMERA else [])]
    if manner:
        sentences.append(sentence(joined(manner)))
    return " ".join(sentences)


def describe_shots(seen: Understanding) -> tuple[ShotDescription, ...]:
    """Describe every shot a keyframe was looked at in."""
    shots = {seen.axis.shot(frame) for frame in seen.axis.seen}
    return tuple(
        ShotDescription(shot.index, describe_shot(shot, seen))
        for shot in seen.plan.shots
        if shot.index in shots
    )


def subjects(shot: Shot, seen: Understanding) -> str:
    """Return the things of a shot with their counts: ``three people and a dog``; empty when there are none."""
    by_label: dict[str, list[Trail]] = defaultdict(list)
    for trail in seen.trails:
        if trail.shot == shot.index:
            by_label[trail.label].append(trail)
    weights = {label: sum(len(trail.frames) for trail in trails) for label, trails in by_label.items()}
    first = sorted(weights, key=lambda label: (label != "person", -weights[label], label))[:_SUBJECTS]
    return joined([counted(max(count_by_frame(by_label[label]).values()), label) for label in first])


def setting(shot: Shot, seen: Understanding) -> str:
    """Return where a shot plays, ``on a stage``; empty when no tag says so with any weight."""
    found = seen.in_shot(shot)
    scores: dict[str, float] = defaultdict(float)
    for one in found:
        for tag in one.tags or ():
            if tag.tag in _SETTINGS:
                scores[_SETTINGS[tag.tag]] += tag.confidence / len(found)
    best = max(scores, key=lambda phrase: (scores[phrase], phrase), default="")
    return best if scores and scores[best] >= _SETTING else ""


def headline_of(passages: Sequence[Passage]) -> str:
    """Return the largest of the texts, lines of equal size joined from top to bottom; empty when there is none."""
    still = [passage for passage in passages if not passage.running]
    if not still:
        return ""
    tallest = max(passage.height for passage in still)
    large = sorted(
        (passage for passage in still if passage.height >= 0.75 * tallest), key=lambda p: (p.box[1], p.box[0])
    )
    text = ""
    for passage in large:
        if text and len(text) + len(passage.text) > 100:
            break
        text = f"{text} {passage.text}".strip()
    return text


def summarise(seen: Understanding) -> str:
    """Say what the whole video shows, in a few sentences."""
    shots = seen.plan.shots
    length = seen.plan.end_seconds - seen.plan.start_seconds
    opening = f"{_duration(length)} in {counted(len(shots), 'shot') if len(shots) != 1 else 'one shot'}"
    sentences = [sentence(opening)]
    appearances: dict[str, list[Trail]] = defaultdict(list)
    for trail in seen.trails:
        appearances[trail.label].append(trail)
    frames = {
        label: {frame for trail in trails for frame in trail.frames} for label, trails in appearances.items()
    }
    first = sorted(frames, key=lambda label: (-len(frames[label]), label))[:_SUBJECTS]
    if first:
        said = []
        for label in first:
            most = max(count_by_frame(appearances[label]).values())
            name = label if most == 1 and len(appearances[label]) == 1 else plural(label)
            said.append(f"{name} ({_when(sorted(frames[label]), seen)})")
        sentences.append(sentence(f"Seen: {joined(said)}"))
    places = list(dict.fromkeys(place for shot in shots if (place := setting(shot, seen))))
    if places:
        sentences.append(
            sentence(f"It plays {joined(places[:3])}" if "web" not in places[0] else f"It shows {places[0]}")
        )
    titles = [chapter.title for chapter in chapters(seen) if chapter.title.startswith("“")]
    if titles:
        sentences.append(sentence(f"Text: {joined(list(dict.fromkeys(titles))[:4])}"))
    if len(sentences) == 1:
        sentences.append("The local models recognise nothing in it.")
    return " ".join(sentences)


def chapters(seen: Understanding) -> tuple[Chapter, ...]:
    """Group neighbouring shots that show the same into titled parts, none shorter than ten seconds but a lone one."""
    described = {shot.shot: shot.description for shot in describe_shots(seen)}
    pieces = [
        (title, list(shots)) for title, shots in groupby(seen.plan.shots, key=lambda shot: _title(shot, seen))
    ]
    least = max(_CHAPTER_SECONDS, (seen.plan.end_seconds - seen.plan.start_seconds) / _CHAPTERS)
    merged: list[tuple[str, list[Shot]]] = []
    for title, shots in pieces:
        if merged and (_length(merged[-1][1]) < least or _length(shots) < least):
            longer = title if _length(shots) > _length(merged[-1][1]) else merged[-1][0]
            merged[-1] = (longer, merged[-1][1] + shots)
        else:
            merged.append((title, shots))
    return tuple(
        Chapter(
            title,
            " ".join(dict.fromkeys(described[shot.index] for shot in shots if shot.index in described)),
            shots[0].start_seconds,
            shots[-1].end_seconds,
        )
        for title, shots in merged
    )


def _title(shot: Shot, seen: Understanding) -> str:
    text = headline_of(_passages(shot, seen))
    if text:
        return quoted(text, 60)
    return sentence(subjects(shot, seen) or setting(shot, seen) or "untitled").rstrip(".")


def _passages(shot: Shot, seen: Understanding) -> list[Passage]:
    return [
        passage
        for passage in seen.passages
        if any(seen.axis.shot(frame) == shot.index for frame in passage.frames)
    ]


def _light(shot: Shot) -> list[str]:
    if shot.brightness is None:
        return []
    if shot.brightness < DARK:
        return ["the picture is dark"]
    return ["the picture is bright"] if shot.brightness > _BRIGHT else []


def _when(frames: Sequence[int], seen: Understanding) -> str:
    instances = seen.axis.instances(frames)
    if len(instances) == 1 and instances[0].end_seconds - instances[0].start_seconds >= 0.9 * (
        seen.plan.end_seconds - seen.plan.start_seconds
    ):
        return "throughout"
    times = [clock(instance.start_seconds) for instance in instances]
    return (
        f"from {times[0]}"
        if len(times) == 1
        else f"at {joined(times[:5])}{' and later' if len(times) > 5 else ''}"
    )


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} seconds" if seconds >= 2 else f"{seconds:.1f} seconds"
    return f"{clock(seconds)} minutes"


def _length(shots: Sequence[Shot]) -> float:
    return shots[-1].end_seconds - shots[0].start_seconds
