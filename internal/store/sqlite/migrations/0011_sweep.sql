-- Jobs that may be removed when nothing is learnt of them for long.
CREATE INDEX jobs_ended ON jobs (project, updated_at) WHERE live = 0 AND active = 0;

-- What is left of jobs that had an idempotency key and were removed.
CREATE TABLE swept_jobs (
    project  TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    request  TEXT    NOT NULL, -- SHA-256 of the caller's request
    status   TEXT    NOT NULL, -- at the end
    swept_at INTEGER NOT NULL,
    PRIMARY KEY (project, id)
) STRICT, WITHOUT ROWID;
