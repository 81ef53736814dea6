"""What a process of the service stands on, and what its queues and workflows are called."""

from dataclasses import dataclass
from typing import Literal

from api.records import Database, Executors, JobRecords
from api.settings import Settings
from api.storage import Storage
from api.tracing import Tracing
from api.webhooks import Webhooks
from api.working import Workshop

WORK_VERSION = "3"
"""Changes when the steps of a stage change, so that no process takes up work it would not understand."""

QueueName = Literal["cpu", "waiting", "models", "webhooks"]


@dataclass(frozen=True, slots=True)
class Place:
    """Everything a process needs to take jobs in and to work on them."""

    database: Database
    records: JobRecords
    executors: Executors
    storage: Storage
    workshop: Workshop
    webhooks: Webhooks
    tracing: Tracing
    settings: Settings
