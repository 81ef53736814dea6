"""What is counted and measured, for Prometheus.

Jobs and their cost are read from the database when asked, so that any process answers for all of them; only
the time of HTTP requests is each process's own.
"""

from collections.abc import Iterable
from typing import Final, get_args

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from api.records import Executors, JobRecords, JobStatus, Totals

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"

_TOTALS: Final[dict[str, tuple[str, str]]] = {
    "jobs": ("Jobs that ended, by how.", "status"),
    "failures": ("Jobs that failed or were cancelled, by code.", "code"),
    "requests": ("Requests to remote models.", ""),
    "retries": ("Requests to remote models that were repeats.", ""),
    "input_tokens": ("Tokens sent to remote models.", ""),
    "output_tokens": ("Tokens remote models answered with.", ""),
    "cost_usd": ("What remote models cost, in US dollars.", ""),
    "decode_seconds": ("Time spent decoding.", ""),
    "analyze_seconds": ("Time spent looking at keyframes.", ""),
    "wall_seconds": ("Time spent on finished jobs.", ""),
}


class Metrics:
    """The metrics of this process and of the service."""

    def __init__(
        self, records: JobRecords, totals: Totals, executors: Executors, silent_seconds: float
    ) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Service(records, totals, executors, silent_seconds))
        self.http_seconds: Final = Histogram(
            "sceneline_http_request_duration_seconds",
            "Time from a request to the head of its answer.",
            ("method", "route", "status"),
            registry=self._registry,
        )

    def text(self) -> bytes:
        """Everything in Prometheus' text form."""
        return generate_latest(self._registry)


class _Service(Collector):
    """What the database knows."""

    def __init__(
        self, records: JobRecords, totals: Totals, executors: Executors, silent_seconds: float
    ) -> None:
        self._records = records
        self._totals = totals
        self._executors = executors
        self._silent_seconds = silent_seconds

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: the database may not be there yet when this is registered."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Read and name what there is."""
        jobs = GaugeMetricFamily("sceneline_jobs_now", "Jobs by where they stand.", labels=("status",))
        counts = self._records.counts()
        for status in get_args(JobStatus):  # one that no job stands at is told as well: it would look unknown
            jobs.add_metric((status,), counts.get(status, 0))
        yield jobs
        alive = self._executors.alive(self._silent_seconds)
        yield GaugeMetricFamily("sceneline_processes", "Processes of the service that are alive.", alive)
        totals = self._totals.read()
        for name, (meaning, label) in _TOTALS.items():
            family = CounterMetricFamily(f"sceneline_{name}", meaning, labels=(label,) if label else ())
            for (of, value), amount in totals.items():
                if of == name:
                    family.add_metric((value,) if label else (), amount)
            yield family
