-- Jobs that have ended and that others may wait for, until those were looked at.
CREATE TABLE ends (
    seq             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project         text COLLATE "C" NOT NULL,
    id              text COLLATE "C" NOT NULL, -- of the job
    concurrency_key text NOT NULL              -- empty for none
);

CREATE INDEX ends_project ON ends (project, seq);
