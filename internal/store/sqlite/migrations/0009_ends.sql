-- Jobs that have ended and that others may wait for, until those were looked at.
CREATE TABLE ends (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT, -- in the order of the commits
    project         TEXT NOT NULL,
    id              TEXT NOT NULL, -- of the job
    concurrency_key TEXT NOT NULL  -- empty for none
) STRICT;

CREATE INDEX ends_project ON ends (project, seq);
