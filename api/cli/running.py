"""Running the service's processes until they are told to stop."""

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import uvicorn

from api.app import make_app
from api.cli.failing import DONE
from api.errors import RequestError, SetupError
from api.jobs import JobEngine
from api.logs import set_up_logs
from api.places import opened
from api.records import Database, Keyring, Scope, open_database
from api.routes.guarding import LOOPBACK_NAMES
from api.settings import Settings, settings
from api.storage import Storage, open_storage

log = logging.getLogger(__name__)

GRACE_SECONDS = 20
"""How long running work may go on when the process is told to stop; what is left, another takes up."""


def run_server(host: str, port: int, ours: Settings) -> int:
    """Serve until interrupted.

    Raises:
        SetupError: the settings contradict each other, strangers could come in, or somebody else listens there.
    """
    _check_free(host, port)
    loopback_only = host in LOOPBACK_NAMES
    set_up_logs(ours.log_format)
    with opened(ours) as place:
        if not loopback_only and Keyring(place.database).is_empty():
            raise SetupError(
                f"without API keys anyone who reaches {host} could use this server; make one with "
                "`sceneline keys add NAME`, or listen on 127.0.0.1"
            )
        app = make_app(place, loopback_only=loopback_only, grace_seconds=GRACE_SECONDS)
        config = uvicorn.Config(
            app,
            host,
            port,
            log_config=None,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=5,
            timeout_keep_alive=30,
        )
        with _until_told_to_stop():
            uvicorn.Server(config).run()
    _leave()
    return DONE


class _ToldToStopError(Exception):
    """``SIGTERM`` came."""


@contextmanager
def _until_told_to_stop() -> Iterator[None]:
    """Leave the block on ``SIGTERM``, which uvicorn raises once more when it has shut down: we have things to close."""

    def stop(*_: object) -> NoReturn:
        raise _ToldToStopError

    before = signal.signal(signal.SIGTERM, stop)
    try:
        with suppress(_ToldToStopError):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _check_free(host: str, port: int) -> None:
    """Look before anything is set up: uvicorn would only log that the place is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise SetupError(
            f"nothing can listen on {host}, port {port} ({error.strerror}); choose another --host or --port"
        ) from error


def run_worker() -> int:
    """Work until interrupted.

    Raises:
        SetupError: there is no shared database, or this process is set to do no work.
    """
    ours = settings()
    set_up_logs(ours.log_format)
    if ours.database_url is None:
        raise SetupError(
            "a worker shares a database with others; set SCENELINE_DATABASE_URL=postgresql://… "
            "(`sceneline serve` works on its jobs itself)"
        )
    if ours.jobs_at_once == 0:
        raise SetupError("SCENELINE_JOBS_AT_ONCE=0 leaves nothing to do; set it to 1 or more")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with opened(ours) as place:
        engine = JobEngine(place, works=True)
        engine.start()
        log.info("working", extra={"jobs_at_once": ours.jobs_at_once})
        while not stop.wait(1.0):
            pass
        engine.close(GRACE_SECONDS)
    _leave()
    return DONE


def add_key(tenant: str, scope: Scope, data: Path | None) -> str:
    """Make a key of a tenant.

    Raises:
        RequestError: the name cannot be one.
    """
    if not tenant.isprintable() or not 1 <= len(tenant) <= 100:
        raise RequestError("a tenant's name has 1 to 100 printable signs")
    with service_database(service_settings(data)) as database:
        return Keyring(database).create(tenant, scope)


def list_keys(data: Path | None) -> list[str]:
    """A line for each key: when it was made, how its hash begins, what it may do, whose it is.

    Raises:
        RequestError: there is no service data.
    """
    with existing_database(service_settings(data)) as database:
        return [
            f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime(key.created_at))}  {key.sha256[:12]}  {key.scope:5}  "
            f"{key.tenant}"
            for key in Keyring(database).all()
        ]


def revoke_keys(tenant: str, data: Path | None) -> str:
    """Revoke all keys of a tenant; what was done, in words.

    Raises:
        RequestError: there is no service data.
    """
    with existing_database(service_settings(data)) as database:
        keyring = Keyring(database)
        count = keyring.revoke(tenant)
        was_last = count > 0 and keyring.is_empty()
    told = f"revoked {count} key{'' if count == 1 else 's'} of {tenant}"
    if not was_last:
        return told
    return f"{told}; no key is left: a server on 127.0.0.1 now lets in everyone on this machine, any other nobody"


def service_settings(data: Path | None, *, keep_days: float | None = None) -> Settings:
    """The settings, with this data folder and time to keep things if they are given.

    Raises:
        RequestError: nothing would be kept.
    """
    if keep_days is not None and not keep_days > 0:
        raise RequestError(f"--keep-days: give more than 0, not {keep_days:g}")
    given = {"data": data, "keep_days": keep_days}
    return settings().model_copy(update={name: value for name, value in given.items() if value is not None})


def service_storage(ours: Settings) -> Storage:
    """Where the service of these settings keeps its files.

    Raises:
        SetupError: the settings name no storage we know.
    """
    return open_storage(ours.storage or (ours.data.absolute() / "storage").as_uri())


@contextmanager
def existing_database(ours: Settings) -> Iterator[Database]:
    """The database of a service that is there: an empty one made for the occasion would answer a mistyped name.

    Raises:
        RequestError: there is none in the data folder, and no other is set.
        DatabaseError: it cannot be used.
    """
    if ours.database_url is None and not _database_file(ours).exists():
        raise RequestError(
            f"no service data in {ours.data}; name the folder of `sceneline serve` with --data or SCENELINE_DATA"
        )
    with service_database(ours) as database:
        yield database


@contextmanager
def service_database(ours: Settings) -> Iterator[Database]:
    """The database of the service of these settings, made if it is not there; the service may be running.

    Raises:
        DatabaseError: it cannot be used.
    """
    if ours.database_url is None:
        ours.data.mkdir(parents=True, exist_ok=True)
    database = open_database(ours.database_url or f"sqlite:///{_database_file(ours)}")
    try:
        yield database
    finally:
        database.close()


def _database_file(ours: Settings) -> Path:
    return ours.data.absolute() / "sceneline.db"


def _leave() -> None:
    """End at once: threads that still work on a job would hold the process; others have been told of it."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(DONE)
