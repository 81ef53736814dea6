"""This side: a process for every source, given nothing but descriptors, watched, and ended whatever happens."""

import os
import signal
import stat
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from multiprocessing.reduction import send_handle
from pathlib import Path

from sampler.errors import MediaLimitError, MediaNotFoundError, UnreadableMediaError
from sampler.sandbox import messages
from sampler.sandbox.messages import Order, Outcome
from sampler.sandbox.nursery import Decoder, Nursery
from sampler.types import Limits, MediaInfo, SampleRequest, SamplerStep, Source

_MOST_STARTS = 3
"""How often a decoder is begun that nobody has heard of, because all that begins decoders was killed."""
_GRACE_SECONDS = 2.0
"""How long a decoder that closed its pipe may take to end."""

_nursery = Nursery()
"""One for the whole program: all it holds is a child that waits."""


def sample_isolated(
    source: Source, request: SampleRequest, limits: Limits | None = None
) -> Generator[SamplerStep, None, None]:
    """``sample`` in a process that can read the source and do nothing else.

    Same steps, same errors. The process starts with the first step and ends with the last, with an error, or when
    the generator is closed; a crash, a hang or a shortage of memory in it is an error here and nothing more.

    Raises:
        MediaError, SampleRequestError: as ``sample``.
        MediaLimitError: it needed more memory or time than ``limits`` allow.
    """
    with closing(_run(Order.of(source, request, limits or Limits()))) as outcomes:
        for outcome in outcomes:
            assert not isinstance(outcome, MediaInfo)  # noqa: S101 - the order decides what comes back
            yield outcome


def probe_isolated(source: Source, limits: Limits | None = None) -> MediaInfo:
    """``probe`` in a process that can read the source and do nothing else.

    Raises:
        MediaError, MediaLimitError: as ``sample_isolated``.
    """
    with closing(_run(Order.of(source, None, limits or Limits()))) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome, MediaInfo):
                return outcome
    raise UnreadableMediaError("probing ended without an answer; the file is damaged or hostile")


def start_sandbox() -> None:
    """Begin to load what decoders share, in the background; saves the first of them half a second."""
    _nursery.start()


class _UnguardedError(Exception):
    """What decoders come from was killed from outside before the first word of this one: no fault of the file's."""


def _run(order: Order) -> Generator[SamplerStep | MediaInfo, None, None]:
    for _ in range(_MOST_STARTS - 1):
        try:
            return (yield from _run_once(order, again=True))
        except _UnguardedError:
            continue
    return (yield from _run_once(order, again=False))


def _run_once(order: Order, *, again: bool) -> Generator[SamplerStep | MediaInfo, None, None]:
    with ExitStack() as stack:
        descriptors = [stack.enter_context(_opened(path)) for path in order.paths]
        decoder = stack.enter_context(_nursery.decoder())
        try:
            messages.send_order(decoder.connection, order)
            for descriptor in descriptors:
                send_handle(decoder.connection, descriptor, 0)
        except OSError as error:
            raise _ended(decoder, order, again=again) from error
        while (outcome := _next(decoder, order, again=again)) is not None:
            again = False
            if isinstance(outcome, Exception):
                raise outcome
            yield outcome


def _next(decoder: Decoder, order: Order, *, again: bool) -> Outcome:
    """The next outcome, waited for as long as the limits allow."""
    if not decoder.connection.poll(order.limits.silent_seconds):
        raise MediaLimitError(
            f"{order.paths[0].name!r} gave no sign of life for {order.limits.silent_seconds:g} s while decoding",
            "silent_seconds",
        )
    try:
        return messages.receive(decoder.connection)
    except (EOFError, OSError) as error:
        raise _ended(decoder, order, again=again) from error


def _ended(
    decoder: Decoder, order: Order, *, again: bool
) -> MediaLimitError | UnreadableMediaError | _UnguardedError:
    """Why the process ended without a word; ``again`` says that it may be begun anew."""
    name, code = order.paths[0].name, decoder.exit_status(_GRACE_SECONDS)
    if code is None and again:
        return _UnguardedError()
    if code == -signal.SIGXCPU:
        return MediaLimitError(
            f"{name!r} took more than {order.limits.cpu_seconds} s of processor time to decode",
            "cpu_seconds",
        )
    if code is None or code == -signal.SIGKILL:
        return MediaLimitError(
            f"{name!r} was stopped while decoding: out of memory, or killed from outside", "memory_bytes"
        )
    return UnreadableMediaError(f"{name!r} crashed its decoder; it is damaged or hostile")


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """A descriptor of a regular file; a pipe or a device would make us wait, so they are not opened for reading."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise MediaNotFoundError(
            f"{str(path)!r} does not exist; give a video or picture file of this machine"
        ) from error
    except OSError as error:
        raise MediaNotFoundError(f"cannot open {str(path)!r}: {error.strerror or error}") from error
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise MediaNotFoundError(
                f"{str(path)!r} is a directory; give the files in it, pictures of one sequence with --interval 1"
            )
        if not stat.S_ISREG(mode):
            raise MediaNotFoundError(f"{str(path)!r} is not a regular file; give a video or picture file")
        yield descriptor
    finally:
        os.close(descriptor)
