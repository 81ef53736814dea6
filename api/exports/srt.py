"""SubRip: each event a subtitle."""

from analyzer import Timeline
from api.exports.wording import cue_span, told

_LOOKALIKES = str.maketrans("<>{}", "‹›()")
"""SubRip knows no escapes: players read ``<…>`` and ``{…}`` as styling, and ``-->`` parts the times."""


def render(timeline: Timeline) -> str:
    """The events as SubRip, numbered from 1; characters with a meaning give way to look-alikes."""
    return "\n".join(
        f"{number}\n{cue_span(event, ',')}\n{told(event).translate(_LOOKALIKES)}\n"
        for number, event in enumerate(timeline.events, start=1)
    )
