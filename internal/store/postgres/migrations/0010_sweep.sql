-- Jobs that may be removed when nothing is learnt of them for long.
CREATE INDEX jobs_ended ON jobs (project, updated_at) WHERE NOT live AND NOT active;

-- What is left of jobs that had an idempotency key and were removed.
CREATE TABLE swept_jobs (
    project  text   COLLATE "C" NOT NULL,
    id       text   COLLATE "C" NOT NULL,
    request  text   NOT NULL, -- SHA-256 of the caller's request
    status   text   NOT NULL, -- at the end
    swept_at bigint NOT NULL,
    PRIMARY KEY (project, id)
);
