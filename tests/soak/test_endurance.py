"""Some hundreds of mixed jobs: all end, and memory and descriptors of the server stay where they were."""

import random
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests import oracle
from tests.attacks import ATTACKS, Bait
from tests.service.conftest import moving_square
from tests.service.fleet import answer, until_ready
from tests.soak.standing import Sufferer, Tally, await_all, below, descriptors, post, resident_megabytes

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

JOBS = 450
ROUND = 50
SETTLED = 3
"""Rounds after which pools, caches and allocators are as large as they get."""
SAMPLES = Path(__file__).parents[2] / "samples"


def _mixed(number: int, dice: random.Random) -> tuple[bytes, dict[str, object]]:
    """A film and a request: animations, videos, pictures, damaged and hostile files."""
    kind = number % 10
    if kind < 5:
        return moving_square(dice.randint(1, 12), seed=number), {"frames": dice.randint(1, 8)}
    if kind < 7:
        video = (SAMPLES / "lecture.mp4").read_bytes()
        return video, {"frames": 4, "start": dice.randint(0, 20), "end": dice.randint(21, 30)}
    if kind == 7:
        video = bytearray((SAMPLES / "lecture.mp4").read_bytes())
        for _ in range(200):
            video[dice.randrange(2000, len(video))] = dice.randrange(256)
        return bytes(video), {"frames": 3, "end": 10}
    if kind == 8:
        return moving_square(5, seed=number)[: dice.randint(10, 400)], {"frames": 3}
    quick = sorted(set(ATTACKS) - {"million_frames.gif", "unpacking.png", "repeated.png", "zeros.mp4"})
    return ATTACKS[dice.choice(quick)](Bait("/nowhere", "http://127.0.0.1:9", 9)), {"frames": 2}


def _disturb(http: httpx.Client, ids: list[str], dice: random.Random) -> int:
    """Clients come and go: cancel, ask, export, follow, delete; how many jobs were deleted."""
    deleted = 0
    for job_id in dice.sample(ids, 10):
        match dice.randrange(5):
            case 0:
                http.post(f"/v1/timelines/{job_id}/cancel")
            case 1:
                http.post(f"/v1/timelines/{job_id}/questions", json={"question": "What moves?"})
            case 2:
                http.get(
                    f"/v1/timelines/{job_id}/export",
                    params={"format": dice.choice(("html", "csv", "vtt", "md"))},
                )
            case 3:
                with http.stream("GET", f"/v1/timelines/{job_id}/events", timeout=60) as stream:
                    next(stream.iter_bytes(), None)
            case 4:
                assert http.delete(f"/v1/timelines/{job_id}").status_code == 204
                ids.remove(job_id)
                deleted += 1
    return deleted


def test_memory_and_descriptors_stay_flat(tmp_path: Path) -> None:
    dice, tally, deleted = random.Random(5), Tally(), 0
    figures: list[tuple[float, int, int]] = []
    with oracle.oracle(answer) as model:
        fleet = Sufferer(tmp_path, model.url, None)
        try:
            process = fleet.suffer("serve")
            with fleet.client() as http:
                until_ready(http)
                for number in range(0, JOBS, ROUND):
                    ids = []
                    for each in range(number, number + ROUND):
                        video, request = _mixed(each, dice)
                        if (job_id := post(http, each, tally, video, **request)) is not None:
                            ids.append(job_id)
                    deleted += _disturb(http, ids, dice)
                    await_all(http, ids, tally, 600)
                    time.sleep(2)
                    figures.append(
                        (resident_megabytes(process.pid), descriptors(process.pid), len(below(process.pid)))
                    )
                    sys.stderr.write(
                        f"\n{number + ROUND} jobs: {figures[-1][0]:.0f} MB, {figures[-1][1]} descriptors"
                    )
                waiting = list((tmp_path / "data" / "incoming").iterdir())
        finally:
            fleet.stop()
        said = fleet.said()
    tally.tell(f"soak, {deleted} deleted by clients")
    assert "by a bug" not in said
    assert not tally.lost
    assert not waiting
    settled, last = figures[SETTLED - 1], figures[-1]
    assert last[0] - settled[0] < 0.1 * settled[0] + 20, figures
    assert last[1] - settled[1] <= 10, figures
    assert last[2] <= 1, "only the nursery is left"
