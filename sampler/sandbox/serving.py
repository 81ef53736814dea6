"""The other side: a process that receives descriptors, gives up its rights, and decodes."""

import tempfile
import traceback
from collections.abc import Generator
from contextlib import closing
from importlib import resources
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from pathlib import Path

import cv2
from PIL import Image

from sampler import pages
from sampler.decoding import preload
from sampler.errors import MediaLimitError, SamplerError
from sampler.sampling import probe, sample
from sampler.sandbox.confining import confine
from sampler.sandbox.holding import HeldPath
from sampler.sandbox.messages import Order, Outcome, receive_order, send
from sampler.types import SampleRequest, VideoFile


def serve(connection: Connection) -> None:
    """Carry out one order, then end. A parent that is gone ends it early."""
    try:
        order = receive_order(connection)
        held = tuple(HeldPath.holding(path, recv_handle(connection)) for path in order.paths)
        confine(order.limits)
        with closing(_outcomes(order, held)) as outcomes:
            for outcome in outcomes:
                send(connection, outcome)
    except (BrokenPipeError, ConnectionResetError, EOFError):
        return


def _outcomes(order: Order, held: tuple[Path, ...]) -> Generator[Outcome, None, None]:
    source = order.source(held)
    try:
        if order.request is None:
            yield probe(source, order.limits)
        else:
            yield from sample(source, order.request, order.limits)
    except SamplerError as error:
        yield error
    except MemoryError:
        megabytes = order.limits.memory_bytes >> 20
        yield MediaLimitError(
            f"{held[0].name!r} needs more than {megabytes} MB of memory to decode", "memory_bytes"
        )
    except Exception:  # noqa: BLE001 - told where it can be read, and raised there
        yield RuntimeError(f"decoding failed unexpectedly:\n{traceback.format_exc()}")
    else:
        yield None


def rehearse() -> None:
    """Do once all that decoding does: a confined process can import and open nothing more.

    Leaves no thread running, so that decoders can be forked after it.
    """
    Image.init()
    preload()
    pages.preload()
    # OpenCV's pool of threads would not work after a fork.
    cv2.setNumThreads(1)
    clip = resources.files("sampler.sandbox").joinpath("rehearsal.mp4").read_bytes()
    with tempfile.TemporaryFile() as file:
        file.write(clip)
        file.flush()
        path = HeldPath.holding(Path("rehearsal.mp4"), file.fileno())
        for _ in sample(VideoFile(path), SampleRequest(frames=2)):
            pass
