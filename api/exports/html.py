"""One self-contained page: keyframes, a lane per track, and the timeline to scroll and click.

The page loads nothing: style, script, data and pictures are inside, and its Content-Security-Policy names the
hashes of exactly that style and script, so that nothing a video says can run.
"""

import base64
import hashlib
import html
import json
from collections.abc import Iterator
from importlib.resources import files
from itertools import chain
from string import Template

from analyzer import Timeline
from api.documents import timeline_document
from api.exports.sections import remarks, sections
from api.exports.wording import indented, one_line

_SCRIPT_SAFE = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


def render(timeline: Timeline) -> str:
    """The page. Keyframes whose ``image`` is a ``data:`` URL are shown, the others leave a placeholder."""
    page = files("api.exports") / "page"
    style = (page / "page.css").read_text("utf-8")
    script = (page / "page.js").read_text("utf-8")
    policy = (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return Template((page / "page.html").read_text("utf-8")).substitute(
        policy=policy,
        body=viewer(),
        listing="".join(_listing(timeline)),
        title=html.escape(f"{one_line(timeline.media.name)}: timeline"),
        style=style,
        script=script,
        document=json.dumps(timeline_document(timeline)).translate(_SCRIPT_SAFE),
    )


def viewer(*, home: str = "", tools: str = "", asides: str = "") -> str:
    """The markup that ``page.js`` draws a timeline into.

    A page that does more than show it adds its own markup: before the name, among the buttons, under the summary.
    """
    body = Template((files("api.exports") / "page" / "body.html").read_text("utf-8"))
    return body.substitute(home=home, tools=tools, asides=asides)


def _listing(timeline: Timeline) -> Iterator[str]:
    """The same in tables, for readers without scripts."""
    yield f"<h1>{_inert(timeline.media.name)}</h1>\n<p>{_inert(timeline.summary)}</p>\n"
    for section in chain(sections(timeline, shots=True), remarks(timeline)):
        if section.rows or section.lead or section.body:
            yield f"<h2>{_inert(section.title)}</h2>\n"
        if section.lead:
            yield f"<p>{_inert(section.lead)}</p>\n"
        if section.rows:
            rows = (_row("td", row) for row in section.rows)
            yield f"<table>\n<thead>{_row('th', section.columns)}</thead>\n<tbody>{''.join(rows)}</tbody>\n</table>\n"
        if section.body:
            lines = map(indented, section.body.splitlines())
            body = "\n".join(f"{' ' * columns}{said}" for columns, said in lines)
            yield f"<pre>{html.escape(body)}</pre>\n"


def _row(kind: str, cells: tuple[str, ...]) -> str:
    return f"<tr>{''.join(f'<{kind}>{_inert(cell)}</{kind}>' for cell in cells)}</tr>\n"


def _inert(text: str) -> str:
    return html.escape(one_line(text))


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
