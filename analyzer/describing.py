"""What was found, said in plain words: shots and the whole."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Final

from analyzer.counting import Stretch
from analyzer.reading import Passage
from analyzer.types import Box, ShotDescription
from analyzer.understanding import Understanding
from analyzer.wording import clock, counted, joined, number_word, plural, quoted, sentence
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
NOTHING: Final = "Nothing the local models recognise."
_PAGE: Final = "a web page or a slide"
_SETTINGS: Final = {
    "web site": _PAGE,
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
_DARK: Final = 0.18
"""Mean luma under which a shot is dark, 0..1."""
_BRIGHT: Final = 0.8
_SUBJECTS: Final = 4
"""Kinds of things named; more are a list, not a description."""
_TIMES: Final = 5
"""Appearances told by their times."""
_TALL: Final = 0.8
"""Height of a line, relative to the largest, from which it is one of the largest."""
_CLEAR: Final = 0.9
"""Confidence of a line that may open a headline where there are several."""
_LINE: Final = 0.75
"""Height of a line, relative to the first of a headline, from which it belongs to it."""
_LINES: Final = 3
"""Lines of a headline."""
_SHARED: Final = 0.5
"""Share of the keyframes of its first line that show the others of a headline as well, at their places beside it."""
_GAP: Final = 0.5
"""Distance of two lines that belong together, in heights of the smaller one."""
_TELLING: Final = 5
"""Letters and digits from which a text tells what a part of the video is about."""
_WORD: Final = 3
"""The same where there is no other text, if it is large and sure: the word on a sign."""
_STRIKING: Final = 0.1
"""Height from which such a word is large, as a share of the picture's."""
_CERTAIN: Final = 0.95
"""Confidence from which it is sure; much that looks like a few large letters is none."""
_HEADLINE: Final = 100
"""Characters of a headline."""


def describe_shots(seen: Understanding) -> tuple[ShotDescription, ...]:
    """Describe every shot a keyframe was looked at in."""
    looked = {seen.axis.shot(frame) for frame in seen.axis.seen}
    return tuple(
        ShotDescription(shot.index, describe_shot(shot, seen))
        for shot in seen.plan.shots
        if shot.index in looked
    )


def describe_shot(shot: Shot, seen: Understanding) -> str:
    """Say in one or two sentences what a shot shows."""
    said = shown(shot, frames_of(shot, seen), seen) or NOTHING
    return f"{said} {manner(shot)}".strip()


def shown(shot: Shot, frames: Collection[int], seen: Understanding) -> str:
    """Say in a sentence what these keyframes of a shot show; empty when nothing is recognised."""
    things, place = subjects(shot, frames, seen), setting(shot, frames, seen)
    if things and place == _PAGE:
        place = f"on {place}"
    parts = [part for part in (things, place) if part]
    passages = passages_on(frames, seen)
    text = headline(passages)
    if text:
        parts.append(f"with the text {quoted(text)}" if parts else f"the text {quoted(text)}")
    elif not parts:
        parts.extend(largest_text(passages))
    return sentence(", ".join(parts))


def manner(shot: Shot) -> str:
    """Say in a sentence how light it is in a shot and what the camera does; empty where neither is worth a word."""
    return sentence(joined([*_light(shot), *([_CAMERA[shot.camera]] if shot.camera in _CAMERA else [])]))


def subjects(shot: Shot, frames: Collection[int], seen: Understanding) -> str:
    """Return the things on these keyframes of a shot with their counts, ``three people and a dog``; else nothing."""
    weights: dict[str, int] = defaultdict(int)
    most: dict[str, int] = defaultdict(int)
    for stretch in seen.stretches:
        counts = [count for frame, count in stretch.counts.items() if frame in frames]
        if stretch.shot == shot.index and counts:
            weights[stretch.label] += len(counts)
            most[stretch.label] = max(most[stretch.label], *counts)
    first = sorted(weights, key=lambda label: (label != "person", -weights[label], label))[:_SUBJECTS]
    return joined([counted(most[label], label) for label in first])


def setting(shot: Shot, frames: Collection[int], seen: Understanding) -> str:
    """Return where these keyframes of a shot play, ``on a stage``; empty when no tag says so with any weight."""
    found = [one for one in seen.in_shot(shot) if one.keyframe in frames]
    scores: dict[str, float] = defaultdict(float)
    for one in found:
        for tag in one.tags or ():
            if tag.tag in _SETTINGS:
                scores[_SETTINGS[tag.tag]] += tag.confidence / len(found)
    best = max(scores, key=lambda phrase: (scores[phrase], phrase), default="")
    return best if scores[best] >= _SETTING else ""


def headline(passages: Sequence[Passage]) -> str:
    """Return the most telling text: the uppermost of the largest lines, with those of its size right around it.

    Of several that take turns at the top it is the one that stands longest. Empty when none tells anything.
    """
    standing = [passage for passage in passages if not passage.running]
    lines = [passage for passage in standing if passage.letters >= _TELLING] or [
        passage
        for passage in standing
        if passage.letters >= _WORD and passage.height >= _STRIKING and passage.confidence >= _CERTAIN
    ]
    if not lines:
        return ""
    tall = _TALL * max(line.height for line in lines)
    tallest = [line for line in lines if line.height >= tall]
    clear = [line for line in tallest if line.confidence >= _CLEAR] or tallest
    top = min(line.box[1] for line in clear)
    first = [line for line in clear if line.box[1] <= top + _GAP * line.height]
    best = max(first, key=lambda line: (len(line.frames), -line.frames[0], -line.box[0]))
    block, shared = [best], set(best.frames)
    alike = [line for line in lines if line is not best and _LINE <= line.height / best.height <= 1 / _LINE]
    while len(block) < _LINES:
        for line in alike:
            common = shared & set(line.frames)
            if len(common) >= _SHARED * len(best.frames) and _stands_by(line, block, min(common)):
                block.append(line)
                shared = common
                alike.remove(line)
                break
        else:
            break
    text = ""
    for line in sorted(block, key=lambda line: _place(line, min(shared))):
        if text and len(text) + len(line.text) > _HEADLINE:
            break
        text = f"{text} {line.text}".strip()
    return text


def largest_text(passages: Sequence[Passage]) -> list[str]:
    """Name the text that stands out most, be it a clock or a number; empty when there is none."""
    if title := headline(passages):
        return [f"the text {quoted(title)}"]
    largest = max(passages, key=lambda passage: (passage.height, passage.confidence), default=None)
    if largest is None:
        return []
    if not largest.running:
        return [f"the text {quoted(largest.text)}"]
    first, _, last = largest.text.partition(" … ")
    return [f"a clock or counter runs from {first} to {last}"]


def frames_of(shot: Shot, seen: Understanding) -> frozenset[int]:
    """Return the keyframes of a shot that were looked at."""
    return frozenset(frame for frame in seen.axis.seen if seen.axis.shot(frame) == shot.index)


def passages_on(frames: Collection[int], seen: Understanding) -> list[Passage]:
    """Return the texts read on any of these keyframes."""
    return [passage for passage in seen.passages if not set(frames).isdisjoint(passage.frames)]


def summarise(seen: Understanding, titles: Sequence[str]) -> str:
    """Say what the whole video shows, in a few sentences; ``titles`` are the texts its chapters are named by."""
    shots = seen.plan.shots
    length = seen.plan.end_seconds - seen.plan.start_seconds
    amount = "one shot" if len(shots) == 1 else f"{number_word(len(shots))} shots"
    still = seen.plan.media.frame_count == 1
    sentences = ["A single picture." if still else sentence(f"{_duration(length)} in {amount}")]
    things = _tell_things(seen)
    if things:
        sentences.append(sentence(f"Seen: {joined(things)}"))
    places = list(
        dict.fromkeys(place for shot in shots if (place := setting(shot, frames_of(shot, seen), seen)))
    )
    if places:
        sentences.append(sentence(f"Setting: {joined(places[:3])}"))
    if titles:
        sentences.append(sentence(f"Text: {joined([quoted(title) for title in titles[:4]])}"))
    looked = any(found.objects is not None or found.text is not None for found in seen.findings)
    if looked and len(sentences) == 1:
        texts = largest_text(seen.passages)
        sentences.append(sentence(texts[0]) if texts else "The local models recognise nothing in it.")
    return " ".join(sentences)


def _tell_things(seen: Understanding) -> list[str]:
    kinds: dict[str, list[Stretch]] = defaultdict(list)
    for stretch in seen.stretches:
        kinds[stretch.label].append(stretch)
    weights = {label: sum(len(stretch.frames) for stretch in kind) for label, kind in kinds.items()}
    said = []
    for label in sorted(weights, key=lambda label: (-weights[label], label))[:_SUBJECTS]:
        most = max(stretch.most for stretch in kinds[label])
        name = counted(most, label) if len(kinds[label]) == 1 else plural(label)
        said.append(name if seen.plan.media.frame_count == 1 else f"{name} ({_when(kinds[label], seen)})")
    return said


def _when(stretches: Sequence[Stretch], seen: Understanding) -> str:
    spans = [seen.axis.span(stretch.frames[0], stretch.frames[-1]) for stretch in stretches]
    length = seen.plan.end_seconds - seen.plan.start_seconds
    if sum(span.end_seconds - span.start_seconds for span in spans) >= 0.9 * length:
        return "throughout"
    times = list(dict.fromkeys(clock(span.start_seconds) for span in spans))
    if len(spans) == 1:
        end = clock(spans[0].end_seconds)
        return f"at {end}" if end == times[0] else f"{times[0]} to {end}"
    return f"at {joined(times[:_TIMES])}{' and later' if len(times) > _TIMES else ''}"


def _stands_by(line: Passage, block: Sequence[Passage], frame: int) -> bool:
    """Say whether a line stands right above or below one of a block, on a keyframe that shows them all."""
    return any(_stacked(line.box_on(frame), other.box_on(frame)) for other in block)


def _stacked(one: Box, other: Box) -> bool:
    gap = max(one[1], other[1]) - min(one[3], other[3])
    beside = max(one[0], other[0]) > min(one[2], other[2])
    return gap < _GAP * min(one[3] - one[1], other[3] - other[1]) and not beside


def _place(line: Passage, frame: int) -> tuple[float, float]:
    x0, y0, *_ = line.box_on(frame)
    return y0, x0


def _light(shot: Shot) -> list[str]:
    if shot.brightness is None:
        return []
    if shot.brightness < _DARK:
        return ["the picture is dark"]
    return ["the picture is bright"] if shot.brightness > _BRIGHT else []


def _duration(seconds: float) -> str:
    if seconds < 0.1:
        return f"{1000 * seconds:.0f} milliseconds"
    if seconds < 100:
        return f"{seconds:.1f} seconds" if seconds < 2 else f"{seconds:.0f} seconds"
    return f"{clock(seconds)} {'minutes' if seconds < 3600 else 'hours'}"
