"""Opening a file with FFmpeg so that it reads that file and nothing else.

FFmpeg gets a reader without a name, may open no further file or address, and may use only the demuxers below,
each of which stays inside the bytes it is given (playlists, ``concat`` and image patterns do not, and are
sniffed by content under any file name).
"""

import io
import re
from pathlib import Path
from typing import BinaryIO, cast

import av
from av.codec import codecs_available
from av.codec.context import CodecContext
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from sampler.errors import MediaNotFoundError, NoVideoError, UnreadableMediaError

_CONTAINERS = """
mov,mp4,m4a,3gp,3g2,mj2 matroska,webm avi flv live_flv mpegts mpeg mpegvideo ogg asf asf_o mxf
rm dv nut gxf wtv ivf h264 hevc vvc h261 h263 m4v mjpeg mpjpeg obu av1 evc avs2 avs3 cavsvideo
dirac vc1 vc1test yuv4mpegpipe
"""
_OLD_AND_GAMES = """
nsv nuv roq swf rl2 smk bink flic dxa 4xm amv anm avs bethsoftvid bfi c93 cdxl cine film_cpk
filmstrip idcin ipmovie iv8 ivr jv kux lmlm4 lvf lxf mlv mm moflex msnwctcp mtv mv mvi mxg paf
pmp psxstr pva rpl siff smjpeg smush thp tiertexseq tmv ty vividas vivo vmd wc3movie wsvqa xmv
yop wady
"""
_PICTURES = """
webp_pipe png_pipe jpeg_pipe bmp_pipe tiff_pipe jpegxl_pipe j2k_pipe qoi_pipe ppm_pipe pgm_pipe
pbm_pipe pam_pipe exr_pipe hdr_pipe dds_pipe psd_pipe sgi_pipe sunrast_pipe pcx_pipe jpegls_pipe
gif_pipe dpx_pipe gif apng jpegxl_anim ico
"""
_SOUNDS = """
mp3 aac ac3 eac3 wav flac aiff amr au caf w64 dts truehd wv tta ape mpc mpc8 opus
"""
"""So that a sound file is refused for what it is."""
_FORMAT_WHITELIST = ",".join((_CONTAINERS + _OLD_AND_GAMES + _PICTURES + _SOUNDS).split())
_SEEING_THROUGH = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""FFmpeg's own decoders of these are faster, and leave out what WebM keeps beside the pictures."""
_MATROSKA_CLUSTER = b"\x1f\x43\xb6\x75"
_MATROSKA_ENCRYPTION = re.compile(rb"\x6d\x80.{1,8}\x62\x40.{1,40}\x50\x35", re.DOTALL)
"""ContentEncodings, ContentEncoding, ContentEncryption: element numbers of RFC 9559."""
_MOST_STREAMS = "256"
_BUFFER_BYTES = 1 << 18
_ATTACHED_PICTURE = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails

FFMPEG_ERRORS = (av.FFmpegError, OSError, ValueError, EOFError, IndexError, RuntimeError, MemoryError)
"""What PyAV lets out for a bad file. The type says little, so callers classify by where it was raised."""


class _NamelessReader:
    """Bytes of an open file without its name, which FFmpeg would otherwise use to find neighbours."""

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read
        self.seek = file.seek
        self.tell = file.tell


def open_container(path: Path) -> tuple[InputContainer, BinaryIO]:
    """Open ``path``; the caller closes both, the container first.

    Raises:
        MediaNotFoundError: no such file, or it cannot be read.
        UnreadableMediaError: FFmpeg does not recognise it.
    """
    try:
        file = path.open("rb", buffering=_BUFFER_BYTES)
    except IsADirectoryError as error:
        raise MediaNotFoundError(
            f"{path.name!r} is a directory; give a video file, or the pictures in it"
        ) from error
    except OSError as error:
        raise MediaNotFoundError(f"cannot open {path.name!r}: {error.strerror or error}") from error
    try:
        container = av.open(
            _NamelessReader(file),
            mode="r",
            buffer_size=_BUFFER_BYTES,
            metadata_errors="replace",
            container_options={
                "format_whitelist": _FORMAT_WHITELIST,
                "protocol_whitelist": "none",
                "max_streams": _MOST_STREAMS,
            },
            io_open=_refuse,
        )
    except MemoryError:
        file.close()
        raise
    except FFMPEG_ERRORS as error:
        encrypted = is_encrypted(path)
        size = path.stat().st_size
        file.close()
        if encrypted:
            raise encrypted_error(path) from error
        what = (
            "is empty" if size == 0 else "is not a video or picture format we read, or its header is damaged"
        )
        raise UnreadableMediaError(f"{path.name!r} {what}") from error
    return container, file


def choose_stream(container: InputContainer, name: str) -> VideoStream:
    """The stream a player would show: no cover art, not one without packets, FFmpeg's pick among the rest.

    Raises:
        NoVideoError: nothing to look at.
    """
    streams = [s for s in container.streams.video if not s.disposition & _ATTACHED_PICTURE]
    if not streams:
        what = "only cover art" if container.streams.video else "no video stream"
        raise NoVideoError(f"{name!r} holds {what}; give a file with moving or still pictures")
    known = [s for s in streams if _get(s, "codec_context") is not None]
    if not known:
        raise UnreadableMediaError(f"{name!r} uses a video codec that this FFmpeg cannot decode")
    best = container.streams.best("video")
    filled = [s for s in known if s.frames or len(s.index_entries)]
    for pool in (filled, known):
        for stream in pool:
            if best is not None and stream.index == best.index:
                return stream
        if pool:
            return pool[0]
    raise NoVideoError(f"{name!r} holds no video stream")


def seeing_through(stream: VideoStream) -> VideoCodecContext:
    """The stream's decoder, or the one that heeds what is transparent where the stream says that something is."""
    own = stream.codec_context
    name = _SEEING_THROUGH.get(own.codec.canonical_name)
    if name is None or name not in codecs_available or stream.metadata.get("alpha_mode") != "1":
        return own
    context = cast("VideoCodecContext", CodecContext.create(name, "r"))
    context.extradata = own.extradata
    return context


def is_encrypted(path: Path) -> bool:
    """Whether the container itself says that its pictures are encrypted (MP4 ``encv``, Matroska
    ContentEncryption).
    """
    with path.open("rb") as file:
        head = file.read(64 << 10)
        if head.startswith(b"\x1a\x45\xdf\xa3"):
            return _MATROSKA_ENCRYPTION.search(head.partition(_MATROSKA_CLUSTER)[0]) is not None
        position, end = 0, file.seek(0, io.SEEK_END)
        while position + 8 <= end:
            file.seek(position)
            header = file.read(16)
            size, kind = int.from_bytes(header[:4]), header[4:8]
            if size == 1:
                size = int.from_bytes(header[8:16])
            if kind == b"moov":
                file.seek(position)
                return b"encv" in file.read(min(size or end, 64 << 20))
            if size < 8 or not kind.isalnum():
                return False
            position += size
    return False


def encrypted_error(path: Path) -> UnreadableMediaError:
    """The one way this is said."""
    return UnreadableMediaError(f"{path.name!r} is encrypted (DRM); give a decrypted copy")


def _get(stream: VideoStream, name: str) -> object | None:
    return getattr(stream, name, None)


def _refuse(*_args: object) -> None:
    raise PermissionError("a media file may not open other files")
