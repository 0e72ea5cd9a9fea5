-- The jobs that share a batch id, counted in the transactions that change them. Everything but stopped_at is computed from them.
-- What an update changes stands in no index: whether the batch fails is told by a column of its own.
CREATE TABLE batches (
    project       text    COLLATE "C" NOT NULL,
    id            text    COLLATE "C" NOT NULL,
    created_at    bigint  NOT NULL, -- of the first job
    size          bigint  NOT NULL, -- how many jobs it was created with; 0 where callers named it job by job
    failure_limit bigint  NOT NULL, -- the number of failures that ends it; 0 for none
    pending       bigint  NOT NULL,
    running       bigint  NOT NULL,
    completed     bigint  NOT NULL,
    failed        bigint  NOT NULL,
    merged        bigint  NOT NULL,
    failures      bigint  NOT NULL, -- failed, and neither cancelled nor for the sake of others
    stopped_at    bigint  NOT NULL DEFAULT 0, -- when the rest was asked to end
    failing       boolean NOT NULL GENERATED ALWAYS AS (failure_limit > 0 AND stopped_at = 0 AND failures >= failure_limit AND pending + running > 0) STORED,
    PRIMARY KEY (project, id)
) WITH (fillfactor = 50);

CREATE INDEX batches_list ON batches (project, created_at, id);
CREATE INDEX batches_failing ON batches (project, id) WHERE failing;

INSERT INTO batches (project, id, created_at, size, failure_limit, pending, running, completed, failed, merged, failures)
SELECT project, substr(name, 7), min(created_at), 0, 0, count(*) FILTER (WHERE status = 'pending'), count(*) FILTER (WHERE status = 'running'),
    count(*) FILTER (WHERE status = 'completed'), count(*) FILTER (WHERE status = 'failed'), count(*) FILTER (WHERE status = 'merged'), count(*) FILTER (WHERE status = 'failed' AND reason NOT IN ('canceled', 'dependency_failed'))
FROM job_groups WHERE name LIKE 'batch=%' GROUP BY project, name;
