-- Times are milliseconds since 1970 UTC; 0 stands for none. Names are compared byte by byte, as the server does.

CREATE TABLE projects (
    id             text   COLLATE "C" NOT NULL PRIMARY KEY,
    default_branch text   NOT NULL DEFAULT '',
    reconciled_at  bigint NOT NULL DEFAULT 0
);

-- Every column between accepted and facts is computed from facts.
CREATE TABLE jobs (
    project    text    COLLATE "C" NOT NULL,
    id         text    COLLATE "C" NOT NULL,
    accepted   boolean NOT NULL, -- a server that uses this database took the job and owes its push
    known      boolean NOT NULL, -- the spec is known
    waiting    boolean NOT NULL, -- accepted, and no push is known
    active     boolean NOT NULL, -- not at an end
    status     text    NOT NULL,
    reason     text    NOT NULL,
    kind       text    NOT NULL,
    title      text    NOT NULL,
    created_at bigint  NOT NULL,
    updated_at bigint  NOT NULL,
    live       boolean NOT NULL, -- the branch exists, or a run has not ended
    head       text    NOT NULL, -- of the branch
    deleted    boolean NOT NULL, -- the branch is gone
    open_run   bigint  NOT NULL, -- id of a run that has not ended
    facts      text    NOT NULL,
    version    bigint  NOT NULL, -- a random number, new at every write
    PRIMARY KEY (project, id)
);

CREATE INDEX jobs_waiting ON jobs (project, created_at, id) WHERE waiting;
CREATE INDEX jobs_live ON jobs (project, id) WHERE live;
CREATE INDEX jobs_updated ON jobs (project, updated_at);
CREATE INDEX jobs_active ON jobs (project, id) WHERE active;

-- One index for each combination of filters, in the order in which jobs are listed.
CREATE INDEX jobs_list ON jobs (project, created_at, id) WHERE known;
CREATE INDEX jobs_list_status ON jobs (project, status, created_at, id) WHERE known;
CREATE INDEX jobs_list_reason ON jobs (project, reason, created_at, id) WHERE known;
CREATE INDEX jobs_list_kind ON jobs (project, kind, created_at, id) WHERE known;
CREATE INDEX jobs_list_status_kind ON jobs (project, status, kind, created_at, id) WHERE known;
CREATE INDEX jobs_list_reason_kind ON jobs (project, reason, kind, created_at, id) WHERE known;

-- How many jobs have each status; how many are waiting and active; how many deliveries are to be processed, and when
-- the last one was received. Kept in the transactions that change them. A counter is the sum of its shards: each server
-- adds to one, so that servers do not wait for each other.
CREATE TABLE counters (
    project text   COLLATE "C" NOT NULL,
    name    text   COLLATE "C" NOT NULL,
    shard   int    NOT NULL,
    n       bigint NOT NULL,
    PRIMARY KEY (project, name, shard)
) WITH (fillfactor = 50);

CREATE TABLE deliveries (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- order of arrival
    project     text   COLLATE "C" NOT NULL,
    guid        text   COLLATE "C" NOT NULL,
    event       text   NOT NULL,
    received_at bigint NOT NULL,
    finished_at bigint NOT NULL DEFAULT 0,
    outcome     text   NOT NULL DEFAULT '',
    UNIQUE (project, guid)
);

CREATE INDEX deliveries_pending ON deliveries (project, seq) WHERE finished_at = 0;
CREATE INDEX deliveries_processed ON deliveries (received_at, seq) WHERE finished_at > 0;

-- Bodies are apart, so that marking a delivery as processed does not write its body again. Each has its delivery: the
-- statements that write one write the other. They are not compressed, which would take longer than all the rest, and
-- those that fit into a page are not cut into pieces either.
CREATE TABLE delivery_bodies (
    seq  bigint PRIMARY KEY,
    body bytea  NOT NULL
) WITH (toast_tuple_target = 8160);

ALTER TABLE delivery_bodies ALTER body SET STORAGE EXTERNAL;

-- The one row is written to tell whether the database can be written.
CREATE TABLE checks (
    id int    NOT NULL PRIMARY KEY CHECK (id = 1),
    at bigint NOT NULL
);
