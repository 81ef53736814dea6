"""Log lines: one form for all, whoever speaks."""

import asyncio
import json
import logging
import time
from pathlib import Path

import pytest
from dbos import error as dbos_errors

from api.errors import DatabaseError
from api.jobs.speaking import Seldom
from api.logs import JsonLines, TextLines, set_up_logs
from tests.service.conftest import running


def _of_engine(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "dbos"]


def test_a_job_that_is_deleted_while_it_runs_is_no_fault_to_the_job_engine(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(tmp_path) as service:
        service.model.open.clear()
        links = service.post(frames=2).json()["links"]
        while service.http.get(links["self"]).json()["status"] != "analyzing":
            time.sleep(0.02)
        assert service.http.delete(links["self"]).status_code == 204
        service.model.open.set()
    # Closing the service has waited for the workflow to end.
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert capsys.readouterr().err == ""


def test_a_workflow_that_finds_itself_gone_is_not_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running(tmp_path):
        gone = dbos_errors.DBOSNonExistentWorkflowError("target", "a job's")
        logging.getLogger("dbos").error("Exception encountered in background workflow:", exc_info=gone)
    assert [each for each in _of_engine(caplog) if each.exc_info] == []


def test_a_request_that_is_cut_off_as_the_server_ends_is_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    handlers, level = logging.root.handlers[:], logging.root.level
    try:
        set_up_logs("json")
        server = logging.getLogger("uvicorn.error")
        server.error("Exception in ASGI application", exc_info=asyncio.CancelledError("timeout"))
        server.error("Exception in ASGI application", exc_info=ZeroDivisionError("oops"))
    finally:
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
    (line,) = capsys.readouterr().err.splitlines()
    assert "ZeroDivisionError" in json.loads(line)["traceback"]


def test_a_database_that_is_away_is_told_once_a_minute(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each of the engine's queues looks for it ten times a second; what else happens meanwhile is told."""
    now, engine = iter((0.0, 0.1, 0.2, 0.3, 59.0, 61.0, 61.1)), logging.getLogger("dbos")
    with running(tmp_path):
        (seldom,) = (each for each in engine.filters if isinstance(each, Seldom))
        seldom._clock = lambda: next(now)
        for number in range(3):
            engine.warning(f"Exception in queue thread for q{number}: port 543{number} is closed")
        engine.warning("Exception in queue thread for q1: something else")
        for _ in range(3):
            engine.warning("Exception reloading queue q1: port 5432 is closed")
        engine.error("Exception in workflow a: port 5432 is closed")
        engine.error("Exception in workflow b: port 5432 is closed")
    told = [TextLines().format(each).split("q", 1)[-1] for each in _of_engine(caplog)]
    assert [line.split(": ")[-1] for line in told] == [
        "port 5430 is closed",
        "something else",
        "port 5432 is closed repeated=3",
        "port 5432 is closed",
        "port 5432 is closed",
    ]


def test_housekeeping_that_fails_is_told_once_and_when_it_does_no_longer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    failures = iter([DatabaseError("it is away")] * 3)

    def clear_abandoned(*_: object) -> frozenset[tuple[str, float]]:
        for failure in failures:
            raise failure
        return frozenset()

    with running(tmp_path, silent_seconds=2):
        monkeypatch.setattr("api.jobs.keeping.clear_abandoned", clear_abandoned)
        until = time.monotonic() + 20
        while "housekeeping succeeded again" not in caplog.messages:
            assert time.monotonic() < until
            time.sleep(0.05)
    said = [each for each in caplog.messages if each.startswith("housekeeping")]
    assert said == ["housekeeping failed", "housekeeping succeeded again"]


def test_what_else_goes_wrong_in_a_workflow_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running(tmp_path):
        logging.getLogger("dbos").error(
            "Exception encountered in background workflow:", exc_info=ZeroDivisionError("oops")
        )
    (record,) = (each for each in _of_engine(caplog) if each.exc_info)
    line = json.loads(JsonLines().format(record))
    assert (line["logger"], line["level"]) == ("dbos", "error")
    assert "ZeroDivisionError: oops" in line["traceback"]
    assert line.keys() == {"time", "level", "logger", "message", "traceback"}
    assert "executorID" not in TextLines().format(record)
