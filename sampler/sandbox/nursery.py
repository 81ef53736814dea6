"""A process that has loaded everything once and forks a fresh decoder in milliseconds.

Started with ``python -c``, never by forking the program that uses us (it may have threads) and never by running that
program's main module again. It forks a *warden* for every decoder, which waits for two things only: the decoder's end,
whose exit status it reports, and the end of the conversation, upon which it kills the decoder. Nothing is left behind
when the program disappears, however it does. Processes that the program forks itself let go of all of it: what they
held would keep the nursery waiting for more, and the program waiting for the nursery.
"""

import atexit
import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from threading import Lock

from sampler.sandbox.serving import rehearse, serve

_LOOK_SECONDS = 0.05
"""How often a warden looks whether its decoder has ended."""
FRUGAL = {"MALLOC_MMAP_THRESHOLD_": str(4 << 20), "MALLOC_TRIM_THRESHOLD_": str(32 << 20)}
"""Environment in which glibc gives back what a large picture took: it learns to keep up to 32 MB for later, and a plane
of 8K is no larger. Saves 70 MB there and changes nothing for pictures whose planes are smaller than 4 MB.
"""
_STARTER = "import sys; sys.path[:] = sys.argv[2:]; from sampler.sandbox import nursery; nursery.run(int(sys.argv[1]))"


@dataclass(frozen=True, slots=True)
class Decoder:
    """A decoder at work."""

    connection: Connection
    """Orders go in, outcomes come out."""
    control: socket.socket
    """Closing it kills the decoder; its exit status arrives here."""

    def exit_status(self, timeout_seconds: float) -> int | None:
        """How it ended, as ``subprocess`` says it (negative: a signal); None while nobody has said so."""
        self.control.settimeout(timeout_seconds)
        try:
            return int(self.control.recv(16))
        except (TimeoutError, ValueError, OSError):
            return None  # it runs still, or its warden or the nursery was killed


class Nursery:
    """This side of the process that forks decoders. Safe to share between threads; starts with its first use."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._talks: set[socket.socket | Connection] = set()
        self._heeds_forks = False

    def start(self) -> None:
        """Start loading in the background, unless that has been done."""
        with self._lock:
            self._running_socket()

    @contextmanager
    def decoder(self) -> Iterator[Decoder]:
        """A fresh decoder, dead when the block ends."""
        data, its_data = socket.socketpair()
        control, its_control = socket.socketpair()
        with control, its_data, its_control, Connection(data.detach()) as connection:
            ends: set[socket.socket | Connection] = {control, its_data, its_control, connection}
            self._talks |= ends
            try:
                self._order(its_data.fileno(), its_control.fileno())
                its_data.close()
                its_control.close()
                yield Decoder(connection, control)
            finally:
                self._talks -= ends

    def stop(self) -> None:
        """End it; decoders at work end with their own conversations."""
        with self._lock:
            self._stop()

    def _order(self, *descriptors: int) -> None:
        with self._lock:
            try:
                socket.send_fds(self._running_socket(), [b"+"], descriptors)
            except OSError:  # it was killed and nobody has noticed yet
                self._stop()
                socket.send_fds(self._running_socket(), [b"+"], descriptors)

    def _stop(self) -> None:
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            self._process.kill()  # it may be loading still, which nobody has to wait for
            self._process.wait()
        self._socket = self._process = None

    def _forget(self) -> None:
        """Be as new: this process was forked off the one that started all this, which goes on with it."""
        self._lock = Lock()  # whoever held it is not here
        for end in self._talks:
            end.close()
        self._talks = set()
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            self._process.poll()  # finds no child of ours, so that nobody complains of one that is left alone
        self._socket = self._process = None

    def _running_socket(self) -> socket.socket:
        if self._process is not None and self._process.poll() is not None:
            self._stop()
        if not self._heeds_forks:
            os.register_at_fork(after_in_child=self._forget)
            self._heeds_forks = True
        if self._socket is None:
            self._socket, theirs = socket.socketpair()
            with theirs:
                command = [sys.executable, "-c", _STARTER, str(theirs.fileno()), *sys.path]
                self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                    command,
                    env={**FRUGAL, **os.environ},
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    process_group=0,  # Ctrl-C is for us to act upon, also while it loads
                )
            atexit.unregister(self.stop)
            atexit.register(self.stop)
        return self._socket


def run(descriptor: int) -> None:
    """Fork a decoder for every pair of descriptors that arrives, until nobody can send any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # wardens are not waited for
    rehearse()
    with socket.socket(fileno=descriptor) as orders:
        while True:
            message, descriptors, _, _ = socket.recv_fds(orders, 1, 2)
            if not message:
                return
            if os.fork() == 0:
                orders.close()
                _guard(*descriptors)
            for received in descriptors:
                os.close(received)


def _guard(data: int, control: int) -> None:
    """Be the warden of one decoder, then end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    decoder = os.fork()
    if decoder == 0:
        os.close(control)
        serve(Connection(data))
        os._exit(0)
    os.close(data)
    with socket.socket(fileno=control) as parent:
        while True:
            ended, status = os.waitpid(decoder, os.WNOHANG)
            if ended:
                with contextlib.suppress(OSError):
                    parent.sendall(str(os.waitstatus_to_exitcode(status)).encode())
                break
            if select.select([parent], [], [], _LOOK_SECONDS)[0]:
                os.kill(decoder, signal.SIGKILL)
                os.waitpid(decoder, 0)
                break
    os._exit(0)
