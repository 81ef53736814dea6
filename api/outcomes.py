"""What is kept beside a finished timeline: how it went, what it took, and the words it is found by."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from pydantic import TypeAdapter

from analyzer import Results, Timeline
from api.records import Job, Outcome

_RESULTS = TypeAdapter(Results)


def outcome_of(job: Job, timeline: Timeline) -> Outcome:
    """Of a job that came to this timeline."""
    spent = {name: value or 0.0 for name, value in asdict(timeline.usage).items()}
    return Outcome(
        timeline.status,
        timeline.summary,
        timeline.media.duration_seconds,
        "\n".join(_searchable(job, timeline)),
        spent,
    )


def _searchable(job: Job, timeline: Timeline) -> Iterator[str]:
    """Everything a person might look this timeline up by."""
    yield job.name
    yield timeline.summary
    for event in timeline.events:
        yield event.label
        yield event.description
    results = _RESULTS.dump_python(timeline.results, mode="json", exclude_none=True)
    yield from _texts(results)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
