"""``sceneline analyze``: from videos to their timelines."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

from analyzer import LocalModel, OpenAIModel, Timeline, check
from api import pipeline
from api.cli.failing import DONE, code_of_partial, fail
from api.cli.looking import make_plan
from api.cli.progress import Watcher
from api.cli.telling import tell, warn
from api.cli.writing import (
    STANDARD_OUTPUT,
    deliver,
    distinct_names,
    make_folder,
    place_of,
    places,
    write_file,
)
from api.documents import json_text, timeline_document
from api.errors import RequestError
from api.exports import SUFFIXES, Format, form_by_ending
from api.exports.listing import plan_table
from api.exports.rendering import render
from api.pictures import picture_name, with_files, with_pictures
from api.plans import plan_document
from api.schemas import TimelineRequest, picture_interval
from sampler import Keyframe, PictureSequence, Source, VideoFile

_SHARING: frozenset[Format] = frozenset({"json", "table", "md"})
"""Forms in which several results may follow each other on standard output."""
_OF_EVENTS: frozenset[Format] = frozenset({"csv", "vtt", "srt"})
"""Forms that hold events and nothing else."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the command was asked to do."""

    videos: Sequence[Path]
    interval: str | None
    request: TimelineRequest
    means: pipeline.Means
    output: str
    form: Format | None
    frames_dir: Path | None
    quiet: bool
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Errand:
    """One timeline to make."""

    source: Source
    name: str
    """How the input is called in lines for people."""
    place: Path | None
    """Where the result goes; None is standard output."""
    form: Format
    frames_dir: Path | None
    on_one_line: bool
    """JSON in one line, because others follow."""


def analyze_all(order: Order) -> int:
    """Do what was asked for each video, one failing does not stop the rest; the first failure's exit code.

    Raises:
        RequestError: the options do not go together.
        AnalysisRequestError: the models cannot do what is asked.
        OutputError: the place for the results cannot be written.
    """
    errands = plan_errands(order)
    model = pipeline.open_model(order.request, replace(order.means, asks=not order.dry_run))
    check(order.request.analysis_request(), model)
    codes = asyncio.run(_do_all(errands, order, model))
    return next((code for code in codes if code != DONE), DONE)


async def _do_all(errands: Sequence[Errand], order: Order, model: LocalModel | OpenAIModel) -> list[int]:
    try:
        return [await _do(errand, order, model) for errand in errands]
    finally:
        if isinstance(model, OpenAIModel):
            await model.aclose()


def plan_errands(order: Order) -> list[Errand]:
    """One errand for each video, or one for all pictures together when they are a sequence.

    Raises:
        RequestError: the options do not go together.
        OutputError: the place for the results cannot be written.
    """
    form = order.form or form_by_ending(order.output, SUFFIXES) or "json"
    if order.dry_run and form not in {"json", "table"}:
        raise RequestError(f"a plan cannot be told as {form}; choose --format json or table")
    if form in _OF_EVENTS and "events" not in order.request.tasks:
        raise RequestError(
            f"{form} holds events only, and none are asked for; add --task events, or choose --format md or json"
        )
    interval = picture_interval(order.interval)
    if interval is not None or len(order.videos) == 1:
        first = order.videos[0]
        source = VideoFile(first) if interval is None else PictureSequence(tuple(order.videos), interval)
        place = place_of(order.output, first, SUFFIXES[form])
        return [Errand(source, first.name, place, form, order.frames_dir, on_one_line=False)]
    if order.output == STANDARD_OUTPUT and form not in _SHARING:
        raise RequestError(
            f"several videos as {form} cannot share standard output; give a folder as --output"
        )
    if form_by_ending(order.output, SUFFIXES) and not Path(order.output).is_dir():
        raise RequestError(f"several videos cannot share {order.output}; give a folder as --output")
    spots: Sequence[Path | None] = [None] * len(order.videos)
    if order.output != STANDARD_OUTPUT:
        spots = places(order.output, order.videos, SUFFIXES[form])
    folders = [order.frames_dir / name if order.frames_dir else None for name in distinct_names(order.videos)]
    return [
        Errand(VideoFile(video), video.name, spot, form, folder, on_one_line=spot is None)
        for video, spot, folder in zip(order.videos, spots, folders, strict=True)
    ]


async def _do(errand: Errand, order: Order, model: LocalModel | OpenAIModel) -> int:
    try:
        if order.dry_run:
            plan = make_plan(errand.source, order.request, errand.name, model=model, quiet=order.quiet)
            text = plan_table(plan) if errand.form == "table" else _json(plan_document(plan), errand)
            deliver(errand.place, text)
            return DONE
        timeline, pictures = await _analyze(errand, order, model)
        _hand_over(errand, timeline, pictures)
    except BrokenPipeError:
        raise  # nobody reads what would come of the rest
    except Exception as error:  # noqa: BLE001 - one video failing, however oddly, must not stop the rest
        return fail(error)
    if not order.quiet:
        _report(errand, timeline)
    if timeline.status == "partial":
        tell(f"{errand.name}: the timeline is partial; its coverage and warnings say what is missing")
        return code_of_partial(warning.code for warning in timeline.warnings)
    return DONE


async def _analyze(
    errand: Errand, order: Order, model: LocalModel | OpenAIModel
) -> tuple[Timeline, dict[int, bytes]]:
    if errand.frames_dir:
        make_folder(errand.frames_dir)  # where that cannot be, nothing is looked at, nor paid for
    timelines = []
    pictures = {}
    with Watcher(errand.name, quiet=order.quiet) as watcher:
        async with aclosing(pipeline.analyze(errand.source, order.request, model)) as steps:
            async for step in steps:
                watcher.saw(step)
                if isinstance(step, Keyframe):
                    pictures[step.pts] = step.jpeg
                elif isinstance(step, Timeline):
                    timelines.append(step)
    (timeline,) = timelines
    # A second look numbers keyframes anew, so pictures are told apart by what they are of.
    return timeline, {keyframe.index: pictures[keyframe.pts] for keyframe in timeline.keyframes}


def _hand_over(errand: Errand, timeline: Timeline, pictures: dict[int, bytes]) -> None:
    if errand.frames_dir:
        for index, jpeg in pictures.items():
            write_file(errand.frames_dir / picture_name(index), jpeg)
        seen_from = errand.place.parent if errand.place else Path.cwd()
        timeline = with_files(timeline, errand.frames_dir, seen_from)
    if errand.form == "html":
        timeline = with_pictures(timeline, pictures)
    deliver(
        errand.place,
        _json(timeline_document(timeline), errand)
        if errand.form == "json"
        else render(timeline, errand.form),
    )


def _json(document: dict[str, object], errand: Errand) -> str:
    return json_text(document, compact=errand.on_one_line)


def _report(errand: Errand, timeline: Timeline) -> None:
    warn(errand.name, timeline.warnings)
    if errand.frames_dir:
        tell(f"wrote {len(timeline.keyframes)} pictures to {errand.frames_dir}")
    if errand.place:
        tell(f"wrote {errand.place}")
