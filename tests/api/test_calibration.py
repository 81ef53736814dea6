"""Decisions of people against the confidence of models: known decisions give known figures."""

import random

import pytest

from api.cli import main
from api.cli.running import service_database
from api.scoring import Judged, calibrate
from api.settings import Settings


def judged(
    confidence: float | None, blocked: bool, *, clause: str = "violence", model: str = "m", bands=(0.3, 0.8)
):
    return Judged(model, "house 2", clause, confidence, blocked, *bands)


def test_precision_and_recall_at_the_bands_are_those_of_the_decisions():
    told = [(0.2, False), (0.35, False), (0.4, True), (0.5, False), (0.6, True), (0.9, True)]
    (clause,) = calibrate(judged(*each) for each in told).clauses
    assert (clause.decisions, clause.blocked) == (6, 3)
    review, block = clause.review_band, clause.block_band
    assert (review.from_confidence, review.decisions, review.precision, review.recall) == (0.3, 5, 0.6, 1.0)
    assert review.f1 == pytest.approx(0.75)
    assert (block.decisions, block.precision, block.recall) == (1, 1.0, pytest.approx(1 / 3))


def test_bins_tell_how_often_what_was_equally_sure_was_blocked():
    told = [(0.42, True), (0.48, False), (0.44, False), (0.46, False), (0.95, True), (1.0, True)]
    (clause,) = calibrate(judged(*each) for each in told).clauses
    low, high = clause.bins
    assert (low.from_confidence, low.to_confidence, low.decisions) == (0.4, 0.5, 4)
    assert (low.mean_confidence, low.blocked_share) == (pytest.approx(0.45), 0.25)
    assert (high.decisions, high.blocked_share) == (2, 1.0)
    assert clause.calibration_error == pytest.approx((4 * 0.20 + 2 * 0.025) / 6)
    assert clause.brier_score == pytest.approx((0.58**2 + 0.48**2 + 0.44**2 + 0.46**2 + 0.05**2) / 6)


def test_a_model_that_is_as_sure_as_it_is_right_has_next_to_no_error():
    dice = random.Random(4)
    sure = [dice.random() for _ in range(4000)]
    (honest,) = calibrate(judged(each, dice.random() < each) for each in sure).clauses
    (boastful,) = calibrate(judged(each, dice.random() < each**3) for each in sure).clauses
    assert honest.calibration_error < 0.03
    assert boastful.calibration_error > 0.2


def test_bands_are_suggested_where_decisions_speak_for_them():
    told = [(0.30 + place / 100, False) for place in range(20)]
    told += [(0.60 + place / 100, place % 2 == 0) for place in range(10)]
    told += [(0.72 + place / 200, True) for place in range(12)]
    (clause,) = calibrate(judged(*each) for each in told).clauses
    assert clause.suggested_review_from == pytest.approx(0.60)
    assert clause.suggested_block_from == pytest.approx(0.72)


def test_a_few_decisions_suggest_nothing():
    (clause,) = calibrate(judged(0.5 + place / 100, True) for place in range(9)).clauses
    assert (clause.suggested_review_from, clause.suggested_block_from) == (None, None)


def test_equal_confidences_are_never_parted_by_a_band():
    told = [(0.5, place < 19) for place in range(20)]
    (clause,) = calibrate(judged(*each) for each in told).clauses
    assert clause.suggested_block_from == 0.5
    told = [(0.5, place < 10) for place in range(20)]
    (clause,) = calibrate(judged(*each) for each in told).clauses
    assert clause.suggested_block_from is None


def test_the_review_band_is_never_above_the_block_band():
    told = [(0.3 + place / 1000, place == 250) for place in range(300)] + [(0.99, True)] * 40
    (clause,) = calibrate(judged(*each) for each in told).clauses
    assert clause.suggested_review_from <= clause.suggested_block_from


def test_models_policies_and_clauses_are_told_apart_and_the_last_bands_count():
    report = calibrate(
        [
            judged(0.5, True),
            judged(0.6, False, model="other"),
            judged(0.7, True, clause="drugs"),
            judged(0.8, False, bands=(0.4, 0.9)),
            judged(None, True),
        ]
    )
    assert (report.decisions, report.without_confidence) == (5, 1)
    assert [(each.model, each.clause, each.decisions) for each in report.clauses] == [
        ("m", "drugs", 1),
        ("m", "violence", 2),
        ("other", "violence", 1),
    ]
    assert report.clauses[1].review_band.from_confidence == 0.4


def test_timelines_that_do_not_name_their_bands_are_used_all_the_same():
    (clause,) = calibrate([judged(0.5, True, bands=(None, None))]).clauses
    assert (clause.review_band, clause.block_band, clause.decisions) == (None, None, 1)


def test_nothing_decided_is_an_empty_report():
    report = calibrate([])
    assert (report.decisions, report.clauses) == (0, ())


def test_a_table_is_readable_whatever_models_are_called(tmp_path, monkeypatch, capsys):
    long = "ssd-mobilenet-v2-coco+pp-ocrv6-small+efficientnet-lite3+open-nsfw"
    report = calibrate(judged(0.5, True, model=model) for model in (long, "qwen"))
    monkeypatch.setattr("api.cli.calibrating.calibration", lambda *_: report)
    with service_database(Settings(data=tmp_path)):
        pass
    assert main(["calibration", "--data", str(tmp_path), "--format", "table"]) == 0
    told = capsys.readouterr().out
    columns = " clause     band     from   decisions   precision   recall   F1     suggested\n"
    assert told.count(columns) == 2
    assert f"\nhouse 2, judged by {long}\n" in told
