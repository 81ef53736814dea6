"""The tables. Times are seconds since 1970; ids sort by the time they were made."""

import sqlalchemy as sa

METADATA = sa.MetaData()

JOBS = sa.Table(
    "sceneline_jobs",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("parent", sa.Text),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("progress", sa.Float, nullable=False),
    sa.Column("request", sa.JSON, nullable=False),
    sa.Column("sources", sa.JSON, nullable=False),
    sa.Column("interval_seconds", sa.Float, nullable=False),
    sa.Column("url", sa.Text),
    sa.Column("webhook", sa.Text),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("error_code", sa.Text),
    sa.Column("error_message", sa.Text),
    sa.Column("error_status", sa.Integer),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("duration_seconds", sa.Float),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("started_at", sa.Float),
    sa.Column("finished_at", sa.Float),
    sa.Column("timeout_seconds", sa.Float, nullable=False),
    sa.Column("deadline_at", sa.Float),
    sa.Column("queued_at", sa.Float),
    sa.Column("traceparent", sa.Text),
    sa.Index("sceneline_jobs_tenant", "tenant", "id"),
    sa.Index("sceneline_jobs_status", "status"),
    sa.Index("sceneline_jobs_finished", "finished_at"),
)

DELETED = sa.Table(
    "sceneline_deleted",
    METADATA,
    sa.Column("job_id", sa.Text, primary_key=True),
    sa.Column("deleted_at", sa.Float, nullable=False),
)

EVENTS = sa.Table(
    "sceneline_events",
    METADATA,
    sa.Column("job_id", sa.Text, sa.ForeignKey(JOBS.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("once", sa.Text),
    sa.Column("data", sa.JSON, nullable=False),
    sa.UniqueConstraint("job_id", "once"),
)

IDEMPOTENCY = sa.Table(
    "sceneline_idempotency",
    METADATA,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text),
    sa.Column("job_id", sa.Text),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("executor", sa.Text),
)

EXECUTORS = sa.Table(
    "sceneline_executors",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("works", sa.Boolean, nullable=False),
    sa.Column("seen_at", sa.Float, nullable=False),
)

DELIVERIES = sa.Table(
    "sceneline_deliveries",
    METADATA,
    sa.Column("job_id", sa.Text, sa.ForeignKey(JOBS.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("delivered_at", sa.Float),
    sa.Column("last_error", sa.Text),
    sa.Column("round", sa.Integer, nullable=False, server_default="0"),
    sa.Column("tried_at", sa.Float),
    sa.Column("next_try_at", sa.Float),
    sa.Index("sceneline_deliveries_next", "next_try_at"),
)

KEYS = sa.Table(
    "sceneline_keys",
    METADATA,
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
)

USED = sa.Table(
    "sceneline_used",
    METADATA,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("jobs", sa.Integer, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
)

LOOKS = sa.Table(
    "sceneline_looks",
    METADATA,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("findings", sa.JSON, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
)

TOTALS = sa.Table(
    "sceneline_totals",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("label", sa.Text, primary_key=True),
    sa.Column("value", sa.Float, nullable=False),
)

DECISIONS = sa.Table(
    "sceneline_decisions",
    METADATA,
    sa.Column("job_id", sa.Text, sa.ForeignKey(JOBS.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("finding", sa.Text, primary_key=True),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("decided_at", sa.Float, nullable=False),
)
