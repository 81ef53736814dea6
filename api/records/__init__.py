"""What the service remembers in its database: jobs, their events, keys, idempotency, executors, deliveries.

SQLite on one machine, PostgreSQL on many; the same statements but for full-text search and the clock.
Pictures and timeline documents lie in storage, never here.
"""

from api.records.access import ApiKey, Keyring, Scope
from api.records.database import Database, open_database, telling_database_errors
from api.records.deliveries import Deliveries, Delivery, EndpointState, shown_address
from api.records.executors import Executors
from api.records.idempotency import Claim, IdempotencyKeys, Settling
from api.records.jobs import JobRecords, new_id
from api.records.kept import KeptLooks
from api.records.quotas import Quota, Quotas
from api.records.reviews import Decision, Review, Reviews
from api.records.totals import Totals
from api.records.types import (
    FINISHED,
    Job,
    JobEvent,
    JobFilter,
    JobMark,
    JobSource,
    JobStatus,
    NewJob,
    Outcome,
    Problem,
)

__all__ = [
    "FINISHED",
    "ApiKey",
    "Claim",
    "Database",
    "Decision",
    "Deliveries",
    "Delivery",
    "EndpointState",
    "Executors",
    "IdempotencyKeys",
    "Job",
    "JobEvent",
    "JobFilter",
    "JobMark",
    "JobRecords",
    "JobSource",
    "JobStatus",
    "KeptLooks",
    "Keyring",
    "NewJob",
    "Outcome",
    "Problem",
    "Quota",
    "Quotas",
    "Review",
    "Reviews",
    "Scope",
    "Settling",
    "Totals",
    "new_id",
    "open_database",
    "shown_address",
    "telling_database_errors",
]
