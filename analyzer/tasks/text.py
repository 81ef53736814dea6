"""The task ``text``: each text with the stretches it was on screen."""

from analyzer.types import TextElement
from analyzer.understanding import Understanding

MISSED = 3
"""Keyframes on which a text may go unread and still count as standing."""


def list_text(seen: Understanding) -> tuple[TextElement, ...]:
    """Return the texts by first appearance. The reader does not tell languages apart, so none is claimed."""
    return tuple(
        TextElement(
            text=passage.text,
            language=None,
            confidence=passage.confidence,
            box=passage.box,
            instances=seen.axis.instances(passage.frames, bridged=MISSED),
        )
        for passage in seen.passages
    )
