"""The options commands share. Imports nothing heavy: ``--help`` has to answer at once."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from api.exports import Format

BackendChoice = Literal["auto", "local", "openai"]
ShotsFormat = Literal["json", "csv", "table", "edl", "otio"]
PlanFormat = Literal["json", "table"]

Videos = Annotated[
    list[Path],
    typer.Argument(metavar="VIDEO", help="Video, animation, picture or PDF; several are done in turn."),
]
Video = Annotated[Path, typer.Argument(metavar="VIDEO", help="Video, animation, picture or PDF.")]
Tasks = Annotated[
    list[str] | None,
    typer.Option(
        "--task",
        metavar="TASK",
        help="What to return: events, tags, text, objects, moderation, describe, and with a remote model ask, "
        "documents, custom. Repeat it or separate by commas.  [default: events]",
    ),
]
Frames = Annotated[int, typer.Option(help="Keyframes to look at, at most.")]
Start = Annotated[
    str | None, typer.Option(metavar="TIME", help="Where to begin: seconds, MM:SS or HH:MM:SS.mmm.")
]
End = Annotated[str | None, typer.Option(metavar="TIME", help="Where to stop.")]
Sampling = Annotated[
    str,
    typer.Option(
        metavar="MODE",
        help="How to look: auto, exact (at every frame), fast (closely only where something may have changed), "
        "uniform (evenly), or interval=SECONDS.",
    ),
]
Interval = Annotated[
    str | None,
    typer.Option(
        metavar="SECONDS",
        help="Take the pictures given as one sequence, in that order, each shown this long.",
    ),
]
TaxonomyFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Tags to choose from: one a line, or a JSON list."),
]
Backend = Annotated[
    BackendChoice, typer.Option(help="Which models to ask; auto takes the best one that is configured.")
]
Model = Annotated[
    str | None, typer.Option(metavar="NAME", help="The remote model to ask, as its server names it.")
]
BaseUrl = Annotated[
    str | None,
    typer.Option(metavar="URL", help="An OpenAI-compatible model server, such as http://localhost:8000/v1."),
]
Ask = Annotated[
    str | None, typer.Option(metavar="QUESTION", help="A question about the video, for a remote model.")
]
Instructions = Annotated[
    str | None,
    typer.Option(metavar="TEXT|@FILE", help="Wishes added to every question to a remote model."),
]
SchemaFile = Annotated[
    Path | None,
    typer.Option("--schema", metavar="FILE", help="JSON Schema of the answer to the task custom."),
]
PolicyFile = Annotated[
    Path | None,
    typer.Option(
        "--policy", metavar="FILE", help="What moderation goes by: name, version and clauses as JSON."
    ),
]
ExamplesFile = Annotated[
    Path | None,
    typer.Option(
        "--examples", metavar="FILE", help="Examples of good answers: JSON list of given and answer."
    ),
]
SegmentsFile = Annotated[
    Path | None,
    typer.Option("--segments", metavar="FILE", help="Tracks of your own, with typed fields, as a JSON list."),
]
ContextChoice = Annotated[
    Literal["parallel", "rolling"],
    typer.Option(help="Ask about all batches at once, or one after another with what came before."),
]
Local = Annotated[
    list[str] | None,
    typer.Option(
        "--local",
        metavar="TASK",
        help="Of the tasks those that local models serve beside a remote one: objects, text, moderation.",
    ),
]
Hints = Annotated[
    list[str] | None,
    typer.Option(
        "--hints",
        metavar="KIND",
        help="Tell a remote model what local models find on each keyframe: text, objects.",
    ),
]
MaxCost = Annotated[
    float | None, typer.Option(metavar="USD", help="Stop before a remote model costs more than this.")
]
MaxRequests = Annotated[
    int | None, typer.Option(metavar="N", help="Stop before a remote model is asked more often than this.")
]
Record = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Keep every exchange with a remote model there; what is there already is not asked again.",
    ),
]
Replay = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Answer from exchanges kept there; nothing is sent.")
]
Output = Annotated[
    str,
    typer.Option(
        metavar="FILE", help="Where to write; - is standard output. A folder gets one file a video."
    ),
]
_BY_ENDING = "Form of the result.  [default: by the ending of --output, else json]"
OutputFormat = Annotated[Format | None, typer.Option("--format", help=_BY_ENDING)]
ShotsOutputFormat = Annotated[ShotsFormat | None, typer.Option("--format", help=_BY_ENDING)]
FramesDir = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Also write the keyframes there, as JPEG pictures.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no warnings on standard error.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only show the plan: which frames would be looked at, at what cost.")
]


def task_names(given: list[str] | None) -> list[str] | None:
    """The tasks of ``--task``, which may be repeated and may separate several by commas."""
    return [name.strip() for names in given for name in names.split(",")] if given else None
