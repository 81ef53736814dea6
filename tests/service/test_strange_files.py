"""Strange and hostile files over HTTP: a timeline or a typed error, never a 5xx, and nothing is left behind."""

import json
import logging
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.attacks import ATTACKS, Bait, grey_film
from tests.clips import Clip, malformed_clips, tricky_clips
from tests.service.conftest import Service, running
from tests.watching import listening, reads_of

_TYPED = {
    "unreadable_media", "no_video", "impossible_sampling", "pixels_limit", "seconds_limit", "frames_limit",
    "decoded_pixels_limit", "memory_bytes_limit", "cpu_seconds_limit", "silent_seconds_limit", "pages_limit",
}  # fmt: skip
_LONGEST_SECONDS = 120


def _children() -> set[int]:
    """Every process below this one that has not ended."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, rest = status.read_text().rpartition(")")
        except OSError:
            continue
        if not rest.startswith(" Z"):
            parents[int(status.parent.name)] = int(rest.split()[1])
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {os.getpid()}


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _outcome(service: Service, name: str, data: bytes) -> str:
    answer = service.post(data, name=name, frames=2, end=5)
    if answer.status_code == 422 and answer.json()["code"] == "impossible_sampling":
        return "impossible_sampling"
    assert answer.status_code == 202, (name, answer.text)
    job = service.ended(answer.json()["id"], _LONGEST_SECONDS)
    if job["error"] is None:
        assert job["status"] == "complete", name
        assert job["timeline"]["keyframes"], name
        return "complete"
    assert job["error"]["code"] in _TYPED, (name, job["error"])
    assert "\n" not in job["error"]["message"], name
    assert "Traceback" not in json.dumps(job), name
    return str(job["error"]["code"])


def _post_all(service: Service, files: dict[str, bytes]) -> dict[str, str]:
    with ThreadPoolExecutor(4) as pool:
        said = pool.map(lambda item: _outcome(service, *item), files.items())
        return dict(zip(files, said, strict=True))


def _settled(before: tuple[set[int], int], more: int) -> bool:
    """Whether no process is left and fewer descriptors than one for every other file: pools may have grown a little."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if len(_children()) <= len(before[0]) and _descriptors() <= before[1] + more:
            return True
        time.sleep(0.1)
    return False


def _check(files: dict[str, bytes], folder: Path, caplog: pytest.LogCaptureFixture) -> dict[str, str]:
    with running(folder, max_upload_bytes=100_000_000, decode_cpu_seconds=60) as service:
        with ThreadPoolExecutor(8) as pool:  # what loads once has been loaded, pools are as large as they get
            list(pool.map(lambda _: service.post(params={"wait": 20}), range(8)))
        before = _children(), _descriptors()
        with caplog.at_level(logging.INFO):
            outcomes = _post_all(service, files)
        assert _settled(before, len(files) // 2), (_children() - before[0], _descriptors() - before[1])
        assert not list((folder / "incoming").iterdir())
        metrics = service.http.get("/metrics").text
        assert 'status="5' not in metrics
    assert "Traceback" not in caplog.text
    assert not [record for record in caplog.records if record.exc_info]
    return outcomes


def _bytes(clips: tuple[Clip, ...] | list[Clip]) -> dict[str, bytes]:
    return {clip.name: clip.path.read_bytes() for clip in clips}


@pytest.mark.media
@pytest.mark.usefixtures("media")
def test_some_strange_files(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The short form of the test that follows."""
    clips = [
        clip
        for clip in (*malformed_clips()[::7], *tricky_clips()[::14])
        if clip.path.stat().st_size < 500_000
    ]
    outcomes = _check(_bytes(clips), tmp_path, caplog)
    assert len(set(outcomes.values())) > 1


@pytest.mark.soak
@pytest.mark.media
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("media")
def test_every_strange_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    outcomes = _check(_bytes([*malformed_clips(), *tricky_clips()]), tmp_path, caplog)
    assert all(said != "complete" for name, said in outcomes.items() if name.startswith("attack_"))
    counts = {said: list(outcomes.values()).count(said) for said in sorted(set(outcomes.values()))}
    sys.stderr.write(f"{len(outcomes)} files: {counts}\n")


def test_files_made_to_attack(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(grey_film(200))
    with listening() as host, reads_of(secret) as seen:
        bait = Bait(str(secret), f"http://127.0.0.1:{host.port}", host.port)
        chosen = sorted(set(ATTACKS) - {"million_frames.gif", "unpacking.png", "repeated.png"})[::3]
        _check({name: ATTACKS[name](bait) for name in chosen}, tmp_path / "data", caplog)
    assert not seen
    assert not host.heard
