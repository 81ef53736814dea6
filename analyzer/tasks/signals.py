"""What the sampler measured on every frame becomes events: black, freeze, fades, flashes."""

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from analyzer.drafts import Draft
from analyzer.wording import counted
from sampler import SamplingPlan, Signal, SignalKind

_SAID: Final[dict[SignalKind, str]] = {
    "black": "The picture is black.",
    "freeze": "The picture stands still.",
    "fade_in": "The picture fades in.",
    "fade_out": "The picture fades out.",
    "flash": "The picture flashes.",
}
_BURST_SECONDS: Final = 2.0
"""Flashes no further apart than this are one event."""


def draft_signals(plan: SamplingPlan) -> Iterator[Draft]:
    """Yield one draft for each signal, a burst of flashes as one."""
    for kind, signals in groupby(
        sorted(plan.signals, key=lambda signal: signal.kind), key=lambda signal: signal.kind
    ):
        for burst in _bursts(list(signals)):
            many = len(burst) > 1
            yield Draft(
                track="signal",
                label=kind.replace("_", " "),
                description=f"The picture flashes {counted(len(burst), 'time')}." if many else _SAID[kind],
                frames=(),
                confidence=None,
                confidence_kind="rule",
                source="measured on every frame",
                attributes={"count": len(burst)} if many else {},
                measured=(burst[0].start_seconds, burst[-1].end_seconds),
            )


def _bursts(signals: list[Signal]) -> Iterator[list[Signal]]:
    burst: list[Signal] = []
    for signal in sorted(signals, key=lambda signal: signal.start_seconds):
        near = burst and signal.start_seconds - burst[-1].end_seconds <= _BURST_SECONDS
        if burst and not (near and signal.kind == "flash"):
            yield burst
            burst = []
        burst.append(signal)
    if burst:
        yield burst
