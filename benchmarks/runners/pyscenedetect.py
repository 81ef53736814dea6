"""PySceneDetect as its own documentation runs it: default thresholds, its own loop, either backend."""

from itertools import pairwise
from pathlib import Path

from scenedetect import AdaptiveDetector, ContentDetector, SceneManager, open_video

from sampler import VideoFile, probe

_DETECTORS = {"content": ContentDetector, "adaptive": AdaptiveDetector}


def prepare(variant: str) -> "PySceneDetect":
    """The variant names a detector and a backend."""
    detector, backend = variant.split()
    return PySceneDetect(detector, backend)


class PySceneDetect:
    """A detector on a backend."""

    def __init__(self, detector: str, backend: str) -> None:
        self._detector, self._backend = detector, backend

    def boundaries(self, path: Path) -> list[float]:
        """Its scenes' starts but for the first."""
        manager = SceneManager()
        manager.add_detector(_DETECTORS[self._detector]())
        manager.detect_scenes(open_video(str(path), backend=self._backend))
        return [start.seconds for start, _ in manager.get_scene_list()[1:]]

    def plan(self, path: Path, budget: int) -> list[float]:
        """The middle of each scene; of more scenes than the budget, evenly spaced ones."""
        found = self.boundaries(path)
        edges = [0.0, *found, probe(VideoFile(path)).duration_seconds]
        middles = [(start + end) / 2 for start, end in pairwise(edges)]
        if len(middles) <= budget:
            return middles
        return [middles[int((index + 0.5) * len(middles) / budget)] for index in range(budget)]
