"""Videos that can be seen through: what shows there is what suits the picture, as of pictures."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from sampler import SampleRequest, VideoFile
from tests.sampler.pulling import pull

ENCODERS = {
    "qtrle": ("a.mov", "argb", {}),
    "png": ("a.mov", "rgba", {}),
    "prores_ks": ("a.mov", "yuva444p10le", {"profile": "4"}),
    "ffv1": ("a.mkv", "yuva420p", {}),
    "libvpx": ("a.webm", "yuva420p", {"auto-alt-ref": "0", "g": "10"}),
    "libvpx-vp9": ("a.webm", "yuva420p", {"auto-alt-ref": "0", "g": "10"}),
}


def draw_title(path: Path, encoder: str, pixel_format: str, options: dict[str, str]) -> Path:
    """Two seconds of a dark disc on the left, then two of a white one on the right; all colours are one in a half.

    Only how much of them is seen differs from place to place.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream(encoder, rate=10, options=options)
        stream.width, stream.height, stream.pix_fmt = 320, 240, pixel_format
        for number in range(40):
            first = number < 20
            picture = np.full((240, 320, 4), 10 if first else 245, np.uint8)
            picture[..., 3] = cv2.circle(
                np.zeros((240, 320), np.uint8), (80 if first else 240, 120), 70, 255, -1
            )
            frame = av.VideoFrame.from_ndarray(picture, format="rgba").reformat(format=pixel_format)
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("encoder", ENCODERS)
def test_what_is_there_is_seen_where_a_video_is_transparent(tmp_path: Path, encoder: str) -> None:
    name, pixel_format, options = ENCODERS[encoder]
    film = draw_title(tmp_path / name, encoder, pixel_format, options)
    pulled = pull(VideoFile(film), SampleRequest(frames=4))
    assert [round(shot.start_seconds, 1) for shot in pulled.plan.shots] == [0.0, 2.0]
    for keyframe in pulled.keyframes:
        picture = cv2.imdecode(np.frombuffer(keyframe.jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
        seen = [round(int(picture[120, x]) / 255) for x in (80, 160, 240)]
        assert seen == ([0, 1, 1] if keyframe.time_seconds < 2 else [0, 0, 1])


def test_a_later_stretch_is_seen_through_as_well(tmp_path: Path) -> None:
    name, pixel_format, options = ENCODERS["libvpx-vp9"]
    film = draw_title(tmp_path / name, "libvpx-vp9", pixel_format, options)
    pulled = pull(VideoFile(film), SampleRequest(frames=1, start_seconds=1.5, end_seconds=1.9))
    (keyframe,) = pulled.keyframes
    picture = cv2.imdecode(np.frombuffer(keyframe.jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert [round(int(picture[120, x]) / 255) for x in (80, 240)] == [0, 1]
