"""``sceneline score`` on the truth of a sample: a timeline that says just that, and one that says half of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from api.cli import main
from api.documents import json_text, timeline_document
from tests.api import handmade

EDGES = ("start_seconds", "end_seconds", "start_range_seconds", "end_range_seconds")


def span(start: float, end: float) -> dict[str, Any]:
    return dict(zip(EDGES, (start, end, (start, start), (end, end)), strict=True))


def told(truth: dict[str, Any], **request: Any) -> dict[str, Any]:
    """A timeline document that says what the truth says."""
    document = timeline_document(handmade.timeline(truth["duration_seconds"]))
    sample = document["events"][0]
    edges = [0.0, *(cut["time_seconds"] for cut in truth["cuts"]), truth["duration_seconds"]]
    return document | {
        "media": document["media"] | {"name": truth["video"]},
        "request": document["request"] | {"tasks": ["events", "text", "objects"]} | request,
        "events": [
            sample | span(event["start_seconds"], event["end_seconds"]) | {
                "label": event["label"], "description": event["description"]
            }
            for event in truth["events"]
        ],
        "shots": [
            {"index": n, "start_seconds": edges[n], "end_seconds": edges[n + 1],
             "transition": "cut" if n else "start", "keyframes": []}
            for n in range(len(edges) - 1)
        ],
        "results": {
            "text": [
                {"text": text["text"], "language": None, "confidence": 0.9, "box": text["box"],
                 "instances": [span(text["start_seconds"], text["end_seconds"]) | {"keyframes": [0]}]}
                for text in truth["texts"]
            ],
            "objects": {
                "relations": [],
                "tracks": [
                    {"id": f"t{n}", "label": thing["label"], "confidence": 0.9, "boxes": [],
                     "instances": [span(thing["start_seconds"], thing["end_seconds"]) | {"keyframes": [0]}]}
                    for n, thing in enumerate(truth["things"])
                ],
            },
        },
    }  # fmt: skip


@pytest.fixture
def truth(samples: Path) -> Path:
    return samples / "tour.truth.json"


@pytest.fixture
def known(truth: Path) -> dict[str, Any]:
    return json.loads(truth.read_text("utf-8"))


@pytest.fixture
def score(capsys: pytest.CaptureFixture[str], tmp_path: Path, truth: Path):
    def run(document: dict[str, Any], *options: object) -> tuple[int, str, str]:
        path = tmp_path / "clip.json"
        path.write_text(json_text(document), "utf-8")
        code = main(["score", str(path), str(truth), *map(str, options)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_a_timeline_that_says_the_truth_scores_full_marks(score, known):
    code, out, err = score(told(known))
    assert (code, err) == (0, "")
    document = json.loads(out)
    scores = document["scores"]
    assert document["video"] == "tour.mp4"
    assert set(scores) == {"cuts", "events", "sampler", "text", "things"}
    full = {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert scores["cuts"] == scores["events"]["f1_at_0.7"] == scores["things"]["f1_at_0.5"] == full
    assert (scores["events"]["mean_tiou"], scores["events"]["map_0.5_0.95"]) == (1.0, 1.0)
    assert scores["text"] == {"character_error_rate": 0.0}


def test_half_of_the_truth_is_half_the_recall(score, known):
    document = told(known)
    kept = document["results"]["objects"]["tracks"][::2]
    document["results"]["objects"]["tracks"] = kept
    _, out, _ = score(document)
    things = json.loads(out)["scores"]["things"]["f1_at_0.5"]
    assert things["precision"] == 1.0
    assert things["recall"] == pytest.approx(len(kept) / len(known["things"]), abs=1e-6)


def test_a_table_has_a_line_for_each_measure_and_says_what_was_not_asked_for(score, known):
    code, out, err = score(told(known, tasks=["events"]), "--format", "table")
    assert code == 0
    lines = {tuple(line.split()[:4]): line.split() for line in out.splitlines()}
    assert lines["cuts", "f1", "1.000", "1.000"][-1] == "1.000"
    assert lines["events", "mean", "tiou", "1.000"]
    assert "text" not in {key[0] for key in lines if key}
    assert err.count("\n") == 1
    assert "text, things" in err


def test_the_scores_go_to_a_file_and_never_over_the_timeline(score, known, tmp_path):
    code, out, _ = score(told(known), "--output", tmp_path / "scores.json")
    assert (code, out) == (0, "")
    assert json.loads((tmp_path / "scores.json").read_text("utf-8"))["scores"]["cuts"]["f1"] == 1.0
    code, out, err = score(told(known), "--output", tmp_path / "clip.json")
    assert (code, out) == (2, "")
    assert "is the input itself" in err
    score(told(known), "--output", f"{tmp_path}/")
    assert (tmp_path / "clip.score.json").is_file()


@pytest.mark.parametrize(("which", "said"), [(0, "not a timeline"), (1, "is not JSON")])
def test_files_of_another_kind_are_refused_in_one_line(capsys, tmp_path, truth, which, said):
    files = [tmp_path / "timeline.json", truth]
    files[0].write_text(json_text(timeline_document(handmade.timeline())), "utf-8")
    files[which] = tmp_path / "other"
    files[which].write_text("nothing of the kind", "utf-8")
    code = main(["score", *map(str, files)])
    captured = capsys.readouterr()
    assert (code, captured.out, captured.err.count("\n")) == (2, "", 1)
    assert said in captured.err
