"""The command line as a process of its own: signals, pipes, locales, imports."""

import errno
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

import pytest
from PIL import Image

from api.cli import main
from sampler import available_layers

SCENELINE = [sys.executable, "-c", "import sys; from api.cli import main; sys.exit(main())"]
ROOT = Path(__file__).parents[2]


def sceneline(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SCENELINE, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


def test_help_loads_nothing_heavy():
    heavy = {"av", "cv2", "numpy", "scenedetect", "onnxruntime", "analyzer", "sampler"}
    for command in ([], ["analyze"], ["doctor"]):
        script = (
            "import sys; from api.cli import main; "
            f"main([*{command!r}, '--help']); sys.stderr.write(' '.join(sys.modules))"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60
        )
        assert "Usage" in done.stdout
        assert not heavy & set(done.stderr.split())


def test_closed_standard_streams_are_no_bug(tmp_path):
    """As schedulers and daemons start programs; what is written to a file needs none of them."""

    def run(closed: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = shlex.join([*SCENELINE, *map(str, arguments)])
        return subprocess.run(
            ["bash", "-c", f"{command} {closed}"],
            capture_output=True, text=True, check=False, cwd=ROOT, timeout=60,
        )  # fmt: skip

    refused = run(">&-", "schema")
    assert refused.returncode == 2
    assert re.fullmatch(r"sceneline: standard output cannot be written \(Bad .*\n", refused.stderr)
    assert run("<&- >&- 2>&-", "shots", tmp_path / "none.mp4").returncode == 3
    shots = tmp_path / "shots.json"
    done = run("<&- >&- 2>&-", "shots", "samples/tour.mp4", "--end", "1", "--output", shots)
    assert done.returncode == 0
    assert json.loads(shots.read_text("utf-8"))["shots"]


def test_a_reader_that_has_seen_enough_is_no_error():
    command = " ".join(
        [sys.executable, "-c", "'import sys; from api.cli import main; sys.exit(main())'", "schema"]
    )
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -c 10; echo; echo ${{PIPESTATUS[0]}}"],
        capture_output=True, text=True, check=True, cwd=ROOT, timeout=60,
    )  # fmt: skip
    assert done.stdout.split()[-1] == "0"
    assert done.stderr == ""


def test_a_reader_that_goes_in_the_middle_is_no_error(samples):
    with subprocess.Popen(
        [*SCENELINE, "analyze", samples / "tour.mp4", "--frames", "4", "--quiet"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.wait(60) == 0
        assert process.stderr.read() == ""


@pytest.mark.parametrize("command", ["schema", "--version", "--help", "shots samples/tour.mp4 --quiet"])
def test_standard_output_on_a_full_disk_is_told_in_one_line(command):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*SCENELINE, *command.split()],
            stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == (
        "sceneline: standard output cannot be written (No space left on device); make room, or choose another place\n"
    )


def test_a_full_disk_elsewhere_is_not_blamed_on_standard_output(monkeypatch, capsys):
    def no_room() -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("api.documents.timeline_schema", no_room)
    assert main(["schema"]) == 1
    assert "standard output" not in capsys.readouterr().err


def test_names_beyond_ascii_pass_in_any_locale(tmp_path):
    picture = tmp_path / "Übung – 動画 \x1b[31m.png"
    Image.new("RGB", (32, 32)).save(picture)
    done = sceneline("shots", picture, LC_ALL="C", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["media"]["name"] == picture.name


def test_a_name_that_is_not_text_is_told_or_read(tmp_path):
    raw = os.fsencode(tmp_path) + b"/\xff\xfe.png"
    Image.new("RGB", (32, 32)).save(tmp_path / "plain.png")
    Path(os.fsdecode(raw)).write_bytes((tmp_path / "plain.png").read_bytes())
    done = subprocess.run([*SCENELINE, "shots", raw], capture_output=True, check=False, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["shots"]


def test_an_interrupt_ends_the_run_cleanly(tmp_path, samples):
    output = tmp_path / "timelines"
    process = subprocess.Popen(
        [*SCENELINE, "analyze", *[str(samples / "tour.mp4")] * 20, "--output", str(output)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True,
    )  # fmt: skip
    time.sleep(3.0)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == ""
    assert err.count("sceneline: interrupted\n") == 1
    assert "Traceback" not in err
    assert not [line for line in group_members(process.pid) if line]


@pytest.mark.parametrize("early", ["typer", "rich", "av"])
def test_an_interrupt_before_anything_began_ends_cleanly(tmp_path, early):
    """What takes long to import is what people interrupt."""
    (tmp_path / f"{early}.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = sceneline("shots", "samples/tour.mp4", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "sceneline: interrupted\n")


def group_members(group: int) -> list[str]:
    """Processes of a process group that are still there."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,stat=", "-g", str(group)], capture_output=True, text=True, check=False
    )
    return [line for line in listed.stdout.splitlines() if "Z" not in line]


@pytest.mark.parametrize("task", ["text", "moderation"])
def test_the_local_models_report_to_nobody(tmp_path, task):
    """ONNX Runtime does, unless it is told not to, and keeps who it is and what it has to tell in the home folder."""
    picture, home = tmp_path / "a.png", tmp_path / "home"
    Image.new("RGB", (64, 48), "navy").save(picture)
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH", "LANG")}
    done = subprocess.run(
        [*SCENELINE, "analyze", str(picture), "--task", task],
        capture_output=True, text=True, check=False, cwd=ROOT, timeout=60, env={**kept, "HOME": str(home)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert list(home.rglob("*")) == []


def test_doctor_finds_this_installation_well():
    done = sceneline("doctor")
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].endswith("checks passed")
    assert re.search(r"the model that reads text: [1-9]\d* ms a picture", done.stdout)
    assert f"the decoder's sandbox: descriptor only, {', '.join(available_layers())}" in done.stdout
