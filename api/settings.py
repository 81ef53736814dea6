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
    """Address of an OpenAI-compatible model server, such as ``http://localhost:8000/v1``; OpenRouter's if only a key
    is given. If this, a key or a model is set, ``--backend auto`` uses the remote model."""
    api_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("SCENELINE_API_KEY", "OPENROUTER_API_KEY")
    )
    """API key for that server. ``OPENROUTER_API_KEY`` works as well."""
    model: str | None = None
    """Name of the model, as the server calls it; ``qwen/qwen3-vl-32b-instruct`` if not given."""
    model_profiles: Path | None = None
    """A TOML file that describes models: limits, pixels per token, prices. If not given, ``profiles.toml`` in
    the folder ``sceneline`` of your configuration (``~/.config`` on Linux), where ``sceneline doctor`` writes it."""
    model_requests_at_once: int = Field(default=8, ge=1)
    """How many requests one run sends to a model server at the same time."""

    # -- what one video may be and may cost; more is refused ---------------------------------------------

    max_picture_pixels: int = Field(default=180_000_000, ge=1)
    """Largest picture, in pixels as displayed."""
    max_video_seconds: float = Field(default=14 * 86_400.0, gt=0)
    """Longest video, by its declared duration."""
    max_video_frames: int = Field(default=20_000_000, ge=1)
    """Most frames decoded in one pass."""
    max_document_pages: int = Field(default=5_000, ge=1)
    """Most pages of one PDF."""
    max_decoded_pixels: int = Field(default=10**14, ge=1)
    """Most pixels decoded in one pass, over all frames; a day of 1080p is 5 × 10¹²."""
    decode_memory_bytes: int = Field(default=3 * GIB, ge=1)
    """Most memory of the process that decodes, on top of what it needs to start."""
    decode_cpu_seconds: int = Field(default=86_400, ge=1)
    """Most processor time of the process that decodes."""
    decode_silent_seconds: float = Field(default=600.0, gt=0)
    """How long the process that decodes may show no sign of life before it is stopped."""

    # -- the service: where things lie -------------------------------------------------------------------

    data: Path = Path("sceneline-data")
    """Folder of the service: its database and storage unless these are elsewhere, and unfinished uploads."""
    database_url: str | None = None
    """Database of the service: ``postgresql://…`` if several machines share it, else a SQLite file in the data
    folder."""
    storage: str | None = None
    """Storage of the service: ``s3://BUCKET/PREFIX`` or ``file:///FOLDER``; if not given, a folder in the data
    folder. S3 takes credentials, region and endpoint from the usual ``AWS_…`` variables."""
    keep_days: float | None = Field(default=None, gt=0)
    """Delete finished jobs, their videos and timelines after this many days; if not given, they are kept."""

    # -- the service: what it accepts --------------------------------------------------------------------

    max_upload_bytes: int = Field(default=4 * GIB, ge=1)
    """Most bytes of one request: all its files together, or what is fetched from a URL."""
    max_pictures: int = Field(default=500, ge=1)
    """Most pictures of one sequence."""
    max_frames: int = Field(default=1024, ge=1)
    """Most keyframes of one request."""
    max_wait_seconds: float = Field(default=60.0, ge=0)
    """Longest time that ``?wait=`` may hold a connection."""
    fetch_urls: Literal["auto", "yes", "no"] = "auto"
    """Whether videos may be given as a URL; ``auto`` allows it while the server listens on loopback only."""

    # -- the service: what each client may use; no limit where not given ----------------------------------

    requests_per_minute_per_key: int | None = Field(default=None, ge=1)
    """Most requests per minute with one API key, counted by each process."""
    requests_at_once_per_key: int | None = Field(default=None, ge=1)
    """Most simultaneous requests with one API key, counted by each process; open event streams count."""
    jobs_at_once_per_tenant: int | None = Field(default=None, ge=1)
    """Most unfinished jobs of one tenant, over all processes."""
    jobs_per_day_per_tenant: int | None = Field(default=None, ge=1)
    """Most timelines and questions of one tenant per day (UTC), over all processes."""
    upload_bytes_per_day_per_tenant: int | None = Field(default=None, ge=1)
    """Most bytes one tenant may upload or have fetched per day (UTC), over all processes."""

    # -- the service: how it works -----------------------------------------------------------------------

    jobs_at_once: int = Field(default=2, ge=0)
    """Jobs this process samples and analyses with local models at the same time; with 0 it only answers requests."""
    remote_jobs_at_once: int = Field(default=16, ge=1)
    """Jobs of this process that may wait for a remote model at the same time."""
    model_calls_at_once: int = Field(default=8, ge=1)
    """Most simultaneous calls of this process to a remote model."""
    model_calls_at_once_per_tenant: int = Field(default=8, ge=1)
    """Most of these calls for one tenant, so that one busy tenant does not keep the others waiting."""
    model_calls_per_minute: int | None = Field(default=None, ge=1)
    """Most calls to a remote model per minute, over all processes; no limit if not given."""
    job_timeout_seconds: float = Field(default=3600.0, gt=0)
    """A job fails if it has not ended this long after work on it began."""
    silent_seconds: float = Field(default=20.0, ge=2)
    """A process that shows no sign of life for this long is considered dead, and others take over its jobs."""
    trusted_hosts: frozenset[str] = frozenset()
    """A JSON list of hosts that are not public, but may still be used in URLs of videos and webhooks."""
    webhook_secret: SecretStr | None = None
    """Secret that signs the messages to webhooks; without it, webhooks are refused."""
    log_format: Literal["text", "json"] = "text"
    """Format of log lines."""
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
