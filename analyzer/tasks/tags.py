"""The task ``tags``: what the picture as a whole shows, and what was found in it, over time."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final

from analyzer.types import TagElement
from analyzer.understanding import Understanding
from sampler import Notice

_PICTURE: Final = 0.5
"""Score from which a tag of the whole picture is given; below, ImageNet's thousand classes are mostly guesses."""
_PICTURE_ASKED: Final = 0.25
"""The same for a tag that was asked for by name."""


def list_tags(seen: Understanding, taxonomy: Collection[str]) -> tuple[TagElement, ...]:
    """Return the tags by confidence; with a taxonomy, only tags of it, by the names it uses."""
    wanted: Mapping[str, str] = {name.casefold(): name for name in taxonomy}
    sightings: dict[str, dict[int, float]] = defaultdict(dict)
    floor = _PICTURE_ASKED if wanted else _PICTURE
    for found in seen.findings:
        for tag in found.tags or ():
            if tag.confidence >= floor:
                _note(sightings, tag.tag, found.keyframe, tag.confidence)
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


def _note(sightings: dict[str, dict[int, float]], tag: str, keyframe: int, confidence: float) -> None:
    sightings[tag][keyframe] = max(confidence, sightings[tag].get(keyframe, 0.0))
