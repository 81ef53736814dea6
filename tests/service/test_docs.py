"""The documentation says what is so."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from api.reference import configuration_reference
from tests.service.conftest import Service

DOCS = Path(__file__).parent.parent.parent / "docs"
WHERE = "http://127.0.0.1:8000"


def block(language: str, containing: str) -> str:
    """The example of the service's page in this language."""
    found = re.findall(rf"```{language}\n(.*?)```", (DOCS / "service.md").read_text("utf-8"), re.DOTALL)
    (example,) = (each for each in found if containing in each)
    return example


def test_the_configuration_reference_is_the_code() -> None:
    assert (DOCS / "configuration.md").read_text("utf-8") == configuration_reference(), "run `make reference`"


def test_every_setting_says_what_it_means() -> None:
    rows = configuration_reference().splitlines()[6:]
    assert rows
    assert all(len(row.split(" | ")[2]) > 15 for row in rows)


def test_the_client_in_python_does_what_it_says(service: Service, samples: Path, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").symlink_to(samples / "doorway.mp4")
    program = block("python", "httpx").replace(WHERE, service.url)
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
    )
    assert re.search(r"^ +\d+\.\d s  \S", ran.stdout, re.MULTILINE)


def test_the_client_by_curl_does_what_it_says(service: Service, samples: Path, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").symlink_to(samples / "doorway.mp4")
    words = shlex.split(block("sh", "wait=60").replace(WHERE, service.url).replace("\\\n", " "))
    ran = subprocess.run(
        [*words, "--silent"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    told = json.loads(ran.stdout)
    assert told["status"] == "complete"
    assert told["timeline"]["events"]
