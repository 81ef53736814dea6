"""Files in a folder and in a real S3 server behave alike."""

import os
import pickle
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.errors import NotStoredError, SetupError, StorageError
from api.problems import problem_of
from api.storage import Storage, open_storage
from tests.hosting import Handler, hosting
from tests.service.buckets import s3


@pytest.fixture(params=["file", "s3"])
def storage(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Storage]:
    if request.param == "file":
        yield open_storage((tmp_path / "a b").as_uri())
        return
    with s3() as bucket:
        for name, value in bucket.env.items():
            monkeypatch.setenv(name, value)
        yield open_storage("s3://bucket/some/prefix", tmp_path)


def test_what_is_put_is_got(storage: Storage) -> None:
    storage.check()
    storage.put("jobs/1/a.json", b"first")
    storage.put("jobs/1/a.json", b"second")
    assert storage.get("jobs/1/a.json") == b"second"
    assert storage.size("jobs/1/a.json") == 6
    assert b"".join(storage.read("jobs/1/a.json", 1, 4)) == b"eco"
    with storage.local("jobs/1/a.json") as path:
        assert path.read_bytes() == b"second"


def test_a_local_file_is_called_as_it_is_stored_and_does_not_stay(storage: Storage, tmp_path: Path) -> None:
    """Messages name files; whoever reads them is told what their owner calls a file that is stored so."""
    storage.put("jobs/1/sources/s256", b"x")
    with storage.local("jobs/1/sources/s256") as path:
        assert path.name == "s256"
        assert path.is_relative_to(tmp_path)
    assert list(tmp_path.glob("copy-*")) == []


def test_what_an_object_store_says_is_for_the_operator_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its refusals name the host, the bucket and the key of whoever asks."""

    class Refusing(Handler):
        def respond(self) -> None:
            self.answer(
                403, b"<Error><Code>AccessDenied</Code><AWSAccessKeyId>AKIA77</AWSAccessKeyId></Error>"
            )

    with hosting(Refusing) as base:
        env = {"ENDPOINT": base, "ALLOW_HTTP": "true", "ACCESS_KEY_ID": "AKIA77", "SECRET_ACCESS_KEY": "s"}
        for name, value in env.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        with pytest.raises(StorageError, match="AKIA77") as refused:
            open_storage("s3://bucket", tmp_path).put("a", b"x")
    problem = problem_of(refused.value)
    assert problem is not None
    assert problem.message == "cannot store a; see that the object store answers"
    again = pickle.loads(pickle.dumps(refused.value))
    assert (str(again), again.for_clients) == (str(refused.value), refused.value.for_clients)


def test_an_object_store_that_fails_is_asked_again_for_so_long_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = []

    class Failing(Handler):
        def respond(self) -> None:
            self.body()
            asked.append(1)
            self.answer(500)

    monkeypatch.setattr("api.storage._ASKED_AGAIN", timedelta(0))
    with hosting(Failing) as base:
        env = {"ENDPOINT": base, "ALLOW_HTTP": "true", "ACCESS_KEY_ID": "k", "SECRET_ACCESS_KEY": "s"}
        for name, value in env.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        with pytest.raises(StorageError, match="see that the object store answers"):
            open_storage("s3://bucket", tmp_path).put("a", b"x")
    assert len(asked) == 1


def test_a_copy_there_is_no_room_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(_storage: object, _key: str, _start: int, _stop: int) -> Iterator[bytes]:
        yield b"x"
        raise OSError(28, "No space left on device")

    with s3() as bucket:
        for name, value in bucket.env.items():
            monkeypatch.setenv(name, value)
        storage = open_storage("s3://bucket", tmp_path)
        storage.put("a", b"xy")
        monkeypatch.setattr(type(storage), "read", full)
        with pytest.raises(StorageError, match="disk has room"), storage.local("a"):
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_taken_file_is_moved(storage: Storage, tmp_path: Path) -> None:
    upload = tmp_path / "upload"
    upload.write_bytes(b"x" * 6_000_000)
    storage.take("jobs/1/sources/s", upload)
    assert not upload.exists()
    assert storage.size("jobs/1/sources/s") == 6_000_000
    assert sum(len(piece) for piece in storage.read("jobs/1/sources/s", 0, 6_000_000)) == 6_000_000
    upload.write_bytes(b"again")
    storage.take("jobs/1/sources/s", upload)
    assert not upload.exists()
    assert storage.size("jobs/1/sources/s") == 6_000_000


def test_a_folder_somebody_writes_into_can_be_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in the very moment when it has been emptied."""
    storage, real, late = open_storage(tmp_path.as_uri()), os.rmdir, iter(("late",))
    storage.put("jobs/1/pictures/early", b"x")

    def rmdir(*values: Any, **options: Any) -> None:
        for name in late:
            storage.put(f"jobs/1/pictures/{name}", b"x")
        real(*values, **options)

    monkeypatch.setattr(os, "rmdir", rmdir)
    storage.delete("jobs/1")
    with pytest.raises(NotStoredError):
        storage.get("jobs/1/pictures/early")
    storage.delete("jobs/1")
    assert list(tmp_path.glob("jobs/*")) == []


def test_a_folder_many_write_into_can_be_deleted(tmp_path: Path) -> None:
    storage, stop = open_storage(tmp_path.as_uri()), threading.Event()

    def write() -> None:
        while not stop.is_set():
            for number in range(40):
                with suppress(StorageError):  # the folder went away under it; the engine tries that again
                    storage.put(f"jobs/1/pictures/{number}", b"x")

    with ThreadPoolExecutor(2) as pool:
        writing = [pool.submit(write) for _ in range(2)]
        try:
            for _ in range(150):
                storage.delete("jobs/1")
        finally:
            stop.set()
        for each in writing:
            each.result()
    storage.delete("jobs/1")
    assert list(tmp_path.glob("jobs/*")) == []


def test_what_is_deleted_is_gone(storage: Storage) -> None:
    for key in ("jobs/1/a", "jobs/1/b/c", "jobs/12/a"):
        storage.put(key, b"x")
    storage.delete("jobs/1")
    storage.delete("jobs/never")
    for key in ("jobs/1/a", "jobs/1/b/c"):
        with pytest.raises(NotStoredError):
            storage.get(key)
    assert storage.get("jobs/12/a") == b"x"
    with pytest.raises(NotStoredError):
        storage.size("jobs/1/a")
    with pytest.raises(NotStoredError), storage.local("jobs/1/a"):
        pass


@pytest.mark.parametrize(
    "key", ["../x", "/etc/passwd", "a/../b", "a//b", "", "a/", ".hidden", "a\\b", "a\x00"]
)
def test_no_key_leads_outside(storage: Storage, key: str) -> None:
    with pytest.raises(ValueError, match="not a storage key"):
        storage.put(key, b"x")


def test_a_broken_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = open_storage(tmp_path.as_uri())
    storage.put("a", b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        storage.put("a", b"new")
    assert storage.get("a") == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_storage_of_an_unknown_kind() -> None:
    with pytest.raises(SetupError, match="SCENELINE_STORAGE"):
        open_storage("gopher://x")
