"""Detections on single keyframes become things followed over time.

Keyframes may lie seconds apart, so no model of motion would hold: things are linked within a shot by place, size and
kind alone, one to one, the best fitting pair first. A cut ends every track.

A box the detector has several names for is one thing, and so is a thing whose name changes from keyframe to keyframe
within a family of names that are taken for one another. Its track gets the name with most weight over time.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import hypot, log
from typing import Final

from analyzer.findings import Detection, Findings
from analyzer.timeline import Axis
from analyzer.types import Box, BoxSighting

Label = str
Point = tuple[float, float]

_VEHICLES: Final = frozenset({"car", "truck", "bus", "train", "boat"})
_HANDHELD: Final = frozenset({"cell phone", "remote", "mouse", "toilet", "sink", "suitcase"})
"""What the detector takes a vehicle seen from above for. What moves through the picture is none of these."""
_SEATS: Final = frozenset({"chair"})
"""It takes one for these as well. They may well stand in the picture, but do not cross it."""
_FAMILIES: Final = (
    _VEHICLES | _HANDHELD | _SEATS,
    frozenset({"cat", "dog", "horse", "sheep", "cow", "bear"}),
    frozenset({"bottle", "vase", "wine glass"}),
    frozenset({"chair", "couch", "bench"}),
    frozenset({"tv", "laptop"}),
    frozenset({"cup", "bowl", "toilet"}),
    frozenset({"bicycle", "motorcycle"}),
)
"""Names taken for one another."""
_TRUSTED: Final = frozenset(
    {"person", "car", "truck", "bus", "bicycle", "motorcycle", "cat", "dog", "horse", "bottle", "cup"}
)
"""Labels the detector is good at; their scores count in full, those of other labels for ``_USUAL``."""
_USUAL: Final = 0.85
_DOUBTED: Final[Mapping[Label, float]] = (
    dict.fromkeys(
        ["boat", "clock", "donut", "fire hydrant", "fork", "knife", "microwave", "oven", "spoon"], 0.7
    )
    | dict.fromkeys(
        ["baseball bat", "baseball glove", "skis", "snowboard", "surfboard", "tennis racket"], 0.7
    )
    | dict.fromkeys(["kite", "parking meter", "refrigerator", "suitcase", "tie", "umbrella", "vase"], 0.65)
    | dict.fromkeys(["cell phone", "frisbee", "hair dryer", "mouse", "remote", "scissors", "sink"], 0.5)
    | dict.fromkeys(["toaster", "toilet", "toothbrush", "traffic light"], 0.55)
)
"""Labels given wrongly more often than others on the footage we looked at; their scores count for less still."""
_SURE: Final = 0.75
"""Weighted score from which one sighting is enough."""
_LIKELY: Final = 0.5
"""Weighted score that the best of several sightings must reach."""
_WEAK: Final = 0.3
"""Score under which a detection may lend its name to a thing, but not make one."""
_OVERLAP: Final = 0.6
"""Intersection over union from which two boxes of one keyframe are one thing with two names."""
_SHARE: Final = 0.1
"""Share of the weight of its names that must speak for a vehicle where a thing may be one."""
_PAGE: Final = 0.3
"""Score of the tag "web site" from which a picture is a page of print."""
_PAGE_LINES: Final = 8
"""Lines of print from which it is one, too."""
_PRINT: Final = 0.85
"""Confidence of a line that is really print."""
_SCREENS: Final = frozenset(
    {"tv", "laptop", "cell phone", "book", "clock", "microwave", "oven", "refrigerator"}
)
_LARGE: Final = 0.25
"""Share of the picture from which something that has text on it is the picture itself."""
_FILLING: Final = 0.9
"""Share of both sides of the picture from which a screen fills it."""
_MOVED: Final = 0.15
"""Share of the picture a thing must cross to count as moving."""
_REACH: Final = 1.5
"""How far a thing may move between neighbouring keyframes, in mean diagonals of its two boxes."""
_GROWTH: Final = 1.1
"""How much its size may change: natural logarithm of the ratio of diagonals."""
_ABSENT_SECONDS: Final = 1.0
"""Time out of sight after which a thing that was at the edge of the picture has left it."""
_STAYED: Final = 0.4
"""Intersection over union from which a thing that was out of sight has not moved."""
_EDGE: Final = 0.04
"""A box this near to an edge of the picture touches it."""
_SKIPPED: Final = 2
"""Keyframes on which a thing may go unseen and still be followed."""


@dataclass(frozen=True, slots=True)
class Trail:
    """One thing, on the keyframes of one shot."""

    label: Label
    shot: int
    sightings: tuple[BoxSighting, ...]
    """By keyframe, ascending; at least one."""
    confidence: float
    """The detector's in the label, the mean over the sightings."""

    @property
    def frames(self) -> tuple[int, ...]:
        """Indexes of the keyframes it was seen on."""
        return tuple(sighting.keyframe for sighting in self.sightings)


@dataclass(frozen=True, slots=True)
class _Thing:
    """One box of one keyframe with every name the detector has for it."""

    keyframe: int
    place: int
    """Position of the keyframe among those of the shot."""
    time_seconds: float
    box: Box
    scores: Mapping[Label, float]


_Chain = Sequence[_Thing]
"""One thing's sightings in one shot, by keyframe."""


def track(findings: Sequence[Findings], axis: Axis) -> tuple[Trail, ...]:
    """Link detections into trails and keep those to be believed, in order of their first sighting."""
    by_shot: dict[int, list[Findings]] = defaultdict(list)
    for found in findings:
        by_shot[axis.shot(found.keyframe)].append(found)
    chains = {shot: _link(seen, axis) for shot, seen in by_shot.items()}
    names = _name_all(chains)
    trails = [
        _trail(chain, name, shot)
        for shot, linked in chains.items()
        for chain, name in zip(linked, names[shot], strict=True)
        if _certainty(chain, name) >= (_LIKELY if len(chain) > 1 or len(by_shot[shot]) == 1 else _SURE)
    ]
    return tuple(sorted(trails, key=lambda trail: (trail.frames[0], trail.label, trail.sightings[0].box)))


def centre(box: Box) -> Point:
    """Return the middle of a box."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def area(box: Box) -> float:
    """Return the share of the picture a box covers, 0..1."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def overlap(one: Box, other: Box) -> float:
    """Return the intersection over union of two boxes, 0..1."""
    shared = area(
        (max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3]))
    )
    return shared / max(1e-12, area(one) + area(other) - shared)


def touched(box: Box) -> str | None:
    """Return the edge of the picture a box touches, the nearest; None when it touches none, or fills the picture."""
    gaps = {"left": box[0], "right": 1 - box[2], "top": box[1], "bottom": 1 - box[3]}
    nearest = min(gaps, key=lambda side: gaps[side])
    if max(gaps.values()) < _EDGE:
        return None
    return nearest if gaps[nearest] < _EDGE else None


def _things(found: Findings, place: int, time_seconds: float) -> list[_Thing]:
    """Gather the detections of one keyframe that share a box; the surest gives the box.

    On a page of print the detector sees screens, books and clocks; only people are believed there.
    """
    page = _is_page(found)
    detections = [
        one for one in found.objects or () if not (_is_card(one, found) or (page and one.label != "person"))
    ]
    groups: list[list[Detection]] = []
    for detection in sorted(detections, key=lambda one: (-one.confidence, one.label, one.box)):
        group = next((one for one in groups if overlap(one[0].box, detection.box) > _OVERLAP), None)
        if group is not None:
            group.append(detection)
        elif detection.confidence >= _WEAK:
            groups.append([detection])
    return [_Thing(found.keyframe, place, time_seconds, group[0].box, _scores(group)) for group in groups]


def _is_page(found: Findings) -> bool:
    """Say whether a keyframe shows a slide, a document or a screen rather than the world."""
    printed = sum(line.confidence > _PRINT for line in found.text or ()) >= _PAGE_LINES
    return printed or any(tag.tag == "web site" and tag.confidence >= _PAGE for tag in found.tags or ())


def _is_card(detection: Detection, found: Findings) -> bool:
    """Say whether a large screen is rather the picture itself: one that fills it, or a title card."""
    if detection.label not in _SCREENS or area(detection.box) < _LARGE:
        return False
    x0, y0, x1, y1 = detection.box
    if min(x1 - x0, y1 - y0) >= _FILLING:
        return True
    middles = [centre(line.box) for line in found.text or () if line.confidence > _PRINT]
    return any(x0 <= x <= x1 and y0 <= y <= y1 for x, y in middles)


def _scores(group: Sequence[Detection]) -> dict[Label, float]:
    return {one.label: one.confidence for one in reversed(group)}


def _link(seen: Sequence[Findings], axis: Axis) -> list[list[_Thing]]:
    """Extend chains keyframe by keyframe, the cheapest pair of chain and thing first (greedy assignment)."""
    chains: list[list[_Thing]] = []
    for place, found in enumerate(seen):
        things = _things(found, place, axis.time(found.keyframe))
        pairs = sorted(
            (cost, chain_number, thing_number)
            for chain_number, chain in enumerate(chains)
            for thing_number, thing in enumerate(things)
            if (cost := _cost(chain, thing)) is not None
        )
        extended: set[int] = set()
        taken: set[int] = set()
        for _, chain_number, thing_number in pairs:
            if chain_number not in extended and thing_number not in taken:
                extended.add(chain_number)
                taken.add(thing_number)
                chains[chain_number].append(things[thing_number])
        chains.extend([thing] for number, thing in enumerate(things) if number not in taken)
    return chains


def _cost(chain: _Chain, other: _Thing) -> float | None:
    """Return how badly a sighting fits the thing of a chain, 0 the best; None when it cannot be of it.

    The distance counts from where the thing was last or from where it was heading, whichever is nearer.
    """
    one = chain[-1]
    steps = other.place - one.place
    if steps > _SKIPPED + 1 or not _akin(one, other):
        return None
    diagonals = _diagonal(one.box), _diagonal(other.box)
    growth = abs(log(diagonals[0] / diagonals[1]))
    apart = min(_apart(place, centre(other.box)) for place in _whereabouts(chain, other))
    distance = apart / (sum(diagonals) / 2)
    if growth > _GROWTH or distance > _REACH * steps or _had_left(one, other):
        return None
    renamed = not set(one.scores) & set(other.scores)
    return distance + 0.5 * growth + 0.3 * (steps - 1) + (0.2 if renamed else 0.0)


def _whereabouts(chain: _Chain, other: _Thing) -> list[Point]:
    """Return where a thing was last and, from two sightings on, where it should be by now at constant speed."""
    last = centre(chain[-1].box)
    if len(chain) == 1:
        return [last]
    before = centre(chain[-2].box)
    share = (other.time_seconds - chain[-1].time_seconds) / (chain[-1].time_seconds - chain[-2].time_seconds)
    return [last, (last[0] + share * (last[0] - before[0]), last[1] + share * (last[1] - before[1]))]


def _had_left(one: _Thing, other: _Thing) -> bool:
    """Say whether a thing was at the edge, then out of sight for a while, and what comes now is elsewhere."""
    missed = other.place - one.place > 1 and other.time_seconds - one.time_seconds > _ABSENT_SECONDS
    return missed and touched(one.box) is not None and overlap(one.box, other.box) < _STAYED


def _akin(one: _Thing, other: _Thing) -> bool:
    """Say whether the two share a name, or a family of names that are taken for one another."""
    return bool(set(one.scores) & set(other.scores)) or any(
        family & set(one.scores) and family & set(other.scores) for family in _FAMILIES
    )


def _weights(chain: Iterable[_Thing]) -> dict[Label, float]:
    """Return how much speaks for each name of a thing over time."""
    weights: dict[Label, float] = defaultdict(float)
    for thing in chain:
        for label, score in thing.scores.items():
            weights[label] += score * _trust(label)
    return weights


def _name_all(chains: Mapping[int, Sequence[_Chain]]) -> dict[int, list[Label]]:
    """Name the chains of every shot.

    In a shot with a view from which the detector cannot tell vehicles apart, all that may be one is, and they share
    the name that is likeliest over all such shots.
    """
    names = {
        shot: [_name(chain, driven=_has_moved(chain)) for chain in linked] for shot, linked in chains.items()
    }
    puzzling = [
        shot
        for shot, linked in chains.items()
        if any(_is_puzzling(chain, name) for chain, name in zip(linked, names[shot], strict=True))
    ]
    for shot in puzzling:
        names[shot] = [_name(chain, driven=True) for chain in chains[shot]]
    vehicles = [
        chain
        for shot in puzzling
        for chain, name in zip(chains[shot], names[shot], strict=True)
        if name in _VEHICLES
    ]
    if vehicles:
        weights = _weights(thing for chain in vehicles for thing in chain)
        likeliest = _heaviest({label: weight for label, weight in weights.items() if label in _VEHICLES})
        for shot in puzzling:
            names[shot] = [likeliest if name in _VEHICLES else name for name in names[shot]]
    return names


def _name(chain: _Chain, *, driven: bool) -> Label:
    """Name a thing by the weight of its names; what is ``driven`` and may be a vehicle is one."""
    weights = _weights(chain)
    vehicles = {label: weight for label, weight in weights.items() if label in _VEHICLES}
    if driven and sum(vehicles.values()) >= _SHARE * sum(weights.values()):
        others = _HANDHELD | _SEATS if _has_moved(chain) else _HANDHELD
        weights = {label: weight for label, weight in weights.items() if label not in others}
    return _heaviest(weights)


def _heaviest(weights: Mapping[Label, float]) -> Label:
    return min(weights, key=lambda label: (-weights[label], label))


def _is_puzzling(chain: _Chain, name: Label) -> bool:
    """Say whether a vehicle goes by the name of something held in a hand more than by its own."""
    weights = _weights(chain)
    return name in _VEHICLES and any(weights.get(label, 0.0) > weights[name] for label in _HANDHELD)


def _certainty(chain: _Chain, name: Label) -> float:
    """Return the best score that speaks for there being such a thing; of a vehicle under whatever name."""
    scores = [(label, score) for thing in chain for label, score in thing.scores.items()]
    if name in _VEHICLES:
        return max(score for label, score in scores if label in _VEHICLES | _HANDHELD | _SEATS)
    return max(score * _trust(label) for label, score in scores)


def _trail(chain: _Chain, name: Label, shot: int) -> Trail:
    names = _VEHICLES if name in _VEHICLES else {name}
    sightings = tuple(
        BoxSighting(thing.keyframe, thing.box, max(scores) if scores else None)
        for thing in chain
        for scores in [[score for label, score in thing.scores.items() if label in names]]
    )
    known = [sighting.confidence for sighting in sightings if sighting.confidence is not None]
    return Trail(name, shot, sightings, sum(known) / len(known))


def _trust(label: Label) -> float:
    return 1.0 if label in _TRUSTED else _DOUBTED.get(label, _USUAL)


def _has_moved(chain: _Chain) -> bool:
    return _apart(centre(chain[0].box), centre(chain[-1].box)) >= _MOVED


def _apart(one: Point, other: Point) -> float:
    return hypot(one[0] - other[0], one[1] - other[1])


def _diagonal(box: Box) -> float:
    return max(1e-6, hypot(box[2] - box[0], box[3] - box[1]))
