"""Files made to attack: nothing is read but the file, nobody is called, nothing hangs, nothing is left behind."""

import contextlib
import io
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sampler import Keyframe, Limits, SampleRequest, SamplerError, VideoFile, sample_isolated
from tests.attacks import ATTACKS, READABLE, Bait, grey_film
from tests.watching import Listener, listening, reads_of

TIGHT = Limits(frames=5_000, memory_bytes=1 << 30, cpu_seconds=60, silent_seconds=60)


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with listening() as host:
        yield host


@pytest.fixture(scope="module")
def bait(tmp_path_factory: pytest.TempPathFactory, listener: Listener) -> Bait:
    """A film that can be recognised, and what an attack may hope to find beside it."""
    secret = tmp_path_factory.mktemp("bait") / "secret.mp4"
    secret.write_bytes(grey_film(200))
    secret.with_suffix(".sub").write_bytes(secret.read_bytes())
    return Bait(str(secret), f"http://127.0.0.1:{listener.port}", listener.port)


def test_the_watch_sees_what_it_should(bait: Bait) -> None:
    """Otherwise that nothing is seen would mean nothing."""
    with reads_of(Path(bait.secret)) as seen:
        Path(bait.secret).read_bytes()
    assert seen
    with listening() as host, contextlib.closing(socket.create_connection(("127.0.0.1", host.port))) as call:
        call.sendall(b"hello")
        time.sleep(0.5)
    assert host.heard == [b"hello"]


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_nothing_is_read_but_the_file_and_nobody_is_called(
    name: str, bait: Bait, listener: Listener, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_bytes(ATTACKS[name](bait))
    beside = [Path(bait.secret), Path(bait.secret).with_suffix(".sub")]
    if name.endswith(".idx"):
        (tmp_path / "vobsub.sub").write_bytes(beside[0].read_bytes())
        beside.append(tmp_path / "vobsub.sub")
    began = time.monotonic()
    with contextlib.ExitStack() as watches:
        seen = [watches.enter_context(reads_of(path)) for path in beside]
        try:
            steps = list(sample_isolated(VideoFile(file), SampleRequest(frames=2), TIGHT))
        except SamplerError as error:
            steps, told = [], str(error)
        else:
            told = "it was read"
    assert told
    assert "\n" not in told
    assert seen == [[]] * len(beside), "the bait was taken"
    assert not listener.heard
    assert time.monotonic() - began < 90
    keyframes = [step for step in steps if isinstance(step, Keyframe)]
    assert bool(keyframes) <= (name in READABLE), "shown although it holds nothing of its own"
    for keyframe in keyframes:
        assert len(keyframe.jpeg) < 2_000_000
        assert keyframe.width * keyframe.height <= SampleRequest().max_pixels


def test_names_that_are_patterns_are_names(tmp_path: Path, bait: Bait) -> None:
    """FFmpeg's image2 would take these for many files."""
    (tmp_path / "frame_001.png").write_bytes(io.BytesIO(Path(bait.secret).read_bytes()).getvalue())
    for name in ("frame_%03d.png", "frame_*.png", "frame_[0-9]*.png", "-i.png", "pipe:0", "fd:0", "tee:a|b"):
        path = tmp_path / name
        path.write_bytes(b"nothing to see here")
        with reads_of(tmp_path / "frame_001.png") as seen, pytest.raises(SamplerError, match="read"):
            list(sample_isolated(VideoFile(path), SampleRequest(frames=1), TIGHT))
        assert not seen
