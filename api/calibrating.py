"""Gathering what people decided about moderation, for the report on how far its confidence can be trusted."""

import json
from collections.abc import Iterator

from api.errors import NotStoredError
from api.records import JobRecords, Reviews
from api.reviewing import OpenItems
from api.scoring import CalibrationReport, Judged, calibrate
from api.storage import Storage, timeline_key


def calibration(
    reviews: Reviews, records: JobRecords, storage: Storage, tenant: str | None
) -> CalibrationReport:
    """The report over the decisions of a tenant, or of everybody for None.

    Reads the timeline of every job somebody decided about, one at a time.

    Raises:
        DatabaseError, StorageError: they cannot be read.
    """
    return calibrate(_judged(reviews, records, storage, tenant))


def _judged(reviews: Reviews, records: JobRecords, storage: Storage, tenant: str | None) -> Iterator[Judged]:
    for job_id, decided in reviews.by_job(tenant).items():
        job = records.look_up(job_id)
        try:
            document = storage.get(timeline_key(job_id))
        except NotStoredError:
            continue  # it is being deleted
        timeline = json.loads(document)
        found = timeline["results"].get("moderation") or {"policy": "", "clauses": [], "review": []}
        clauses = {clause["id"]: clause for clause in found["clauses"]}
        items = OpenItems(found["review"], (job.finished_at if job else None) or 0.0)
        for review in decided:
            position = items.position(review)
            if position is None:
                continue  # a second run of the job did not find it any more
            item = items.items[position]
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
