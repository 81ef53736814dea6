from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.batching import BatchLimits, fill, limits_of, plan_cuts
from analyzer.conversation import ModelProfile
from analyzer.errors import AnalysisRequestError
from tests.analyzer.talk import keyframe

limits = st.builds(
    BatchLimits, images=st.integers(1, 20), tokens=st.integers(50, 3000), overlap=st.integers(0, 3)
)
costs = st.lists(st.integers(1, 50), max_size=120)


@given(costs, limits)
def test_every_keyframe_is_shown_in_order_and_no_batch_is_beyond_the_limits(tokens, limit):
    cuts = plan_cuts(tokens, limit)
    new = [index for cut in cuts for index in range(cut.start + cut.overlap, cut.stop)]
    assert new == list(range(len(tokens)))
    for cut in cuts:
        assert cut.stop - cut.start <= limit.images
        assert sum(tokens[cut.start : cut.stop]) <= limit.tokens


@given(costs, limits)
def test_the_overlap_is_exact_wherever_there_is_room_for_it(tokens, limit):
    cuts = plan_cuts(tokens, limit)
    for before, after in pairwise(cuts):
        assert before.stop - after.start == after.overlap <= limit.overlap
        if after.overlap < limit.overlap:
            wider = after.start - 1
            no_room = (
                wider <= before.start - 1
                or limit.images < after.overlap + 2
                or sum(tokens[wider : before.stop + 1]) > limit.tokens
            )
            assert no_room


@given(st.integers(1, 200), st.integers(2, 16), st.integers(0, 1))
def test_batches_are_as_few_as_can_be_and_about_equal(count, images, overlap):
    cuts = plan_cuts([1] * count, BatchLimits(images, 10_000, overlap))
    assert len(cuts) == max(1, -(-(count - overlap) // (images - overlap)))
    sizes = [cut.stop - cut.start for cut in cuts]
    assert len(sizes) < 3 or max(sizes) - min(sizes[:-1]) <= 1


def test_48_keyframes_in_batches_of_12_share_one_keyframe_each():
    cuts = plan_cuts([220] * 48, BatchLimits(12, 100_000, 1))
    assert [(cut.start, cut.stop) for cut in cuts] == [(0, 11), (10, 21), (20, 31), (30, 41), (40, 48)]


def test_a_picture_beyond_the_context_is_refused_with_its_number():
    with pytest.raises(
        AnalysisRequestError, match="keyframe 1 takes 900 tokens and the model has room for 500"
    ):
        plan_cuts([100, 900], BatchLimits(12, 500))


def test_limits_leave_room_for_the_question_and_the_answer():
    profile = ModelProfile(
        "m", max_images=8, images_per_batch=12, context_tokens=10_000, max_output_tokens=2_000
    )
    assert limits_of(profile, text_tokens=500) == BatchLimits(images=8, tokens=7_500, overlap=1)


@given(st.integers(1, 60), limits)
def test_filling_yields_each_batch_as_soon_as_its_last_keyframe_arrived(count, limit):
    cuts = plan_cuts([1] * count, limit)
    pulled = []

    def arriving():
        for index in range(count):
            pulled.append(index)
            yield keyframe(index)

    for cut, batch in zip(cuts, fill(cuts, arriving()), strict=True):
        assert batch.frames == tuple(range(cut.start, cut.stop))
        assert batch.overlap == cut.overlap
        assert len(pulled) == cut.stop


@pytest.mark.parametrize(
    ("width", "height", "tokens"), [(640, 352, 220), (640, 360, 220), (1280, 704, 880), (1, 1, 1)]
)
def test_pictures_are_costed_in_patches_of_32_pixels(width, height, tokens):
    profile = ModelProfile("qwen/qwen3-vl-*")
    announced = profile.image_tokens(width, height) - tokens
    assert announced == profile.image_tokens(32, 32) - 1
    assert 8 <= announced <= 16


def test_a_picture_beyond_the_pixel_budget_costs_what_it_costs_scaled_down():
    profile = ModelProfile("m", max_image_pixels=1280 * 736)
    assert abs(profile.image_tokens(3840, 2160) - 920) <= 20


def test_a_price_nobody_knows_is_not_zero():
    assert ModelProfile("m").cost_usd(1000, 1000) is None
    assert (
        ModelProfile("m", input_usd_per_million=0.1, output_usd_per_million=0.4).cost_usd(10_000, 1_000)
        == 0.0014
    )


def test_a_profile_that_lets_nothing_through_is_refused():
    with pytest.raises(ValueError, match="max_images of model profile 'm' is 0"):
        ModelProfile("m", max_images=0)
