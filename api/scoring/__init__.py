"""Scoring with no model: a timeline against a truth, and moderation against what people decided."""

from api.scoring.calibration import BandReport, CalibrationReport, ClauseCalibration, Judged, calibrate
from api.scoring.report import score_timeline, unasked
from api.scoring.truths import Truth, read_truth

__all__ = [
    "BandReport",
    "CalibrationReport",
    "ClauseCalibration",
    "Judged",
    "Truth",
    "calibrate",
    "read_truth",
    "score_timeline",
    "unasked",
]
