"""Work that ends without a word, since the database was away when it would have been said."""

import sys
import threading
import time
from pathlib import Path

import pytest

from api.errors import DatabaseError
from api.jobs import JobEngine
from api.places import opened
from api.settings import Settings
from tests.service.conftest import moving_square, running


def test_a_job_whose_work_broke_off_is_begun_anew_and_at_last_ended(tmp_path: Path) -> None:
    """The database goes away between two steps, again and again: nobody is left who would end the job, but it ends."""
    with running(tmp_path, silent_seconds=2) as service:
        real, failing = service.place.records.look_up, {"left": 2}

        def look_up(job_id: str) -> object:
            if threading.current_thread() is not threading.main_thread() and failing["left"] > 0:
                called_by = sys._getframe(2).f_code.co_name
                if called_by == "_sample":
                    failing["left"] -= 1
                    raise DatabaseError("the database failed (it is gone)")
            return real(job_id)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(service.place.records), "look_up", lambda self, job_id: look_up(job_id))
            job = service.ended(service.post(moving_square(seed=901)).json()["id"], 60)
            assert job["status"] == "complete", job["error"]
            failing["left"] = 100
            job = service.ended(service.post(moving_square(seed=902)).json()["id"], 90)
            assert job["error"]["code"] == "database_failed"
            assert failing["left"] < 100


@pytest.mark.parametrize("hangs", [False, True])
def test_a_process_ends_also_while_the_database_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, hangs: bool
) -> None:
    monkeypatch.setattr("api.jobs.engine.FAREWELL_SECONDS", 0.1 if hangs else 20.0)
    back = threading.Event()

    def leave(*_: object) -> None:
        if hangs:
            back.wait(20)
        else:
            raise DatabaseError("the database failed (it is gone)")

    with opened(Settings(data=tmp_path)) as place:
        monkeypatch.setattr(type(place.executors), "leave", leave)
        engine = JobEngine(place, works=True)
        engine.start()
        began = time.monotonic()
        engine.close()
        assert time.monotonic() - began < 15
        assert [each.message for each in caplog.records if each.levelname == "WARNING"] == [
            "left without a word"
        ]
        back.set()
        for thread in threading.enumerate():
            if thread.name == "leaving":
                thread.join()
