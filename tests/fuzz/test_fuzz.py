"""The short form of `make fuzz`: all that was kept, and some thousands of wounds that are the same every time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.mutating import mutations
from tests.fuzz.targets import TARGETS
from tests.fuzz.texts import TEXTS

ROOT = Path(__file__).parents[2]
_WOUNDED = {"answers": 150, "exports": 400, "replies": 250, "requests": 400, "timelines": 250, "truths": 400}
"""Inputs of each target; slow ones get fewer, the others a thousand."""


# A decoder that dies would take the tests along: films are replayed where users decode them, in the sandbox.
@pytest.mark.parametrize("name", sorted(set(TARGETS) - {"decoding"}))
def test_what_was_kept_breaks_nothing(name: str) -> None:
    target = TARGETS[name]
    assert target.corpus
    for path in target.corpus:
        target.attack(path.read_bytes())


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_wounded_texts_break_nothing(name: str) -> None:
    target = TARGETS[name]
    seeds = [path.read_bytes() for path in target.corpus]
    for data in mutations(seeds, _WOUNDED.get(name, 1000), seed=1, as_json=target.as_json):
        target.attack(data)


def test_wounded_films_break_nothing() -> None:
    target = TARGETS["sandbox"]
    seeds = [path.read_bytes() for path in target.corpus]
    for data in mutations(seeds, 60, seed=1, as_json=False):
        target.attack(data)


def test_the_long_form_runs_and_finds_what_is_broken(tmp_path: Path) -> None:
    """Under a guide where there is one; a target that breaks at once is found and its input kept."""
    program = (
        "import sys, tests.fuzz.targets as t, tests.fuzz.guided as g, dataclasses\n"
        "def bad(data):\n"
        "    if b'EXIT' not in data and len(data) % 7 == 3: raise IndexError('broken')\n"
        "t.TARGETS['urls'] = dataclasses.replace(t.TARGETS['urls'], attack=bad)\n"
        "g.main('urls', '5', sys.argv[1])"
    )
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert [path for path in tmp_path.iterdir() if path.name.startswith("crash-")]
