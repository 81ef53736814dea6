"""``sceneline doctor`` with a remote model: what it prints, its exit code, and the profile later runs go by."""

import json
import tomllib
from pathlib import Path

import pytest

from api.cli import diagnosing, main
from api.settings import settings
from tests.analyzer.test_probing import counting, look
from tests.oracle import oracle, status


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Where the user's profiles would be; the checks of this machine are left out, they have tests of their own."""
    monkeypatch.delenv("SCENELINE_MODEL_PROFILES", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(diagnosing, "_checks", lambda: iter(()))
    settings.cache_clear()
    yield settings().profiles_place()
    settings.cache_clear()


def test_a_profile_is_saved_and_later_runs_go_by_it(place, capsys, samples):
    with oracle(look, faults=counting(most=4)) as server:
        code = main(["doctor", "--base-url", server.url, "--model", "some/model"])
        told = capsys.readouterr().out
        assert code == 0, told
        assert f"the profile of some/model was saved in {place}; later runs go by it" in told
        (profile,) = tomllib.loads(place.read_text("utf-8"))["profile"]
        assert (profile["name"], profile["max_images"]) == ("some/model", 4)
        planned = ["plan", str(samples / "lecture.mp4"), "--frames", "9", "--quiet", "--base-url", server.url]
        assert main([*planned, "--model", "some/model"]) == 0
        batches = json.loads(capsys.readouterr().out)["batches"]
        assert max(map(len, batches)) == 4
        assert main([*planned, "--model", "another"]) == 0
        assert max(map(len, json.loads(capsys.readouterr().out)["batches"])) > 4


def test_profiles_named_in_the_environment_are_made_there(place, monkeypatch, tmp_path):
    monkeypatch.setenv("SCENELINE_MODEL_PROFILES", str(tmp_path / "new" / "mine.toml"))
    settings.cache_clear()
    with oracle(look, faults=counting()) as server:
        assert main(["doctor", "--base-url", server.url, "--model", "m"]) == 0
    assert tomllib.loads((tmp_path / "new" / "mine.toml").read_text("utf-8"))["profile"][0]["name"] == "m"
    assert not place.exists()


def test_a_refused_key_is_a_failed_check_and_nothing_is_saved(place, capsys, monkeypatch):
    monkeypatch.setenv("SCENELINE_API_KEY", "sk-planted-secret")
    settings.cache_clear()
    with oracle(look, faults=lambda _n, _a: status(401, "unknown key sk-planted-secret")) as server:
        code = main(["doctor", "--base-url", server.url, "--model", "m"])
    said = capsys.readouterr()
    assert (code, said.err) == (4, "")
    assert "BAD  authorised: " in said.out
    assert said.out.endswith("1 of 2 checks failed\n")
    assert "sk-planted-secret" not in said.out
    assert not place.exists()


@pytest.mark.usefixtures("place")
def test_without_a_remote_model_nobody_is_asked(capsys, monkeypatch):
    for name in ("SCENELINE_BASE_URL", "SCENELINE_API_KEY", "OPENROUTER_API_KEY", "SCENELINE_MODEL"):
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out == "all 0 checks passed\n"
