"""A contact sheet shows every picture, in order, whatever their number and shape."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from api.contact_sheets import contact_sheet

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
