"""The sandbox decodes what the sampler decodes, and nothing gets out of it."""

import io
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sampler import (
    Keyframe,
    Limits,
    MediaLimitError,
    MediaNotFoundError,
    SampleRequest,
    SamplingPlan,
    UnreadableMediaError,
    VideoFile,
    available_layers,
    probe,
    probe_isolated,
    sample,
    sample_isolated,
)
from sampler.encoding import jpeg
from sampler.sandbox import messages
from sampler.sandbox.holding import HeldPath
from sampler.sandbox.judging import is_plain_jpeg

SAMPLE = Path(__file__).parents[2] / "samples" / "lecture.mp4"
SOURCE = VideoFile(SAMPLE)
REQUEST = SampleRequest(frames=4, end_seconds=2)
needs_seccomp = pytest.mark.skipif("seccomp" not in available_layers(), reason="no system call filter here")


def _parent(pid: int) -> int | None:
    """The parent of a process; None if it has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def _command_line(pid: int) -> bytes:
    """What a process was started with; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _children(program: int | None = None) -> set[int]:
    """Every process below ``program``, which is this one unless given."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, rest = status.read_text().rpartition(")")
        except OSError:
            continue  # it ended meanwhile
        if not rest.startswith(" Z"):
            parents[int(status.parent.name)] = int(rest.split()[1])
    found = {program or os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {program or os.getpid()}


def _wait_until_gone(pids: set[int]) -> set[int]:
    """What is left of ``pids`` after five seconds at the most."""
    deadline = time.monotonic() + 5
    while (left := {pid for pid in pids if Path(f"/proc/{pid}").exists()}) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def _descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir() if entry.exists()}


@pytest.fixture(autouse=True)
def _nursery_is_there() -> None:
    """What decoders share has been loaded, so that only what a test starts is new."""
    list(sample_isolated(SOURCE, SampleRequest(frames=1, end_seconds=0.1)))


def test_steps_are_those_of_the_sampler():
    inside = [s for s in sample_isolated(SOURCE, REQUEST) if isinstance(s, SamplingPlan | Keyframe)]
    outside = [s for s in sample(SOURCE, REQUEST) if isinstance(s, SamplingPlan | Keyframe)]
    assert inside == outside
    assert probe_isolated(SOURCE) == probe(SOURCE)


def test_errors_are_those_of_the_sampler(tmp_path):
    text = tmp_path / "notes.mp4"
    text.write_text("this is no video" * 100)
    with pytest.raises(UnreadableMediaError, match=r"notes\.mp4"):
        list(sample_isolated(VideoFile(text), REQUEST))
    with pytest.raises(MediaNotFoundError, match=r"gone\.mp4"):
        list(sample_isolated(VideoFile(tmp_path / "gone.mp4"), REQUEST))


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(MediaNotFoundError, match="regular file"):
        list(sample_isolated(VideoFile(tmp_path / "pipe.mp4"), REQUEST))


def test_closing_early_leaves_no_process_and_no_descriptor():
    before, descriptors = _children(), _descriptors()
    steps = sample_isolated(SOURCE, SampleRequest())
    next(steps)
    begun = _children() - before
    assert len(begun) == 2, "a warden and a decoder"
    steps.close()
    assert not _wait_until_gone(begun)
    assert _descriptors() == descriptors


def test_a_decoder_that_is_killed_is_an_error_of_that_run_alone():
    before = _children()
    steps = sample_isolated(SOURCE, SampleRequest())
    next(steps)
    warden, decoder = sorted(_children() - before)
    assert _children(warden) == {decoder}
    os.kill(decoder, signal.SIGKILL)
    with pytest.raises(MediaLimitError, match=r"lecture\.mp4.*stopped while decoding"):
        list(steps)
    assert [s for s in sample_isolated(SOURCE, REQUEST) if isinstance(s, Keyframe)]


def test_the_nursery_is_started_again_when_it_was_killed():
    list(sample_isolated(SOURCE, REQUEST))
    # A warden has the same command line, but the nursery is its parent: of those of this program it is the only one.
    (nursery,) = {
        pid for pid in _children() if _parent(pid) == os.getpid() and b"nursery" in _command_line(pid)
    }
    os.kill(nursery, signal.SIGKILL)
    time.sleep(0.1)
    assert [s for s in sample_isolated(SOURCE, REQUEST) if isinstance(s, Keyframe)]


def test_an_interrupt_does_not_reach_the_nursery_and_nobody_waits_for_it():
    program = (
        "import os, signal, time; from sampler.sandbox.nursery import Nursery\n"
        "signal.signal(signal.SIGINT, lambda *_: None)\n"
        "nursery = Nursery(); nursery.start(); time.sleep(0.1)\n"
        "os.killpg(0, signal.SIGINT); time.sleep(0.2)\n"
        "begun = time.monotonic(); nursery.stop(); print(time.monotonic() - begun)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, start_new_session=True
    )
    assert done.stderr == b""
    assert float(done.stdout) < 0.2


def test_nothing_is_left_when_the_program_is_killed():
    program = (
        "import sys, time; from pathlib import Path; from sampler import *\n"
        "steps = sample_isolated(VideoFile(Path(sys.argv[1])), SampleRequest()); next(steps)\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(SAMPLE)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        below = _children(process.pid)
        assert len(below) == 3, "its nursery, a warden, a decoder"
        process.kill()
    assert not _wait_until_gone(below)


def test_a_fork_of_the_program_holds_nothing_back():
    """As with ``multiprocessing``, whose processes are such forks: the program ends, and so does its decoder."""
    program = (
        "import os, sys, time; from pathlib import Path; from sampler import *\n"
        "source = VideoFile(Path(sys.argv[1])); steps = sample_isolated(source, SampleRequest()); next(steps)\n"
        "if (forked := os.fork()) == 0:\n"
        "    print(os.getpid(), probe_isolated(source).codec, flush=True)\n"
        "    time.sleep(60)\n"
        "steps.close(); sys.stdin.readline()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(SAMPLE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        forked, codec = process.stdout.readline().split()
        try:
            of_the_fork = {int(forked)} | _children(int(forked))
            assert codec == b"h264"
            deadline = time.monotonic() + 5
            while len(left := _children(process.pid) - of_the_fork) > 1 and time.monotonic() < deadline:
                time.sleep(0.02)
            assert len(left) == 1, "its nursery, and no decoder any more"
            process.stdin.close()
            assert process.wait(timeout=10) == 0
        finally:
            os.kill(int(forked), signal.SIGKILL)
            process.kill()
    assert not _wait_until_gone(left | of_the_fork)


def test_too_little_memory_is_said_plainly(tmp_path):
    Image.new("L", (9000, 9000)).save(tmp_path / "huge.png")
    with pytest.raises(MediaLimitError, match=r"huge\.png.* 64 MB of memory"):
        list(sample_isolated(VideoFile(tmp_path / "huge.png"), REQUEST, Limits(memory_bytes=64 << 20)))


def test_silence_ends_a_run():
    with pytest.raises(MediaLimitError, match="no sign of life for 0 s"):
        list(sample_isolated(SOURCE, REQUEST, Limits(silent_seconds=0)))


def test_runs_side_by_side_do_not_mix():
    def count(path: Path, into: list[int]) -> None:
        into.append(
            sum(isinstance(s, Keyframe) for s in sample_isolated(VideoFile(path), SampleRequest(frames=5)))
        )

    counts: list[int] = []
    threads = [threading.Thread(target=count, args=(SAMPLE, counts)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [5] * 4


def test_a_held_file_is_read_at_several_places_at_once(tmp_path):
    path = tmp_path / "digits"
    path.write_bytes(bytes(range(100)))
    with path.open("rb") as file:
        held = HeldPath.holding(path, file.fileno())
        path.unlink()
        with held.open("rb") as one, held.open("rb") as other:
            other.seek(-10, os.SEEK_END)
            assert (one.read(3), other.read(3), one.read(2)) == (b"\x00\x01\x02", b"Z[\\", b"\x03\x04")
        assert held.stat().st_size == 100
        assert held.is_file()


_ESCAPES = {
    "open": "open('/etc/passwd')",
    "list": "os.listdir('/')",
    "write": "os.open('/tmp/escaped', os.O_CREAT | os.O_WRONLY)",
    "remove": "os.unlink('/nonexistent')",
    "socket": "socket.socket()",
    "unix": "socket.socket(socket.AF_UNIX)",
    "fork": "os.fork()",
    "exec": "os.execv('/bin/true', ['true'])",
    "spawn": "subprocess.run(['true'])",
    "kill": "os.kill(os.getppid(), 0)",
    "limits": "resource.prlimit(os.getppid(), resource.RLIMIT_CPU)",
    "chdir": "os.chdir('/')",
    "raw": "raw(2, b'/etc/passwd', 0)",
}


@needs_seccomp
def test_no_way_out():
    program = (
        "import ctypes, os, resource, socket, subprocess, sys, threading\n"
        "from sampler.sandbox.confining import confine\n"
        "from sampler import Limits\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "def raw(*a):\n"
        "    if libc.syscall(*a) < 0: raise PermissionError(ctypes.get_errno())\n"
        "late = threading.Event()\n"
        "def attempt(name, code):\n"
        "    try: eval(code)\n"
        "    except PermissionError: print(name, 'refused')\n"
        "    else: print(name, 'ESCAPED')\n"
        "escapes = eval(sys.argv[1])\n"
        "def early():\n"
        "    late.wait(); attempt('thread', \"open('/etc/passwd')\")\n"
        "thread = threading.Thread(target=early); thread.start()\n"
        "assert confine(Limits()) == ('limits', 'seccomp')\n"
        "for item in escapes.items(): attempt(*item)\n"
        "late.set(); thread.join()\n"
        "threading.Thread(target=print, args=('threads work',)).start()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, repr(_ESCAPES)],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    lines = done.stdout.split("\n")
    assert sorted(line for line in lines if " " in line) == sorted(
        [*(f"{name} refused" for name in _ESCAPES), "thread refused", "threads work"]
    )


@needs_seccomp
def test_an_instruction_set_the_filter_does_not_read_is_fatal():
    """The x32 numbers of x86-64 would reach the same calls by other names."""
    program = (
        "import ctypes; from sampler.sandbox.confining import confine; from sampler import Limits\n"
        "confine(Limits()); ctypes.CDLL(None).syscall(0x40000000 | 2, b'/etc/passwd', 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, timeout=30)
    assert done.returncode == -signal.SIGSYS


def test_answers_of_a_decoder_that_was_taken_over_are_not_believed():
    """Whatever bytes arrive, the caller gets a typed error, and nothing is unpickled."""
    for forged in (
        b"\x80\x04cos\nsystem\n",
        b"{}",
        b'{"kind": "Keyframe", "value": {}}',
        b'{"kind": "x"}',
        b"[1]",
    ):
        ours, theirs = socket.socketpair()
        with Connection(ours.detach()) as connection:
            theirs.sendall(struct.pack("!i", len(forged)) + forged)
            with pytest.raises(UnreadableMediaError, match="nonsense"):
                messages.receive(connection)
            theirs.close()


def _plain(width: int = 64, height: int = 48) -> bytes:
    return jpeg(np.random.default_rng(1).integers(0, 255, (height, width, 3), np.uint8))


def _of_pillow(**options: object) -> bytes:
    file = io.BytesIO()
    Image.frombytes("RGB", (64, 48), bytes(range(256)) * 36).save(file, "JPEG", **options)
    return file.getvalue()


def test_the_pictures_of_our_own_encoder_are_plain():
    for size in ((1, 1), (2, 2), (64, 48), (1280, 720), (16_384, 2)):
        assert is_plain_jpeg(_plain(*size), *size)


@pytest.mark.parametrize(
    ("name", "forged"),
    [
        ("nothing", b""),
        ("another size", _plain(64, 64)),
        ("progressive", _of_pillow(progressive=True)),
        ("a profile", _of_pillow(icc_profile=b"x" * 500)),
        ("a comment", _of_pillow(comment=b"hello")),
        ("a thumbnail", _of_pillow(exif=b"Exif\0\0" + b"MM\0*\0\0\0\x08\0\0\0\0\0\0")),
        ("cut", _plain()[:-20]),
        ("something behind", _plain() + _plain()),
        ("a mark in the scan", _plain()[:-2] + b"\xff\xc4\0\4ab\xff\xd9"),
        ("a part of no length", b"\xff\xd8\xff\xdb\0\0" + _plain()[2:]),
        ("parts without end", b"\xff\xd8" + b"\xff\xe0\0\2" * 50 + _plain()[2:]),
        ("too long", _plain()[:-2] + bytes(64 * 48 * 6 + 9000) + b"\xff\xd9"),
        ("another kind", b"\x89PNG\r\n\x1a\n" + bytes(100)),
    ],
)
def test_a_picture_of_a_decoder_that_was_taken_over_is_not_decoded(name, forged):
    assert not is_plain_jpeg(forged, 64, 48), name
    ours, theirs = socket.socketpair()
    head = (
        b'{"kind": "Keyframe", "value": {"index": 0, "time_seconds": 0.5, "pts": 5, "time_base": "1/10", "shot": 0, '
        b'"reason": "only", "sharpness": null, "width": 64, "height": 48, "jpeg": ""}}'
    )
    with Connection(ours.detach()) as connection, Connection(theirs.detach()) as decoder:
        for sent in (head, _plain(), head, forged):
            decoder.send_bytes(sent)
        assert messages.receive(connection).jpeg == _plain()
        with pytest.raises(UnreadableMediaError, match="a picture that is none"):
            messages.receive(connection)
