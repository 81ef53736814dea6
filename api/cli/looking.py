"""``shots``, ``sample`` and ``plan``: what the sampler alone can say."""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from analyzer import Perceiver, VisionModel, check
from api import pipeline
from api.cli.options import PlanFormat, ShotsFormat
from api.cli.progress import Watcher
from api.cli.telling import tell, warn
from api.cli.writing import deliver, make_folder, place_of, remove_files, write_file
from api.contact_sheets import contact_sheet
from api.documents import json_text
from api.exports import SUFFIXES, form_by_ending
from api.exports.cutlists import shots_edl, shots_otio
from api.exports.listing import plan_table, shots_csv, shots_table
from api.exports.wording import clock
from api.pictures import picture_name
from api.plans import KeyframePlan, Plan, foresee, plan_document
from api.schemas import TimelineRequest
from sampler import Keyframe, Notice, SamplingPlan, Source, VideoFile


def _shots_json(plan: Plan) -> str:
    document = plan_document(plan)
    return json_text({name: document[name] for name in ("media", "shots")})


_SHOTS: dict[ShotsFormat, Callable[[Plan], str]] = {
    "json": _shots_json,
    "csv": shots_csv,
    "table": shots_table,
    "edl": shots_edl,
    "otio": shots_otio,
}
_SHOTS_SUFFIXES: dict[ShotsFormat, str] = {
    "json": SUFFIXES["json"],
    "csv": SUFFIXES["csv"],
    "table": SUFFIXES["table"],
    "edl": ".edl",
    "otio": ".otio",
}
_MANIFEST_NAME = "manifest.json"
_SHEET_NAME = "contact-sheet.jpg"


def list_shots(
    video: Path, request: TimelineRequest, output: str, form: ShotsFormat | None, *, quiet: bool
) -> None:
    """Find the shots and write them, by the ending of the place where no form is given.

    Raises:
        SamplerError: the media or the window cannot be used.
        OutputError: the place cannot be written.
    """
    form = form or form_by_ending(output, _SHOTS_SUFFIXES) or "json"
    place = place_of(output, video, _SHOTS_SUFFIXES[form])
    plan = make_plan(VideoFile(video), request, video.name, quiet=quiet)
    deliver(place, _SHOTS[form](plan))


def show_plan(
    video: Path,
    request: TimelineRequest,
    output: str,
    form: PlanFormat,
    *,
    base_url: str | None = None,
    quiet: bool,
) -> None:
    """Plan a run and write the plan.

    Raises:
        SamplerError: the media or the window cannot be used.
        OutputError: the place cannot be written.
    """
    place = place_of(output, video, SUFFIXES[form])
    model = pipeline.open_model(request, pipeline.Means(base_url, asks=False))
    check(request.analysis_request(), model)
    plan = make_plan(VideoFile(video), request, video.name, model=model, quiet=quiet)
    deliver(place, plan_table(plan) if form == "table" else json_text(plan_document(plan)))


def make_plan(
    source: Source,
    request: TimelineRequest,
    name: str,
    *,
    model: Perceiver | VisionModel | None = None,
    quiet: bool,
) -> Plan:
    """Look through the video and plan what would be looked at closely; progress and warnings are shown.

    Raises:
        SamplerError: the media or the window cannot be used.
    """
    plans = []
    with Watcher(name, quiet=quiet) as watcher, closing(pipeline.plan(source, request, model)) as steps:
        for step in steps:
            watcher.saw(step)
            if isinstance(step, SamplingPlan):
                plans.append(step)
    (found,) = plans
    if not quiet:
        warn(name, found.notices)
    return foresee(found, request.analysis_request(), model, pipeline.second_look_plan(request, model))


def take_keyframes(
    video: Path, request: TimelineRequest, folder: Path, *, with_sheet: bool, quiet: bool
) -> None:
    """Write each keyframe as a JPEG picture, and ``manifest.json`` last: it is there when all pictures are.

    With a sheet, ``contact-sheet.jpg`` shows them all in one picture. What an earlier run wrote there makes room.

    Raises:
        SamplerError: the media or the window cannot be used.
        OutputError: the folder cannot be written.
    """
    make_folder(folder)
    plans: list[SamplingPlan] = []
    notices: list[Notice] = []
    taken: dict[int, dict[str, object]] = {}
    steps = pipeline.sample_steps(VideoFile(video), request)
    with Watcher(video.name, quiet=quiet) as watcher, closing(steps):
        for step in steps:
            watcher.saw(step)
            match step:
                case SamplingPlan():
                    plans.append(step)
                case Notice():
                    notices.append(step)
                case Keyframe():
                    if not taken:
                        remove_files(folder, _left_by_earlier_run(folder))
                    name = picture_name(step.index)
                    write_file(folder / name, step.jpeg)
                    taken[step.index] = {"width": step.width, "height": step.height, "image": name}
    (found,) = plans
    plan = foresee(replace(found, notices=(*found.notices, *notices)))
    document = plan_document(plan)
    manifest = {name: document[name] for name in ("media", "sampling", "shots", "warnings")}
    manifest["keyframes"] = [
        {**each, **taken[each["index"]]} for each in document["keyframes"] if each["index"] in taken
    ]
    if with_sheet and taken:
        shown = [
            (folder / picture_name(each.index), _caption(each))
            for each in plan.keyframes
            if each.index in taken
        ]
        write_file(folder / _SHEET_NAME, contact_sheet(shown))
    write_file(folder / _MANIFEST_NAME, json_text(manifest))
    if not quiet:
        warn(video.name, (*found.notices, *notices))
        tell(f"wrote {len(taken)} pictures and {folder / _MANIFEST_NAME}")


def _left_by_earlier_run(folder: Path) -> list[str]:
    """The files that the manifest there stands for, itself first: it must not speak for pictures of another run."""
    try:
        manifest = json.loads((folder / _MANIFEST_NAME).read_bytes())
        pictures = [picture_name(each["index"]) for each in manifest["keyframes"]]
    except (OSError, ValueError, LookupError, TypeError):
        return []  # there is none, or it is not ours
    return [_MANIFEST_NAME, _SHEET_NAME, *pictures]


def _caption(keyframe: KeyframePlan) -> str:
    return f"{keyframe.index}  {clock(keyframe.time_seconds, decimals=2)}  shot {keyframe.shot}  {keyframe.reason}"
