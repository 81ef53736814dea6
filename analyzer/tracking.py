"""Detections on single keyframes become things followed over time.

Keyframes may lie seconds apart, so no appearance or motion model would hold: things are linked within a shot by
place, size and kind alone, one to one, the best fitting pair first. A cut ends every track.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import hypot, log
from typing import Final

from analyzer.timeline import Axis
from analyzer.types import Box, BoxSighting, Detection, Findings

Label = str

_FAMILIES: Final[tuple[frozenset[Label], ...]] = (
    frozenset({"car", "truck", "bus", "train", "boat", "cell phone", "remote", "mouse", "toilet", "sink"}),
    frozenset({"cat", "dog", "horse", "sheep", "cow", "bear"}),
    frozenset({"bottle", "vase", "wine glass"}),
    frozenset({"chair", "couch", "bench"}),
    frozenset({"tv", "laptop"}),
    frozenset({"cup", "bowl", "toilet"}),
    frozenset({"bicycle", "motorcycle"}),
)
"""Labels the detector takes for one another: a thing may change label within its family from keyframe to keyframe,
and its track is named by the weight of all its labels. Vehicles seen from above look like telephones to it."""

_DOUBTED: Final[Mapping[Label, float]] = {
    "cell phone": 0.5, "remote": 0.5, "mouse": 0.5, "toilet": 0.5, "sink": 0.5, "scissors": 0.5, "hair dryer": 0.5,
    "toothbrush": 0.5, "toaster": 0.5, "frisbee": 0.6, "kite": 0.6, "traffic light": 0.6, "parking meter": 0.6,
    "vase": 0.6, "clock": 0.7, "tie": 0.8, "umbrella": 0.8, "tv": 0.8, "laptop": 0.8, "boat": 0.7, "airplane": 0.8,
    "bird": 0.8, "refrigerator": 0.7, "oven": 0.7, "microwave": 0.7, "keyboard": 0.8, "bowl": 0.8, "cup": 0.9,
    "fork": 0.7, "knife": 0.7, "spoon": 0.7, "donut": 0.7, "cake": 0.8, "skateboard": 0.8, "train": 0.8,
    "bench": 0.8, "book": 0.9, "handbag": 0.8,
}  # fmt: skip
"""Labels given wrongly more often than others on footage we looked at; their scores count for less."""

_SURE: Final = 0.75
"""Weighted score from which one sighting is enough."""
_LIKELY: Final = 0.5
"""Weighted score that the best of several sightings must reach."""
_SEVERAL: Final = 2
_REACH: Final = 1.5
"""How far a thing may move between neighbouring keyframes, in mean diagonals of its two boxes."""
_GROWTH: Final = 1.1
"""How much its size may change: natural logarithm of the ratio of diagonals."""
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
    """The detector's, the mean over the sightings."""

    @property
    def frames(self) -> tuple[int, ...]:
        """Indexes of the keyframes it was seen on."""
        return tuple(sighting.keyframe for sighting in self.sightings)


def track(findings: Sequence[Findings], axis: Axis) -> tuple[Trail, ...]:
    """Link detections into trails and keep those to be believed, in order of their first sighting."""
    by_shot: dict[int, list[Findings]] = defaultdict(list)
    for found in findings:
        by_shot[axis.shot(found.keyframe)].append(found)
    trails = [
        trail
        for shot, seen in sorted(by_shot.items())
        for chain in _link(seen)
        if (trail := _believe(chain, shot, len(seen))) is not None
    ]
    return tuple(sorted(trails, key=lambda trail: (trail.frames[0], trail.label, trail.sightings[0].box)))


@dataclass(slots=True)
class _Chain:
    """A trail while it grows."""

    links: list[tuple[int, Detection]]
    places: list[int]


def _link(seen: Sequence[Findings]) -> list[_Chain]:
    """Extend chains keyframe by keyframe, the cheapest pair of chain and detection first (greedy assignment)."""
    chains: list[_Chain] = []
    for place, found in enumerate(seen):
        detections = list(found.objects or ())
        pairs = sorted(
            (cost, chain_number, detection_number)
            for chain_number, chain in enumerate(chains)
            if place - chain.places[-1] <= _SKIPPED + 1
            for detection_number, detection in enumerate(detections)
            if (cost := _cost(chain.links[-1][1], detection, place - chain.places[-1])) is not None
        )
        taken_chains: set[int] = set()
        taken: set[int] = set()
        for _, chain_number, detection_number in pairs:
            if chain_number in taken_chains or detection_number in taken:
                continue
            taken_chains.add(chain_number)
            taken.add(detection_number)
            chains[chain_number].links.append((found.keyframe, detections[detection_number]))
            chains[chain_number].places.append(place)
        for number, detection in enumerate(detections):
            if number not in taken:
                chains.append(_Chain([(found.keyframe, detection)], [place]))
    return chains


def _cost(one: Detection, other: Detection, steps: int) -> float | None:
    """Return how badly two detections fit one thing, 0 the best; None when they cannot be one."""
    if one.label != other.label and not any({one.label, other.label} <= family for family in _FAMILIES):
        return None
    diagonals = _diagonal(one.box), _diagonal(other.box)
    growth = abs(log(diagonals[0] / diagonals[1]))
    (ax, ay), (bx, by) = centre(one.box), centre(other.box)
    distance = hypot(ax - bx, ay - by) / (sum(diagonals) / 2)
    if growth > _GROWTH or distance > _REACH * steps:
        return None
    return distance + 0.5 * growth + 0.3 * (steps - 1) + (0.2 if one.label != other.label else 0.0)


def _believe(chain: _Chain, shot: int, looked: int) -> Trail | None:
    """Name a chain by the weight of its labels; None when it is not to be believed.

    One sighting is enough when it is sure, or when the shot has only one keyframe; else several must agree.
    """
    weights: dict[Label, float] = defaultdict(float)
    for _, detection in chain.links:
        weights[detection.label] += weigh(detection)
    label = min(weights, key=lambda name: (-weights[name], name))
    best = max(
        (weigh(detection) for _, detection in chain.links if detection.label == label),
        default=0.0,
    )
    enough = _SURE if len(chain.links) < _SEVERAL and looked >= _SEVERAL else _LIKELY
    if best < enough:
        return None
    scores = [detection.confidence for _, detection in chain.links]
    sightings = tuple(
        BoxSighting(frame, detection.box, detection.confidence) for frame, detection in chain.links
    )
    return Trail(label, shot, sightings, sum(scores) / len(scores))


def weigh(detection: Detection) -> float:
    """Return the detection's score, less what its label is doubted."""
    return detection.confidence * _DOUBTED.get(detection.label, 1.0)


def centre(box: Box) -> tuple[float, float]:
    """Return the middle of a box."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def area(box: Box) -> float:
    """Return the share of the picture a box covers, 0..1."""
    return (box[2] - box[0]) * (box[3] - box[1])


def count_by_frame(trails: Iterable[Trail]) -> dict[int, int]:
    """Return how many of the trails are seen on each keyframe on which any is, ascending."""
    counts: dict[int, int] = defaultdict(int)
    for trail in trails:
        for frame in trail.frames:
            counts[frame] += 1
    return dict(sorted(counts.items()))


def _diagonal(box: Box) -> float:
    return max(1e-6, hypot(box[2] - box[0], box[3] - box[1]))
