"""What crosses between the sampler and the process that decodes: JSON and picture bytes, checked on arrival.

The process that decodes is not trusted, so nothing from it is unpickled: every message is parsed as JSON into the
type it claims to be, and pictures come as bytes of a bounded length.
"""

import json
import os
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from sampler import errors
from sampler.errors import SamplerError, UnreadableMediaError
from sampler.sandbox.judging import is_plain_jpeg
from sampler.types import (
    Keyframe,
    Limits,
    MediaInfo,
    Notice,
    PictureSequence,
    SampleRequest,
    SamplerStep,
    SamplingPlan,
    Scanned,
    Source,
    VideoFile,
)

_LONGEST_MESSAGE = 256 << 20

Outcome = SamplerStep | MediaInfo | SamplerError | RuntimeError | None
"""A step, the answer to a probe, an error to raise (a RuntimeError is our bug), or None: there is no more."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the other process is to do. The files follow as descriptors, in the order of ``paths``."""

    names: tuple[str, ...]
    """Paths for messages, their bytes in hexadecimal: a name need not be text."""
    is_sequence: bool
    """Of pictures, even if there is but one."""
    page_seconds: float
    """How long each picture or page stands."""
    request: SampleRequest | None
    """None to probe."""
    limits: Limits

    @classmethod
    def of(cls, source: Source, request: SampleRequest | None, limits: Limits) -> "Order":
        """The order to sample or to probe ``source``."""
        if isinstance(source, PictureSequence):
            paths, page_seconds = source.paths, source.interval_seconds
        else:
            paths, page_seconds = [source.path], source.page_seconds
        names = tuple(os.fsencode(path).hex() for path in paths)
        return cls(names, isinstance(source, PictureSequence), page_seconds, request, limits)

    @property
    def paths(self) -> tuple[Path, ...]:
        """Where the files were found; the other process reads the descriptors instead."""
        return tuple(Path(os.fsdecode(bytes.fromhex(name))) for name in self.names)

    def source(self, paths: tuple[Path, ...]) -> Source:
        """The source again, its files found at ``paths``."""
        if self.is_sequence:
            return PictureSequence(paths, self.page_seconds)
        (path,) = paths
        return VideoFile(path, self.page_seconds)


_ORDER = TypeAdapter(Order)
_ANSWERS: dict[str, TypeAdapter[SamplerStep | MediaInfo]] = {
    kind.__name__: TypeAdapter(kind) for kind in (Scanned, SamplingPlan, Keyframe, Notice, MediaInfo)
}
_ERRORS: dict[str, type[SamplerError] | type[RuntimeError]] = {
    kind.__name__: kind
    for kind in (*vars(errors).values(), RuntimeError)
    if isinstance(kind, type) and issubclass(kind, SamplerError | RuntimeError)
}


def send_order(connection: Connection, order: Order) -> None:
    """Raises OSError when nobody listens any more."""
    connection.send_bytes(_ORDER.dump_json(order))


def receive_order(connection: Connection) -> Order:
    """Waits for it; raises EOFError when nobody will send one."""
    return _ORDER.validate_json(connection.recv_bytes())


def send(connection: Connection, outcome: Outcome) -> None:
    """Raises OSError when nobody listens any more."""
    picture = b""
    if outcome is None:
        kind, value = "end", None
    elif isinstance(outcome, SamplerError | RuntimeError):
        kind, value = type(outcome).__name__, list(outcome.args)
    else:
        if isinstance(outcome, Keyframe):
            picture, outcome = outcome.jpeg, replace(outcome, jpeg=b"")
        kind = type(outcome).__name__
        value = _ANSWERS[kind].dump_python(outcome, mode="json")
    connection.send_bytes(json.dumps({"kind": kind, "value": value}).encode())
    if kind == Keyframe.__name__:
        connection.send_bytes(picture)


def receive(connection: Connection) -> Outcome:
    """The next outcome; blocks until one is there.

    Raises:
        EOFError, OSError: the other process is gone.
        UnreadableMediaError: it sent what it never should, so a file has taken it over or broken it.
    """
    try:
        message = json.loads(connection.recv_bytes(_LONGEST_MESSAGE))
        kind, value = message["kind"], message["value"]
        if kind == "end":
            return None
        if kind in _ERRORS:
            return _ERRORS[kind](*map(str, value))
        outcome = _ANSWERS[kind].validate_python(value, strict=False)
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise UnreadableMediaError("decoding ended in nonsense; the file is damaged or hostile") from error
    if isinstance(outcome, Keyframe):
        jpeg = connection.recv_bytes(_LONGEST_MESSAGE)
        if not is_plain_jpeg(jpeg, outcome.width, outcome.height):
            raise UnreadableMediaError("decoding gave a picture that is none; the file is damaged or hostile")
        return replace(outcome, jpeg=jpeg)
    return outcome
