"""The options commands share. Imports nothing heavy: ``--help`` has to answer at once."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from api.exports import Format

BackendChoice = Literal["auto", "local"]
ShotsFormat = Literal["json", "csv", "table", "edl", "otio"]
PlanFormat = Literal["json", "table"]

Videos = Annotated[
    list[Path], typer.Argument(metavar="VIDEO", help="Video, animation or picture; several are done in turn.")
]
Video = Annotated[Path, typer.Argument(metavar="VIDEO", help="Video, animation or picture.")]
Tasks = Annotated[
    list[str] | None,
    typer.Option(
        "--task",
        metavar="TASK",
        help="What to return: events, tags, text, objects, moderation, describe. Repeat it or separate by "
        "commas.  [default: events]",
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
        help="How to look: auto, exact (at every frame), uniform (evenly), or interval=SECONDS.",
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
Output = Annotated[
    str,
    typer.Option(
        metavar="FILE", help="Where to write; - is standard output. A folder gets one file a video."
    ),
]
OutputFormat = Annotated[
    Format | None,
    typer.Option("--format", help="Form of the result.  [default: by the ending of --output, else json]"),
]
FramesDir = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Also write the keyframes there, as JPEG pictures.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no warnings on standard error.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only show the plan: which frames would be looked at, at what cost.")
]
