"""Takes from this process everything that decoding does not need, for good: files, network, programs, memory.

Two layers, each independent of the other. Resource limits (POSIX ``setrlimit``) bound memory, processor time and
file size on every Unix. On Linux, ``no_new_privs`` and a seccomp-BPF filter refuse the system calls that reach
anything but the descriptors already open: refused calls fail with EPERM, so that a library's own error handling
answers and not a signal. Linux documentation: ``Documentation/userspace-api/seccomp_filter.rst``.
"""

import ctypes
import errno
import platform
import resource
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from sampler.sandbox.system_calls import SYSTEM_CALLS, SystemCalls
from sampler.types import Limits

Layer = Literal["limits", "seccomp"]

_PR_SET_NO_NEW_PRIVS = 38
_SET_MODE_FILTER, _EVERY_THREAD = 1, 1
_RET_ALLOW, _RET_ERRNO, _RET_KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _JUMP_EQUAL, _JUMP_SET, _JUMP_GREATER_EQUAL, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_OFFSET_NUMBER, _OFFSET_ARCHITECTURE, _OFFSET_FIRST_ARGUMENT = 0, 4, 16
_CLONE_THREAD = 0x00010000
_X32_BIT = 0x40000000


def available_layers() -> tuple[Layer, ...]:
    """The layers this machine can apply; ``limits`` always, ``seccomp`` where the kernel and the table allow."""
    return ("limits",) if _usable_table() is None else ("limits", "seccomp")


def confine(limits: Limits) -> tuple[Layer, ...]:
    """Confines the calling process, irrevocably, and says which layers are active.

    Everything needed later must be imported, opened and tried before.
    """
    _limit(limits)
    table = _usable_table()
    if table is None:
        return ("limits",)
    _filter(table)
    return ("limits", "seccomp")


def _limit(limits: Limits) -> None:
    _lower(resource.RLIMIT_AS, _mapped_bytes() + limits.memory_bytes)
    # One second between the soft and the hard limit: SIGXCPU first, SIGKILL if that was survived.
    _lower(resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 1)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_CORE, 0)


def _lower(which: int, soft: int, hard: int | None = None) -> None:
    ceiling = resource.getrlimit(which)[1]
    wanted = soft if hard is None else hard
    hard = wanted if ceiling == resource.RLIM_INFINITY else min(wanted, ceiling)
    resource.setrlimit(which, (min(soft, hard), hard))


def _mapped_bytes() -> int:
    """Address space in use; thread stacks and lazily mapped libraries make it larger than resident memory."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        return pages * resource.getpagesize()
    except OSError:
        return 1 << 30


def _usable_table() -> SystemCalls | None:
    """The table of this machine; None where there is none or the kernel has no filters."""
    table = SYSTEM_CALLS.get((platform.system(), platform.machine()))
    if table is None:
        return None
    # With no program the kernel answers EFAULT where filters exist, EINVAL or ENOSYS where they do not.
    return table if _seccomp(table, None) == errno.EFAULT else None


def _seccomp(table: SystemCalls, program: object) -> int:
    """Set the filter for every thread of the process; 0 or an error number."""
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.syscall(table.seccomp, _SET_MODE_FILTER, _EVERY_THREAD, program)
    return 0 if done == 0 else ctypes.get_errno()


class _FilterProgram(ctypes.Structure):
    """The kernel's ``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def _filter(table: SystemCalls) -> None:
    program = b"".join(_program(table))
    buffer = ctypes.create_string_buffer(program, len(program))
    pointer = _FilterProgram(len(program) // 8, ctypes.addressof(buffer))
    if ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError("the kernel refused to forgo new privileges")
    error = _seccomp(table, ctypes.byref(pointer))
    if error:
        raise OSError(error, "the kernel refused the system call filter")


def _program(table: SystemCalls) -> Iterable[bytes]:
    """The filter in classic BPF; jumps count instructions to skip when true and when false."""
    eperm, enosys = _RET_ERRNO | errno.EPERM, _RET_ERRNO | errno.ENOSYS
    yield _instruction(_LOAD, _OFFSET_ARCHITECTURE)
    yield _instruction(_JUMP_EQUAL, table.audit_architecture, 1, 0)
    yield _instruction(_RETURN, _RET_KILL_PROCESS)
    yield _instruction(_LOAD, _OFFSET_NUMBER)
    yield _instruction(_JUMP_GREATER_EQUAL, _X32_BIT, 0, 1)
    yield _instruction(_RETURN, _RET_KILL_PROCESS)
    # The C library falls back to clone, whose flags a filter can read, when clone3 does not exist.
    yield _instruction(_JUMP_EQUAL, table.clone3, 0, 1)
    yield _instruction(_RETURN, enosys)
    for number in table.refused:
        yield _instruction(_JUMP_EQUAL, number, 0, 1)
        yield _instruction(_RETURN, eperm)
    # clone makes threads, which decoders need, and processes, which they do not.
    yield _instruction(_JUMP_EQUAL, table.clone, 0, 3)
    yield _instruction(_LOAD, _OFFSET_FIRST_ARGUMENT)
    yield _instruction(_JUMP_SET, _CLONE_THREAD, 1, 0)
    yield _instruction(_RETURN, eperm)
    yield _instruction(_RETURN, _RET_ALLOW)


def _instruction(code: int, value: int, when_true: int = 0, when_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, when_true, when_false, value)
