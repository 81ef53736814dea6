"""Which stretch that moderation was unsure of a decision is about: told by what it is, not by where it stands.

A job that runs again may find others, in another order. A decision stays with what it was about.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analyzer import ReviewItem
from api.records import Review


@dataclass(frozen=True, slots=True)
class OpenItems:
    """The stretches of one timeline that a person has to decide about."""

    items: Sequence[Mapping[str, Any]]
    """As the document has them: its ``results.moderation.review``."""
    finished_at: float
    """When the timeline was written, in seconds since 1970."""

    @classmethod
    def of(cls, document: bytes, finished_at: float | None) -> "OpenItems":
        """Those of a stored timeline."""
        results = json.loads(document)["results"]
        return cls((results.get("moderation") or {}).get("review", ()), finished_at or 0.0)

    @property
    def ids(self) -> tuple[str, ...]:
        """What each is called; also in timelines of earlier versions, which do not say."""
        return tuple(
            each.get("id")
            or ReviewItem(each["clause"], each["start_seconds"], each["end_seconds"], (), "").id
            for each in self.items
        )

    def position(self, review: Review) -> int | None:
        """Where that stands now which was decided about; None if it is not there any more."""
        if not review.finding.startswith("#"):
            return self.ids.index(review.finding) if review.finding in self.ids else None
        # An earlier version counted: that is good for the timeline which was there at the time.
        counted = int(review.finding[1:])
        known = counted < len(self.items) and review.decided_at >= self.finished_at
        return counted if known else None
