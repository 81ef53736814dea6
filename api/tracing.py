"""Traces, where an OpenTelemetry collector is configured. Alone in knowing OpenTelemetry; without it nothing is loaded.

    POST /v1/timelines ──► job ──► sample · analyze ──► look · merge · write
                                   call · deliver

A job's span lasts from when it was accepted until it ended, whichever processes did the work. So its ids are not
drawn but follow from the job's id and round: every process knows them without asking, and what the job's record
keeps is only the request it came with (as a W3C ``traceparent``). Spans tell ids, names of models, counts and
codes; never what is in a file, a question or a header.
"""

import hashlib
import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, cast

from api.errors import SetupError
from api.records import Job, JobRecords

if TYPE_CHECKING:
    from opentelemetry import trace
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.id_generator import IdGenerator

Said = Mapping[str, str | int | float | bool | None]
"""What is said of a span, by the names of OpenTelemetry's semantic conventions where they have one."""

_SEND_SECONDS: Final = 5.0
"""How long a collector may take to receive spans, and the end of the process waits for it."""


class Span:
    """A span that has begun."""

    __slots__ = ("_open", "_tracer")

    def __init__(self, tracer: "trace.Tracer", span: "trace.Span") -> None:
        self._tracer = tracer
        self._open = span

    def note(self, said: Said) -> None:
        """Say more of it; what is None is not said."""
        self._open.set_attributes({name: value for name, value in said.items() if value is not None})

    def tell_answer(self, method: str, route: str, status: int) -> None:
        """Say of an HTTP request which route met it, and how."""
        self._open.update_name(f"{method} {route}")
        self.note({"http.request.method": method, "http.route": route, "http.response.status_code": status})
        if status >= 500:
            self.fail(str(status))

    def fail(self, reason: str) -> None:
        """Say that it failed, by the name or code of what went wrong."""
        from opentelemetry.trace import StatusCode  # noqa: PLC0415

        self._open.set_attribute("error.type", reason)
        self._open.set_status(StatusCode.ERROR)

    def child(self, name: str, said: Said, began_ns: int | None = None) -> "Span":
        """Begin a span inside of this one."""
        from opentelemetry.trace import set_span_in_context  # noqa: PLC0415

        within = set_span_in_context(self._open)
        span = Span(self._tracer, self._tracer.start_span(name, within, start_time=began_ns))
        span.note(said)
        return span

    def end(self) -> None:
        """It is over."""
        self._open.end()

    @property
    def traceparent(self) -> str:
        """Its name for other processes."""
        context = self._open.get_span_context()
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


_CURRENT: ContextVar[Span | None] = ContextVar("span", default=None)


@contextmanager
def inside(span: Span) -> Iterator[Span]:
    """End the span on leaving; what is begun meanwhile is inside of it."""
    token = _CURRENT.set(span)
    try:
        yield span
    except BaseException as error:
        span.fail(type(error).__name__)
        raise
    finally:
        _CURRENT.reset(token)
        span.end()


def current_span() -> Span | None:
    """The span that is open here; other threads are given it by hand."""
    return _CURRENT.get()


@contextmanager
def part(name: str, said: Said | None = None, *, of: Span | None = None) -> Iterator[None]:
    """A span inside of another, or else of the current one; nothing where there is none."""
    outer = of or _CURRENT.get()
    if outer is None:
        yield
        return
    with inside(outer.child(name, said or {})):
        yield


def tell_part(name: str, began_ns: int) -> None:
    """A part of the current span that began at this time and is over now."""
    current = _CURRENT.get()
    if current is not None:
        current.child(name, {}, began_ns).end()


def note(said: Said) -> None:
    """Say more of the current span, if there is one."""
    current = _CURRENT.get()
    if current is not None:
        current.note(said)


def fail(reason: str) -> None:
    """Say that the current span failed, if there is one."""
    current = _CURRENT.get()
    if current is not None:
        current.fail(reason)


def current_traceparent() -> str | None:
    """The current span's name for other processes."""
    current = _CURRENT.get()
    return None if current is None else current.traceparent


class Tracing:
    """Makes the spans of requests and jobs and sends them to a collector; where there is none, does nothing.

    Close it at the end: what is not sent yet is sent, for some seconds at most.
    """

    def __init__(self, records: JobRecords, endpoint: str | None) -> None:
        """``endpoint`` is the base address of a collector that takes OTLP over HTTP.

        Raises:
            SetupError: the packages for it are not installed.
        """
        self._records = records
        self._sending = None if endpoint is None else _sending_to(endpoint)

    def close(self) -> None:
        """Send what is left."""
        if self._sending is not None:
            self._sending.provider.shutdown()

    @contextmanager
    def request(self, method: str, traceparent: str | None) -> Iterator[Span | None]:
        """A span around an HTTP request, part of its client's trace if it names one."""
        if self._sending is None:
            yield None
            return
        from opentelemetry.trace import SpanKind  # noqa: PLC0415

        tracer = self._sending.tracer
        begun = tracer.start_span(method, _remote(traceparent), kind=SpanKind.SERVER)
        with inside(Span(tracer, begun)) as span:
            yield span

    @contextmanager
    def stage(self, name: str, job_id: str) -> Iterator[None]:
        """A span around work for a job, in whichever process; it tells where the job stands after it."""
        job = None if self._sending is None else self._records.look_up(job_id)
        if self._sending is None or job is None:
            yield
            return
        tracer = self._sending.tracer
        begun = tracer.start_span(name, self._sending.inside_job(job))
        with inside(Span(tracer, begun)) as span:
            span.note({"sceneline.job.id": job.id, "sceneline.job.round": job.round})
            yield
            after = self._records.look_up(job_id)
            span.note({"sceneline.job.status": after.status if after is not None else "deleted"})
            if after is not None and after.problem is not None and after.status == "failed":
                span.fail(after.problem.code)

    def end_job(self, job: Job) -> None:
        """Tell of a job that has ended, as the span that all of its stages are in."""
        if self._sending is None or job.finished_at is None:
            return
        began = job.queued_at or job.created_at
        with self._sending.ids.wanted(*_ids_of(job)):
            begun = self._sending.tracer.start_span(
                "job", _remote(job.traceparent), start_time=_nanoseconds(began)
            )
        span = Span(self._sending.tracer, begun)
        span.note(
            {
                "sceneline.job.id": job.id,
                "sceneline.job.round": job.round,
                "sceneline.job.status": job.status,
                "sceneline.job.question": job.parent is not None,
                "sceneline.job.bytes": sum(source.bytes for source in job.sources),
                "sceneline.job.video_seconds": job.duration_seconds,
            }
        )
        if job.status == "failed" and job.problem is not None:
            span.fail(job.problem.code)
        begun.end(_nanoseconds(job.finished_at))


def _ids_of(job: Job) -> tuple[int, int]:
    """The trace and the span that this round of a job is, unless it came with a request that has a trace."""
    digest = hashlib.sha256(f"{job.id}.{job.round}".encode()).digest()
    return int.from_bytes(digest[:16]), int.from_bytes(digest[16:24])


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)


# -- OpenTelemetry's own ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Sending:
    """What spans are made with and go through."""

    provider: "TracerProvider"
    tracer: "trace.Tracer"
    ids: "_Ids"

    def inside_job(self, job: Job) -> "Context":
        """Where spans of work for a job begin."""
        from opentelemetry.sdk.trace.sampling import Decision  # noqa: PLC0415
        from opentelemetry.trace import get_current_span  # noqa: PLC0415

        request = _remote(job.traceparent)
        came_with = get_current_span(request).get_span_context()
        trace_id, span_id = _ids_of(job)
        trace_id = came_with.trace_id if came_with.is_valid else trace_id
        decision = self.provider.sampler.should_sample(request, trace_id, "job").decision
        sampled = decision is Decision.RECORD_AND_SAMPLE
        return _remote(f"00-{trace_id:032x}-{span_id:016x}-{sampled:02x}")


class _Ids:
    """Draws ids of traces and spans, but for those that are given."""

    def __init__(self) -> None:
        self._wanted: ContextVar[tuple[int, int] | None] = ContextVar("wanted", default=None)

    @contextmanager
    def wanted(self, trace_id: int, span_id: int) -> Iterator[None]:
        """Give these to what is begun meanwhile."""
        token = self._wanted.set((trace_id, span_id))
        try:
            yield
        finally:
            self._wanted.reset(token)

    def generate_trace_id(self) -> int:
        """16 bytes, not all 0."""
        wanted = self._wanted.get()
        return secrets.randbits(128) or 1 if wanted is None else wanted[0]

    def generate_span_id(self) -> int:
        """8 bytes, not all 0."""
        wanted = self._wanted.get()
        return secrets.randbits(64) or 1 if wanted is None else wanted[1]

    def is_trace_id_random(self) -> bool:
        """Given ones come from a hash, which is as good."""
        return True


def _sending_to(endpoint: str) -> _Sending:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        raise SetupError(
            f"traces are to go to {endpoint}, but the packages for it are not installed; "
            "pip install 'sceneline[telemetry]', or unset OTEL_EXPORTER_OTLP_ENDPOINT"
        ) from error
    ours = {
        "service.name": "sceneline",
        "service.version": version("sceneline"),
        "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
    }
    ids = _Ids()
    provider = TracerProvider(
        # What the standard OTEL_… variables say of the service goes before.
        resource=Resource.create(ours).merge(OTELResourceDetector().detect()),
        id_generator=cast("IdGenerator", ids),
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_SEND_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return _Sending(provider, provider.get_tracer("sceneline"), ids)


def _remote(traceparent: str | None) -> "Context":
    """The span another process names so; no span for a name that is none."""
    from opentelemetry.context import Context  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    carrier = {} if traceparent is None else {"traceparent": traceparent}
    return TraceContextTextMapPropagator().extract(carrier, Context())
