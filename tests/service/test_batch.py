"""Corpora through the command line: each video once, begun again where it was."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from api.cli.collecting import Collected, writer_to
from api.documents import timeline_document
from api.errors import OutputError
from tests.api import handmade
from tests.documents import draw_document, draw_scan
from tests.service.buckets import Bucket, s3
from tests.service.conftest import moving_square


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with s3() as started:
        for name, value in started.env.items():
            monkeypatch.setenv(name, value)
        yield started


ROOT = Path(__file__).parent.parent.parent


PROGRAM = """
import sys
lacking = sys.argv.pop(1)
if lacking:
    sys.modules[lacking] = None
from api.cli import main
raise SystemExit(main())
"""


def _batch(
    corpus: Path | str, data: Path, output: Path, *, tasks: str = "moderation", lacking: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable, "-c", PROGRAM, lacking, "batch", str(corpus),
            "--data", str(data), "--output", str(output), "--task", tasks, "--frames", "2",
        ],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_a_folder_is_done_once_and_goes_on_where_it_was(tmp_path: Path) -> None:
    corpus, data, output = tmp_path / "corpus", tmp_path / "data", tmp_path / "out.jsonl"
    (corpus / "deeper").mkdir(parents=True)
    (corpus / "a.gif").write_bytes(moving_square(2, seed=1))
    (corpus / "deeper" / "b.mp4").write_text("no film")
    (corpus / "notes.txt").write_text("not a video")
    draw_document(corpus / "slides.PDF", (1, 2))
    draw_scan(corpus / "scan.tif", (1, 2))
    first = _batch(corpus, data, output)
    assert first.returncode == 3, first.stderr
    assert "b.mp4: failed: 'b.mp4' is not a video" in first.stderr
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert [Path(line["video"]).name for line in lines] == ["a.gif", "b.mp4", "scan.tif", "slides.PDF"]
    assert [line["status"] for line in lines] == ["complete", "failed", "complete", "complete"]
    assert lines[0]["timeline"]["media"]["name"] == "a.gif"
    assert (corpus / "a.gif").exists()

    (corpus / "c.gif").write_bytes(moving_square(2, seed=2))
    _batch(corpus, data, output)
    again = [json.loads(line) for line in output.read_text().splitlines()]
    assert [each["id"] for each in (again[0], *again[2:])] == [line["id"] for line in lines], (
        "what was done is not done again"
    )
    assert (Path(again[1]["video"]).name, again[1]["status"]) == ("c.gif", "complete")


def test_a_bucket_is_done_once_and_its_results_are_a_table(tmp_path: Path, bucket: Bucket) -> None:
    bucket.put("in/b film.gif", moving_square(2, seed=1))
    bucket.put("in/deeper/ä.gif", moving_square(3, seed=2))
    bucket.put("in/broken.mp4", b"no film")
    bucket.put("in/notes.txt", b"not a video")
    bucket.put("elsewhere/c.gif", moving_square(2, seed=3))
    data, output = tmp_path / "data", tmp_path / "out.parquet"
    first = _batch("s3://bucket/in", data, output, tasks="events,moderation")
    assert first.returncode == 3, first.stderr
    rows = pq.read_table(output).to_pylist()
    videos = {row["video"]: row["status"] for row in rows}
    assert videos == {
        "s3://bucket/in/b film.gif": "complete",
        "s3://bucket/in/broken.mp4": "failed",
        "s3://bucket/in/deeper/ä.gif": "complete",
    }
    (broken,) = [row for row in rows if row["status"] == "failed"]
    assert (broken["error_code"], broken["kind"], broken["duration_seconds"]) == (
        "unreadable_media",
        None,
        None,
    )
    of_film = [row for row in rows if row["video"].endswith("film.gif")]
    assert {row["kind"] for row in of_film} >= {"event", "moderation"}
    for row in of_film:
        assert row["duration_seconds"] == 1.0
        if row["kind"] == "event":
            assert row["start_earliest_seconds"] <= row["start_seconds"] <= row["start_latest_seconds"]
            assert row["start_seconds"] < row["end_seconds"] <= 1.0
            assert row["keyframes"]
            assert json.loads(row["details"])["track"]

    bucket.put("in/z.gif", moving_square(2, seed=4))
    bucket.put("in/b film.gif", moving_square(4, seed=5))
    _batch("s3://bucket/in", data, output, tasks="events,moderation")
    again = {row["video"]: row["id"] for row in pq.read_table(output).to_pylist()}
    before = {row["video"]: row["id"] for row in rows}
    same = {video for video, job in before.items() if again[video] == job}
    assert same == {"s3://bucket/in/broken.mp4", "s3://bucket/in/deeper/ä.gif"}, "what changed is done again"
    assert set(again) - set(before) == {"s3://bucket/in/z.gif"}


@pytest.mark.usefixtures("bucket")
def test_a_bucket_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for corpus in ("s3://nobody/in", "s3://bucket/empty"):
        done = _batch(corpus, tmp_path / "data", tmp_path / "out.jsonl")
        told = [line for line in done.stderr.splitlines() if line.startswith("sceneline: ")]
        assert (done.returncode, len(told)) == (2, 1), done.stderr
        assert corpus in told[0]


def test_a_video_that_cannot_be_read_is_in_the_results_too(tmp_path: Path) -> None:
    (tmp_path / "a.gif").write_bytes(moving_square(2))
    (tmp_path / "list.txt").write_text("gone.mp4\na.gif\n")
    done = _batch(tmp_path / "list.txt", tmp_path / "data", tmp_path / "out.jsonl")
    assert done.returncode == 3, done.stderr
    gone, whole = (json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines())
    assert (gone["id"], gone["status"], gone["error"]["code"]) == (None, "failed", "media_not_found")
    assert whole["status"] == "complete"


def test_the_first_failure_gives_the_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.gif").write_bytes(moving_square(2))
    (tmp_path / "zero.mp4").touch()
    monkeypatch.setenv("SCENELINE_BASE_URL", "http://127.0.0.1:9/v1")  # nobody listens there
    monkeypatch.setenv("SCENELINE_MODEL", "nobody")
    for order, code in (("zero.mp4", "a.gif"), 3), (("a.gif", "zero.mp4"), 4):
        (tmp_path / "list.txt").write_text("\n".join(order))
        done = _batch(tmp_path / "list.txt", tmp_path / "data", tmp_path / "out.jsonl", tasks="events")
        assert done.returncode == code, done.stderr


def test_every_part_of_a_timeline_that_has_a_time_is_a_row(tmp_path: Path) -> None:
    """The table against a timeline made by hand, written and read back."""
    timeline = timeline_document(handmade.timeline())
    output = tmp_path / "out.parquet"
    writer_to(output, "corpus")([Collected("a.mp4", "1", "complete", None, timeline)])
    rows = pq.read_table(output).to_pylist()
    events = [row for row in rows if row["kind"] == "event"]
    assert [row["label"] for row in events] == [event["label"] for event in timeline["events"]]
    assert [row["keyframes"] for row in events] == [event["evidence"] for event in timeline["events"]]
    seen = {kind: [row for row in rows if row["kind"] == kind] for kind in {row["kind"] for row in rows}}
    results = timeline["results"]
    for kind, elements in {
        "text": results.get("text"),
        "tag": results.get("tags"),
        "object": (results.get("objects") or {}).get("tracks"),
        "moderation": (results.get("moderation") or {}).get("clauses"),
        "chapter": (results.get("describe") or {}).get("chapters"),
        "document": results.get("documents"),
    }.items():
        expected = sum(max(1, len(element.get("instances", [0]))) for element in elements or ())
        assert len(seen.get(kind, [])) == expected, kind
    assert not list(tmp_path.glob(".*")), "no draft is left"


def test_parquet_without_its_package_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "a.gif").write_bytes(moving_square(2))
    done = _batch(tmp_path, tmp_path / "data", tmp_path / "out.parquet", lacking="pyarrow")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "pip install 'sceneline[parquet]'" in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_list_without_videos_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "list.txt"
    empty.write_text("# nothing")
    done = _batch(empty, tmp_path / "data", tmp_path / "out")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "no video there" in done.stderr


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("list.txt", "is the input itself"),
        ("folder", "is a folder"),
        ("list.txt/a.jsonl", "cannot be written"),
    ],
)
def test_a_place_results_cannot_go_to_is_refused_before_any_work(
    tmp_path: Path, output: str, why: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "list.txt").write_text("a.gif\n")
    done = _batch(tmp_path / "list.txt", tmp_path / "data", tmp_path / output)
    assert done.returncode == 2
    assert re.fullmatch(rf"sceneline: \S+: {why}.*\n", done.stderr)
    assert not (tmp_path / "data").exists()
    assert (tmp_path / "list.txt").read_text() == "a.gif\n"


def test_results_are_written_into_what_is_no_plain_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as reader:
        read = reader.submit(pipe.read_text)
        writer_to(pipe, "corpus")([Collected("a.mp4", None, "failed", None, None)])
        assert json.loads(read.result(10))["video"] == "a.mp4"
    assert pipe.is_fifo()


def test_a_disk_that_is_full_is_told(tmp_path: Path) -> None:
    full = tmp_path / "full.jsonl"
    full.symlink_to("/dev/full")
    with pytest.raises(OutputError, match="No space left"):
        writer_to(full, "corpus")([Collected("a.mp4", None, "failed", None, None)])
