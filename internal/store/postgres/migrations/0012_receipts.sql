-- Receipts of jobs as they were signed; they outlive the jobs.
CREATE TABLE receipts (
    project   text   COLLATE "C" NOT NULL,
    id        text   COLLATE "C" NOT NULL, -- of the job
    about     text   NOT NULL, -- the end of the job that it is of
    signed_at bigint NOT NULL,
    envelope  text   NOT NULL, -- JSON
    PRIMARY KEY (project, id)
);

CREATE INDEX receipts_signed ON receipts (project, signed_at);

-- Ends of jobs of which no receipt was made yet.
CREATE TABLE receipts_due (
    seq     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project text COLLATE "C" NOT NULL,
    id      text COLLATE "C" NOT NULL -- of the job
);

CREATE INDEX receipts_due_project ON receipts_due (project, seq);

INSERT INTO receipts_due (project, id) SELECT project, id FROM jobs WHERE known AND NOT active;
