"""The options commands share. Imports nothing heavy: ``--help`` has to answer at once."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from api.exports import Format


def _place(given: str) -> str:
    """A place to write to; an empty name is a mistake, hardly meant for the folder one is in."""
    if not given:
        raise typer.BadParameter("an empty name is no place; leave the option out, or give . for this folder")
    return given


def folder(given: str) -> Path:
    """A folder to write to; see ``_place``."""
    return Path(_place(given))


BackendChoice = Literal["auto", "local", "openai"]
ShotsFormat = Literal["json", "csv", "table", "edl", "otio"]
PlanFormat = Literal["json", "table"]

Videos = Annotated[
    list[Path],
    typer.Argument(
        metavar="VIDEO", help="Video, animation, picture or PDF; several are analysed one after another."
    ),
]
Video = Annotated[Path, typer.Argument(metavar="VIDEO", help="Video, animation, picture or PDF.")]
Tasks = Annotated[
    list[str] | None,
    typer.Option(
        "--task",
        metavar="TASK",
        help="What to find: events, tags, text, objects, moderation, describe; with a remote model also ask, "
        "documents, custom. Repeat the option, or separate several by commas.  [default: events]",
    ),
]
Frames = Annotated[int, typer.Option(help="How many keyframes to look at, at most.")]
Start = Annotated[
    str | None, typer.Option(metavar="TIME", help="Where to begin: seconds, MM:SS or HH:MM:SS.mmm.")
]
End = Annotated[str | None, typer.Option(metavar="TIME", help="Where to stop.")]
Sampling = Annotated[
    str,
    typer.Option(
        metavar="MODE",
        help="How to choose keyframes: auto, exact (check every frame), fast (skim, and check closely where something "
        "may have changed), uniform (evenly spaced), or interval=SECONDS.",
    ),
]
Interval = Annotated[
    str | None,
    typer.Option(
        metavar="SECONDS",
        help="Treat the given pictures as one sequence, in this order; each is shown this long.",
    ),
]
TaxonomyFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Tags to choose from: one per line, or a JSON list."),
]
Backend = Annotated[
    BackendChoice,
    typer.Option(
        help="Which models to use; auto takes the remote one if it is configured, else the local ones."
    ),
]
Model = Annotated[
    str | None, typer.Option(metavar="NAME", help="Name of the remote model, as its server calls it.")
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="Address of an OpenAI-compatible model server, such as http://localhost:8000/v1."
    ),
]
Ask = Annotated[
    str | None, typer.Option(metavar="QUESTION", help="A question about the video; needs a remote model.")
]
Instructions = Annotated[
    str | None,
    typer.Option(metavar="TEXT|@FILE", help="Instructions added to every request to the remote model."),
]
SchemaFile = Annotated[
    Path | None,
    typer.Option(
        "--schema", metavar="FILE", help="JSON Schema that the answer to the task custom has to follow."
    ),
]
PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", metavar="FILE", help="Moderation policy: name, version and clauses, as JSON."),
]
ExamplesFile = Annotated[
    Path | None,
    typer.Option(
        "--examples",
        metavar="FILE",
        help="Examples of good answers: a JSON list of objects with given and answer.",
    ),
]
SegmentsFile = Annotated[
    Path | None,
    typer.Option(
        "--segments", metavar="FILE", help="Your own kinds of events, with typed fields, as a JSON list."
    ),
]
ContextChoice = Annotated[
    Literal["parallel", "rolling"],
    typer.Option(
        help="Send all batches at once, or one after another, each with a summary of what came before."
    ),
]
Local = Annotated[
    list[str] | None,
    typer.Option(
        "--local",
        metavar="TASK",
        help="Tasks to leave to the local models although a remote one is used: objects, text, moderation.",
    ),
]
Hints = Annotated[
    list[str] | None,
    typer.Option(
        "--hints",
        metavar="KIND",
        help="Tell the remote model what the local models found on each keyframe: text, objects.",
    ),
]
MaxCost = Annotated[
    float | None, typer.Option(metavar="USD", help="Stop before the remote model costs more than this.")
]
MaxRequests = Annotated[
    int | None,
    typer.Option(metavar="N", help="Stop before more requests than this are sent to the remote model."),
]
Record = Annotated[
    Path | None,
    typer.Option(
        parser=folder,
        metavar="DIR",
        help="Save every exchange with the remote model there; what is already saved is not asked again.",
    ),
]
Replay = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Take the answers from exchanges saved there; nothing is sent."),
]
Output = Annotated[
    str,
    typer.Option(
        parser=_place,
        metavar="FILE",
        help="Where to write; - is standard output. In a folder, each video gets its own file.",
    ),
]
_BY_ENDING = "Format of the result.  [default: by the ending of --output, else json]"
OutputFormat = Annotated[Format | None, typer.Option("--format", help=_BY_ENDING)]
ShotsOutputFormat = Annotated[ShotsFormat | None, typer.Option("--format", help=_BY_ENDING)]
FramesDir = Annotated[
    Path | None,
    typer.Option(parser=folder, metavar="FOLDER", help="Also save the keyframes there, as JPEG pictures."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress and no warnings.")]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Only show the plan: which keyframes would be looked at, and at what cost."
    ),
]


def task_names(given: list[str] | None) -> list[str] | None:
    """The tasks of ``--task``, which may be repeated and may separate several by commas."""
    return [name.strip() for names in given for name in names.split(",")] if given else None
