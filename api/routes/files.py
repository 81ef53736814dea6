"""Files over HTTP, whole or a range of them, as players ask for (RFC 9110, section 14)."""

import re
from typing import Final
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from api.records import Problem
from api.routes.problems import problem_response
from api.storage import Storage

_RANGE = re.compile(r"(?i:bytes)=([0-9]{0,18})-([0-9]{0,18})")
_KINDS: Final[dict[str, str]] = {
    "mp4": "video/mp4",
    "m4v": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "mkv": "video/x-matroska",
    "ogv": "video/ogg",
    "gif": "image/gif",
    "webp": "image/webp",
    "png": "image/png",
    "apng": "image/apng",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
}


def media_type_of(name: str) -> str:
    """What a file of this name most likely is; nothing a browser would run."""
    return _KINDS.get(name.rpartition(".")[2].lower(), "application/octet-stream")


def attachment(name: str, suffix: str) -> dict[str, str]:
    """The header that has a file saved as this video's, in full for those who know RFC 6266 (``filename*``)."""
    stem = (name.rpartition(".")[0] or name).strip(" .")
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.") or "timeline"
    whole = quote(stem + suffix, "", errors="replace")
    full = f"; filename*=UTF-8''{whole}" if stem not in ("", plain) else ""
    return {"Content-Disposition": f'attachment; filename="{plain}{suffix}"{full}'}


def file_response(request: Request, storage: Storage, key: str, media_type: str, tag: str) -> Response:
    """A stored file, or the range of it that was asked for. ``tag`` names its content.

    Raises:
        NotStoredError: there is no such file.
    """
    size = storage.size(key)
    etag = f'"{tag}"'
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, max-age=31536000, immutable",
        "Content-Disposition": "inline",
    }
    known = request.headers.get("if-none-match", "")
    if etag in known or known.strip() == "*":
        return Response(status_code=304, headers=headers)
    wanted = None
    if request.headers.get("if-range", etag) == etag:
        wanted = _range_of(request.headers.get("range", ""), size)
    start, stop = wanted or (0, size)
    if start >= stop and wanted is not None:
        beyond = Problem("range_not_satisfiable", f"the file has {size} bytes", 416)
        return problem_response(beyond, {"Content-Range": f"bytes */{size}"})
    headers["Content-Length"] = str(stop - start)
    if wanted is not None:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    status = 200 if wanted is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    return StreamingResponse(storage.read(key, start, stop), status, headers, media_type)


def _range_of(header: str, size: int) -> tuple[int, int] | None:
    """The half-open range a header asks for, empty where it lies beyond the end.

    None, for all of it, is the answer to several ranges and to those that are none, such as ``5-2``.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    if last and int(last) < int(first):
        return None
    return int(first), min(size, int(last) + 1) if last else size
