"""Secrets are planted wherever one can be given; nothing that is written, answered or sent may hold any of them."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from api.errors import DatabaseError
from api.places import opened
from api.records import Keyring, open_database
from api.settings import Settings
from tests import oracle
from tests.service.conftest import moving_square
from tests.service.fleet import ROOT, answer, until_ready
from tests.service.test_limits import free_port

PLANTED = {
    "SCENELINE_API_KEY": "sk-planted-model-key",
    "SCENELINE_WEBHOOK_SECRET": "whsec-planted-webhook",
    "AWS_SECRET_ACCESS_KEY": "planted-aws-secret",
}
IN_URL = "planted-in-url"
_OF_JOB = ("", "/events", "/export?format=json", "/export?format=html")
_OF_ALL = ("/metrics", "/readyz", "/v1/limits", "/openapi.json", "/v1/timelines")
CLIENT_KEY = "sl_planted-client-key-that-is-wrong"


def _serve(folder: Path, port: int, **settings: str) -> subprocess.Popen[bytes]:
    program = "import sys; from api.cli import main; sys.exit(main(sys.argv[1:]))"
    with (folder / "out.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-c", program, "serve", "--port", str(port), "--data", str(folder / "data")],
            env={
                **os.environ,
                **PLANTED,
                "PYTHONPATH": str(ROOT),
                "SCENELINE_LOG_FORMAT": "json",
                **settings,
            },
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


@pytest.mark.parametrize("fault", ["none", "refused", "echoed", "gone"])
def test_no_secret_is_told(tmp_path: Path, fault: str) -> None:
    """Of the model's server, whatever that answers: it may even send the key back in its complaint."""
    faults = {
        "refused": oracle.status(401, "bad key"),
        "echoed": oracle.status(400, f"key {PLANTED['SCENELINE_API_KEY']} or {IN_URL} is not allowed"),
    }
    with oracle.oracle(answer, faults=lambda n, asked: faults.get(fault)) as model:
        url = model.url.replace("http://", f"http://user:{IN_URL}@")
        if fault == "gone":
            url = f"http://user:{IN_URL}@127.0.0.1:{free_port()}/v1"
        port = free_port()
        process = _serve(tmp_path, port, SCENELINE_BASE_URL=url, SCENELINE_MODEL="test-model")
        said: list[str] = []
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
                until_ready(http)
                posted = http.post(
                    "/v1/timelines",
                    files={"video": ("a.gif", moving_square())},
                    data={"request": '{"frames": 3, "max_requests": 4}'},
                    params={"wait": 30},
                )
                job_id = posted.json()["id"]
                for _ in range(2):
                    job = http.get(f"/v1/timelines/{job_id}", params={"wait": 50})
                of_job = [f"/v1/timelines/{job_id}{path}" for path in _OF_JOB]
                said += [http.get(path).text for path in (*of_job, *_OF_ALL)]
                wrong = http.get("/v1/timelines", headers={"Authorization": f"Bearer {CLIENT_KEY}"})
                said.append(wrong.text + str(wrong.headers))
                said.append(job.text)
        finally:
            process.terminate()
            process.wait(60)
    said.append((tmp_path / "out.log").read_text(errors="replace"))
    written = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    said += [path.read_bytes().decode("latin-1") for path in written]
    assert job.json()["finished_at"] is not None
    for secret in (*PLANTED.values(), IN_URL, CLIENT_KEY):
        assert not [text[max(0, text.find(secret) - 100) :][:300] for text in said if secret in text], secret


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:planted-password@127.0.0.1:9/x",
        "postgresql://user:planted@password@127.0.0.1:9/x",
        "postgresql://127.0.0.1:9/x?user=u&password=planted-password",
    ],
)
def test_the_databases_password_is_not_told(url: str) -> None:
    with pytest.raises(DatabaseError) as error:
        open_database(url)
    assert "planted" not in str(error.value)
    assert "password" not in str(error.value).partition("(")[0]


def test_keys_are_nowhere_but_with_their_owner(tmp_path: Path) -> None:
    with opened(Settings(data=tmp_path)) as place:
        key = Keyring(place.database).create("anna")
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert key.encode() not in path.read_bytes(), path
