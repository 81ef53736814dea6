"""The service's commands and their help. What they do is imported when they run, as everywhere in the CLI."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from api.cli import options

DataFolder = Annotated[
    Path | None,
    typer.Option(
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
            help="Delete what ended longer ago, with its videos.  [default: $SCENELINE_KEEP_DAYS or never]",
        ),
    ] = None,
) -> int:
    """Run the service: the HTTP API and its web page, working on jobs in the same process.

    Without API keys it answers this machine only; `sceneline keys add` makes the first. Everything else is set
    through SCENELINE_… variables.

    \b
    Examples:
      sceneline serve
      curl -F video=@clip.mp4 "http://127.0.0.1:8000/v1/timelines?wait=60"
    """
    from api.cli.running import run_server, service_settings

    return run_server(host, port, service_settings(data, keep_days=keep_days))


def worker() -> int:
    """Work on the jobs of a service whose database and storage are shared.

    Needs SCENELINE_DATABASE_URL (PostgreSQL); start any number, on any machine.
    """
    from api.cli.running import run_worker

    return run_worker()


def batch(
    corpus: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER|LIST|S3", help="Folder of videos, a file of paths, or s3://BUCKET/PREFIX."
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
            help="Where results go: a JSON line a video, or a table where FILE ends in .parquet; - is standard output.",
        ),
    ] = None,
    data: DataFolder = None,
) -> int:
    """Analyse any number of videos through a durable queue; begun again, it goes on where it was.

    One failing does not stop the rest; the first failure, in the order of the results, gives the exit code.

    Several machines can help: share a database and storage through SCENELINE_DATABASE_URL and SCENELINE_STORAGE,
    and start `sceneline worker` on each.

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
        str | None, typer.Option(metavar="NAME", help="Decisions of one tenant only; all if not given.")
    ] = None,
    data: DataFolder = None,
    output: options.Output = "-",
    form: Annotated[options.PlanFormat, typer.Option("--format", help="Form of the result.")] = "json",
) -> None:
    """Hold people's decisions on moderation against the confidence of models, and suggest bands.

    Reads what a service has recorded, which may be running: for each model, policy and clause precision, recall and F1
    at its bands, how often what was about equally sure was to be blocked, and the expected calibration error.

    \b
    Examples:
      sceneline calibration --format table
    """
    from api.cli.calibrating import report_calibration

    report_calibration(tenant, data, output, form)


@keys.command("add")
def add_key(
    tenant: Annotated[str, typer.Argument(help="Whose key it is; keys of one tenant share their timelines.")],
    *,
    scope: Annotated[
        Literal["read", "write", "admin"],
        typer.Option(
            help="read: look at timelines; write: have videos looked at as well; admin: see /metrics of all "
            "tenants as well."
        ),
    ] = "write",
    data: DataFolder = None,
) -> None:
    """Make a key and print it. It is kept as a hash: nobody can read it again."""
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
    tenant: Annotated[str, typer.Argument(help="Whose keys.")], *, data: DataFolder = None
) -> None:
    """Revoke all keys of a tenant."""
    from api.cli.running import revoke_keys as revoke
    from api.cli.writing import write_out

    write_out(f"{revoke(tenant, data)}\n")
