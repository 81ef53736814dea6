"""``sceneline export``: a timeline in another format."""

from pathlib import Path

from api.cli.writing import deliver, place_of
from api.documents import read_timeline
from api.exports import SUFFIXES, Format
from api.exports.rendering import render
from api.pictures import with_pictures_beside


def export_timeline(path: Path, form: Format, output: str) -> None:
    """Read a timeline and write it in that format.

    Raises:
        TimelineFileError: the file is not a timeline.
        ExportRefusedError: the format has rules this timeline cannot meet.
        OutputError: the place cannot be written.
    """
    place = place_of(output, path, SUFFIXES[form])
    timeline = read_timeline(path)
    if form == "html":
        timeline = with_pictures_beside(timeline, path.parent)
    deliver(place, render(timeline, form))
