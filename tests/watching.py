"""Watches a file and a host from outside: whoever reads the one or calls the other is noticed."""

import ctypes
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_IN_NONBLOCK = 0x800
_READING = 0x01 | 0x20
"""IN_ACCESS and IN_OPEN."""


@contextmanager
def reads_of(path: Path) -> Iterator[list[int]]:
    """Every opening and reading of a file by any process, as the kernel (inotify) tells it once the block has ended."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(_IN_NONBLOCK)
    assert descriptor >= 0, os.strerror(ctypes.get_errno())
    seen: list[int] = []
    try:
        assert libc.inotify_add_watch(descriptor, os.fsencode(path), _READING) >= 0
        yield seen
        try:
            data = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            data = b""
        while data:
            _, mask, _, length = struct.unpack_from("iIII", data)
            seen.append(mask)
            data = data[16 + length :]
    finally:
        os.close(descriptor)


@dataclass
class Listener:
    """A host that notes who calls."""

    port: int
    heard: list[bytes] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Listener]:
    """Stands for every other host, on TCP and UDP; must hear nothing."""
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        host = Listener(tcp.getsockname()[1])
        udp.bind(("127.0.0.1", host.port))
        for each in (tcp, udp):
            each.settimeout(0.1)
        done = threading.Event()

        def take_call() -> bytes:
            with tcp.accept()[0] as call:
                call.settimeout(1.0)
                return call.recv(100)

        def listen() -> None:
            while not done.is_set():
                for hear in (take_call, lambda: udp.recv(100)):
                    try:
                        host.heard.append(hear())
                    except TimeoutError:
                        continue

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield host
        finally:
            time.sleep(0.3)
            done.set()
            thread.join()
