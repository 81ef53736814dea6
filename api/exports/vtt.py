"""WebVTT: each event a cue, for players and ``<track kind="metadata">``."""

import html

from analyzer import Timeline
from api.exports.wording import cue_span, one_line, told


def render(timeline: Timeline) -> str:
    """The events as WebVTT (W3C); ``&``, ``<``, ``>`` are written as entities, so no text can end a cue."""
    cues = (
        f"{html.escape(one_line(event.id), quote=False)}\n"
        f"{cue_span(event, '.')}\n"
        f"{html.escape(told(event), quote=False)}\n"
        for event in timeline.events
    )
    return "\n".join(("WEBVTT\n", *cues))
