"""PDF documents are picture sequences: one page, one picture, read in the sandbox like everything else."""

import hashlib
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sampler import (
    Keyframe,
    Limits,
    MediaLimitError,
    PictureSequence,
    SampleRequest,
    SamplingPlan,
    UnreadableMediaError,
    VideoFile,
    probe_isolated,
    sample,
    sample_isolated,
)
from sampler.sources import source_of
from tests.documents import LOCK, draw_document, draw_scan, written_document
from tests.oracle import read_code
from tests.sampler.pulling import pull

Draw = Callable[[Path, list[int]], Path]
NUMBERS = [7, 3, 900, 21, 65000]


def sampled(source, request: SampleRequest | None = None, limits: Limits | None = None):
    steps = list(sample_isolated(source, request or SampleRequest(), limits))
    (plan,) = (step for step in steps if isinstance(step, SamplingPlan))
    return plan, [step for step in steps if isinstance(step, Keyframe)]


def test_each_page_is_a_picture_in_order(tmp_path: Path) -> None:
    plan, keyframes = sampled(VideoFile(draw_document(tmp_path / "report.pdf", NUMBERS)))
    assert [read_code(keyframe.jpeg)[0] for keyframe in keyframes] == NUMBERS
    assert [keyframe.time_seconds for keyframe in keyframes] == [0, 1, 2, 3, 4]
    assert (plan.media.name, plan.media.container, plan.media.frame_count) == ("report.pdf", "pdf", 5)
    assert (plan.media.duration_seconds, plan.notices) == (5.0, ())


def test_pages_stand_as_long_as_was_asked_for(tmp_path: Path) -> None:
    document = draw_document(tmp_path / "report.pdf", NUMBERS)
    plan, keyframes = sampled(PictureSequence((document,), 2.5))
    assert [keyframe.time_seconds for keyframe in keyframes] == [0, 2.5, 5.0, 7.5, 10.0]
    assert plan.media.duration_seconds == 12.5
    some, _ = sampled(PictureSequence((document,), 2.5), SampleRequest(start_seconds=3, end_seconds=8))
    assert [keyframe.pts for keyframe in some.keyframes] == [1, 2, 3]


@pytest.mark.parametrize("copies", [False, True])
def test_each_page_of_a_tiff_is_a_picture_in_order(tmp_path: Path, *, copies: bool) -> None:
    scan = draw_scan(tmp_path / "scan.tif", NUMBERS, copies=copies)
    plan, keyframes = sampled(VideoFile(scan))
    assert [read_code(keyframe.jpeg)[0] for keyframe in keyframes] == NUMBERS
    assert [keyframe.time_seconds for keyframe in keyframes] == [0, 1, 2, 3, 4]
    assert (plan.media.frame_count, plan.media.codec, plan.media.width) == (5, "tiff", 595)
    plan, keyframes = sampled(source_of([scan, draw_document(tmp_path / "report.pdf", [1])], 2.0))
    assert [read_code(keyframe.jpeg)[0] for keyframe in keyframes] == [*NUMBERS, 1]
    assert plan.media.duration_seconds == 12.0


def test_the_pages_of_a_tiff_are_held_to_the_limits(tmp_path: Path) -> None:
    scan = draw_scan(tmp_path / "scan.tif", NUMBERS)
    with pytest.raises(MediaLimitError, match="pages, over the limit of 4"):
        sampled(VideoFile(scan), limits=Limits(pages=4))
    large = tmp_path / "large.tif"
    Image.new("L", (30, 20)).save(large, save_all=True, append_images=[Image.new("L", (300, 200))])
    with pytest.raises(MediaLimitError, match="300 × 200"):
        sampled(VideoFile(large), limits=Limits(pixels=10_000))


def test_a_damaged_page_of_a_tiff_is_named(tmp_path: Path) -> None:
    scan = draw_scan(tmp_path / "scan.tif", NUMBERS)
    scan.write_bytes(scan.read_bytes()[:-1000])
    with pytest.raises(UnreadableMediaError, match=r"page 5 of 'scan\.tif' is damaged"):
        sampled(VideoFile(scan))


def test_pictures_and_pages_may_be_mixed(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.new("RGB", (300, 200), "red").save(photo)
    first = draw_document(tmp_path / "a.pdf", [1, 2])
    last = draw_document(tmp_path / "b.pdf", [3])
    plan, keyframes = sampled(source_of([first, photo, last], 1.0))
    assert plan.media.container == "pictures"
    assert [read_code(keyframes[place].jpeg)[0] for place in (0, 1, 3)] == [1, 2, 3]
    assert (keyframes[2].width, keyframes[2].height) == (300, 200)


def test_a_picture_that_becomes_too_narrow_to_be_read_is_told_of(tmp_path: Path) -> None:
    sizes = {
        "tall": (600, 30000),
        "wide": (12000, 700),
        "screen": (1080, 2400),
        "banner": (4000, 400),
        "thin": (200, 9000),
    }
    for name, size in sizes.items():
        Image.new("L", size, 255).save(tmp_path / f"{name}.png")
    told = {name: sampled(VideoFile(tmp_path / f"{name}.png"))[0].notices for name in sizes}
    assert [name for name, notices in told.items() if notices] == ["tall", "wide"]
    (notice,) = told["tall"]
    assert notice.code == "narrow_picture"
    assert "600 × 30000" in notice.message
    several = PictureSequence([tmp_path / f"{name}.png" for name in ("screen", "tall", "wide")])
    (notice,) = sampled(several)[0].notices
    assert "600 × 30000 (and 1 more)" in notice.message


def test_pages_are_drawn_large_enough_to_be_read_whatever_their_size(tmp_path: Path) -> None:
    sizes = [(595, 842), (200, 120), (2384, 3370)]
    document = draw_document(tmp_path / "mixed.pdf", [1, 2, 3], sizes=sizes)
    _, keyframes = sampled(VideoFile(document))
    pixels = [keyframe.width * keyframe.height for keyframe in keyframes]
    assert pixels[0] == pytest.approx(1280 * 736, rel=0.02)
    assert pixels[1] == pytest.approx(200 * 120 * 16, rel=0.02), "a label is enlarged four times at most"
    assert pixels[2] == pytest.approx(1280 * 736, rel=0.02)
    for (width, height), keyframe in zip(sizes, keyframes, strict=True):
        assert keyframe.width / keyframe.height == pytest.approx(width / height, rel=0.02)


def test_text_is_drawn_though_its_font_is_not_in_the_document(tmp_path: Path) -> None:
    font = "<< /Type /Font /Subtype /TrueType /BaseFont /DejaVuSans >>"
    content = "BT /F 24 Tf 20 40 Td (Invoice 42) Tj ET"
    document = written_document(tmp_path / "text.pdf", font, content=content)
    (frame,) = sampled(VideoFile(document))[1]
    (tmp_path / "page.jpg").write_bytes(frame.jpeg)
    page = np.asarray(Image.open(tmp_path / "page.jpg").convert("L"))
    assert page[0, 0] > 250
    assert 0.01 < np.mean(page < 100) < 0.2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("locked.pdf", "'locked.pdf' is protected by a password; give a copy without one"),
        ("cut.pdf", "'cut.pdf' is a damaged PDF and cannot be opened"),
        ("noise.pdf", "'noise.pdf' is a damaged PDF and cannot be opened"),
        ("hollow.pdf", "page 2 of 'hollow.pdf' is damaged and cannot be drawn"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(tmp_path: Path, name: str, said: str) -> None:
    path = tmp_path / name
    match name:
        case "locked.pdf":
            written_document(path, LOCK, trailer="/Encrypt 5 0 R /ID [<00> <00>]")
        case "cut.pdf":
            draw_document(path, NUMBERS)
            path.write_bytes(path.read_bytes()[:20_000])
        case "noise.pdf":
            path.write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 40)
        case _:
            written_document(path)
            path.write_bytes(path.read_bytes().replace(b"/Count 1", b"/Count 9"))
    with pytest.raises(UnreadableMediaError) as caught:
        sampled(VideoFile(path))
    assert str(caught.value) == said


def test_more_pages_than_allowed_are_refused_before_any_is_drawn(tmp_path: Path) -> None:
    document = VideoFile(draw_document(tmp_path / "long.pdf", range(4)))
    with pytest.raises(MediaLimitError, match=r"has 4 pages, over the limit of 3; split it") as caught:
        probe_isolated(document, Limits(pages=3))
    assert caught.value.limit == "pages"
    assert len(sampled(document, limits=Limits(pages=4))[1]) == 4


def test_the_limit_on_pixels_holds_for_pages(tmp_path: Path) -> None:
    document = VideoFile(draw_document(tmp_path / "report.pdf", [5]))
    plan, (page,) = sampled(document, limits=Limits(pixels=100_000))
    assert plan.media.width * plan.media.height <= 100_000
    assert page.width * page.height <= 100_000


def test_pages_with_room_for_all_are_all_shown_however_alike_they_are(tmp_path: Path) -> None:
    numbers = [5] * 10 + list(range(30))
    document = draw_document(tmp_path / "book.pdf", numbers)
    pulled = pull(VideoFile(document), SampleRequest(frames=40))
    assert [read_code(keyframe.jpeg)[0] for keyframe in pulled.keyframes] == numbers
    spans = [(shot.start_seconds, shot.end_seconds) for shot in pulled.plan.shots]
    assert spans == [(page, page + 1) for page in range(40)]
    assert pulled.plan.signals == ()
    fewer = pull(VideoFile(document), SampleRequest(frames=12))
    assert len(fewer.keyframes) == 12


@pytest.mark.parametrize("draw", [draw_document, draw_scan])
def test_pages_of_one_file_stand_as_long_as_those_of_several(tmp_path: Path, draw: Draw) -> None:
    """The file itself says what it is, whatever it is called."""
    document = draw(tmp_path / "named.mp4", NUMBERS[:2])
    for steps in (sample, sample_isolated):
        done = list(steps(source_of([document], 2.5), SampleRequest()))
        (plan,) = (step for step in done if isinstance(step, SamplingPlan))
        assert [keyframe.time_seconds for keyframe in plan.keyframes] == [0.0, 2.5]
        assert plan.media.duration_seconds == 5.0
        assert plan.media.sha256 == hashlib.sha256(document.read_bytes()).hexdigest()


def test_a_page_that_never_ends_is_stopped_by_the_limit_on_processor_time(tmp_path: Path) -> None:
    """A hundred kilobytes that unpack to millions of rectangles."""
    content = zlib.compress(b"0 0 200 100 re f " * 3_000_000, 9)
    head = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    path = written_document(tmp_path / "endless.pdf", head)
    empty = b"<< /Length 0 >>\nstream\n\nendstream"
    stream = b"<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(content), content)
    path.write_bytes(path.read_bytes().replace(empty, stream))
    with pytest.raises(MediaLimitError) as caught:
        sampled(VideoFile(path), limits=Limits(cpu_seconds=2))
    assert caught.value.limit == "cpu_seconds"
