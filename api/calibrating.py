"""Gathering what people decided about moderation, for the report on how far its confidence can be trusted."""

import json
from collections.abc import Iterator

from api.errors import NotStoredError
from api.records import Reviews
from api.scoring import CalibrationReport, Judged, calibrate
from api.storage import Storage, timeline_key


def calibration(reviews: Reviews, storage: Storage, tenant: str | None) -> CalibrationReport:
    """The report over the decisions of a tenant, or of everybody for None.

    Reads the timeline of every job somebody decided about, one at a time.

    Raises:
        DatabaseError, StorageError: they cannot be read.
    """
    return calibrate(_judged(reviews, storage, tenant))


def _judged(reviews: Reviews, storage: Storage, tenant: str | None) -> Iterator[Judged]:
    for job_id, decided in reviews.by_job(tenant).items():
        try:
            timeline = json.loads(storage.get(timeline_key(job_id)))
        except NotStoredError:
            continue  # it is being deleted
        found = timeline["results"].get("moderation") or {"policy": "", "clauses": [], "review": []}
        clauses = {clause["id"]: clause for clause in found["clauses"]}
        for review in decided:
            if review.item >= len(found["review"]):
                continue  # a second run of the job left fewer open
            item = found["review"][review.item]
            clause = clauses.get(item["clause"], {})
            yield Judged(
                model=timeline["model"]["name"],
                policy=found["policy"],
                clause=item["clause"],
                confidence=item.get("confidence"),
                blocked=review.verdict == "block",
                review_from=clause.get("review_from"),
                block_from=clause.get("block_from"),
            )
