"""Files that want more than to be looked at: nothing is read but the file, nothing is contacted, nothing hangs."""

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from sampler import (
    Keyframe,
    Limits,
    MediaError,
    MediaLimitError,
    PictureSequence,
    SampleRequest,
    SamplerError,
    SamplerStep,
    SamplingPlan,
    VideoFile,
    sample_isolated,
)
from tests.watching import Listener, listening

TIGHT = Limits(cpu_seconds=60, memory_bytes=1 << 30, silent_seconds=60)


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Stands for every other host; must hear nothing."""
    with listening() as host:
        yield host


def _film(path: Path, level: int) -> None:
    """A second of one grey level, so that whoever shows it can be recognised."""
    with av.open(path, "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for _ in range(10):
            picture = np.full((64, 64, 3), level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def _playlist(url: str) -> str:
    return (
        f"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-TARGETDURATION:10\n#EXTINF:10.0,\n{url}\n#EXT-X-ENDLIST\n"
    )


_MPD = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S"'
    ' profiles="urn:mpeg:dash:profile:isoff-live:2011"><Period><AdaptationSet mimeType="video/mp4">'
    '<Representation id="1" bandwidth="1"><BaseURL>{}</BaseURL></Representation></AdaptationSet></Period></MPD>'
)
_SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {} RTP/AVP 96\na=rtpmap:96 H264/90000\n"

_ATTACKS: dict[str, Callable[[str, str, int], str]] = {
    "hls_http": lambda http, secret, port: _playlist(f"{http}/a.ts"),
    "hls_file": lambda http, secret, port: _playlist(f"file://{secret}"),
    "hls_path": lambda http, secret, port: _playlist(secret),
    "hls_subfile": lambda http, secret, port: _playlist(f"subfile,,start,0,end,9000,,:{secret}"),
    "hls_concat": lambda http, secret, port: _playlist(f"concat:{http}/header|{secret}"),
    "hls_key": lambda http, secret, port: _playlist(secret).replace(
        "#EXTINF", f'#EXT-X-KEY:METHOD=AES-128,URI="{http}/key"\n#EXTINF'
    ),
    "concat_file": lambda http, secret, port: f"ffconcat version 1.0\nfile '{secret}'\n",
    "concat_http": lambda http, secret, port: f"ffconcat version 1.0\nfile '{http}/a.ts'\n",
    "dash_http": lambda http, secret, port: _MPD.format(f"{http}/a.mp4"),
    "dash_file": lambda http, secret, port: _MPD.format(f"file://{secret}"),
    "sdp": lambda http, secret, port: _SDP.format(port),
    "rtsp": lambda http, secret, port: f"rtsp://127.0.0.1:{port}/stream\n",
    "svg": lambda http, secret, port: (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        f'<image xlink:href="file://{secret}"/><image xlink:href="{http}/a.png"/></svg>'
    ),
    "asx": lambda http, secret, port: f'<asx version="3.0"><entry><ref href="{http}/a.wmv"/></entry></asx>',
    "avisynth": lambda http, secret, port: f'DirectShowSource("{secret}")\n',
}


@pytest.mark.parametrize("suffix", ["mp4", "m3u8", "idx"])
@pytest.mark.parametrize("attack", sorted(_ATTACKS))
def test_a_file_cannot_point_elsewhere(attack, suffix, tmp_path, listener):
    secret = tmp_path / "secret.mp4"
    _film(secret, 200)
    (tmp_path / "secret.sub").write_bytes(secret.read_bytes())
    file = tmp_path / f"innocent.{suffix}"
    file.write_text(_ATTACKS[attack](f"http://127.0.0.1:{listener.port}", str(secret), listener.port))
    with pytest.raises(MediaError) as refusal:
        list(sample_isolated(VideoFile(file), SampleRequest(frames=2), TIGHT))
    assert "\n" not in str(refusal.value)
    assert not listener.heard


@pytest.mark.parametrize(
    "name", ["http://127.0.0.1:{}/a.mp4", "concat:{}", "subfile,,start,0,end,9,,:{}", "cache:{}"]
)
def test_a_name_that_ffmpeg_would_take_for_a_protocol_is_just_a_name(name, tmp_path, listener, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path(name.format(listener.port).replace("/", "_"))
    _film(tmp_path / "film.mp4", 90)
    (tmp_path / "film.mp4").rename(path)
    steps = list(sample_isolated(VideoFile(path), SampleRequest(frames=1), TIGHT))
    assert isinstance(steps[-1], Keyframe)
    assert not listener.heard


def test_bombs_are_stopped_by_a_limit(tmp_path):
    picture = tmp_path / "bomb.png"
    Image.new("1", (30_000, 30_000)).save(picture)
    assert picture.stat().st_size < 200_000
    for source in (VideoFile(picture), PictureSequence((picture, picture), 1.0)):
        with pytest.raises(MediaLimitError) as reached:
            list(sample_isolated(source, SampleRequest(frames=1), TIGHT))
        assert reached.value.limit == "pixels"
    film = tmp_path / "film.mp4"
    _film(film, 20)
    for limits, name in (
        (Limits(bytes=100), "bytes"),
        (Limits(pixels=64 * 63), "pixels"),
        (Limits(seconds=0.5), "seconds"),
        (Limits(frames=9), "frames"),
        (Limits(decoded_pixels=64 * 64 * 9), "decoded_pixels"),
    ):
        with pytest.raises(MediaLimitError) as reached:
            list(sample_isolated(VideoFile(film), SampleRequest(frames=1), limits))
        assert reached.value.limit == name
    assert list(sample_isolated(VideoFile(film), SampleRequest(frames=1), Limits(frames=10, seconds=1.0)))


def test_how_large_a_picture_may_be_is_ours_to_say(tmp_path):
    """Pillow refuses what is over 179 megapixels, whatever the limit is."""
    picture = tmp_path / "large.png"
    Image.new("L", (15_000, 12_000)).save(picture)
    for pixels, is_read in ((180_000_000, True), (179_999_999, False)):
        limits = Limits(pixels=pixels)
        if is_read:
            steps = list(sample_isolated(VideoFile(picture), SampleRequest(frames=1), limits))
            assert isinstance(steps[-1], Keyframe)
            continue
        with pytest.raises(MediaLimitError, match="179999999 pixels"):
            list(sample_isolated(VideoFile(picture), SampleRequest(frames=1), limits))


@pytest.mark.parametrize("mode", ["1", "P"])
def test_large_pictures_of_bits_or_a_palette_are_read(tmp_path, mode):
    picture = tmp_path / "large.png"
    Image.new(mode, (7_000, 5_000)).save(picture)
    steps = list(sample_isolated(VideoFile(picture), SampleRequest(frames=1), TIGHT))
    assert isinstance(steps[-1], Keyframe)


def test_an_archive_is_no_video(tmp_path):
    with zipfile.ZipFile(tmp_path / "archive.mp4", "w") as archive:
        archive.writestr("film.mp4", bytes(1000))
    with pytest.raises(MediaError):
        list(sample_isolated(VideoFile(tmp_path / "archive.mp4"), SampleRequest(frames=1), TIGHT))


def _steps_or_error(file: Path, request: SampleRequest) -> tuple[list[SamplerStep], SamplerError | None]:
    try:
        return list(sample_isolated(VideoFile(file), request, TIGHT)), None
    except SamplerError as error:
        return [], error


@pytest.mark.media
@pytest.mark.parametrize("folder", ["malformed", "tricky"])
def test_every_strange_file_ends_in_keyframes_or_one_clear_line(folder, media):
    """Counts what became of them; a RuntimeError would be a bug of ours, a hang would be MediaLimitError here."""
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    outcomes: dict[str, str] = {}
    for file in sorted((media / folder).iterdir()):
        # Six minutes of 60 frames a second take a minute; a part of them is as strange as the whole.
        request = SampleRequest(frames=3, end_seconds=10 if file.name.startswith("long_1") else None)
        steps, error = _steps_or_error(file, request)
        if error is not None:
            assert "\n" not in str(error)
            assert file.name in str(error)
            outcomes[file.name] = type(error).__name__
            continue
        (plan,) = (step for step in steps if isinstance(step, SamplingPlan))
        keyframes = [step for step in steps if isinstance(step, Keyframe)]
        assert 1 <= len(keyframes) <= 3, file.name
        assert all(0 <= k.time_seconds <= plan.media.duration_seconds for k in keyframes), file.name
        outcomes[file.name] = "keyframes"
    assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors + 1
    refused = {name for name, outcome in outcomes.items() if outcome != "keyframes"}
    if folder == "malformed":
        assert {name for name in outcomes if name.startswith("attack_")} <= refused
    else:
        # The largest still needs about as much memory as it may have.
        assert refused - {"webp_large_still.webp"} == {
            "audio_only_15s.mp4",
            "drm_clearkey_encrypted_fragmented.mp4",
            "long_editlist_audioonly.mp4",
            "realmedia_firstrun.rm",
        }
