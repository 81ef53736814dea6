"""The command line inside this process: what is written where, and the exit code of every outcome."""

import json
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from analyzer import Analyzed
from api import pipeline
from api.cli import failing, main, progress
from api.documents import json_text, timeline_document
from api.exports import SUFFIXES, form_by_ending
from api.problems import _CODES, BROKEN_OFF, BUG, GAVE_UP, LATE, problem_of
from api.settings import settings
from sampler import MediaLimitError
from tests.api import handmade
from tests.invariants import assert_valid_timeline

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command in an empty folder; gives its exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: object) -> tuple[int, str, str]:
        code = main([str(each) for each in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A timeline in a file."""
    path = tmp_path / "saved.json"
    path.write_text(json_text(timeline_document(handmade.timeline())), "utf-8")
    return path


def pictures(folder: Path, count: int) -> list[Path]:
    paths = []
    for number in range(count):
        path = folder / f"picture{number}.png"
        Image.new("RGB", (64, 48), (60 * number, 90, 200 - 60 * number)).save(path)
        paths.append(path)
    return paths


@pytest.fixture
def unconfigured(monkeypatch):
    for name in ("SCENELINE_BASE_URL", "SCENELINE_API_KEY", "OPENROUTER_API_KEY", "SCENELINE_MODEL"):
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.usefixtures("unconfigured")
@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("SCENELINE_JOBS_AT_ONCE", "many", "a valid integer"),
        ("SCENELINE_LOG_FORMAT", "xml", "'text' or 'json'"),
        ("SCENELINE_KEEP_DAYS", "-1", "greater than 0"),
        ("SCENELINE_TRUSTED_HOSTS", "a.example,b.example", "should be JSON"),
    ],
)
def test_a_setting_that_cannot_be_is_told_in_one_line(run, monkeypatch, variable, value, told):
    monkeypatch.setenv(variable, value)
    for command in (["plan", "none.mp4"], ["serve"], ["keys", "list"]):
        code, out, err = run(*command)
        assert (code, out) == (2, "")
        assert re.fullmatch(rf"sceneline: {variable}: .*{told}.*; correct or unset this variable\n", err)


@pytest.mark.usefixtures("unconfigured")
@pytest.mark.parametrize("option", ["--record", "--replay"])
def test_what_keeps_answers_is_refused_where_nobody_elsewhere_is_asked(run, tmp_path, option):
    code, out, err = run("analyze", tmp_path / "none.mp4", "--backend", "local", option, tmp_path / "answers")
    assert (code, out) == (2, "")
    assert (
        err == "sceneline: --record and --replay are about what a remote model answers, and none is asked\n"
    )
    assert not (tmp_path / "answers").exists()


@pytest.mark.usefixtures("unconfigured")
def test_openrouter_without_a_key_is_refused_before_the_video_is_opened_but_can_be_planned(run, tmp_path):
    code, out, err = run("analyze", tmp_path / "none.mp4", "--backend", "openai")
    assert (code, out) == (2, "")
    assert err.startswith("sceneline: OpenRouter asks for a key: set OPENROUTER_API_KEY, or")
    picture = pictures(tmp_path, 1)[0]
    for command in (["plan"], ["analyze", "--dry-run"]):
        code, out, err = run(*command, picture, "--backend", "openai")
        assert code == 0, err
        assert json.loads(out)["estimate"]["requests"] == 1


@pytest.mark.usefixtures("unconfigured")
def test_the_table_of_a_plan_tells_batches_tokens_price_and_what_is_not_looked_at(run, samples):
    remote = ("--backend", "openai", "--model", "qwen/qwen3-vl-32b-instruct")
    _, out, _ = run(
        "plan", samples / "lecture.mp4", "--frames", 15, "--start", 2, "--format", "table", *remote
    )
    told = " ".join(out.split())
    assert re.search(
        r"2 requests to a model about 2 batches, about \d,\d{3} tokens in and [\d,]+ out, "
        r"0\.00\d\d USD, 0\.0\d{3} USD at most",
        told,
    )
    assert told.endswith("not looked at: 0:00.0 – 0:02.0, outside window")
    _, out, _ = run("plan", samples / "lecture.mp4", "--frames", 1, "--format", "table")
    assert "1 keyframe by exact sampling" in out
    assert "no requests to a remote model" in " ".join(out.split())


def test_a_port_that_is_taken_is_one_line(run, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = run("serve", "--port", port, "--data", tmp_path / "data")
    assert (code, out) == (2, "")
    assert err.startswith(f"sceneline: nothing can listen on 127.0.0.1, port {port} (")
    assert not (tmp_path / "data").exists()


def test_the_name_of_a_file_cannot_break_a_line_of_progress(monkeypatch, capsys):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    with progress.Watcher("a\nb\x1b[2Jc.mp4", quiet=False) as watcher:
        watcher.saw(Analyzed(1, 2))
    assert capsys.readouterr().err == "a b [2Jc.mp4: looking at keyframes 50%\n"


# -- analyze -------------------------------------------------------------------------------------------------


def test_a_timeline_goes_to_standard_output_and_nothing_else(run, samples):
    code, out, err = run(
        "analyze", samples / "tour.mp4", "--frames", 3, "--task", "objects,tags", "--task", "text"
    )
    document = json.loads(out)
    assert code == 0, err
    assert_valid_timeline(document)
    assert document["media"]["name"] == "tour.mp4"
    assert document["request"]["tasks"] == ["objects", "tags", "text"]
    assert set(document["results"]) == {"objects", "tags", "text"}
    assert document["usage"]["decode_seconds"] > 0
    assert document["usage"]["analyze_seconds"] > 0
    assert document["usage"]["wall_seconds"] >= document["usage"]["decode_seconds"]


def test_a_window_keeps_the_clock_of_the_source(run, samples):
    command = (
        "analyze",
        samples / "tour.mp4",
        "--frames",
        2,
        "--task",
        "objects",
        "--start",
        "0:10",
        "--end",
        12,
    )
    _, out, _ = run(*command)
    document = json.loads(out)
    assert_valid_timeline(document)
    assert all(10 <= keyframe["time_seconds"] < 12 for keyframe in document["keyframes"])
    assert {gap["reason"] for gap in document["coverage"]["gaps"]} == {"outside_window"}


def test_keyframes_are_written_and_named_from_where_the_timeline_lies(run, samples, tmp_path):
    command = ("analyze", samples / "lecture.mp4", "--frames", 2, "--task", "objects")
    code, out, err = run(*command, "--output", "out/t.json", "--frames-dir", "frames")
    assert (code, out) == (0, "")
    assert err.splitlines()[-2:] == ["sceneline: wrote 2 pictures to frames", "sceneline: wrote out/t.json"]
    document = json.loads((tmp_path / "out/t.json").read_text())
    assert [keyframe["image"] for keyframe in document["keyframes"]] == [
        "../frames/0000.jpg",
        "../frames/0001.jpg",
    ]
    for keyframe in document["keyframes"]:
        with Image.open(tmp_path / "out" / keyframe["image"]) as picture:
            assert picture.size == (keyframe["width"], keyframe["height"])
    code, _, _ = run("export", "out/t.json", "--format", "html", "--output", "t.html")
    assert code == 0
    assert (tmp_path / "t.html").read_text().count("data:image/jpeg;base64,") == 2
    assert not list(tmp_path.rglob("*.part"))


def test_the_ending_of_the_output_says_the_format(run, tmp_path):
    (picture,) = pictures(tmp_path, 1)
    assert run("analyze", picture, "--task", "objects", "--output", "page.html", "--quiet") == (0, "", "")
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")


def test_pictures_are_videos_of_their_own_or_one_sequence(run, tmp_path):
    paths = pictures(tmp_path, 3)
    code, out, _ = run("analyze", *paths, "--task", "objects")
    documents = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [len(document["keyframes"]) for document in documents] == [1, 1, 1]
    code, out, _ = run("analyze", *paths, "--task", "objects", "--interval", 2)
    document = json.loads(out)
    assert_valid_timeline(document)
    assert code == 0
    assert document["media"]["duration_seconds"] == 6.0


def test_one_video_failing_does_not_stop_the_rest(run, tmp_path):
    one, two = pictures(tmp_path, 2)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"nothing of worth")
    code, out, err = run("analyze", one, broken, two, "--task", "objects")
    names = [json.loads(line)["media"]["name"] for line in out.splitlines()]
    assert (code, names) == (3, ["picture0.png", "picture1.png"])
    assert [line for line in err.splitlines() if "broken.mp4" in line]


def test_a_result_may_have_as_long_a_name_as_any_file(run, tmp_path):
    picture = pictures(tmp_path, 1)[0].rename(tmp_path / f"{'x' * 246}.png")
    code, _, err = run("shots", picture, "--output", "results/")
    assert code == 0, err
    assert [path.name for path in (tmp_path / "results").iterdir()] == [f"{'x' * 246}.json"]


def test_several_videos_go_to_a_folder_a_file_each(run, tmp_path):
    (tmp_path / "other").mkdir()
    (one,), (two,) = pictures(tmp_path, 1), pictures(tmp_path / "other", 1)
    command = (
        "analyze",
        one,
        two,
        "--task",
        "objects",
        "--output",
        "out",
        "--frames-dir",
        "frames",
        "--quiet",
    )
    assert run(*command) == (0, "", "")
    for name in ("picture0", "picture0-2"):
        document = json.loads((tmp_path / f"out/{name}.json").read_text())
        assert document["keyframes"][0]["image"] == f"../frames/{name}/0000.jpg"
        assert (tmp_path / f"frames/{name}/0000.jpg").is_file()


def test_several_videos_share_no_file(run, tmp_path):
    first, second = pictures(tmp_path, 2)
    code, out, err = run("analyze", first, second, "--output", "all.json")
    assert (code, out) == (2, "")
    assert err == "sceneline: several videos cannot share all.json; give a folder as --output\n"
    assert not Path("all.json").exists()


def test_a_folder_for_pictures_that_cannot_be_is_told_before_anything_is_looked_at(run, tmp_path):
    picture = pictures(tmp_path, 1)[0]
    code, _, err = run("analyze", "absent.png", "--frames-dir", picture)
    assert code == 2
    assert err == f"sceneline: {picture}: cannot be written (File exists); choose another place\n"


def test_a_taxonomy_chooses_the_tags(run, samples, tmp_path):
    (tmp_path / "tags.txt").write_text("cat\nsailing boat\n")
    command = ("analyze", samples / "tour.mp4", "--start", 18, "--end", 21, "--frames", 2, "--task", "tags")
    _, out, err = run(*command, "--taxonomy", "tags.txt")
    document = json.loads(out)
    assert document["request"]["taxonomy"] == ["cat", "sailing boat"]
    assert {tag["tag"] for tag in document["results"]["tags"]} <= {"cat", "sailing boat"}, err


def test_a_dry_run_is_the_plan_and_asks_no_model(run, samples, monkeypatch):
    monkeypatch.setattr(pipeline, "look", None)
    code, out, _ = run("analyze", samples / "lecture.mp4", "--frames", 4, "--dry-run")
    plan = json.loads(out)
    assert code == 0
    assert set(plan) >= {"media", "shots", "keyframes", "batches", "estimate", "coverage"}
    assert len(plan["keyframes"]) == plan["coverage"]["keyframes"] == 4
    assert plan["coverage"]["keyframes_analyzed"] == 0
    assert (plan["batches"], plan["estimate"]["requests"], plan["estimate"]["cost_usd"]) == ([], 0, 0)
    assert run("plan", samples / "lecture.mp4", "--frames", 4)[1] == out


# -- shots and sample ----------------------------------------------------------------------------------------


def test_shots_in_each_form(run, samples, tmp_path):
    _, out, _ = run("shots", samples / "tour.mp4")
    document = json.loads(out)
    assert set(document) == {"media", "shots"}
    _, out, _ = run("shots", samples / "tour.mp4", "--format", "csv")
    rows = out.splitlines()
    assert rows[0] == "index,start_seconds,end_seconds,transition,keyframes"
    assert len(rows) == 1 + len(document["shots"])
    assert run("shots", samples / "tour.mp4", "--format", "table", "--output", "s.txt", "-q") == (0, "", "")
    assert "0:05.0" in (tmp_path / "s.txt").read_text()
    (tmp_path / "lists").mkdir()
    for form in ("edl", "otio"):
        assert run("shots", samples / "tour.mp4", "--format", form, "--output", "lists/", "-q")[0] == 0
    assert (tmp_path / "lists/tour.edl").read_text().count("  AX  ") == len(document["shots"])
    assert (tmp_path / "lists/tour.otio").read_text().count("Clip.2") == len(document["shots"])


def test_sample_writes_pictures_and_a_manifest(run, samples, tmp_path):
    code, out, _ = run("sample", samples / "tour.mp4", "--frames", 3, "--output", "frames")
    manifest = json.loads((tmp_path / "frames/manifest.json").read_text())
    assert (code, out) == (0, "")
    assert len(manifest["keyframes"]) == 3
    for keyframe in manifest["keyframes"]:
        with Image.open(tmp_path / "frames" / keyframe["image"]) as picture:
            assert picture.size == (keyframe["width"], keyframe["height"])
        assert keyframe["reason"]
    assert {path.name for path in (tmp_path / "frames").iterdir()} == {
        "0000.jpg", "0001.jpg", "0002.jpg", "manifest.json",
    }  # fmt: skip


def test_sample_shows_all_pictures_on_one_sheet(run, samples, tmp_path):
    assert run("sample", samples / "tour.mp4", "--frames", 4, "--output", "frames", "--contact-sheet")[0] == 0
    with Image.open(tmp_path / "frames/contact-sheet.jpg") as sheet:
        assert sheet.size == (2 * 326 + 6, 2 * 208 + 6)


def test_sample_leaves_no_pictures_of_an_earlier_run_beside_its_manifest(run, samples, tmp_path):
    frames = tmp_path / "frames"
    assert run("sample", samples / "tour.mp4", "--frames", 4, "--output", frames, "--contact-sheet")[0] == 0
    (frames / "0017.jpg").write_text("not of that run")
    whole = sorted(path.name for path in frames.iterdir())
    assert run("sample", tmp_path / "absent.mp4", "--output", frames)[0] == 3
    assert sorted(path.name for path in frames.iterdir()) == whole
    assert run("sample", samples / "tour.mp4", "--frames", 2, "--output", frames)[0] == 0
    assert sorted(path.name for path in frames.iterdir()) == [
        "0000.jpg", "0001.jpg", "0017.jpg", "manifest.json",
    ]  # fmt: skip


# -- export and schema ---------------------------------------------------------------------------------------


def test_export_finds_pictures_beside_the_timeline_and_takes_nothing_else(run, saved, tmp_path):
    (tmp_path / "a.jpg").write_bytes(handmade.jpeg())
    (tmp_path / "secret.txt").write_text("secret")
    document = json.loads(saved.read_text("utf-8"))
    images = ["a.jpg", "secret.txt", "gone.jpg", str(tmp_path / "a.jpg")]
    for keyframe, image in zip(document["keyframes"], images, strict=True):
        keyframe["image"] = image
    saved.write_text(json.dumps(document), "utf-8")
    code, page, _ = run("export", saved, "--format", "html")
    assert code == 0
    assert page.count("data:image/jpeg;base64,") == 1
    assert "c2VjcmV0" not in page


def test_export_refuses_what_the_format_cannot_hold(run, tmp_path):
    path = tmp_path / "short.json"
    path.write_text(json_text(timeline_document(handmade.timeline(8.0))), "utf-8")
    code, out, err = run("export", path, "--format", "chapters")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "chapters need 3 parts of 10 s or more" in err


def test_export_never_replaces_its_timeline(run, saved):
    before = saved.read_bytes()
    code, _, err = run("export", saved, "--format", "md", "--output", saved)
    assert code == 2
    assert "is the input itself" in err
    assert saved.read_bytes() == before


def test_the_schema_is_printed(run):
    code, out, err = run("schema")
    assert (code, err) == (0, "")
    assert json.loads(out)["$id"] == "urn:sceneline:timeline:1"


# -- what goes wrong -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "arguments", "said"),
    [
        (2, ["nonsense"], "No such command 'nonsense'"),
        (2, ["analyze"], "Missing argument 'VIDEO'"),
        (2, ["analyze", "{video}", "--colour", "red"], "No such option: --colour"),
        (2, ["analyze", "{video}", "--frames", "many"], "--frames"),
        (2, ["analyze", "{video}", "--frames", "0"], "frames"),
        (2, ["analyze", "{video}", "--task", "dance"], "tasks"),
        (2, ["analyze", "{video}", "--start", "later"], "start: 'later' is not a time"),
        (2, ["analyze", "{video}", "--start", "99:00"], "start"),
        (2, ["analyze", "{video}", "--sampling", "randomly"], "choose auto"),
        (2, ["analyze", "{video}", "--task", "ask", "--frames", "1"], "ask"),
        (2, ["analyze", "{video}", "--format", "poem"], "poem"),
        (2, ["analyze", "{video}", "--taxonomy", "absent.txt"], "absent.txt"),
        (2, ["analyze", "{video}", "--interval", "0"], "interval"),
        (2, ["analyze", "{video}", "{video}", "--format", "vtt"], "give a folder as --output"),
        (2, ["analyze", "{video}", "--dry-run", "--format", "vtt"], "a plan cannot be told as vtt"),
        (2, ["analyze", "{video}", "--task", "text", "--format", "csv"], "csv holds events only"),
        (2, ["analyze", "{video}", "--output", "{video}"], "is the input itself"),
        (2, ["analyze", "{video}", "--output", ""], "'--output': an empty name is no place"),
        (2, ["analyze", "{video}", "--frames-dir", ""], "'--frames-dir': an empty name is no place"),
        (2, ["sample", "{video}", "--output", ""], "'--output': an empty name is no place"),
        (2, ["calibration", "--data", ""], "'--data': an empty name is no place"),
        (2, ["shots", "{video}", "--output", "{video}/below.json"], "cannot be written"),
        (2, ["export", "{video}", "--format", "md"], "not a timeline"),
        (2, ["export", "absent.json", "--format", "md"], "cannot be read"),
        (3, ["analyze", "absent.mp4"], "'absent.mp4' does not exist; give a video or picture file of this"),
        (
            3,
            ["analyze", "."],
            "is a directory; give the files in it, pictures of one sequence with --interval 1",
        ),
        (3, ["analyze", ".", "--interval", "1"], "is a directory; give the files in it"),
        (3, ["analyze", "{broken}"], "broken.mp4"),
        (3, ["sample", "{broken}", "--output", "frames"], "broken.mp4"),
    ],
)
def test_each_failure_is_one_line_and_its_code(run, samples, tmp_path, code, arguments, said):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"nothing of worth")
    names = {"{video}": str(samples / "lecture.mp4"), "{broken}": str(broken)}
    filled = [names.get(each, each.replace("{video}", names["{video}"])) for each in arguments]
    found, out, err = run(*filled)
    assert (found, out) == (code, ""), err
    assert err.count("\n") == 1, err
    assert said in err
    assert err.startswith("sceneline: ")


def test_a_mistake_of_ours_is_one_line_with_the_way_to_its_traceback(run, tmp_path, monkeypatch):
    def stumble(*_: object) -> None:
        raise ZeroDivisionError("on\npurpose")

    (picture,) = pictures(tmp_path, 1)
    monkeypatch.setattr(pipeline, "analyze", stumble)
    code, out, err = run("analyze", picture)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "unexpected ZeroDivisionError: on purpose" in err
    assert "SCENELINE_DEBUG=1" in err
    monkeypatch.setenv("SCENELINE_DEBUG", "1")
    settings.cache_clear()
    try:
        code, _, err = run("analyze", picture)
    finally:
        settings.cache_clear()
    assert code == 1
    assert "Traceback" in err


def test_an_interrupted_run_says_so(run, tmp_path, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    (picture,) = pictures(tmp_path, 1)
    monkeypatch.setattr(pipeline, "analyze", interrupt)
    assert run("analyze", picture, picture) == (130, "", "sceneline: interrupted\n")


def test_help_is_where_a_lost_user_looks(run):
    code, out, err = run()
    assert (code, out) == (2, "")
    assert "analyze" in err
    code, out, err = run("analyze", "--help")
    assert (code, err) == (0, "")
    assert "sceneline analyze clip.mp4 --format table" in out
    assert run("--version")[1].startswith("sceneline ")


@pytest.mark.parametrize("kind", sorted(_CODES, key=lambda kind: kind.__name__))
def test_what_ends_a_job_gives_the_exit_code_of_what_ends_a_command(kind: type[Exception]) -> None:
    problem = problem_of(kind("wrong"))
    assert problem is not None
    assert failing.code_of_problem(problem) == failing.fail(kind("wrong"))


def test_what_ends_a_job_without_an_error_has_an_exit_code_too() -> None:
    assert failing.code_of_problem(problem_of(MediaLimitError("long", "seconds")) or BUG) == 5
    assert [failing.code_of_problem(each) for each in (LATE, GAVE_UP, BROKEN_OFF, BUG)] == [5, 3, 2, 1]
    assert [failing.code_of_partial(codes) for codes in (["budget_exceeded"], ["model_failed"])] == [5, 4]


@pytest.mark.parametrize(
    ("place", "begins"),
    [("a.edl", "TITLE: "), ("a.OTIO", '{\n  "OTIO_SCHEMA"'), ("a.csv", "index,"), ("a.txt", '{\n  "media"')],
)
def test_shots_are_told_as_the_place_they_go_to_ends(run, tmp_path, place, begins):
    picture = pictures(tmp_path, 1)[0]
    assert run("shots", picture, "--output", place) == (0, "", "")
    assert (tmp_path / place).read_text("utf-8").startswith(begins)


def test_a_form_is_told_by_its_whole_ending():
    assert form_by_ending("talk.chapters.txt", SUFFIXES) == "chapters"
    assert form_by_ending("talk.txt", SUFFIXES) is None
    assert form_by_ending("TALK.VTT", SUFFIXES) == "vtt"
