"""The chart: what finding shot boundaries costs, against how right it is. Plain SVG, nothing needed to draw it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from benchmarks.reporting import cut_scores, of_group, ratios
from benchmarks.runners import COMPETITORS, Name

_WIDTH, _HEIGHT = 860, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 40, 50, 60
_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
_LABEL_HEIGHT = 15
_OURS = frozenset({"exact", "fast", "uniform"})
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #52525b } .title { font-size: 15px; fill: #18181b }
  .grid { stroke: #e4e4e7 } .floor { stroke: #a1a1aa; stroke-dasharray: 4 4 }
  .peer { fill: #71717a } .ours { fill: #0f766e } text.ours { font-weight: 600 }
  circle.partly { fill: #ffffff; stroke: #71717a; stroke-width: 2 }
"""


@dataclass(frozen=True, slots=True)
class Point:
    """One competitor on the chart."""

    name: Name
    ratio: float
    """Processor time over that of decoding alone."""
    f1: float
    measured: int
    """On how many montages."""
    of: int

    @property
    def told(self) -> str:
        """Its name, and what it was measured on if that is not all."""
        partly = f" (on {self.measured} of {self.of})" if self.measured < self.of else ""
        return COMPETITORS[self.name].told + partly

    @property
    def kind(self) -> str:
        """The dot's class."""
        return "ours" if self.name in _OURS else "partly" if self.measured < self.of else "peer"


def points(results: Mapping[str, Any]) -> list[Point]:
    """Those who looked for boundaries, the best first."""
    rows = of_group(results["rows"], "cuts")
    scores, cpu = cut_scores(rows), ratios(rows, "cpu_seconds")
    measured = {name: sum(row["name"] == name for row in rows) for name in scores}
    most = max(measured.values(), default=0)
    found = [Point(name, cpu[name], score.f1, measured[name], most) for name, score in scores.items()]
    return sorted(found, key=lambda point: (-point.f1, point.ratio))


def chart(results: Mapping[str, Any]) -> str:
    """The chart as SVG: processor time over decoding to the right (logarithmic), F1 upwards."""
    shown = points(results)
    low, high = _range([point.ratio for point in shown])
    floor = math.floor(min([0.8, *(point.f1 for point in shown)]) * 10) / 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        "<title>Shot boundaries: F1 against time</title>",
        f"<style>{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        f'<text class="title" x="{_LEFT}" y="26">Shot boundaries: how right (F1), at how many times the cost of '
        "decoding</text>",
    ]
    for tick in (tick for tick in _TICKS if low <= tick <= high):
        x = _x(tick, low, high)
        kind = "floor" if tick == 1 else "grid"
        parts.append(f'<line class="{kind}" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_HEIGHT - _BOTTOM}"/>')
        parts.append(f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 20}" text-anchor="middle">{tick:g} ×</text>')
    steps = round((1 - floor) * 10)
    for step in range(steps + 1):
        f1 = floor + step / 10
        y = _y(f1, floor)
        parts.append(f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">{f1:.1f}</text>')
    parts += _labelled(shown, low, high, floor)
    parts.append(
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 16}" text-anchor="middle">'
        "processor time over that of decoding every frame with PyAV and looking at none</text>"
    )
    return "\n".join([*parts, "</svg>", ""])


def _labelled(shown: list[Point], low: float, high: float, floor: float) -> list[str]:
    """Dots with names; a name that would lie on another moves down."""
    parts: list[str] = []
    taken: list[tuple[float, float, float]] = []
    for point in shown:
        x, y = _x(point.ratio, low, high), _y(point.f1, floor)
        width = 7.2 * len(point.told)
        left = x + 9 if x + 9 + width < _WIDTH - 4 else x - 9 - width
        line = y + 4
        while any(
            left < end and start < left + width and abs(line - other) < _LABEL_HEIGHT
            for start, end, other in taken
        ):
            line += _LABEL_HEIGHT
        taken.append((left, left + width, line))
        parts.append(f'<circle class="{point.kind}" cx="{x:.1f}" cy="{y:.1f}" r="5"/>')
        parts.append(f'<text class="{point.kind}" x="{left:.1f}" y="{line:.1f}">{escape(point.told)}</text>')
    return parts


def _range(ratios_shown: list[float]) -> tuple[float, float]:
    low = min([0.9, *ratios_shown]) / 1.3
    high = max([2.0, *ratios_shown]) * 1.5
    return low, high


def _x(ratio: float, low: float, high: float) -> float:
    share = math.log(ratio / low) / math.log(high / low)
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _y(f1: float, floor: float) -> float:
    return _TOP + (1 - f1) / (1 - floor) * (_HEIGHT - _TOP - _BOTTOM)
