CREATE TABLE schedules (
    project  TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    revision INTEGER NOT NULL, -- a random number, new at every write
    body     TEXT    NOT NULL, -- JSON
    PRIMARY KEY (project, name)
) STRICT, WITHOUT ROWID;
