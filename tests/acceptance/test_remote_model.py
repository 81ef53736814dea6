"""The command line with a remote model: a server that decodes the pictures it is sent, and a film it can read."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from tests.coded import CodedClip, draw_clip
from tests.documents import LOCK, draw_document, written_document
from tests.invariants import assert_valid_timeline
from tests.oracle import Asked, Fault, events_from_pixels, garbage, oracle, status

ROOT = Path(__file__).parents[2]
SHOTS = (30, 18, 42, 24, 36, 30, 20, 28)


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> CodedClip:
    return draw_clip(tmp_path_factory.mktemp("film") / "film.mp4", SHOTS)


def command(*arguments: object) -> list[str]:
    program = "from api.cli import main; raise SystemExit(main())"
    return [sys.executable, "-c", program, *map(str, arguments), "--quiet"]


def sceneline(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SCENELINE_")}
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=120,
        env={**clean, **environment},
    )


def answer(asked: Asked) -> dict[str, object]:
    """Events from the pixels; for a question, the shots that were seen."""
    if asked.task == "ask":
        shots = sorted({shown.code[1] for shown in asked.shown})
        first, last = asked.frames[0], asked.frames[-1]
        step = {"step": f"the shots {shots} are in view", "frames": [first, last]}
        return {"answer": f"{len(shots)} shots", "not_visible": False, "confidence": 0.9, "reasoning": [step],
                "first_frame": first, "last_frame": last}  # fmt: skip
    return events_from_pixels(asked)


def test_every_shot_is_one_event_at_its_time_and_every_picture_carries_its_true_time(film):
    with oracle(answer) as server:
        done = sceneline(
            "analyze", film.path, "--base-url", server.url, "--frames", 24,
            SCENELINE_MODEL="qwen/qwen3-vl-32b-instruct",
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    timeline = json.loads(done.stdout)
    assert_valid_timeline(timeline)
    assert timeline["model"] == {
        "backend": "openai", "name": "qwen/qwen3-vl-32b-instruct", "base_url": server.url,
    }  # fmt: skip
    shown = [picture for asked in server.asked for picture in asked.shown]
    assert 0 < len({picture.index for picture in shown}) <= 24
    for picture in shown:
        frame, _ = picture.code
        assert picture.seconds == pytest.approx(film.time(frame), abs=0.0501)
    for asked in server.asked:
        assert all(one < other for one, other in pairwise(asked.frames))
    told = [e for e in timeline["events"] if e["track"] != "signal"]
    spans = [(e["start_seconds"], e["end_seconds"]) for e in told]
    for (start, end), (found_start, found_end) in zip(film.spans, spans, strict=True):
        assert (found_start, found_end) == (pytest.approx(start, abs=0.3), pytest.approx(end, abs=0.3))
    assert timeline["usage"]["requests"] == len(server.asked)
    assert timeline["usage"]["input_tokens"] > 0


def test_the_plan_is_what_the_run_then_does(film):
    with oracle(answer) as server:
        planned = sceneline("plan", film.path, "--base-url", server.url, "--frames", 24)
        assert planned.returncode == 0, planned.stderr
        assert not server.asked, "a plan asks nobody"
        done = sceneline("analyze", film.path, "--base-url", server.url, "--frames", 24)
    plan, timeline = json.loads(planned.stdout), json.loads(done.stdout)
    assert [asked.frames for asked in sorted(server.asked, key=lambda a: a.frames)] == plan["batches"]
    assert [k["pts"] for k in plan["keyframes"]] == [k["pts"] for k in timeline["keyframes"]]
    assert plan["estimate"]["requests"] == timeline["usage"]["requests"]
    assert plan["second_look"] == {"keyframes": 3, "larger_pictures": 0, "requests": 3}
    assert len(plan["keyframes"]) + plan["second_look"]["keyframes"] <= 24


def test_no_keyframe_is_kept_back_where_an_answer_of_the_callers_own_form_may_name_some(film):
    with oracle(answer) as server:
        tasks = ("--task", "events,custom", "--instructions", "Number them.")
        options = ("--dry-run", "--base-url", server.url, "--frames", 24)
        planned = sceneline("analyze", film.path, *options, *tasks)
    assert planned.returncode == 0, planned.stderr
    plan = json.loads(planned.stdout)
    assert plan["second_look"] == {"keyframes": 0, "larger_pictures": 0, "requests": 0}


def test_a_question_is_answered_with_its_evidence(film):
    with oracle(answer) as server:
        done = sceneline(
            "analyze", film.path, "--base-url", server.url, "--ask", "How many shots?", "--frames", 8
        )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)["results"]["ask"]
    assert result["question"] == "How many shots?"
    assert result["answer"] == f"{len(SHOTS)} shots"
    assert result["reasoning"][0]["keyframes"]


def test_what_fails_for_good_is_a_gap_and_exit_code_four(film):
    with oracle(answer, faults=lambda number, asked: garbage if 0 in asked.frames else None) as server:
        done = sceneline("analyze", film.path, "--base-url", server.url, "--frames", 24)
    assert done.returncode == 4, done.stderr
    timeline = json.loads(done.stdout)
    assert timeline["status"] == "partial"
    assert timeline["coverage"]["gaps"][0]["reason"] == "model_failed"
    assert timeline["coverage"]["gaps"][0]["start_seconds"] == 0.0
    assert timeline["events"], "the other batches are told all the same"


def test_a_limit_stops_before_and_not_after(film):
    with oracle(answer) as server:
        done = sceneline("analyze", film.path, "--base-url", server.url, "--frames", 24, "--max-requests", 1)
    assert done.returncode == 5, done.stderr
    assert len(server.asked) == 1
    assert json.loads(done.stdout)["status"] == "partial"


def test_a_refused_key_is_one_line_and_is_not_told(film):
    with oracle(answer, faults=lambda number, asked: status(401, "bad key")) as server:
        done = sceneline(
            "analyze", film.path, "--base-url", server.url, SCENELINE_API_KEY="sk-planted-secret"
        )
    assert done.returncode == 4, done.stderr
    assert "sk-planted-secret" not in done.stdout + done.stderr
    assert len(server.asked) <= 8, "what cannot heal is not tried again and again"


def test_a_recorded_run_is_replayed_without_a_server(film, tmp_path):
    with oracle(answer) as server:
        first = sceneline(
            "analyze", film.path, "--base-url", server.url, "--frames", 12, "--record", tmp_path
        )
        url = server.url
    again = sceneline("analyze", film.path, "--base-url", url, "--frames", 12, "--replay", tmp_path)
    assert again.returncode == 0, again.stderr
    one, other = json.loads(first.stdout), json.loads(again.stdout)
    assert one["events"] == other["events"]
    assert one["usage"]["input_tokens"] == other["usage"]["input_tokens"]


def test_an_interrupted_run_goes_on_from_its_record_and_pays_for_no_answer_twice(film, tmp_path):
    """Interrupted at the fourth request, with two answers recorded, one of them at the second try."""
    third_question, interrupted = threading.Event(), threading.Event()

    def slow_after_two(number: int, _asked: Asked) -> Fault | None:
        if number == 3:
            third_question.set()
            interrupted.wait(60)
        return status(503, Retry_After="0") if number == 1 else None

    def questions(asked: Sequence[Asked]) -> list[str]:
        return [json.dumps(each.body) for each in asked]

    with oracle(answer, faults=slow_after_two) as server:
        order = ["analyze", film.path, "--base-url", server.url, "--frames", 32, "--context", "rolling"]
        with subprocess.Popen(
            command(*order, "--record", tmp_path), cwd=ROOT, stderr=subprocess.PIPE
        ) as first:
            assert third_question.wait(60)
            first.send_signal(signal.SIGINT)
            assert first.wait(60) == 130
        interrupted.set()
        before = questions(server.asked[:3])
        server.asked.clear()
        done = sceneline(*order, "--record", tmp_path)
        asked_again = questions(server.asked)
        sceneline(*order, "--record", tmp_path)
        assert len(server.asked) == len(asked_again), "all was recorded"
    whole = json.loads(done.stdout)
    assert whole["status"] == "complete"
    assert len(asked_again) == whole["usage"]["requests"] - 2 > 0
    assert not set(before) & set(asked_again)
    replayed = json.loads(sceneline(*order, "--replay", tmp_path).stdout)
    assert replayed["events"] == whole["events"]


def test_tasks_that_need_a_question_are_refused_before_anything_is_decoded(film):
    done = sceneline("analyze", film.path, "--base-url", "http://127.0.0.1:9/v1", "--task", "ask")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "ask" in done.stderr


def test_loose_edges_get_a_second_look_within_the_budget(tmp_path):
    """One long shot in which the server calls the middle third an event: no cut says where it begins or ends."""
    clip = draw_clip(tmp_path / "one.mp4", (480,))
    begins, ends = 150, 330

    def middle(asked: Asked) -> dict[str, object]:
        frames = [shown.index for shown in asked.shown if begins <= shown.code[0] < ends]
        told = {"label": "middle", "description": "the middle", "confidence": 0.9, "track": "scene"}
        events = [{"first_frame": frames[0], "last_frame": frames[-1], **told}] if frames else []
        return {"events": events, "summary": "a film"}

    def edges(frames: int, folder: Path) -> tuple[float, list[dict[str, object]]]:
        with oracle(middle) as server:
            done = sceneline(
                "analyze", clip.path, "--base-url", server.url, "--frames", frames, "--frames-dir", folder
            )
        assert done.returncode == 0, done.stderr
        timeline = json.loads(done.stdout)
        assert_valid_timeline(timeline)
        assert len(timeline["keyframes"]) <= frames
        for keyframe in timeline["keyframes"]:
            assert (ROOT / keyframe["image"]).is_file() or Path(keyframe["image"]).is_file()
        (event,) = (e for e in timeline["events"] if e["label"] == "middle")
        start, end = event["start_range_seconds"], event["end_range_seconds"]
        assert start[0] <= clip.time(begins) <= start[1]
        assert end[0] <= clip.time(ends) <= end[1]
        return (start[1] - start[0]) + (end[1] - end[0]), timeline["keyframes"]

    without, _ = edges(15, tmp_path / "a")
    with_it, keyframes = edges(16, tmp_path / "b")
    zoomed = [keyframe for keyframe in keyframes if keyframe["reason"] == "zoom"]
    assert len(zoomed) == 2
    assert with_it < 0.8 * without


def test_local_models_serve_the_tasks_they_are_given_beside_the_remote_one(film):
    with oracle(answer) as server:
        done = sceneline(
            "analyze", film.path, "--base-url", server.url, "--frames", 8,
            "--task", "events,objects", "--local", "objects",
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    timeline = json.loads(done.stdout)
    assert_valid_timeline(timeline)
    assert {asked.task for asked in server.asked} == {"events"}
    assert timeline["request"]["local"] == ["objects"]
    assert set(timeline["results"]) == {"objects"}
    assert {event["source"] for event in timeline["events"]} == {"qwen/qwen3-vl-32b-instruct"}
    assert "ssd-mobilenet-v2-coco" in timeline["model"]["name"]


def test_what_was_read_here_is_told_to_the_remote_model_as_data():
    def nothing(asked: Asked) -> dict[str, object]:
        frames = asked.frames
        told = {
            "first_frame": frames[0],
            "last_frame": frames[-1],
            "label": "a talk",
            "description": "A talk.",
        }
        return {"events": [{**told, "confidence": 0.9}], "summary": "A talk."}

    with oracle(nothing) as server:
        done = sceneline(
            "analyze",
            ROOT / "samples" / "lecture.mp4",
            "--base-url",
            server.url,
            "--frames",
            6,
            "--hints",
            "text",
        )
    assert done.returncode == 0, done.stderr
    timeline = json.loads(done.stdout)
    assert_valid_timeline(timeline)
    assert timeline["request"]["hints"] == ["text"]
    assert timeline["results"] == {}
    (asked,) = server.asked
    said = asked.body["messages"][-1]["content"][0]["text"]
    told = [json.loads(line) for line in said.splitlines() if line.startswith('{"frame"')]
    assert {hint["frame"] for hint in told} <= set(asked.frames)
    truth = json.loads((ROOT / "samples" / "lecture.truth.json").read_text())
    written = {word.casefold() for text in truth["texts"] for word in text["text"].split()}
    read = {word.casefold() for hint in told for line in hint["text"] for word in line.split()}
    assert len(written & read) >= 10


def pages_read(asked: Asked) -> dict[str, object]:
    """The same form on every page, filled in with the number its pixels carry."""
    form = "# Invoice\n\nSold to the buyer named below, payable within thirty days of delivery. Number {}"
    return {
        "documents": [
            {
                "first_frame": shown.index,
                "last_frame": shown.index,
                "title": "Invoice",
                "markdown": form.format(shown.code[0]),
                "tables": [],
                "fields": [{"name": "Number", "value": str(shown.code[0])}],
            }
            for shown in asked.shown
        ]
    }


def test_a_pdf_is_read_page_by_page(tmp_path):
    """Sixteen invoices over two batches differ in a number alone: each is a page of its own, in order."""
    numbers = list(range(400, 416))
    document = draw_document(tmp_path / "invoices.pdf", numbers)
    with oracle(pages_read) as server:
        done = sceneline("analyze", document, "--base-url", server.url, "--task", "documents", "--frames", 16)
    assert done.returncode == 0, done.stderr
    timeline = json.loads(done.stdout)
    assert_valid_timeline(timeline)
    assert len(server.asked) == 2
    pages = timeline["results"]["documents"]
    assert [page["fields"]["Number"] for page in pages] == [str(number) for number in numbers]
    assert [page["instances"][0]["start_seconds"] for page in pages] == list(range(16))
    assert (timeline["media"]["container"], timeline["media"]["frame_count"]) == ("pdf", 16)


def test_dense_pages_are_read_once_more_in_larger_pictures(tmp_path):
    """The server reads what is printed small only off a large picture, as models do."""

    def read_page(asked: Asked) -> dict[str, object]:
        pages = []
        for shown in asked.shown:
            width, height = Image.open(io.BytesIO(shown.jpeg)).size
            word = "clear" if width * height > 1_500_000 else "cl3ar"
            pages.append(
                {
                    "first_frame": shown.index,
                    "last_frame": shown.index,
                    "title": f"Page {shown.code[0]}",
                    "markdown": f"Number {shown.code[0]}. " + f"{word} " * 300,
                    "tables": [],
                    "fields": [],
                }
            )
        return {"documents": pages}

    document = draw_document(tmp_path / "dense.pdf", [41, 42])
    with oracle(read_page) as server:
        done = sceneline(
            "analyze", document, "--base-url", server.url, "--task", "documents", "--frames", 16,
            SCENELINE_MODEL="qwen/qwen3-vl-32b-instruct",
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    timeline = json.loads(done.stdout)
    assert_valid_timeline(timeline)
    assert [len(asked.shown) for asked in server.asked] == [2, 1, 1]
    pages = timeline["results"]["documents"]
    assert [page["title"] for page in pages] == ["Page 41", "Page 42"]
    assert all("clear" in page["markdown"] and "cl3ar" not in page["markdown"] for page in pages)
    assert [keyframe["reason"] for keyframe in timeline["keyframes"]] == ["zoom", "zoom"]


def test_a_locked_pdf_is_one_line_and_exit_code_three(tmp_path):
    locked = written_document(tmp_path / "locked.pdf", LOCK, trailer="/Encrypt 5 0 R /ID [<00> <00>]")
    done = sceneline("plan", locked)
    assert (done.returncode, done.stdout) == (3, "")
    assert "password" in done.stderr
    assert done.stderr.count("\n") == 1
    pages = draw_document(tmp_path / "long.pdf", range(3))
    done = sceneline("plan", pages, SCENELINE_MAX_DOCUMENT_PAGES="2")
    assert done.returncode == 5
    assert "3 pages, over the limit of 2" in done.stderr
