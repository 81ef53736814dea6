"""The timeline document itself."""

from analyzer import Timeline
from api.documents import json_text, timeline_document


def render(timeline: Timeline) -> str:
    """The document, indented."""
    return json_text(timeline_document(timeline))
