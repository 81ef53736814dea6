"""What comes along for deployment fits the code: the image's steps, its lock, the services that are composed."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from api.cli.running import GRACE_SECONDS
from api.settings import Settings
from tests.service import images

ROOT = Path(__file__).parent.parent.parent
DOCKERFILE = ROOT / "Dockerfile"
_PINNED = re.compile(r"^([a-z0-9][a-z0-9.-]*)==(\S+)", re.MULTILINE)


def _settings() -> set[str]:
    names = {f"SCENELINE_{name.upper()}" for name in Settings.model_fields}
    for name, each in Settings.model_fields.items():
        names |= {str(choice) for choice in getattr(each.validation_alias, "choices", ())} - {name}
    return names


def _composed() -> dict[str, object]:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


def test_the_dockerfile_has_no_lint() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "hadolint", "--no-color", DOCKERFILE],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_gets_what_was_tested_and_no_tools_of_development() -> None:
    ours = set(_PINNED.findall((ROOT / "requirements.lock").read_text()))
    images_ = set(_PINNED.findall((ROOT / "deploy/requirements.lock").read_text()))
    assert images_ <= ours, "run `make lock`"
    names = {name for name, _ in images_}
    assert {"av", "dbos", "pyarrow", "opentelemetry-sdk", "psycopg", "obstore"} <= names
    assert not names & {"pytest", "moto", "playwright", "atheris", "mypy", "scenedetect-headless"}


def test_only_what_the_image_needs_gets_into_its_build(tmp_path: Path) -> None:
    images.context(ROOT, tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == {
        "LICENSE", "README.md", "pyproject.toml", "deploy", "sampler", "analyzer", "api",
    }  # fmt: skip
    assert [each.name for each in (tmp_path / "deploy").iterdir()] == ["requirements.lock"]


def test_the_image_says_how_it_is_run() -> None:
    said = {step.word: step.said for step in images.read(DOCKERFILE)}
    env = re.findall(r"(SCENELINE_\w+)=", said["ENV"])
    assert set(env) <= _settings()
    assert said["USER"].split(":")[0].isdecimal()
    assert said["USER"].split(":")[0] != "0"
    port = said["EXPOSE"]
    assert f":{port}/healthz" in said["HEALTHCHECK"]
    assert images.as_list(said["ENTRYPOINT"]) == ["sceneline"]


def test_what_is_composed_fits_the_settings_and_itself() -> None:
    composed = _composed()
    services = composed["services"]
    for name, service in services.items():
        for variable in service.get("environment", {}):
            if variable.startswith("SCENELINE_"):
                assert variable in _settings(), f"{name}: {variable} is no setting"
        for needed in service.get("depends_on", ()):
            assert needed in services
        for volume in service.get("volumes", ()):
            source, target = volume.split(":")[:2]
            if source.startswith("./"):
                assert source == "./deploy/metrics.key" or (ROOT / source).is_file(), source
            else:
                assert source in composed["volumes"]
            assert target.startswith("/")
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), "nothing is open to the network by itself"
        assert ":latest" not in service.get("image", "")
    environment = services["api"]["environment"]
    database = re.fullmatch(
        r"postgresql://(\w+):\$\{POSTGRES_PASSWORD:\?.*\}@(\w+)/(\w+)", environment["SCENELINE_DATABASE_URL"]
    )
    postgres = services[database[2]]["environment"]
    assert (postgres["POSTGRES_USER"], postgres["POSTGRES_DB"]) == (database[1], database[3])
    storage = re.fullmatch(r"http://(\w+):(\d+)", environment["AWS_ENDPOINT"])
    assert services[storage[1]]["environment"]["MINIO_ROOT_USER"] == environment["AWS_ACCESS_KEY_ID"]
    bucket = environment["SCENELINE_STORAGE"].removeprefix("s3://")
    assert f"here/{bucket}" in services["bucket"]["command"][0]
    exposed = next(step.said for step in images.read(DOCKERFILE) if step.word == "EXPOSE")
    assert services["api"]["ports"] == [f"127.0.0.1:8000:{exposed}"]
    assert services["worker"]["command"] == ["worker"]
    grace = int(services["worker"]["stop_grace_period"].removesuffix("s"))
    assert grace > GRACE_SECONDS, "a process is not killed while it ends in order"
    scraped = yaml.safe_load((ROOT / "deploy/prometheus.yaml").read_text())["scrape_configs"][0]
    assert scraped["static_configs"][0]["targets"] == [f"api:{exposed}"]


def test_the_settings_that_are_composed_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    """As they are after the shell's variables are put in, also where one that may be empty is."""
    values = {"POSTGRES_PASSWORD": "p", "S3_SECRET": "s"}
    for name, text in _composed()["services"]["api"]["environment"].items():
        value = re.sub(r"\$\{(\w+)(?::[-?][^}]*)?\}", lambda of: values.get(of[1], ""), text)
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.database_url == "postgresql://sceneline:p@postgres/sceneline"
    assert (settings.jobs_at_once, settings.base_url, settings.api_key) == (0, None, None)


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    asked = set(re.findall(r"sceneline_\w+", (ROOT / "deploy/dashboard.json").read_text()))
    there = (ROOT / "api/metrics.py").read_text()
    totals = re.findall(r'^    "(\w+)": \(', there, re.MULTILINE)
    known = {f"sceneline_{name}_total" for name in totals} | set(re.findall(r'"(sceneline_\w+)"', there))
    known |= {f"{name}_{part}" for name in tuple(known) for part in ("bucket", "sum", "count")}
    assert asked
    assert asked <= known


INSIDE = """
import json, sys, time, urllib.request
key, video = sys.argv[1], open("/sample.mp4", "rb").read()
head = {"Authorization": f"Bearer {key}"}
for _ in range(300):
    try:
        assert urllib.request.urlopen("http://127.0.0.1:8000/healthz", timeout=4).status == 200
        break
    except OSError:
        time.sleep(0.2)
named = b"Content-Disposition: form-data; name=video; filename=sample.mp4"
body = b"--x\\r\\n" + named + b"\\r\\n\\r\\n" + video + b"\\r\\n--x--\\r\\n"
kind = {"Content-Type": "multipart/form-data; boundary=x"}
post = urllib.request.Request("http://127.0.0.1:8000/v1/timelines?wait=60", body, {**head, **kind})
job = json.load(urllib.request.urlopen(post, timeout=120))
while not job["finished_at"]:
    again = urllib.request.Request("http://127.0.0.1:8000" + job["links"]["self"] + "?wait=60", headers=head)
    job = json.load(urllib.request.urlopen(again, timeout=120))
try:
    urllib.request.urlopen("http://1.1.1.1", timeout=3)
    reached = True
except OSError:
    reached = False
print(json.dumps({"status": job["status"], "events": len(job["timeline"]["events"]), "network": reached}))
"""


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_the_image_is_built_and_works_with_no_network(tmp_path: Path) -> None:
    """The Dockerfile's own steps, then a server from what they made: its user, its volume, its health check."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("needs root and unshare, to have a root folder and a network of its own")
    try:
        image = images.build(DOCKERFILE, tmp_path)
        shutil.copy2(ROOT / "samples" / "doorway.mp4", image.over / "sample.mp4")
        entry = images.as_list(image.said["ENTRYPOINT"])
        user = subprocess.run(image.command(["id", "-u"]), capture_output=True, text=True, check=True).stdout
        assert user == "10001\n"
        python = ["python", "-c", "import api, sys; print(api.__file__, sys.prefix)"]
        where = subprocess.run(image.command(python), capture_output=True, text=True, check=True).stdout
        assert where.startswith("/opt/sceneline/lib/")
        add = subprocess.run(
            image.command([*entry, "keys", "add", "me"]), capture_output=True, text=True, check=True
        )
        key = add.stdout.strip()

        serve = [
            "sh",
            "-c",
            'echo $$ >/data/pid; exec "$@"',
            "sh",
            *entry,
            *images.as_list(image.said["CMD"]),
        ]
        with (tmp_path / "log").open("wb") as log:
            served = subprocess.Popen(image.command(serve), stderr=log)
        try:
            inside = _inside(served.pid, image)
            done = subprocess.run(
                [*inside, "python", "-c", INSIDE, key],
                capture_output=True,
                text=True,
                timeout=600,
                check=False,
            )
            assert done.returncode == 0, done.stderr + (tmp_path / "log").read_text()
            health = images.as_list(image.said["HEALTHCHECK"].partition("CMD ")[2])
            assert subprocess.run([*inside, *health], check=False).returncode == 0
            doctor = subprocess.run([*inside, *entry, "doctor"], capture_output=True, text=True, check=False)
            assert doctor.returncode == 0, doctor.stdout + doctor.stderr
            ended = _seconds_to_stop(served, inside)
        finally:
            served.kill()
            served.wait()
        told = json.loads(done.stdout)
        assert (told["status"], told["network"]) == ("complete", False)
        assert told["events"] > 0
        for line in (tmp_path / "log").read_text().splitlines():
            assert json.loads(line)["level"] != "error", line
        sys.stderr.write(
            f"image: {_megabytes(image.over / 'opt')} MB in /opt, {told}, ended in {ended:.1f} s\n"
        )
    finally:
        for each in tmp_path.iterdir():
            shutil.rmtree(each, ignore_errors=True)


def _inside(unshared: int, image: images.Stage) -> list[str]:
    """What runs a command where the process that ``unshare`` started is, as ``docker exec`` would."""
    until = time.monotonic() + 60
    children = Path(f"/proc/{unshared}/task/{unshared}/children")
    while not (found := children.read_text().split()):
        assert time.monotonic() < until
        time.sleep(0.1)
    while not Path(f"/proc/{found[0]}/root/data/pid").exists():
        assert time.monotonic() < until
        time.sleep(0.1)
    spaces = ["nsenter", "--target", found[0], "--mount", "--pid", "--net", "--root"]
    uid, gid = image.user.split(":")
    given = [f"{name}={value}" for name, value in image.env.items()]
    return [*spaces, f"--setuid={uid}", f"--setgid={gid}", "/usr/bin/env", "-i", "-C", image.workdir, *given]


def _seconds_to_stop(served: subprocess.Popen[bytes], inside: list[str]) -> float:
    began = time.monotonic()
    subprocess.run([*inside, "sh", "-c", "kill -TERM $(cat /data/pid)"], check=True)
    served.wait(GRACE_SECONDS + 10)
    return time.monotonic() - began


def _megabytes(folder: Path) -> int:
    return sum(each.lstat().st_size for each in folder.rglob("*")) // 1_000_000
