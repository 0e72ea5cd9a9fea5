-- One index for each combination of filters, in the order in which jobs are listed.
CREATE INDEX jobs_list ON jobs (project, created_at, id) WHERE known;
CREATE INDEX jobs_list_status ON jobs (project, status, created_at, id) WHERE known;
CREATE INDEX jobs_list_reason ON jobs (project, reason, created_at, id) WHERE known;
CREATE INDEX jobs_list_kind ON jobs (project, kind, created_at, id) WHERE known;
CREATE INDEX jobs_list_status_kind ON jobs (project, status, kind, created_at, id) WHERE known;
CREATE INDEX jobs_list_reason_kind ON jobs (project, reason, kind, created_at, id) WHERE known;

-- How many jobs have each status; how many are waiting and active; how many
-- deliveries are to be processed, and when the last one was received. Kept in the
-- transactions that change them.
CREATE TABLE counters (
    project TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    n       INTEGER NOT NULL,
    PRIMARY KEY (project, name)
) STRICT, WITHOUT ROWID;

INSERT INTO counters SELECT project, status, count(*) FROM jobs WHERE known GROUP BY project, status;
INSERT INTO counters SELECT project, 'waiting', count(*) FROM jobs WHERE waiting = 1 GROUP BY project;
INSERT INTO counters SELECT project, 'active', count(*) FROM jobs WHERE active = 1 GROUP BY project;
INSERT INTO counters SELECT project, 'deliveries', count(*) FROM deliveries WHERE finished_at = 0 GROUP BY project;
INSERT INTO counters SELECT project, 'last_delivery', max(received_at) FROM deliveries GROUP BY project;

-- Bodies are apart, so that marking a delivery as processed does not write its body again.
CREATE TABLE delivery_bodies (
    seq  INTEGER PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

INSERT INTO delivery_bodies SELECT seq, body FROM deliveries;
ALTER TABLE deliveries DROP COLUMN body;

CREATE INDEX deliveries_processed ON deliveries (received_at, seq) WHERE finished_at > 0;
