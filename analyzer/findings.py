"""What local models find on one keyframe.."""

from dataclasses import dataclass

from analyzer.types import Box


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing seen on one keyframe."""

    label: str
    box: Box
    confidence: float


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of text read on one keyframe."""

    text: str
    box: Box
    confidence: float


@dataclass(frozen=True, slots=True)
class TagScore:
    """One tag of the picture as a whole."""

    tag: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Findings:
    """What local models found on one keyframe. None: not asked; empty: found nothing."""

    keyframe: int
    objects: tuple[Detection, ...] | None = None
    text: tuple[TextLine, ...] | None = None
    tags: tuple[TagScore, ...] | None = None
    unsafe: float | None = None
    """Probability 0..1 that the picture is sexually explicit."""
