-- The tables as version 1 of the schema had them, on SQLite and PostgreSQL alike. Never changed: upgrades start here.
CREATE TABLE sceneline_executors (
    id TEXT NOT NULL,
    host TEXT NOT NULL,
    works BOOLEAN NOT NULL,
    seen_at FLOAT NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE sceneline_idempotency (
    tenant TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT,
    job_id TEXT,
    created_at FLOAT NOT NULL,
    PRIMARY KEY (tenant, key)
);

CREATE TABLE sceneline_jobs (
    id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    parent TEXT,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    progress FLOAT NOT NULL,
    request JSON NOT NULL,
    sources JSON NOT NULL,
    interval_seconds FLOAT NOT NULL,
    url TEXT,
    webhook TEXT,
    priority INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    round INTEGER NOT NULL,
    error_code TEXT,
    error_message TEXT,
    error_status INTEGER,
    summary TEXT NOT NULL,
    duration_seconds FLOAT,
    created_at FLOAT NOT NULL,
    started_at FLOAT,
    finished_at FLOAT,
    timeout_seconds FLOAT NOT NULL,
    deadline_at FLOAT,
    PRIMARY KEY (id)
);

CREATE INDEX sceneline_jobs_finished ON sceneline_jobs (finished_at);

CREATE INDEX sceneline_jobs_status ON sceneline_jobs (status);

CREATE INDEX sceneline_jobs_tenant ON sceneline_jobs (tenant, id);

CREATE TABLE sceneline_keys (
    sha256 TEXT NOT NULL,
    tenant TEXT NOT NULL,
    created_at FLOAT NOT NULL,
    PRIMARY KEY (sha256)
);

CREATE TABLE sceneline_looks (
    key TEXT NOT NULL,
    findings JSON NOT NULL,
    created_at FLOAT NOT NULL,
    PRIMARY KEY (key)
);

CREATE TABLE sceneline_totals (
    name TEXT NOT NULL,
    label TEXT NOT NULL,
    value FLOAT NOT NULL,
    PRIMARY KEY (name, label)
);

CREATE TABLE sceneline_deliveries (
    job_id TEXT NOT NULL,
    url TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    delivered_at FLOAT,
    last_error TEXT,
    PRIMARY KEY (job_id),
    FOREIGN KEY(job_id) REFERENCES sceneline_jobs (id) ON DELETE CASCADE
);

CREATE TABLE sceneline_events (
    job_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    once TEXT,
    data JSON NOT NULL,
    PRIMARY KEY (job_id, number),
    UNIQUE (job_id, once),
    FOREIGN KEY(job_id) REFERENCES sceneline_jobs (id) ON DELETE CASCADE
);

CREATE TABLE sceneline_reviews (
    job_id TEXT NOT NULL,
    item INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    note TEXT NOT NULL,
    decided_at FLOAT NOT NULL,
    PRIMARY KEY (job_id, item),
    FOREIGN KEY(job_id) REFERENCES sceneline_jobs (id) ON DELETE CASCADE
);

CREATE TABLE sceneline_schema (version INTEGER PRIMARY KEY);

INSERT INTO sceneline_schema VALUES (1);
