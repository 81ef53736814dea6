"""Scoring a timeline against a truth, with no model: ``sceneline score``."""

from api.scoring.report import score_timeline, unasked
from api.scoring.truths import Truth, read_truth

__all__ = ["Truth", "read_truth", "score_timeline", "unasked"]
