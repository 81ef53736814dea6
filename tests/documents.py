"""Documents drawn for tests, whose pages carry their number as ``tests.oracle`` reads it."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from tests.oracle import draw_code


def draw_document(
    path: Path, numbers: Iterable[int], *, sizes: Sequence[tuple[int, int]] = ((595, 842),)
) -> Path:
    """Write a page for each number, of these sizes in points, in turn."""
    pages = [_page(number, *sizes[place % len(sizes)]) for place, number in enumerate(numbers)]
    pages[0].save(path, "PDF", save_all=True, append_images=pages[1:], resolution=72, quality=95)
    return path


def draw_scan(path: Path, numbers: Iterable[int], *, copies: bool = False) -> Path:
    """Write a TIFF with a page for each number, each followed by a smaller copy of it if there are to be ``copies``."""
    pages = []
    for number in numbers:
        pages.append(_page(number, 595, 842))
        if copies:
            pages.append(pages[-1].reduce(8))
            pages[-1].encoderinfo = {"tiffinfo": {ExifTags.Base.NewSubfileType: 1}}
    pages[0].save(path, "TIFF", save_all=True, append_images=pages[1:])
    return path


def _page(number: int, width: int, height: int) -> Image.Image:
    picture = np.full((height, width, 3), 255, np.uint8)
    draw_code(picture, frame=number, shot=0)
    return Image.fromarray(picture)


def written_document(path: Path, *objects: str, trailer: str = "", content: str = "") -> Path:
    """Write a document of one page object by object; ``objects`` follow the first four."""
    parts = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 100] /Contents 4 0 R "
        "/Resources << /Font << /F 5 0 R >> >> >>",
        f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
        *objects,
    ]
    body, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, start=1):
        places.append(len(body))
        body += f"{number} 0 obj\n{part}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = (
        f"xref\n0 {len(parts) + 1}\n0000000000 65535 f \n{table}"
        f"trailer << /Size {len(parts) + 1} /Root 1 0 R {trailer} >>\nstartxref\n{len(body)}\n%%EOF\n"
    )
    path.write_bytes(body + end.encode())
    return path


LOCK = f"<< /Filter /Standard /V 1 /R 2 /O <{'ab' * 32}> /U <{'cd' * 32}> /P -4 >>"
"""No password opens it, the empty one least of all."""
