"""What no text in a timeline may do, whoever wrote it: a model, a subtitle, a file's name."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

_STEERING = {"Cc", "Cf", "Cs"}
_HARMLESS = "\n\t\u200c\u200d"
"""Line breaks, and joiners, without which some languages and emoji are misspelt."""
_TAG = re.compile(r"</?[a-zA-Z!][^<>]{0,200}>")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_PROSE = {"label", "description", "summary", "explanation", "answer", "step", "title"}
"""Fields a model writes in its own words; in others, what stands in the picture is repeated as it is."""
LONGEST_PROSE = 2_000


def assert_inert(document: dict[str, Any]) -> None:
    """No control characters and no half characters anywhere, no markup and no endless text in prose."""
    for name, text in strings(document):
        assert all(c in _HARMLESS or unicodedata.category(c) not in _STEERING for c in text), (name, text)
        if name in _PROSE:
            assert not _TAG.search(text), (name, text)
            assert len(text) <= LONGEST_PROSE, name


def strings(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a document with the field it stands in."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield name, str(key)
            yield from strings(each, str(key))
    elif isinstance(value, list):
        for each in value:
            yield from strings(each, name)


def assert_export_inert(form: str, text: str, events: int) -> None:
    """No text has become the format's own markup: as many cues, rows and tags as there are events, and no more."""
    text.encode("utf-8")
    assert "\x1b" not in text
    if form == "csv":
        rows = list(csv.reader(io.StringIO(text)))
        assert len(rows) == events + 1
        assert len({len(row) for row in rows}) == 1
        said = (cell for row in rows[1:] for cell in row if not _is_number(cell))
        assert not any(cell.startswith(_FORMULA) for cell in said)
    elif form == "vtt":
        assert text.count("-->") == events
        assert "<" not in text
    elif form == "srt":
        assert text.count("-->") == events
        assert not set("<>{}") & set(text.replace("-->", ""))
    elif form == "html":
        assert text.count("</script>") == 2, "the page's own script and its data"
        assert "<script>alert" not in text
    elif form == "md":
        assert not re.search(r"(?<!\\)<[a-zA-Z/!]", text)
        assert not re.search(r"(?<!\\)\]\(", text)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
