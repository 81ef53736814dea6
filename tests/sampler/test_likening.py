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
