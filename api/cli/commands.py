"""The commands and their help. What they do is imported when they run: ``--help`` has to answer at once."""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from api.cli import options, service
from api.exports import Format

app = typer.Typer(
    help="Point it at a video, get a timestamped timeline of what happens in it.",
    epilog="Exit codes: 0 done, 1 our bug, 2 wrong usage, 3 the media cannot be read, 4 the model failed, "
    "5 a limit was hit, 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(*, wanted: bool) -> None:
    from api.cli.writing import write_out

    if wanted:
        write_out(f"sceneline {version('sceneline')}\n")
        raise typer.Exit


@app.callback()
def _sceneline(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda wanted: _show_version(wanted=wanted),
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    """Point it at a video, get a timestamped timeline of what happens in it."""


@app.command(
    epilog="Several videos: each gets its own timeline, one JSON document a line on standard output, or one "
    "file each with --output FOLDER. One failing does not stop the rest; the first failure sets the code."
)
def analyze(
    video: options.Videos,
    *,
    task: options.Tasks = None,
    frames: options.Frames = 32,
    start: options.Start = None,
    end: options.End = None,
    sampling: options.Sampling = "auto",
    interval: options.Interval = None,
    ask: options.Ask = None,
    instructions: options.Instructions = None,
    schema_file: options.SchemaFile = None,
    policy_file: options.PolicyFile = None,
    taxonomy: options.TaxonomyFile = None,
    examples_file: options.ExamplesFile = None,
    segments_file: options.SegmentsFile = None,
    backend: options.Backend = "auto",
    model: options.Model = None,
    base_url: options.BaseUrl = None,
    local: options.Local = None,
    hints: options.Hints = None,
    context: options.ContextChoice = "parallel",
    max_cost: options.MaxCost = None,
    max_requests: options.MaxRequests = None,
    record: options.Record = None,
    replay: options.Replay = None,
    output: options.Output = "-",
    form: options.OutputFormat = None,
    frames_dir: options.FramesDir = None,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
) -> int:
    """Write the timeline of a video: what happens, and when.

    The timeline goes to standard output as JSON; progress, warnings and errors go to standard error.

    \b
    Examples:
      sceneline analyze clip.mp4 --format table
      sceneline analyze clip.mp4 --task events,text,describe --output clip.html
      sceneline analyze talk.mkv --start 10:00 --end 15:00 --frames 64 --output talk.json --frames-dir talk
      sceneline analyze *.mp4 --output timelines/
      sceneline analyze page1.png page2.png page3.png --interval 5
      sceneline analyze report.pdf --task documents --frames 40
      sceneline analyze clip.mp4 --task events,text --local text --hints text
      sceneline analyze clip.mp4 --ask "Who opens the door, and when?" --max-cost 0.05
    """
    from api.cli.analyzing import Order, analyze_all
    from api.errors import RequestError
    from api.pipeline import Means, asks_remote
    from api.schemas import read_json, read_taxonomy, read_text, timeline_request

    request = timeline_request(
        tasks=options.task_names(task),
        frames=frames,
        start=start,
        end=end,
        sampling=sampling,
        ask=ask,
        instructions=read_text(instructions) if instructions else None,
        schema=read_json(schema_file) if schema_file else None,
        policy=read_json(policy_file) if policy_file else None,
        taxonomy=read_taxonomy(taxonomy) if taxonomy else None,
        examples=read_json(examples_file) if examples_file else None,
        segments=read_json(segments_file) if segments_file else None,
        backend=backend,
        model=model,
        context=context,
        local=options.task_names(local),
        hints=options.task_names(hints),
        max_cost=max_cost,
        max_requests=max_requests,
    )
    if record and replay:
        raise RequestError("--record and --replay exclude each other; give one of them")
    means = Means(base_url, record, replay)
    if (record or replay) and not asks_remote(request, means):
        raise RequestError("--record and --replay are about what a remote model answers, and none is asked")
    order = Order(video, interval, request, means, output, form, frames_dir, quiet=quiet, dry_run=dry_run)
    return analyze_all(order)


@app.command()
def shots(
    video: options.Video,
    *,
    frames: options.Frames = 32,
    start: options.Start = None,
    end: options.End = None,
    sampling: options.Sampling = "auto",
    output: options.Output = "-",
    form: options.ShotsOutputFormat = None,
    quiet: options.Quiet = False,
) -> None:
    """List the shots: where each begins and ends.

    \b
    Examples:
      sceneline shots clip.mp4 --format table
      sceneline shots clip.mp4 --output shots.csv
      sceneline shots clip.mp4 --output clip.edl
    """
    from api.cli.looking import list_shots
    from api.schemas import timeline_request

    request = timeline_request(frames=frames, start=start, end=end, sampling=sampling)
    list_shots(video, request, output, form, quiet=quiet)


@app.command()
def sample(
    video: options.Video,
    *,
    frames: options.Frames = 32,
    start: options.Start = None,
    end: options.End = None,
    sampling: options.Sampling = "auto",
    output: Annotated[
        Path, typer.Option(parser=options.folder, metavar="DIR", help="Where to write the pictures.")
    ],
    contact_sheet: Annotated[
        bool, typer.Option("--contact-sheet", help="Also write contact-sheet.jpg, which shows all of them.")
    ] = False,
    quiet: options.Quiet = False,
) -> None:
    """Save the keyframes as JPEG pictures.

    A manifest.json beside them says which frame each one is, and why it was chosen.

    \b
    Examples:
      sceneline sample clip.mp4 --frames 16 --output clip-frames
      sceneline sample clip.mp4 --output clip-frames --contact-sheet
    """
    from api.cli.looking import take_keyframes
    from api.schemas import timeline_request

    request = timeline_request(frames=frames, start=start, end=end, sampling=sampling)
    take_keyframes(video, request, output, with_sheet=contact_sheet, quiet=quiet)


@app.command()
def plan(
    video: options.Video,
    *,
    frames: options.Frames = 32,
    start: options.Start = None,
    end: options.End = None,
    sampling: options.Sampling = "auto",
    task: options.Tasks = None,
    ask: options.Ask = None,
    backend: options.Backend = "auto",
    model: options.Model = None,
    base_url: options.BaseUrl = None,
    local: options.Local = None,
    hints: options.Hints = None,
    output: options.Output = "-",
    form: Annotated[options.PlanFormat, typer.Option("--format", help="Format of the result.")] = "json",
    quiet: options.Quiet = False,
) -> None:
    """Show what would be looked at, before any analysis or cost.

    With a remote model it also estimates requests, tokens and price.

    \b
    Examples:
      sceneline plan clip.mp4 --frames 16 --format table
    """
    from api.cli.looking import show_plan
    from api.schemas import timeline_request

    request = timeline_request(
        tasks=options.task_names(task),
        frames=frames,
        start=start,
        end=end,
        sampling=sampling,
        ask=ask,
        backend=backend,
        model=model,
        local=options.task_names(local),
        hints=options.task_names(hints),
    )
    show_plan(video, request, output, form, base_url=base_url, quiet=quiet)


@app.command()
def export(
    timeline: Annotated[Path, typer.Argument(metavar="TIMELINE", help="JSON file that analyze wrote.")],
    *,
    form: Annotated[Format, typer.Option("--format", help="Format of the result.")],
    output: options.Output = "-",
) -> None:
    """Convert a timeline to another format.

    Pictures that the timeline refers to are looked for relative to its file.

    \b
    Examples:
      sceneline export clip.json --format html --output clip.html
      sceneline export clip.json --format vtt > clip.vtt
    """
    from api.cli.exporting import export_timeline

    export_timeline(timeline, form, output)


@app.command()
def score(
    timeline: Annotated[Path, typer.Argument(metavar="TIMELINE", help="JSON file that analyze wrote.")],
    truth: Annotated[
        Path, typer.Argument(metavar="TRUTH", help="File with what is known of the same video.")
    ],
    *,
    output: options.Output = "-",
    form: Annotated[options.PlanFormat, typer.Option("--format", help="Format of the result.")] = "json",
) -> None:
    """Compare a timeline with what is known of its video.

    Needs no model. The truth file is one of ours (such as samples/tour.truth.json), of ActivityNet Captions or of
    QVHighlights. Only what it covers is scored. A measure with nothing to measure is null, never 0.

    \b
    Examples:
      sceneline score tour.json samples/tour.truth.json --format table
      sceneline score v_abc.json val_1.json > v_abc.score.json
    """
    from api.cli.scoring import score as score_one

    score_one(timeline, truth, output, form)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the timeline document."""
    from api.cli.writing import write_out
    from api.documents import json_text, timeline_schema

    write_out(json_text(timeline_schema()))


@app.command()
def doctor(*, model: options.Model = None, base_url: options.BaseUrl = None) -> int:
    """Check that sceneline is installed correctly and works.

    If a remote model is configured, or given here, it is tested too: about ten small requests show it a drawn film
    with known events. What it can do is saved as a profile that later runs use.

    \b
    Examples:
      sceneline doctor
      sceneline doctor --base-url http://localhost:8000/v1 --model qwen3-vl
    """
    from api.cli.diagnosing import diagnose

    return diagnose(model, base_url)


for command in (service.serve, service.worker, service.batch, service.calibration):
    app.command()(command)
app.add_typer(service.keys, name="keys")
