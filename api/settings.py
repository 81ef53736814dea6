"""Everything the environment may say, read once and frozen. No other module reads the environment."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError
from typer import get_app_dir

from api.errors import SetupError

GIB = 1024**3


class Settings(BaseSettings):
    """Set through variables named ``SCENELINE_`` + the field's name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix="SCENELINE_", env_ignore_empty=True, frozen=True, use_attribute_docstrings=True
    )

    debug: bool = False
    """Show the traceback of an unexpected error."""

    # -- the model to ask, where there is one ----------------------------------------------------------------

    base_url: str | None = None
    """Address of an OpenAI-compatible model server, such as ``http://localhost:8000/v1``; OpenRouter's where only
    a key is given. Setting this, a key or a model makes ``openai`` the backend of choice."""
    api_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("SCENELINE_API_KEY", "OPENROUTER_API_KEY")
    )
    """Key of that server. ``OPENROUTER_API_KEY`` is read as well."""
    model: str | None = None
    """The model to ask there, as the server names it; ``qwen/qwen3-vl-32b-instruct`` if not given."""
    model_profiles: Path | None = None
    """A TOML file with what you know of models: limits, pixels a token, prices. If not given, ``profiles.toml`` in
    the folder ``sceneline`` of your configuration (``~/.config`` on Linux), where ``sceneline doctor`` writes it."""
    model_requests_at_once: int = Field(default=8, ge=1)
    """Requests a run has under way at the same time."""

    # -- what one video may be and may cost; more is refused ---------------------------------------------

    max_picture_pixels: int = Field(default=180_000_000, ge=1)
    """Pixels of one picture, as displayed."""
    max_video_seconds: float = Field(default=14 * 86_400.0, gt=0)
    """Declared duration."""
    max_video_frames: int = Field(default=20_000_000, ge=1)
    """Frames decoded in one pass."""
    max_document_pages: int = Field(default=5_000, ge=1)
    """Pages of one PDF."""
    max_decoded_pixels: int = Field(default=10**14, ge=1)
    """Pixels of all frames decoded in one pass; a day of 1080p is 5 × 10¹²."""
    decode_memory_bytes: int = Field(default=3 * GIB, ge=1)
    """Memory of the process that decodes, on top of what it needs to start."""
    decode_cpu_seconds: int = Field(default=86_400, ge=1)
    """Processor time of the process that decodes."""
    decode_silent_seconds: float = Field(default=600.0, gt=0)
    """Wall time the process that decodes may go without a sign of life."""

    # -- the service: where things lie -------------------------------------------------------------------

    data: Path = Path("sceneline-data")
    """Folder of the service: its database and storage unless these are elsewhere, and unfinished uploads."""
    database_url: str | None = None
    """Database of the service, ``postgresql://…`` where several machines share it; a SQLite file in ``data``
    if not given."""
    storage: str | None = None
    """Storage of the service, ``s3://BUCKET/PREFIX`` or ``file:///FOLDER``; a folder in ``data`` if not
    given. S3 takes credentials, region and endpoint from the usual ``AWS_…`` variables."""
    keep_days: float | None = Field(default=None, gt=0)
    """Delete finished jobs, their videos and timelines after so many days; kept for ever if not given."""

    # -- the service: what it accepts --------------------------------------------------------------------

    max_upload_bytes: int = Field(default=4 * GIB, ge=1)
    """Bytes of one request at most: all its files together, or what is fetched from a URL."""
    max_pictures: int = Field(default=500, ge=1)
    """Pictures of one sequence at most."""
    max_frames: int = Field(default=1024, ge=1)
    """Keyframes of one request at most."""
    max_wait_seconds: float = Field(default=60.0, ge=0)
    """How long ``?wait=`` may hold a connection."""
    fetch_urls: Literal["auto", "yes", "no"] = "auto"
    """Whether videos may be given as a URL; ``auto`` allows it while the server listens on loopback only."""

    # -- the service: what each client may use; no limit where not given ----------------------------------

    requests_per_minute_per_key: int | None = Field(default=None, ge=1)
    """Requests one API key may make in any minute, of each process."""
    requests_at_once_per_key: int | None = Field(default=None, ge=1)
    """Requests one API key may have under way at the same time, of each process; followed event streams count."""
    jobs_at_once_per_tenant: int | None = Field(default=None, ge=1)
    """Jobs of one tenant that have not ended, over all processes."""
    jobs_per_day_per_tenant: int | None = Field(default=None, ge=1)
    """Timelines and questions of one tenant in a day of UTC, over all processes."""
    upload_bytes_per_day_per_tenant: int | None = Field(default=None, ge=1)
    """Bytes one tenant may bring in a day of UTC, uploaded or fetched, over all processes."""

    # -- the service: how it works -----------------------------------------------------------------------

    jobs_at_once: int = Field(default=2, ge=0)
    """Jobs this process samples and looks at with local models at the same time; 0 only answers requests."""
    remote_jobs_at_once: int = Field(default=16, ge=1)
    """Jobs of this process that wait for a remote model at the same time."""
    model_calls_at_once: int = Field(default=8, ge=1)
    """Calls to a remote model this process makes at the same time."""
    model_calls_at_once_per_tenant: int = Field(default=8, ge=1)
    """Of these, calls for the jobs of one API key at most: so nobody waits for one busy neighbour."""
    model_calls_per_minute: int | None = Field(default=None, ge=1)
    """Calls to a remote model in a minute, over all processes; no limit if not given."""
    job_timeout_seconds: float = Field(default=3600.0, gt=0)
    """A job that has not ended so long after work on it began fails."""
    silent_seconds: float = Field(default=20.0, ge=2)
    """A process that has said nothing for so long is taken for dead: others go on with its jobs."""
    trusted_hosts: frozenset[str] = frozenset()
    """A JSON list of hosts that may be fetched from and told of finished jobs though they are not public."""
    webhook_secret: SecretStr | None = None
    """Signs the messages sent to webhooks; webhooks are refused if not given."""
    log_format: Literal["text", "json"] = "text"
    """How log lines are written."""
    otlp_endpoint: str | None = Field(
        default=None,
        validation_alias=AliasChoices("SCENELINE_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    )
    """Base address of an OpenTelemetry collector that takes OTLP over HTTP, such as ``http://localhost:4318``: traces
    go there. ``OTEL_EXPORTER_OTLP_ENDPOINT`` is read as well, and the other standard ``OTEL_…`` variables (headers,
    sampling, resource) hold. Needs ``pip install 'sceneline[telemetry]'``; no traces if not given."""

    def profiles_place(self) -> Path:
        """Where the user's own model profiles are, or would be."""
        return self.model_profiles or Path(get_app_dir("sceneline")) / "profiles.toml"


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read on the first call.

    Raises:
        SetupError: a variable holds what it cannot; what that is may be a secret, and is not told.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _wrong(str(first["loc"][0]), first["msg"]) from error
    except SettingsError as error:  # what should be JSON
        field = re.search(r'field "(\w+)"', str(error))
        raise _wrong(field[1] if field else "environment", "Input should be JSON") from error


def _wrong(name: str, why: str) -> SetupError:
    variable = f"SCENELINE_{name.upper()}" if name in Settings.model_fields else name
    return SetupError(f"{variable}: {why}; correct or unset this variable")
