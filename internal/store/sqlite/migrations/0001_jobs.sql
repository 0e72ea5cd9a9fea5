-- Times are milliseconds since 1970 UTC; 0 stands for none.

CREATE TABLE projects (
    id             TEXT    NOT NULL PRIMARY KEY,
    default_branch TEXT    NOT NULL DEFAULT '',
    reconciled_at  INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Every column after accepted is computed from facts.
CREATE TABLE jobs (
    project    TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    accepted   INTEGER NOT NULL, -- 1: this store took the job and owes its push
    known      INTEGER NOT NULL, -- 1: the spec is known
    waiting    INTEGER NOT NULL, -- 1: accepted, and no push is known
    active     INTEGER NOT NULL, -- 1: not at an end
    status     TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    title      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    live       INTEGER NOT NULL, -- 1: the branch exists, or a run has not ended
    head       TEXT    NOT NULL, -- of the branch
    deleted    INTEGER NOT NULL, -- 1: the branch is gone
    open_run   INTEGER NOT NULL, -- id of a run that has not ended
    facts      TEXT    NOT NULL,
    PRIMARY KEY (project, id)
) STRICT;

CREATE INDEX jobs_waiting ON jobs (project, created_at, id) WHERE waiting = 1;
CREATE INDEX jobs_live ON jobs (project, id) WHERE live = 1;
CREATE INDEX jobs_updated ON jobs (project, updated_at);
CREATE INDEX jobs_active ON jobs (project, id) WHERE active = 1;

CREATE TABLE deliveries (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT, -- order of arrival
    project     TEXT    NOT NULL,
    guid        TEXT    NOT NULL,
    event       TEXT    NOT NULL,
    received_at INTEGER NOT NULL,
    finished_at INTEGER NOT NULL DEFAULT 0,
    outcome     TEXT    NOT NULL DEFAULT '',
    body        BLOB    NOT NULL,
    UNIQUE (project, guid)
) STRICT;

CREATE INDEX deliveries_pending ON deliveries (project, seq) WHERE finished_at = 0;

-- The one row is written to tell whether the database can be written.
CREATE TABLE checks (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
) STRICT;
