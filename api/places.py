"""Setting a process of the service up: the data folder, database and storage that its settings name."""

import fcntl
import logging
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from api.errors import SetupError
from api.jobs import Place
from api.lending import LoadedModels
from api.outbound import Outbound
from api.records import Deliveries, Executors, JobRecords, KeptLooks, open_database
from api.settings import Settings
from api.storage import open_storage
from api.tracing import Tracing
from api.uploads import abandoned_after, clear_abandoned
from api.webhooks import Webhooks
from api.working import FetchLimits, Workshop

log = logging.getLogger(__name__)

FETCH_SECONDS = 900.0
"""How long a video may take to come in from a URL."""


@contextmanager
def opened(settings: Settings) -> Iterator[Place]:
    """Everything a process of the service stands on, for as long as the context lasts.

    The data folder holds ``sceneline.db`` and ``lock`` (unless a database is given), ``storage/`` (unless a storage
    is given), ``incoming/`` (uploads that are under way, copies of what lies in a bucket) and ``batches/`` (which
    video became which job).

    Raises:
        SetupError: the settings contradict each other, or another process has the data folder.
        DatabaseError, StorageError: what they name cannot be used.
    """
    data = settings.data.absolute()
    incoming = data / "incoming"
    try:
        incoming.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"the data folder {data} cannot be made ({error.strerror}); set SCENELINE_DATA"
        ) from error
    with ExitStack() as stack:
        alone = settings.database_url is None
        stack.enter_context(_alone_with(data, needed=alone))
        # Who is alone receives nothing yet; beside others, what looks left behind may be on its way.
        clear_abandoned(incoming, 0.0 if alone else abandoned_after(settings.job_timeout_seconds))
        database = stack.enter_context(
            closing(open_database(settings.database_url or f"sqlite:///{data / 'sceneline.db'}"))
        )
        records = JobRecords(database)
        tracing = stack.enter_context(closing(Tracing(records, settings.otlp_endpoint)))
        storage = open_storage(settings.storage or (data / "storage").as_uri(), incoming)
        outbound = Outbound(settings.trusted_hosts)
        limits = FetchLimits(settings.max_upload_bytes, FETCH_SECONDS)
        models = stack.enter_context(closing(LoadedModels()))
        workshop = Workshop(records, KeptLooks(database), storage, outbound, incoming, limits, models)
        secret = settings.webhook_secret
        deliveries = Deliveries(database)
        webhooks = Webhooks(
            records, deliveries, outbound, secret.get_secret_value().encode() if secret else None
        )
        yield Place(database, records, Executors(database), storage, workshop, webhooks, tracing, settings)


@contextmanager
def _alone_with(data: Path, *, needed: bool) -> Iterator[None]:
    """Hold the data folder: a SQLite file serves one process of ours, and a second would take over its jobs."""
    if not needed:
        yield
        return
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SetupError(
                f"another sceneline works with {data}; stop it, choose another --data, or share a PostgreSQL "
                "database through SCENELINE_DATABASE_URL"
            ) from error
        yield
