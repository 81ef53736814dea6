"""All keyframes in one picture, to be taken in at a glance."""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from PIL import Image, ImageDraw, ImageFont

_WIDEST, _NARROWEST = 320, 96
"""Pixels across a picture on the sheet, where there are few and where there are many."""
_SHEET_WIDTH = 2560
_CAPTION_HEIGHT, _FONT_SIZE, _GAP = 22, 14, 6
_PAPER, _INK = "#18181b", "#e4e4e7"
_QUALITY = 88


def contact_sheet(pictures: Sequence[tuple[Path, str]]) -> bytes:
    """JPEG pictures in rows, each with its caption below, as one JPEG picture.

    Args:
        pictures: Files and captions, in order; at least one. They are read one at a time. Each has a place of the shape
            that is usual among them.
    """
    columns = math.ceil(math.sqrt(len(pictures)))
    width = min(_WIDEST, max(_NARROWEST, _SHEET_WIDTH // columns - _GAP))
    height = max(1, round(width * median(_tallness(path) for path, _ in pictures)))
    rows = math.ceil(len(pictures) / columns)
    step_x, step_y = width + _GAP, height + _CAPTION_HEIGHT + _GAP
    sheet = Image.new("RGB", (columns * step_x + _GAP, rows * step_y + _GAP), _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(_FONT_SIZE)
    for number, (path, caption) in enumerate(pictures):
        left, top = _GAP + number % columns * step_x, _GAP + number // columns * step_y
        with Image.open(path) as picture:
            picture.thumbnail((width, height), Image.Resampling.LANCZOS)
            sheet.paste(picture, (left + (width - picture.width) // 2, top + (height - picture.height) // 2))
        pen.text((left, top + height + 2), _fitted(caption, width, font), _INK, font)
    out = io.BytesIO()
    sheet.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def _tallness(path: Path) -> float:
    with Image.open(path) as picture:
        return picture.height / picture.width


def _fitted(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """As many whole words as a line holds; of a single word, as much of it."""
    while text and font.getlength(text) > width:
        text = text.rpartition(" ")[0].rstrip() or text[:-1]
    return text
