import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.drafts import Draft
from analyzer.meaning import likeness
from analyzer.merging import Claim, merge
from analyzer.types import EventBox

LABELS = ["red car", "a red car drives", "the door opens", "the door closes", "3 people", "2 people", "rain"]


def claim(id_, frames, label, *, track="events", confidence=None, description="", **more):
    batch = int(id_[1 : id_.index(".")])
    draft = Draft(track, label, description, tuple(frames), confidence, "model", "m", **more)
    return Claim(id_, batch, draft)


def told(merged):
    return [(m.draft.label, m.draft.frames, m.draft.merged_from) for m in merged]


SHOWN = {0: range(12), 1: range(11, 23), 2: range(22, 34)}


def test_an_event_that_spans_batches_becomes_one():
    merged = merge(
        [
            claim("b0.e1", range(9, 12), "A red car drives by", confidence=0.9),
            claim("b1.e0", range(11, 15), "red car driving by", confidence=0.5),
            claim("b1.e1", range(15, 23), "An empty street"),
            claim("b2.e0", range(22, 34), "empty street"),
        ],
        SHOWN,
    )
    assert told(merged) == [
        ("red car driving by", tuple(range(9, 15)), ("b0.e1", "b1.e0")),
        ("empty street", tuple(range(15, 34)), ("b1.e1", "b2.e0")),
    ]
    assert merged[0].draft.confidence == pytest.approx((0.9 * 3 + 0.5 * 4) / 7)
    assert merged[1].draft.confidence is None


def test_neighbours_that_mean_the_same_become_one_and_others_do_not():
    merged = merge(
        [
            claim("b0.e0", [9, 10], "rain"),
            claim("b1.e0", [11, 12], "rain"),
            claim("b0.e1", [5], "a dog"),
            claim("b1.e1", [13], "a dog"),
            claim("b0.e2", [10], "a man in a hat"),
            claim("b1.e2", [11], "a man in a coat"),
        ],
        SHOWN,
    )
    assert [frames for _label, frames, _from in told(merged)] == [(5,), (9, 10, 11, 12), (10,), (11,), (13,)]


def test_what_one_answer_keeps_apart_stays_apart():
    merged = merge([claim("b0.e0", [3, 4], "goal"), claim("b0.e1", [5, 6], "goal")], SHOWN)
    assert len(merged) == 2


def test_tracks_do_not_mix():
    merged = merge([claim("b0.e0", [11], "rain", track="a"), claim("b1.e0", [11], "rain", track="b")], SHOWN)
    assert len(merged) == 2
    assert all("disputed_by" not in m.draft.attributes for m in merged)


def test_chains_do_not_run_away():
    steps = ["man walks dog", "man walks dog park", "dog park bench", "park bench sunset", "bench sunset sea"]
    shown = {batch: range(batch * 2, batch * 2 + 3) for batch in range(len(steps))}
    claims = [claim(f"b{batch}.e0", shown[batch], label) for batch, label in enumerate(steps)]
    for account in merge(claims, shown):
        labels = [member.draft.label for member in account.claims]
        assert all(likeness(one, other) >= 0.5 for one in labels for other in labels)
    assert len(merge(claims, shown)) > 1


def test_the_best_fitting_pair_is_joined_first():
    merged = merge(
        [
            claim("b0.e0", [10, 11], "a red car parks"),
            claim("b0.e1", [11], "a blue car parks"),
            claim("b1.e0", [11, 12], "a blue car parks"),
            claim("b1.e1", [11, 12], "a red car parks"),
        ],
        SHOWN,
    )
    assert sorted(froms for _label, _frames, froms in told(merged)) == [
        ("b0.e0", "b1.e1"),
        ("b0.e1", "b1.e0"),
    ]


def test_disagreement_is_kept_and_flagged():
    merged = merge([claim("b0.e0", [10, 11], "a cat"), claim("b1.e0", [11, 12], "a dog")], SHOWN)
    assert [m.draft.attributes["disputed_by"] for m in merged] == [["b1.e0"], ["b0.e0"]]


def test_two_things_at_once_are_no_disagreement():
    merged = merge(
        [
            claim("b0.e0", [10, 11], "a cat"),
            claim("b1.e0", [11, 12], "a cat"),
            claim("b1.e1", [11, 12], "rain"),
        ],
        SHOWN,
    )
    assert all("disputed_by" not in m.draft.attributes for m in merged)


def test_attributes_add_up_and_contradictions_are_noted():
    merged = merge(
        [
            claim("b0.e0", [9, 10, 11], "a cat", attributes={"colour": "black", "age": 2}),
            claim("b1.e0", [11], "a cat", attributes={"colour": "grey", "name": "Tom"}),
        ],
        SHOWN,
    )
    assert merged[0].draft.attributes == {
        "colour": "black",
        "age": 2,
        "name": "Tom",
        "conflicts": {"colour": ["grey"]},
    }


def test_boxes_of_both_are_kept_once_a_keyframe():
    def boxed(id_, *frames):
        boxes = tuple(EventBox(frame, "cat", (0, 0, 1, 1), None) for frame in frames)
        return claim(id_, frames, "a cat", boxes=boxes)

    (merged,) = merge([boxed("b0.e0", 10, 11), boxed("b1.e0", 11, 12)], SHOWN)
    assert [box.keyframe for box in merged.draft.boxes] == [10, 11, 12]


@st.composite
def accounts(draw):
    claims, shown = [], {}
    start = 0
    for batch in range(draw(st.integers(1, 5))):
        size, overlap = draw(st.integers(2, 8)), draw(st.integers(0, 1))
        start = max(0, start - overlap)
        shown[batch] = range(start, start + size)
        for entry in range(draw(st.integers(0, 4))):
            first = draw(st.sampled_from(shown[batch]))
            last = draw(st.sampled_from(range(first, start + size)))
            label = draw(st.sampled_from(LABELS))
            confidence = draw(st.none() | st.floats(0, 1))
            claims.append(claim(f"b{batch}.e{entry}", range(first, last + 1), label, confidence=confidence))
        start += size
    return claims, shown


@given(accounts(), st.randoms())
def test_the_order_of_claims_does_not_matter(account, random):
    claims, shown = account
    shuffled = list(claims)
    random.shuffle(shuffled)
    assert merge(shuffled, shown) == merge(claims, shown)


@given(accounts())
def test_merging_what_was_merged_changes_nothing(account):
    claims, shown = account
    merged = merge(claims, shown)
    assert merge([member for one in merged for member in one.claims], shown) == merged


@given(accounts())
def test_no_claim_and_no_evidence_is_lost(account):
    claims, shown = account
    merged = merge(claims, shown)
    assert sorted(id_ for m in merged for id_ in m.draft.merged_from) == sorted(c.id for c in claims)
    for one in merged:
        assert set(one.draft.frames) == {frame for member in one.claims for frame in member.draft.frames}
        assert len({member.batch for member in one.claims}) == len(one.claims)
        assert 0 <= (one.draft.confidence or 0) <= 1
    assert [m.draft.frames for m in merged] == sorted(m.draft.frames for m in merged)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("A red car drives by", "red cars driving by", True),
        ("Person enters the room.", "a person entering a room", True),
        ("shot 12", "shot 12", True),
        ("shot 12", "shot 13", False),
        ("3 people", "2 people", False),
        ("the man opens the red door", "the man closes the red door", False),
        ("the car turns left at the corner", "the car turns right at the corner", False),
        ("a cat", "a dog", False),
        ("一辆红色汽车", "红色汽车", True),
        ("红色汽车", "蓝色房子", False),
        ("", "a cat", False),
        ("!!", "!!", True),
    ],
)
def test_texts_mean_the_same_or_not(one, other, same):
    assert (likeness(one, other) >= 0.6) is same
    assert likeness(one, other) == likeness(other, one)


@given(st.text(), st.text())
def test_likeness_is_a_share_and_whole_for_itself(one, other):
    assert 0.0 <= likeness(one, other) <= 1.0
    assert likeness(one, one) == 1.0
