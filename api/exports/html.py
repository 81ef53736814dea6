"""One self-contained page: keyframes, a lane per track, and the timeline to scroll and click.

The page loads nothing: style, script, data and pictures are inside, and its Content-Security-Policy names the
hashes of exactly that style and script, so that nothing a video says can run.
"""

import base64
import hashlib
import html
import json
from importlib.resources import files
from string import Template

from analyzer import Timeline
from api.documents import timeline_document
from api.exports.wording import one_line

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


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
