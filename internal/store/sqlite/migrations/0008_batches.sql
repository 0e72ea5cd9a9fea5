-- The jobs that share a batch id, counted in the transactions that change them. Everything but stopped_at is computed from them.
CREATE TABLE batches (
    project       TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    created_at    INTEGER NOT NULL, -- of the first job
    size          INTEGER NOT NULL, -- how many jobs it was created with; 0 where callers named it job by job
    failure_limit INTEGER NOT NULL, -- the number of failures that ends it; 0 for none
    pending       INTEGER NOT NULL,
    running       INTEGER NOT NULL,
    completed     INTEGER NOT NULL,
    failed        INTEGER NOT NULL,
    merged        INTEGER NOT NULL,
    failures      INTEGER NOT NULL, -- failed, and neither cancelled nor for the sake of others
    stopped_at    INTEGER NOT NULL DEFAULT 0, -- when the rest was asked to end
    failing       INTEGER NOT NULL GENERATED ALWAYS AS (failure_limit > 0 AND stopped_at = 0 AND failures >= failure_limit AND pending + running > 0) STORED,
    PRIMARY KEY (project, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX batches_list ON batches (project, created_at, id);
CREATE INDEX batches_failing ON batches (project, id) WHERE failing = 1;

INSERT INTO batches (project, id, created_at, size, failure_limit, pending, running, completed, failed, merged, failures)
SELECT project, substr(name, 7), min(created_at), 0, 0, sum(status = 'pending'), sum(status = 'running'), sum(status = 'completed'), sum(status = 'failed'), sum(status = 'merged'), sum(status = 'failed' AND reason NOT IN ('canceled', 'dependency_failed'))
FROM job_groups WHERE name LIKE 'batch=%' GROUP BY project, name;
