"""The task ``tags``: what the picture as a whole shows, and what was found in it, over time."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from itertools import groupby
from typing import Final

from analyzer.findings import TagScore
from analyzer.types import TagElement
from analyzer.understanding import Understanding
from sampler import Notice

_PICTURE: Final = 0.5
"""Score from which a tag of the whole picture is given; below, ImageNet's thousand classes are mostly guesses."""
_PICTURE_ONCE: Final = 0.75
"""The same where no other keyframe of the shot bears it out."""
_PICTURE_ASKED: Final = 0.25
"""The same for a tag that was asked for by name."""
_WORTH: Final = 0.5
"""Of the classifier's score so much is reported, for it is right that seldom: 10 of 30 tags on real footage, see the
design. That several keyframes bear it out makes it no surer: what it imagines it imagines on all of them.
"""


def list_tags(seen: Understanding, taxonomy: Collection[str]) -> tuple[TagElement, ...]:
    """Return the tags by confidence; with a taxonomy, only tags of it, by the names it uses."""
    wanted: Mapping[str, str] = {name.casefold(): name for name in taxonomy}
    sightings: dict[str, dict[int, float]] = defaultdict(dict)
    for keyframe, tag in _picture_tags(seen, asked=bool(wanted)):
        _note(sightings, tag.tag, keyframe, _WORTH * tag.confidence)
    for trail in seen.trails:
        for sighting in trail.sightings:
            _note(sightings, trail.label, sighting.keyframe, sighting.confidence or trail.confidence)
    elements = [
        TagElement(
            wanted.get(tag, tag), max(scores.values()), "detector", seen.axis.instances(sorted(scores))
        )
        for tag, scores in sightings.items()
        if not wanted or tag in wanted
    ]
    return tuple(sorted(elements, key=lambda element: (-(element.confidence or 0.0), element.tag)))


def unknown_tags(taxonomy: Collection[str], known: Collection[str]) -> tuple[Notice, ...]:
    """Return a warning for each tag of the taxonomy that no local model can ever give."""
    return tuple(
        Notice("unknown_tag", f"the local models do not know the tag {name!r}; it is never given")
        for name in taxonomy
        if name.casefold() not in known
    )


def _picture_tags(seen: Understanding, *, asked: bool) -> Iterator[tuple[int, TagScore]]:
    """Yield the tags of whole pictures that are believed, each with its keyframe.

    What one keyframe of a shot alone shows the classifier, it mostly imagines; unless that was asked for, or is sure.
    """
    floor = _PICTURE_ASKED if asked else _PICTURE
    for _, run in groupby(seen.findings, key=lambda found: seen.axis.shot(found.keyframe)):
        given = [
            (found.keyframe, [tag for tag in found.tags or () if tag.confidence >= floor]) for found in run
        ]
        times = Counter(tag.tag for _, tags in given for tag in tags)
        for keyframe, tags in given:
            for tag in tags:
                if asked or len(given) == 1 or times[tag.tag] > 1 or tag.confidence >= _PICTURE_ONCE:
                    yield keyframe, tag


def _note(sightings: dict[str, dict[int, float]], tag: str, keyframe: int, confidence: float) -> None:
    sightings[tag][keyframe] = max(confidence, sightings[tag].get(keyframe, 0.0))
