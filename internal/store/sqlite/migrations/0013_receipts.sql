-- Receipts of jobs as they were signed; they outlive the jobs.
CREATE TABLE receipts (
    project   TEXT    NOT NULL,
    id        TEXT    NOT NULL, -- of the job
    about     TEXT    NOT NULL, -- the end of the job that it is of
    signed_at INTEGER NOT NULL,
    envelope  TEXT    NOT NULL, -- JSON
    PRIMARY KEY (project, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX receipts_signed ON receipts (project, signed_at);

-- Ends of jobs of which no receipt was made yet.
CREATE TABLE receipts_due (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    project TEXT NOT NULL,
    id      TEXT NOT NULL -- of the job
) STRICT;

CREATE INDEX receipts_due_project ON receipts_due (project, seq);

INSERT INTO receipts_due (project, id) SELECT project, id FROM jobs WHERE known = 1 AND active = 0;
