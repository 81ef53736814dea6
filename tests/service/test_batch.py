"""Corpora through the command line: each video once, begun again where it was."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.service.conftest import moving_square

ROOT = Path(__file__).parent.parent.parent


def _batch(corpus: Path, data: Path, output: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable, "-c", "from api.cli import main; raise SystemExit(main())", "batch", str(corpus),
            "--data", str(data), "--output", str(output), "--task", "moderation", "--frames", "2",
        ],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_a_folder_is_done_once_and_goes_on_where_it_was(tmp_path: Path) -> None:
    corpus, data, output = tmp_path / "corpus", tmp_path / "data", tmp_path / "out.jsonl"
    (corpus / "deeper").mkdir(parents=True)
    (corpus / "a.gif").write_bytes(moving_square(2, seed=1))
    (corpus / "deeper" / "b.mp4").write_text("no film")
    (corpus / "notes.txt").write_text("not a video")
    first = _batch(corpus, data, output)
    assert first.returncode == 4, first.stderr
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert [Path(line["video"]).name for line in lines] == ["a.gif", "b.mp4"]
    assert [line["status"] for line in lines] == ["complete", "failed"]
    assert lines[0]["timeline"]["media"]["name"] == "a.gif"
    assert (corpus / "a.gif").exists()

    (corpus / "c.gif").write_bytes(moving_square(2, seed=2))
    _batch(corpus, data, output)
    again = [json.loads(line) for line in output.read_text().splitlines()]
    assert [again[0]["id"], again[2]["id"]] == [line["id"] for line in lines], (
        "what was done is not done again"
    )
    assert (Path(again[1]["video"]).name, again[1]["status"]) == ("c.gif", "complete")


def test_a_list_without_videos_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "list.txt"
    empty.write_text("# nothing")
    done = _batch(empty, tmp_path / "data", tmp_path / "out")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "no video there" in done.stderr
