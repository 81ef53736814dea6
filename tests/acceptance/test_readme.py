"""What the README and the other pages say is so."""

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer

from api.cli.commands import app
from tests.acceptance.conftest import SAMPLE_TASKS, Analyze

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def commands() -> list[str]:
    shown = re.findall(r"^    (?:\.venv/bin/)?(sceneline .+)$", README, re.MULTILINE)
    helped = re.findall(
        r"^ {6}(sceneline .+)$", (ROOT / "api/cli/commands.py").read_text("utf-8"), re.MULTILINE
    )
    assert shown
    assert helped
    return [*shown, *helped]


@pytest.mark.parametrize("line", commands())
def test_every_command_shown_is_one_that_there_is(line):
    _, name, *arguments = shlex.split(line, comments=True)
    command = typer.main.get_command(app).commands[name]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {each.partition("=")[0] for each in arguments if each.startswith("--")} <= known


def test_every_command_is_in_the_table_or_explained_elsewhere():
    for name in ("analyze", "shots", "sample", "plan", "export", "schema", "doctor"):
        assert f"| `{name}" in README


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "CHANGELOG.md",
        "samples/README.md",
        *(f"docs/{each.name}" for each in ROOT.glob("docs/*.md")),
    ],
)
def test_links_lead_somewhere(page):
    for link, _, anchor in (
        each.partition("#") for each in re.findall(r"\]\(([^)]+)\)", text_of(ROOT / page))
    ):
        if link.startswith("https://"):
            continue
        target = (ROOT / page).parent / link if link else ROOT / page
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", text_of(target), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}, (
                anchor
            )


def text_of(page: Path) -> str:
    """The page without its examples, whose comments look like headings."""
    return re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def test_every_dependency_is_defended():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = {re.split(r"[<>=!\[ ]", dependency)[0] for dependency in project["dependencies"]}
    defended = set(re.findall(r"`([\w-]+)`", (ROOT / "docs/design.md").read_text("utf-8")))
    assert names <= defended, names - defended


def test_the_lock_pins_every_dependency_and_names_no_host():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    pinned = set(re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==", lock, re.MULTILINE))
    assert {re.split(r"[<>=!\[ ]", dependency)[0] for dependency in wanted} <= pinned
    assert "://" not in lock
    assert "--index" not in lock


def test_the_timeline_shown_is_that_of_the_sample(analyze: Analyze):
    block = re.search(r"```json\n(.*?)```", README, re.DOTALL)
    assert block
    shown = json.loads(block[1])
    document = analyze(ROOT / "samples/tour.mp4", tasks=SAMPLE_TASKS)
    (event,) = [event for event in document["events"] if event["id"] == shown["id"]]
    assert set(shown) == set(event)
    assert {**shown, "boxes": event["boxes"][: len(shown["boxes"])]} == {
        **event, "confidence": pytest.approx(shown["confidence"], abs=0.02),
        "boxes": event["boxes"][: len(shown["boxes"])],
    }  # fmt: skip
    rows = re.findall(r"^ +(\d:[\d.]+) – (\d:[\d.]+)   (\S.*?)  +(?:\d+ %)? +([\d ]+)$", README, re.MULTILINE)
    told = {
        (
            each["description"],
            round(each["start_seconds"], 1),
            round(each["end_seconds"], 1),
            tuple(each["evidence"]),
        )
        for each in document["events"]
    }
    assert len(rows) >= 5
    assert {
        (description, seconds(start), seconds(end), tuple(map(int, keyframes.split())))
        for start, end, description, keyframes in rows
    } <= told


def seconds(clock: str) -> float:
    minutes, rest = clock.split(":")
    return 60 * int(minutes) + float(rest)
