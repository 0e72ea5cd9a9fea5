-- The batch and the labels that a job is found by, a row each, with the columns that a listing of them filters by:
-- name is "batch=" or "label=" and what the caller wrote.
CREATE TABLE job_groups (
    project    text   COLLATE "C" NOT NULL,
    name       text   COLLATE "C" NOT NULL,
    id         text   COLLATE "C" NOT NULL, -- of the job
    status     text   NOT NULL,
    reason     text   NOT NULL,
    kind       text   NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (project, id, name)
);

CREATE INDEX job_groups_list ON job_groups (project, name, created_at, id);
CREATE INDEX job_groups_list_status ON job_groups (project, name, status, created_at, id);
CREATE INDEX job_groups_list_reason ON job_groups (project, name, reason, created_at, id);
CREATE INDEX job_groups_list_kind ON job_groups (project, name, kind, created_at, id);
CREATE INDEX job_groups_list_status_kind ON job_groups (project, name, status, kind, created_at, id);
CREATE INDEX job_groups_list_reason_kind ON job_groups (project, name, reason, kind, created_at, id);

ALTER TABLE jobs ADD COLUMN group_names text NOT NULL DEFAULT ''; -- JSON list of the names in job_groups; empty for none
