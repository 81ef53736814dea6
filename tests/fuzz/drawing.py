"""Draws the corpus: tiny films in every container and codec FFmpeg can write here, and documents of every kind.

    python -m tests.fuzz.drawing

Writes only what is missing, so that what was found later stays.
"""

import io
import json
import sys
from fractions import Fraction

import av
import numpy as np
from PIL import Image

from api.documents import json_text, timeline_document
from tests.api import handmade
from tests.fuzz.targets import CORPUS
from tests.fuzz.texts import TASKS

FILMS = (
    "mp4 libx264", "mp4 mpeg4", "mp4 libx265", "mp4 libsvtav1", "mov prores_ks", "mov qtrle", "mov rpza",
    "matroska libx264", "matroska ffv1", "webm libvpx", "webm libvpx-vp9", "avi mpeg4",
    "avi msmpeg4v2", "avi cinepak", "avi msvideo1", "avi utvideo", "avi magicyuv", "flv flv", "flv flashsv",
    "asf wmv2", "asf wmv1", "mpegts mpeg2video", "mpegts libx264", "mpeg mpeg1video", "nut ffvhuff",
    "ivf libvpx", "h264 libx264", "hevc libx265", "mxf mpeg2video", "gxf mpeg2video", "rm rv10", "swf flv", "gif gif",
    "apng apng", "yuv4mpegpipe wrapped_avframe", "avif libsvtav1", "roq roqvideo", "mjpeg mjpeg", "3gp h263",
    "obu libsvtav1", "smjpeg mjpeg", "avi snow", "mov svq1", "mov cfhd", "avi asv1", "filmstrip rawvideo",
)  # fmt: skip
PICTURES = (
    "png",
    "jpeg",
    "bmp",
    "tiff",
    "webp",
    "ppm",
    "sgi",
    "pcx",
    "tga",
    "jpeg2000",
    "ico",
    "dds",
    "avif",
)
FRAMED = ("exr", "dpx", "hdr", "qoi", "jpegls", "xwd", "pam")
_SIZES = {"roqvideo": (64, 64), "h263": (128, 96), "gxf": (720, 576)}
_FORMATS = {"gif": "rgb8", "prores_ks": "yuv422p10le", "qtrle": "rgb24", "rpza": "rgb555le",
            "huffyuv": "yuv422p", "cinepak": "rgb24", "msvideo1": "rgb555le", "utvideo": "yuv420p",
            "magicyuv": "yuv420p", "flashsv": "bgr24", "apng": "rgb24", "roqvideo": "yuvj444p",
            "mjpeg": "yuvj420p", "ffvhuff": "yuv420p", "svq1": "yuv410p", "cfhd": "yuv422p10le", "rawvideo": "rgba",
            "exr": "gbrpf32le", "dpx": "rgb24", "hdr": "gbrpf32le", "qoi": "rgb24",
            "jpegls": "rgb24", "xwd": "rgb24", "pam": "rgb24"}  # fmt: skip
_LARGEST_BYTES = 30_000


def film(container: str, codec: str) -> bytes:
    """Four frames of a square that moves."""
    file = io.BytesIO()
    width, height = _SIZES.get(container, _SIZES.get(codec, (32, 32)))
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=25 if codec in ("mpeg1video", "mpeg2video") else 10)
        stream.width, stream.height = width, height
        stream.pix_fmt = _FORMATS.get(codec, "yuv420p")
        if codec in ("libx264", "libx265"):
            stream.options = {"x265-params": "log-level=none"} if codec == "libx265" else {"crf": "30"}
        for number in range(4):
            picture = np.zeros((height, width, 3), np.uint8)
            picture[8:20, 4 * number : 4 * number + 10] = (250, 200, 20)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=stream.pix_fmt)
            frame.pts, frame.time_base = number, Fraction(1, 10)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return file.getvalue()


def framed(codec: str) -> bytes:
    """One picture as FFmpeg's encoder writes it."""
    context = av.CodecContext.create(codec, "w")
    context.width = context.height = 32
    context.pix_fmt, context.time_base = _FORMATS[codec], Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 90, np.uint8), format="rgb24")
    frame = frame.reformat(format=context.pix_fmt)
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode()])


def picture(kind: str) -> bytes:
    """A square in a still picture."""
    drawn = Image.new("RGB", (32, 32), "navy")
    drawn.paste("gold", (8, 8, 20, 20))
    file = io.BytesIO()
    drawn.save(file, kind)
    return file.getvalue()


def _draw_media() -> None:
    for name in FILMS:
        container, codec = name.split()
        _keep("media", f"{container}-{codec}", lambda c=container, k=codec: film(c, k))
    for kind in PICTURES:
        _keep("media", f"picture-{kind}", lambda k=kind: picture(k))
    for codec in FRAMED:
        _keep("media", f"picture-{codec}", lambda k=codec: framed(k))


# -- documents -------------------------------------------------------------------------------------------------


_SPAN = {"first_frame": 1, "last_frame": 3}
_SAID = {
    "events": {
        "events": [
            {**_SPAN, "label": "rain", "description": "It rains.", "confidence": 0.9, "track": "weather"},
            {"first_frame": 4, "last_frame": 5, "label": "sun", "description": "The sun.", "confidence": None},
        ],
        "summary": "Rain, then sun.",
        "segments": {
            "goal kick": [
                {**_SPAN, "label": "kick", "confidence": 0.8,
                 "fields": {"team": "red", "speed": 88.5, "shirt": 7, "note": "high"}}
            ]
        },
    },
    "ask": {
        "reasoning": [{"step": "Drops are seen.", "frames": [1, 2]}],
        "answer": "Yes.",
        "not_visible": False,
        "confidence": 0.8,
        "moments": [_SPAN],
    },
    "tags": {"tags": [{**_SPAN, "tag": "rain", "confidence": 0.7}]},
    "text": {"texts": [{**_SPAN, "text": "EXIT", "language": "en", "confidence": 0.8, "box": [10, 20, 300, 90]}]},
    "documents": {
        "documents": [
            {**_SPAN, "title": "Plan", "markdown": "# Plan\n\n| a | b |\n|---|---|\n| 1 | 2 |", "fields": [],
             "tables": [{"columns": ["a", "b"], "rows": [["1", "2"]]}]}
        ]
    },
    "objects": {
        "objects": [{"label": "cat", "id": "cat 1", "boxes": [{"frame": 1, "box": [0, 0, 500, 500]}]}],
        "relations": [{**_SPAN, "subject": "cat 1", "relation": "on", "object": "mat"}],
    },
    "moderation": {"findings": [{**_SPAN, "clause": "violence", "explanation": "A fight.", "confidence": 0.6}]},
    "describe": {
        "summary": "A day.", "mood": "calm",
        "chapters": [{**_SPAN, "title": "Rain", "description": "It rains."}],
        "shots": [{"shot": 0, "description": "Rain falls."}],
    },
    "custom": {"wet": True, "note": "It rained."},
}  # fmt: skip


def _draw_documents() -> None:
    for task in TASKS:
        said = json.dumps(_SAID[task])
        _keep("answers", task, lambda t=task, s=said: f"{t}\n{s}".encode())
        _keep("answers", f"{task}-fenced", lambda t=task, s=said: f"{t}\nHere:\n```json\n{s}\n```".encode())
    message = {"role": "assistant", "content": json.dumps(_SAID["events"])}
    usage = {"prompt_tokens": 900, "completion_tokens": 40, "cost": 0.0002}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    parts = [{"type": "text", "text": json.dumps(_SAID["tags"])}]
    for name, body in {
        "plain": {"choices": [choice], "usage": usage},
        "parts": {"choices": [{"message": {"content": parts}, "finish_reason": "length"}]},
        "thought": {"choices": [{"message": {"content": None, "reasoning_content": "<think>…</think>{}"}}]},
        "error": {"error": {"message": "too long", "code": 413, "metadata": {"raw": "upstream"}}},
        "detail": {"detail": "not found"},
    }.items():
        _keep("replies", name, lambda b=body: json.dumps(b).encode())
    document = json_text(timeline_document(handmade.timeline()), compact=True)
    _keep("timelines", "handmade", document.encode)
    _keep("exports", "handmade", document.encode)
    _keep("messages", "end", lambda: b'{"kind": "end", "value": null}')
    for name, value in _MESSAGES.items():
        _keep("messages", name.lower(), lambda n=name, v=value: json.dumps({"kind": n, "value": v}).encode())


_MESSAGES = {
    "MediaInfo": timeline_document(handmade.timeline())["media"],
    "UnreadableMediaError": ["it is damaged"],
    "MediaLimitError": ["too many", "frames"],
    "RuntimeError": ["decoding failed"],
    "Scanned": {"frames": 3, "share": 0.5, "seconds": 1.0},
    "Notice": {"code": "truncated", "message": "it ends early", "start_seconds": 1.0, "end_seconds": 2.0},
    "Keyframe": {"index": 0, "time_seconds": 0.5, "pts": 5, "time_base": "1/10", "shot": 0, "reason": "only",
                 "sharpness": None, "width": 32, "height": 32, "jpeg": ""},
}  # fmt: skip
_TRUTHS = {
    "ours": {
        "video": "video.mp4",
        "cuts": [{"time_seconds": 10.0, "transition": "gradual"}],
        "events": [{"label": "cat", "description": "A cat.", "start_seconds": 0.0, "end_seconds": 9.0}],
        "texts": [{"text": "EXIT", "start_seconds": 0.0, "end_seconds": 9.0}],
        "things": [{"label": "cat", "start_seconds": 0.0, "end_seconds": 9.0}],
        "boxes": [{"time_seconds": 5.0, "label": "cat", "box": [0.1, 0.1, 0.5, 0.5]}],
        "chapters": [{"title": "one", "start_seconds": 0.0}],
        "tags": ["cat"],
        "moderation": [{"id": "violence", "verdict": "block"}],
        "queries": [{"query": "a cat", "windows": [[0.0, 3.0]]}],
    },
    "activitynet": {
        "v_video": {"duration": 40.0, "timestamps": [[0, 3], [4, 9]], "sentences": ["A cat.", "A dog."]}
    },
    "qvhighlights": [{"vid": "video", "query": "a cat", "relevant_windows": [[0, 2]]}],
}
_REQUESTS = {
    "all": {
        "tasks": ["events", "tags", "ask", "moderation", "custom"], "frames": 16, "start": "0:10", "end": "1:00:00.5",
        "sampling": "interval=0:02", "taxonomy": ["a"], "ask": "Why?", "instructions": "Be brief.",
        "schema": {"type": "object", "properties": {"a": {"type": "string", "pattern": "^a+$"}}},
        "policy": {"name": "p", "version": "1", "clauses": [{"id": "c", "description": "d", "review_from": 0.2}]},
        "examples": [{"given": "x", "answer": "y"}], "context": "rolling", "max_cost": 0.5, "max_requests": 3,
        "segments": [{"id": "s", "description": "d", "min_duration": 1, "fields": [{"name": "n", "enum": ["a"]}]}],
    },
    "url": {"url": "https://example.com/a.mp4", "webhook": "https://example.com/hook", "priority": 3, "interval": 2.5},
}  # fmt: skip
_URLS = (
    "https://example.com/a.mp4", "http://[::1]:8000/a?b=c#d", "http://user:pw@host/", "http://xn--bcher-kva.example/",
    "http://bücher.example/ä.mp4?ö=ü", "http://0x7f.1/", "http://[::ffff:127.0.0.1%25eth0]/", "file:///etc/passwd",
)  # fmt: skip


def _draw_requests() -> None:
    for name, truth in _TRUTHS.items():
        _keep("truths", name, lambda t=truth: json.dumps(t).encode())
    for name, request in _REQUESTS.items():
        _keep("requests", name, lambda r=request: json.dumps(r).encode())
    for number, url in enumerate(_URLS):
        _keep("urls", f"url-{number}", lambda u=url: u.encode())
    part = b'--xyz\r\nContent-Disposition: form-data; name="%b"; filename="%b"\r\nContent-Type: a/b\r\n\r\n%b\r\n'
    body = part % (b"video", b"../../a\\b.mp4", b"abc") + part % (b"request", b"", b"{}") + b"--xyz--\r\n"
    _keep("uploads", "two-parts", lambda: b"multipart/form-data; boundary=xyz\n" + body)
    _keep("uploads", "starred", lambda: b"multipart/form-data; boundary*=UTF-8''xyz\n" + body)


def _keep(folder: str, name: str, draw) -> None:
    path = CORPUS / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        return
    try:
        data = draw()
    except (av.FFmpegError, ValueError, OSError, KeyError, TypeError) as error:
        sys.stderr.write(f"{folder}/{name} cannot be drawn here: {error}\n")
        return
    if not data or len(data) > _LARGEST_BYTES:
        sys.stderr.write(f"{folder}/{name} has {len(data)} bytes: left out\n")
        return
    path.write_bytes(data)


def main() -> None:
    """Draw what is missing."""
    _draw_media()
    _draw_documents()
    _draw_requests()


if __name__ == "__main__":
    main()
