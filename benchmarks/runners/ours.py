"""The sampler of this project, through its front door, with its default sizes."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import sampler
from benchmarks.runners import Delivered
from sampler import Keyframe, SampleRequest, SamplingMode, SamplingPlan, VideoFile


def prepare(variant: str) -> "Ours":
    """Nothing to load; the variant is the mode of sampling."""
    return Ours(cast("SamplingMode", variant))


class Ours:
    """One mode of sampling."""

    def __init__(self, mode: SamplingMode) -> None:
        self._mode = mode

    def boundaries(self, path: Path) -> list[float]:
        """Where shots begin but for the first; the plan's keyframes are chosen as well, as in any run."""
        return [shot.start_seconds for shot in self._plan(path, sampler.DEFAULT_FRAMES).shots[1:]]

    def plan(self, path: Path, budget: int) -> list[float]:
        """Times of the chosen frames."""
        return [keyframe.time_seconds for keyframe in self._plan(path, budget).keyframes]

    def keyframes(self, path: Path, budget: int) -> Iterator[Delivered]:
        """The whole run: scan, plan, extract."""
        with closing(sampler.sample(VideoFile(path), SampleRequest(budget, self._mode))) as steps:
            for step in steps:
                if isinstance(step, Keyframe):
                    yield Delivered(step.time_seconds, step.jpeg)

    def _plan(self, path: Path, budget: int) -> SamplingPlan:
        with closing(sampler.sample(VideoFile(path), SampleRequest(budget, self._mode))) as steps:
            return next(step for step in steps if isinstance(step, SamplingPlan))
