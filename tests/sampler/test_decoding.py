"""Files that are in order and yet go wrong easily, against what other tools and plain decoding say of them."""

import zlib
from pathlib import Path

import numpy as np
import pytest

from sampler import MediaError, MediaLimitError, PictureSequence, SampleRequest, VideoFile
from sampler.sources import open_source
from sampler.types import Limits
from tests.clips import Clip, malformed_clips, tricky_clips
from tests.sampler.pulling import Pulled, pull

pytestmark = pytest.mark.media
LONG = {"long_1080p_av1.mp4", "long_180p_av1.mp4", "webp_large_still.webp"}
DECODED_BETTER = {"fz_chained-video.ogv", "pil_iss634.webp", "mp4parse_alpha_video_fixed.avif"}
"""Files of which plain decoding stops early, or shows another stream."""


def pull_or_complaint(path: Path) -> Pulled | str:
    try:
        return pull(VideoFile(path), SampleRequest(frames=4))
    except (MediaError, MediaLimitError) as error:
        return str(error)


def short(clips: tuple[Clip, ...]) -> list[Clip]:
    return [clip for clip in clips if clip.name not in LONG]


@pytest.mark.parametrize("clip", short(tricky_clips()), ids=str)
def test_a_tricky_file_gives_a_plan_or_says_why_not(media: Path, clip: Clip) -> None:
    assert media.is_dir()
    facts = clip.facts
    assert facts is not None
    pulled = pull_or_complaint(clip.path)
    if isinstance(pulled, str):
        assert "\n" not in pulled
        assert not facts.frames_decoded
        return
    found = pulled.plan.media
    assert len(pulled.keyframes) == len(pulled.plan.keyframes) >= 1
    assert pulled.plan.shots[0].start_seconds >= 0
    assert pulled.plan.shots[-1].end_seconds == pytest.approx(found.duration_seconds)
    assert found.rotation_degrees == -facts.rotation_degrees % 360
    if clip.name not in DECODED_BETTER:
        assert found.frame_count == facts.frames_decoded


@pytest.mark.parametrize("clip", short(malformed_clips()), ids=str)
def test_a_broken_file_gives_a_plan_or_one_line(media: Path, clip: Clip) -> None:
    assert media.is_dir()
    pulled = pull_or_complaint(clip.path)
    assert "\n" not in pulled if isinstance(pulled, str) else pulled.keyframes


@pytest.mark.parametrize(
    "clip", [c for c in short(tricky_clips()) if c.facts and c.facts.frames_decoded], ids=str
)
def test_seeking_delivers_what_a_straight_run_decodes(media: Path, clip: Clip) -> None:
    assert media.is_dir()
    reader = open_source(VideoFile(clip.path), Limits())
    straight = {frame.pts: checksum(frame.planes()[0]) for frame in reader.frames()}
    reader.close()
    wanted = sorted(straight)[:: max(1, len(straight) // 6)]
    reader = open_source(VideoFile(clip.path), Limits())
    picked = {frame.pts: checksum(frame.planes()[0]) for frame in reader.picked(wanted)}
    reader.close()
    assert picked == {pts: straight[pts] for pts in wanted}


def checksum(plane: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(plane).tobytes())


@pytest.mark.parametrize(
    "name", ["drm_clearkey_encrypted_fragmented.mp4", "mp4parse_av1-clearkey-cbcs-video.mp4"]
)
def test_encryption_is_called_by_its_name(media: Path, name: str) -> None:
    (path,) = media.glob(f"*/{name}")
    with pytest.raises(MediaError, match="encrypted"):
        pull(VideoFile(path))


def test_silent_truncation_is_told(media: Path) -> None:
    plan = pull(VideoFile(media / "malformed" / "made_trunc_half.mkv"), SampleRequest(frames=1)).plan
    (notice,) = [n for n in plan.notices if n.code == "truncated"]
    assert notice.start_seconds == pytest.approx(5.0, abs=0.1)
    assert notice.end_seconds == pytest.approx(10.381)


def test_a_sequence_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"nowhere\.png"):
        pull(PictureSequence([tmp_path / "nowhere.png"]))
