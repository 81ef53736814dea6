"""Transitions become shots that tile the video."""

from collections.abc import Sequence
from dataclasses import dataclass

from sampler.types import Shot, Transition


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where a shot begins."""

    seconds: float
    transition: Transition


def tile(boundaries: Sequence[Boundary], start_seconds: float, end_seconds: float) -> tuple[Shot, ...]:
    """Shots from ``start_seconds`` to ``end_seconds`` with no hole and no overlap; boundaries outside are left out."""
    inner = sorted(
        (b for b in boundaries if start_seconds < b.seconds < end_seconds), key=lambda b: b.seconds
    )
    begins: list[Boundary] = [Boundary(start_seconds, "start")]
    for boundary in inner:
        if boundary.seconds > begins[-1].seconds:
            begins.append(boundary)
    ends = [*(boundary.seconds for boundary in begins[1:]), end_seconds]
    return tuple(
        Shot(index, begin.seconds, end, begin.transition)
        for index, (begin, end) in enumerate(zip(begins, ends, strict=True))
    )
