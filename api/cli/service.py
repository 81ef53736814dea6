"""The service's commands and their help. What they do is imported when they run, as everywhere in the CLI."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from api.cli import options

DataFolder = Annotated[
    Path | None,
    typer.Option(
        parser=options.folder,
        metavar="FOLDER",
        help="Folder for the database, videos and timelines.  [default: $SCENELINE_DATA or sceneline-data]",
    ),
]

keys = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Make, list and revoke the service's API keys."
)


def serve(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8000,
    data: DataFolder = None,
    keep_days: Annotated[
        float | None,
        typer.Option(
            metavar="DAYS",
            help="Delete jobs that ended longer ago, with their videos.  [default: $SCENELINE_KEEP_DAYS or never]",
        ),
    ] = None,
) -> int:
    """Run the service: an HTTP API and a web page.

    It also works on the jobs it accepts. Without API keys it can be reached from this machine only; create a key
    with `sceneline keys add`. All other settings are SCENELINE_… environment variables.

    \b
    Examples:
      sceneline serve
      curl -F video=@clip.mp4 "http://127.0.0.1:8000/v1/timelines?wait=60"
    """
    from api.cli.running import run_server, service_settings

    return run_server(host, port, service_settings(data, keep_days=keep_days))


def worker() -> int:
    """Work on the jobs of a service that runs elsewhere.

    Needs the database and storage of that service: SCENELINE_DATABASE_URL (PostgreSQL) and SCENELINE_STORAGE.
    Start as many workers as you like, on any machine.
    """
    from api.cli.running import run_worker

    return run_worker()


def batch(
    corpus: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER|LIST|S3",
            help="Folder of videos, a file with one path per line, or s3://BUCKET/PREFIX.",
        ),
    ],
    *,
    task: options.Tasks = None,
    frames: options.Frames = 32,
    sampling: options.Sampling = "auto",
    backend: options.Backend = "auto",
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where to write the results: one JSON line per video, or a table if FILE ends in .parquet; "
            "- is standard output.",
        ),
    ] = None,
    data: DataFolder = None,
) -> int:
    """Analyse many videos; started again, it continues.

    A video that fails does not stop the others; the first failure, in the order of the results, sets the exit code.

    Several machines can share the work: set SCENELINE_DATABASE_URL and SCENELINE_STORAGE to the same database and
    storage, and run `sceneline worker` on each.

    \b
    Examples:
      sceneline batch footage/ --task events,text --output footage.jsonl
      sceneline batch s3://bucket/footage --output footage.parquet
    """
    from api.cli.batch import Batch, run_batch
    from api.schemas import timeline_request
    from api.settings import settings

    request = timeline_request(
        tasks=[name.strip() for names in task for name in names.split(",")] if task else None,
        frames=frames,
        sampling=sampling,
        backend=backend,
    )
    ours = settings() if data is None else settings().model_copy(update={"data": data})
    return run_batch(Batch(corpus, request, None if output == Path("-") else output, ours))


def calibration(
    *,
    tenant: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only decisions of this tenant; all if not given.")
    ] = None,
    data: DataFolder = None,
    output: options.Output = "-",
    form: Annotated[options.PlanFormat, typer.Option("--format", help="Format of the result.")] = "json",
) -> None:
    """Compare moderation's confidence with people's decisions.

    Reads the decisions a service has recorded (it may be running). For each model, policy and clause it reports
    precision, recall and F1 at the policy's bands, how often people blocked at each level of confidence, the expected
    calibration error, and suggested bands.

    \b
    Examples:
      sceneline calibration --format table
    """
    from api.cli.calibrating import report_calibration

    report_calibration(tenant, data, output, form)


@keys.command("add")
def add_key(
    tenant: Annotated[
        str, typer.Argument(help="Who the key is for; keys of one tenant share their timelines.")
    ],
    *,
    scope: Annotated[
        Literal["read", "write", "admin"],
        typer.Option(
            help="read: see timelines; write: also submit videos and change things; admin: also see /metrics of all "
            "tenants."
        ),
    ] = "write",
    data: DataFolder = None,
) -> None:
    """Make a key and print it. Only a hash of it is stored, so it cannot be shown again."""
    from api.cli.running import add_key as add
    from api.cli.writing import write_out

    write_out(f"{add(tenant, scope, data)}\n")


@keys.command("list")
def list_keys(*, data: DataFolder = None) -> None:
    """List who has keys."""
    from api.cli.running import list_keys as lines
    from api.cli.writing import write_out

    write_out("".join(f"{line}\n" for line in lines(data)))


@keys.command("revoke")
def revoke_keys(
    tenant: Annotated[str, typer.Argument(help="Whose keys to revoke.")], *, data: DataFolder = None
) -> None:
    """Revoke all keys of a tenant."""
    from api.cli.running import revoke_keys as revoke
    from api.cli.writing import write_out

    write_out(f"{revoke(tenant, data)}\n")
