"""An OpenTelemetry collector: a real HTTP server that takes OTLP and keeps every span it is sent."""

import gzip
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.hosting import Handler, hosting


@dataclass(frozen=True)
class Told:
    """A span as it arrived."""

    name: str
    trace: str
    id: str
    parent: str
    start_seconds: float
    end_seconds: float
    failed: bool
    kind: int
    said: dict[str, object]
    resource: dict[str, object]


@dataclass
class Collector:
    url: str
    spans: list[Told] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def until(self, enough: Callable[[list[Told]], object], seconds: float = 30) -> list[Told]:
        until = time.monotonic() + seconds
        while not enough(list(self.spans)):
            assert time.monotonic() < until, sorted(span.name for span in self.spans)
            time.sleep(0.05)
        return list(self.spans)


@contextmanager
def collecting() -> Iterator[Collector]:
    class Otlp(Handler):
        def respond(self) -> None:
            body = self.body()
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            right = (self.path, self.headers["Content-Type"]) == ("/v1/traces", "application/x-protobuf")
            if right:
                collector.bodies.append(body)
                collector.spans.extend(_spans(ExportTraceServiceRequest.FromString(body)))
            answer = ExportTraceServiceResponse().SerializeToString()
            self.answer(200 if right else 404, answer, {"Content-Type": "application/x-protobuf"})

    collector = Collector("")
    with hosting(Otlp) as url:
        collector.url = url
        yield collector


def _spans(request: ExportTraceServiceRequest) -> Iterator[Told]:
    for of_resource in request.resource_spans:
        resource = _said(of_resource.resource.attributes)
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield Told(
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.start_time_unix_nano / 1e9,
                    span.end_time_unix_nano / 1e9,
                    span.status.code == 2,
                    span.kind,
                    _said(span.attributes),
                    resource,
                )


def _said(attributes: object) -> dict[str, object]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
