-- Where the newest attempt of each job that has told of itself stands.
CREATE TABLE streams (
    project    text   COLLATE "C" NOT NULL,
    id         text   COLLATE "C" NOT NULL, -- of the job
    capability bytea  NOT NULL, -- SHA-256
    expires_at bigint NOT NULL,
    state      text   NOT NULL, -- JSON
    PRIMARY KEY (project, id)
);

-- What attempts have told of themselves.
CREATE TABLE events (
    project text    COLLATE "C" NOT NULL,
    id      text    COLLATE "C" NOT NULL, -- of the job
    n       bigint  NOT NULL, -- grows within the job
    type    text    NOT NULL,
    log     boolean NOT NULL, -- a line of the log
    bytes   bigint  NOT NULL, -- of all events of its sort up to this one
    body    text    NOT NULL, -- JSON
    PRIMARY KEY (project, id, n)
);
