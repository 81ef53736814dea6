"""`make audit` with a vulnerability service of our own: what it finds fails, what it cannot ask is said aloud."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.hosting import Handler, hosting

ROOT = Path(__file__).parents[2]
_LOCK = "".join(f"{name}==1.0.0 --hash=sha256:{'0' * 64}\n" for name in ("good", "bad", "worse"))
_FLAW = {
    "id": "OSV-2026-1",
    "summary": "It is bad.",
    "affected": [
        {
            "package": {"name": "bad", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.0.1"}]}],
        }
    ],
}


@contextmanager
def _service(vulnerable: str = "", status: int = 200, body: bytes | None = None) -> Iterator[str]:
    class Osv(Handler):
        def respond(self) -> None:
            asked = json.loads(self.body())
            found = {"vulns": [_FLAW]} if asked["package"]["name"] == vulnerable else {}
            self.answer(status, json.dumps(found).encode() if body is None else body)

    with hosting(Osv) as url:
        yield f"{url}/v1/query"


def _audit(url: str, lock: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / ".ci" / "audit.py"), str(lock)],
        env={**os.environ, "PIP_AUDIT_OSV_URL": url},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.lock"
    path.write_text(_LOCK)
    return path


def test_a_known_vulnerability_fails(lock: Path) -> None:
    with _service(vulnerable="bad") as url:
        done = _audit(url, lock)
    assert done.returncode == 1
    assert "VULNERABLE: bad 1.0.0: OSV-2026-1, mended in 1.0.1" in done.stderr
    assert "audited 3 packages: 1 known" in done.stderr


def test_a_clean_lock_passes(lock: Path) -> None:
    with _service() as url:
        done = _audit(url, lock)
    assert (done.returncode, done.stderr) == (0, "audited 3 packages: 0 known vulnerabilities\n")


def test_a_service_out_of_reach_is_one_loud_line(lock: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{probe.getsockname()[1]}/"
    answers = [_audit(closed, lock)]
    for trouble in ({"status": 503}, {"status": 404}, {"body": b"<html>"}):
        with _service(**trouble) as url:
            answers.append(_audit(url, lock))
    for done in answers:
        assert done.returncode == 0
        assert done.stderr.startswith("NOT AUDITED: ")
        assert done.stderr.count("\n") == 1


def test_an_audit_that_does_not_work_fails(tmp_path: Path) -> None:
    with _service() as url:
        done = _audit(url, tmp_path / "absent.lock")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_the_lock_of_this_project_can_be_audited() -> None:
    with _service(vulnerable="pillow") as url:
        done = _audit(url, ROOT / "requirements.lock")
    assert done.returncode == 1, done.stderr
    assert "VULNERABLE: pillow" in done.stderr
    assert "NOT AUDITED" not in done.stderr
