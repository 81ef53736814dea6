"""What any backend says happened, in keyframe numbers. Seconds are put to it by ``timeline`` alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from analyzer.types import ConfidenceKind, EventBox


@dataclass(frozen=True, slots=True)
class Draft:
    """One thing that happened, seen on a run of keyframes."""

    track: str
    label: str
    description: str
    frames: tuple[int, ...]
    """Indexes of the keyframes that show it, ascending; empty only when ``measured`` is given."""
    confidence: float | None
    confidence_kind: ConfidenceKind
    source: str
    boxes: tuple[EventBox, ...] = ()
    attributes: Mapping[str, object] = field(default_factory=dict)
    merged_from: tuple[str, ...] = ()
    """Which entries of which batches it was made of: ``b0.e2``, ``b1.e0``."""
    measured: tuple[float, float] | None = None
    """Edges in seconds, known from every frame; None for what keyframes alone tell."""
