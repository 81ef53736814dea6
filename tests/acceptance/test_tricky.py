"""Every odd file gives a valid timeline, or exit code 3 (5 for what is too large) and one line that says why not."""

import json
from pathlib import Path

import pytest

from api import pipeline
from api.cli import main
from tests.clips import Clip, malformed_clips, tricky_clips
from tests.invariants import assert_valid_timeline

pytestmark = pytest.mark.media


@pytest.mark.parametrize("clip", [*tricky_clips(), *malformed_clips()], ids=str)
@pytest.mark.usefixtures("media")
def test_an_odd_file_is_understood_or_refused_in_one_line(
    clip: Clip, model, monkeypatch, capfd, tmp_path: Path
):
    monkeypatch.setattr(pipeline, "open_model", lambda *_: model)
    output = tmp_path / "timeline.json"
    window = ["--end", "10"] if clip.name.startswith("long_") else []
    command = [
        "analyze",
        str(clip.path),
        "--frames",
        "2",
        "--task",
        "objects",
        "--output",
        str(output),
        "--quiet",
    ]
    code = main([*command, *window])
    said = capfd.readouterr()
    over_a_limit = clip.name.startswith("made_png_bomb")  # larger than the settings allow
    assert code in ({5} if over_a_limit else {0, 3}), said.err
    assert said.out == ""
    if code == 0:
        assert_valid_timeline(json.loads(output.read_text("utf-8")))
    else:
        assert said.err.count("\n") == 1, said.err
        assert said.err.startswith("sceneline: ")
        assert not output.exists()
