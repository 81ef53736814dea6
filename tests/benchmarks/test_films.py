"""Films are what their truth says: seen on the pictures themselves."""

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks.datasets import Coding, Dataset, events_of, prepare, repeat, selected, shots_of, write_film
from benchmarks.films import Film, clock_film, read_number, slides_film, sparse_film
from tests.montages import HEIGHT, WIDTH
from tests.truth import Cut, Happening, Truth


def drawn(frames: int = 50) -> Film:
    """Gray that grows brighter by two levels a frame, with one cut and one event."""
    pictures = ((number, np.full((HEIGHT, WIDTH, 3), 2 * number, np.uint8)) for number in range(frames))
    event = Happening("Something", 0.4, 0.8, label="event")
    return Film(pictures, Truth(frames / 25, cuts=(Cut(1.0),), happenings=(event,)))


def numbers_in(path: Path) -> list[tuple[float, int]]:
    with av.open(path) as container:
        return [
            (frame.time, read_number(frame.to_ndarray(format="rgb24"))) for frame in container.decode(video=0)
        ]


def test_a_file_of_laps_repeats_pictures_and_truth(tmp_path: Path) -> None:
    once = Dataset("once.mp4", "long", "", drawn)
    thrice = Dataset("thrice.mp4", "long", "", drawn, laps=3, lap=once)
    with av.open(prepare(thrice, tmp_path)) as container:
        frames = [
            (frame.time, float(frame.to_ndarray(format="gray").mean())) for frame in container.decode(video=0)
        ]
    assert [time for time, _ in frames] == pytest.approx([number / 25 for number in range(150)])
    assert [level for _, level in frames] == pytest.approx(
        [2 * (number % 50) for number in range(150)], abs=2
    )
    truth = thrice.truth()
    assert [cut.time_seconds for cut in truth.cuts] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert events_of(truth) == [(pytest.approx(0.4 + lap), pytest.approx(0.8 + lap)) for lap in (0, 2, 4)]
    assert truth.duration_seconds == 6.0


def test_a_dataset_is_made_once(tmp_path: Path) -> None:
    dataset = Dataset("once.mp4", "cuts", "", drawn)
    first = prepare(dataset, tmp_path)
    made = first.stat().st_mtime_ns
    assert prepare(dataset, tmp_path).stat().st_mtime_ns == made
    assert [path.name for path in first.parent.iterdir()] == ["once.mp4"]


def test_shots_leave_transitions_out() -> None:
    truth = Truth(9.0, cuts=(Cut(2.0), Cut(5.0, "dissolve", 4.5, 5.5)))
    assert shots_of(truth) == [(0.0, 2.0), (2.0, 4.5), (5.5, 9.0)]


def test_names_of_datasets_are_their_own() -> None:
    names = [dataset.name for dataset in selected(quick=False)]
    assert len(names) == len(set(names))
    assert {dataset.name for dataset in selected(quick=True)} < set(names)


@pytest.mark.media
@pytest.mark.usefixtures("media")
def test_the_number_in_each_picture_is_its_own_after_encoding(tmp_path: Path) -> None:
    film = clock_film(142, 60, variable=True)
    write_film(film, tmp_path / "clock.mkv", Coding(late=0))
    found = numbers_in(tmp_path / "clock.mkv")
    assert [round(time * 25) for time, _ in found] == [number for _, number in found]
    assert 15 < len(found) < 60


@pytest.mark.media
@pytest.mark.usefixtures("media")
def test_nothing_moves_in_a_sparse_film_but_its_events() -> None:
    film = sparse_film("intel_person-bicycle-car.gif", 3, 0.5, 2)
    (start, end), (later, _) = events_of(film.truth)
    assert 2.5 <= end - start <= 5.0
    frames = [picture.astype(np.int16) for _, picture in film.frames]
    assert len(frames) == 300
    changed = [float(np.abs(frame - frames[0]).max(axis=2).mean(axis=1).max()) for frame in frames]
    middle = round((start + end) / 2 * film.rate)
    quiet = [
        changed[number]
        for number in range(1, round(later * film.rate))
        if not start <= number / film.rate < end
    ]
    assert changed[middle] > max(quiet)


@pytest.mark.media
@pytest.mark.usefixtures("media")
def test_slides_change_at_their_cuts_and_fill_up_between() -> None:
    film = slides_film(81, 3)
    small = [picture[::8, ::8].astype(np.int16) for _, picture in film.frames]
    jumps = [float((np.abs(new - old).max(axis=2) > 40).mean()) for old, new in pairwise(small)]
    cuts = [round(cut.time_seconds * 25) for cut in film.truth.cuts]
    assert sorted(np.argsort(jumps)[-len(cuts) :] + 1) == cuts
    assert len(small) / 25 == film.truth.duration_seconds


def test_packets_that_are_repeated_keep_their_distance(tmp_path: Path) -> None:
    write_film(drawn(25), tmp_path / "once.mp4", Coding(options=(("bf", "2"),)))
    repeat(tmp_path / "once.mp4", tmp_path / "twice.mp4", 2, 1.0)
    with av.open(tmp_path / "twice.mp4") as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx([number / 25 for number in range(50)])
