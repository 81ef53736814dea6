"""All that perception and reasoning over time yield, worked out once and read by every task."""

from collections.abc import Sequence
from dataclasses import dataclass

from analyzer.counting import Stretch, gather_stretches
from analyzer.findings import Findings
from analyzer.reading import Passage, gather
from analyzer.timeline import Axis
from analyzer.tracking import Trail, track
from sampler import SamplingPlan, Shot


@dataclass(frozen=True, slots=True)
class Understanding:
    """What was found on the keyframes and what it means over time."""

    plan: SamplingPlan
    axis: Axis
    findings: tuple[Findings, ...]
    """By keyframe, ascending; only of keyframes that were looked at."""
    trails: tuple[Trail, ...]
    stretches: tuple[Stretch, ...]
    passages: tuple[Passage, ...]

    def in_shot(self, shot: Shot) -> tuple[Findings, ...]:
        """Return the findings on the keyframes of one shot."""
        return tuple(found for found in self.findings if self.axis.shot(found.keyframe) == shot.index)


def understand(plan: SamplingPlan, findings: Sequence[Findings]) -> Understanding:
    """Reason over time. Pure, and the same for the same findings."""
    ordered = tuple(sorted(findings, key=lambda found: found.keyframe))
    axis = Axis(plan, (found.keyframe for found in ordered))
    trails = track(ordered, axis)
    return Understanding(plan, axis, ordered, trails, gather_stretches(trails, axis), gather(ordered, axis))
