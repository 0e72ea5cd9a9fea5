-- Where the newest attempt of each job that has told of itself stands.
CREATE TABLE streams (
    project    TEXT    NOT NULL,
    id         TEXT    NOT NULL, -- of the job
    capability BLOB    NOT NULL, -- SHA-256
    expires_at INTEGER NOT NULL,
    state      TEXT    NOT NULL, -- JSON
    PRIMARY KEY (project, id)
) STRICT, WITHOUT ROWID;

-- What attempts have told of themselves.
CREATE TABLE events (
    project TEXT    NOT NULL,
    id      TEXT    NOT NULL, -- of the job
    n       INTEGER NOT NULL, -- grows within the job
    type    TEXT    NOT NULL,
    log     INTEGER NOT NULL, -- 1 for a line of the log
    bytes   INTEGER NOT NULL, -- of all events of its sort up to this one
    body    TEXT    NOT NULL, -- JSON
    PRIMARY KEY (project, id, n)
) STRICT, WITHOUT ROWID;
