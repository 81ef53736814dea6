"""A contact sheet shows every picture, in order, whatever their number and shape."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFont

from api.contact_sheets import _fitted, contact_sheet

COLOURS = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30), (200, 30, 200)]


def pictures(folder: Path, count: int, size: tuple[int, int]) -> list[tuple[Path, str]]:
    for index in range(count):
        Image.new("RGB", size, COLOURS[index % len(COLOURS)]).save(folder / f"{index}.jpg", quality=95)
    return [
        (folder / f"{index}.jpg", f"{index}  a caption far too long for its place " * 3)
        for index in range(count)
    ]


def test_pictures_come_in_reading_order(tmp_path: Path) -> None:
    sheet = Image.open(io.BytesIO(contact_sheet(pictures(tmp_path, 5, (640, 360)))))
    assert sheet.size == (3 * 326 + 6, 2 * 208 + 6)
    middles = [(6 + index % 3 * 326 + 160, 6 + index // 3 * 208 + 90) for index in range(5)]
    shown = [np.asarray(sheet)[y, x] for x, y in middles]
    np.testing.assert_allclose(shown, COLOURS, atol=12)


@pytest.mark.parametrize(("count", "size"), [(1, (16, 900)), (1, (900, 16)), (2, (33, 19)), (400, (64, 36))])
def test_any_number_and_shape_gives_a_sheet(tmp_path: Path, count: int, size: tuple[int, int]) -> None:
    sheet = Image.open(io.BytesIO(contact_sheet(pictures(tmp_path, count, size))))
    assert sheet.width <= 2560 + 6
    assert sheet.getextrema() != ((24, 24), (24, 24), (27, 27))


def test_a_picture_of_another_shape_does_not_make_the_others_small(tmp_path: Path) -> None:
    shown = pictures(tmp_path, 4, (640, 360))
    Image.new("RGB", (360, 640)).save(tmp_path / "0.jpg")
    assert Image.open(io.BytesIO(contact_sheet(shown))).size == (2 * 326 + 6, 2 * 208 + 6)


def test_captions_end_with_a_whole_word() -> None:
    font = ImageFont.load_default(14)
    assert _fitted("12  0:03.00  shot 1  coverage", 100, font) == "12  0:03.00"
    assert _fitted("coverage", 30, font) == "cov"
    assert _fitted("whole", 300, font) == "whole"
