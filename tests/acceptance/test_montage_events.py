"""Events over montages of real footage: the server finds the source frame of each picture by its pixels alone.

The quick form of this, on drawn shots, is in ``tests/analyzer/test_consulting.py``.
"""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from pathlib import Path
from statistics import mean

import av
import cv2
import numpy as np
import pytest

from analyzer import Endpoint, OpenAIModel, Timeline, find_profile
from api import pipeline
from api.documents import timeline_document
from api.schemas import TimelineRequest
from api.scoring.measures import event_agreement, interval_iou
from sampler import VideoFile
from tests.invariants import assert_valid_timeline
from tests.montages import build_montage
from tests.oracle import Asked, Shown, oracle

pytestmark = [pytest.mark.media, pytest.mark.soak]

MODEL = "qwen/qwen3-vl-32b-instruct"
FRAMES = 48
_SIZE = (40, 24)
_AS_GOOD = 0.35
"""Levels by which frames of a still shot differ less than by what JPEG does to them."""


@dataclass
class Film:
    """A montage, every one of its frames as a thumbnail, and where its shots begin."""

    thumbnails: np.ndarray
    times: np.ndarray
    cuts: list[float]

    def frame(self, shown: Shown) -> int:
        """The frame that looks like this picture; of several that do, the one nearest to the picture's label."""
        picture = cv2.imdecode(np.frombuffer(shown.jpeg, np.uint8), cv2.IMREAD_COLOR)
        apart = np.abs(self.thumbnails - _thumbnail(picture)).mean(axis=(1, 2, 3))
        alike = np.flatnonzero(apart <= apart.min() + _AS_GOOD)
        return int(alike[np.abs(self.times[alike] - shown.seconds).argmin()])

    def shot(self, frame: int) -> int:
        return int(np.searchsorted(self.cuts, self.times[frame] + 1e-6))


def _thumbnail(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, _SIZE, interpolation=cv2.INTER_AREA).astype(np.int16)


def _read(path: Path, cuts: list[float]) -> Film:
    with av.open(str(path)) as container:
        frames = [
            (f.to_ndarray(format="bgr24"), float(f.pts * f.time_base)) for f in container.decode(video=0)
        ]
    return Film(np.stack([_thumbnail(p) for p, _ in frames]), np.array([time for _, time in frames]), cuts)


async def _analyzed(path: Path, url: str) -> Timeline:
    profile = replace(find_profile(MODEL), images_per_batch=12)
    async with (
        OpenAIModel(Endpoint(url, MODEL), profile) as model,
        aclosing(pipeline.analyze(VideoFile(path), TimelineRequest(frames=FRAMES), model)) as steps,
    ):
        return [step async for step in steps if isinstance(step, Timeline)][-1]


@pytest.mark.parametrize(("seed", "style", "shots"), [(9301, "mixed", 24), (9302, "dissolves", 20)])
def test_every_shot_of_a_montage_is_one_event_at_its_time(tmp_path, seed, style, shots):
    path = tmp_path / "montage.mp4"
    truth = build_montage(path, seed, style=style, shots=shots)
    film = _read(path, [cut.time_seconds for cut in truth.cuts])

    def answer(asked: Asked) -> dict[str, object]:
        runs = groupby(asked.shown, key=lambda shown: film.shot(film.frame(shown)))
        events = [
            {"first_frame": frames[0], "last_frame": frames[-1], "label": f"scene {shot}", "description": "",
             "confidence": 0.9}
            for shot, run in runs for frames in [[shown.index for shown in run]]
        ]  # fmt: skip
        return {"events": events, "summary": "A montage."}

    with oracle(answer) as server:
        timeline = asyncio.run(_analyzed(path, server.url))
    for asked in server.asked:
        assert len(asked.shown) <= 12
        assert all(one < other for one, other in pairwise(asked.frames))
        for shown in asked.shown:  # the label is rounded to 0.1 s
            assert film.times[film.frame(shown)] == pytest.approx(shown.seconds, abs=0.0501)
    told = [event for event in timeline.events if event.track != "signal"]
    assert len({event.label for event in told}) == len(told), "one event a shot, though it spans batches"
    spans = [(event.start_seconds, event.end_seconds) for event in told]
    expected = list(pairwise([0.0, *film.cuts, truth.duration_seconds]))
    assert event_agreement(spans, expected, 0.5).f1 >= 0.95
    assert event_agreement(spans, expected, 0.7).f1 >= 0.85
    best = [(max(spans, key=lambda span: interval_iou(span, each)), each) for each in expected]
    assert mean(abs(a - b) for ours, theirs in best for a, b in zip(ours, theirs, strict=True)) < 0.3
    assert len(timeline.keyframes) <= FRAMES
    assert_valid_timeline(timeline_document(timeline))
