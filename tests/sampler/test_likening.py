"""What counts as the same look, and what does not."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sampler.likening import likeness
from sampler.moments import LOOK_SHAPE

ONE_SHOT = np.zeros(40, np.intp)


def still(seed: int = 1) -> np.ndarray:
    """A look full of detail, away from black and white."""
    return np.random.default_rng(seed).integers(60, 180, LOOK_SHAPE).astype(np.float64)


def written(looks: list[np.ndarray]) -> np.ndarray:
    return np.stack(looks).round().clip(0, 255).astype(np.uint8)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0.85, 1.18), st.floats(-12, 12)), min_size=1, max_size=12))
def test_another_light_is_no_other_look_but_something_small_in_it_is(
    lights: list[tuple[float, float]],
) -> None:
    looks = [still() for _ in range(20)]
    for look, (gain, offset) in zip(looks, lights, strict=False):
        look[0] = gain * look[0] + offset
    looks[5][0, 4, 7] += 20
    alike = likeness(written(looks), ONE_SHOT[:20])
    others = np.delete(np.arange(20), 5)
    assert (alike[5, others] == 0).all()
    assert (alike[np.ix_(others, others)] > 0.6).all()


def test_light_that_goes_out_is_a_change() -> None:
    looks = [still() for _ in range(10)]
    looks[9][0] *= 0.4
    assert (likeness(written(looks), ONE_SHOT[:10])[9, :9] == 0).all()


def test_a_tree_in_the_wind_hides_nothing_elsewhere() -> None:
    rng = np.random.default_rng(3)
    looks = [still() for _ in range(40)]
    for look in looks:
        look[0, :4, :4] += rng.normal(0, 2, (4, 4))
    looks[20][0, 12, 20] += 9
    alike = likeness(written(looks), ONE_SHOT)
    others = np.delete(np.arange(40), 20)
    assert alike[20, others].max() == 0
    assert np.median(alike[np.ix_(others, others)]) == 1


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=20), st.integers(0, 60))
def test_likeness_is_symmetric_and_full_with_oneself(pairs: list[tuple[int, int]], extra: int) -> None:
    looks = []
    for scene, spot in pairs:
        look = still(scene)
        look[0, 0, spot] += extra
        looks.append(look)
    shots = np.sort(np.array([spot for _, spot in pairs], np.intp))
    alike = likeness(written(looks), shots)
    assert ((alike >= 0) & (alike <= 1)).all()
    assert (alike == alike.T).all()
    assert (np.diagonal(alike) == 1).all()


def with_clock(count: int, digits: int) -> list[np.ndarray]:
    """Looks that are the same but for so many cells in a corner, of which every tenth step changes some by much."""
    rng = np.random.default_rng(4)
    looks = [still() for _ in range(count)]
    for digit in range(digits):
        values = rng.integers(0, 200, count)
        every = 1 if digit % 2 else 10
        for number, look in enumerate(looks):
            look[0, 17 - digit // 8, digit % 8] = values[number - number % every]
    return looks


def test_a_clock_in_the_picture_makes_no_moment_another() -> None:
    looks = with_clock(200, digits=8)
    looks[70][0, 4, 20] += 20
    alike = likeness(written(looks), np.zeros(200, np.intp))
    others = np.delete(np.arange(200), 70)
    assert (alike[70, others] == 0).all()
    assert (alike[np.ix_(others, others)] > 0.6).all()


def test_captions_that_take_turns_at_one_place_are_other_looks() -> None:
    rng = np.random.default_rng(6)
    looks = with_clock(240, digits=8)
    captions = [rng.integers(30, 200, 12) for _ in range(12)]
    for number, look in enumerate(looks):
        if 3 <= number % 20 < 15:
            look[0, 16, 10:22] = captions[number // 20]
    alike = likeness(written(looks), np.zeros(240, np.intp))
    turn = np.arange(240) % 20
    shown = np.where((turn >= 3) & (turn < 15), np.arange(240) // 20, -1)
    assert ((alike > 0.6) == (shown[:, None] == shown)).all()


def test_where_much_of_the_picture_changes_all_the_time_it_tells() -> None:
    rng = np.random.default_rng(5)
    looks = [still() for _ in range(60)]
    for look in looks:
        look[:, :9] += rng.integers(-60, 60, (3, 9, 32))
    alike = likeness(written(looks), np.zeros(60, np.intp))
    assert (alike[~np.eye(60, dtype=bool)] == 0).all()


def test_lines_that_come_one_by_one_stay_another_look() -> None:
    looks = [still() for _ in range(60)]
    for line in range(4):
        for look in looks[12 * (line + 1) :]:
            look[0, 2 + 3 * line, 4:20] += 30
    alike = likeness(written(looks), np.zeros(60, np.intp))
    built = np.arange(60) // 12
    assert ((alike > 0.6) == (built[:, None] == built)).all()
