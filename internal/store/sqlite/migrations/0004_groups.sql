-- The batch and the labels that a job is found by, a row each, with the columns that a listing of them filters by:
-- name is "batch=" or "label=" and what the caller wrote.
CREATE TABLE job_groups (
    project    TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    id         TEXT    NOT NULL, -- of the job
    status     TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (project, id, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX job_groups_list ON job_groups (project, name, created_at, id);
CREATE INDEX job_groups_list_status ON job_groups (project, name, status, created_at, id);
CREATE INDEX job_groups_list_reason ON job_groups (project, name, reason, created_at, id);
CREATE INDEX job_groups_list_kind ON job_groups (project, name, kind, created_at, id);
CREATE INDEX job_groups_list_status_kind ON job_groups (project, name, status, kind, created_at, id);
CREATE INDEX job_groups_list_reason_kind ON job_groups (project, name, reason, kind, created_at, id);

ALTER TABLE jobs ADD COLUMN group_names TEXT NOT NULL DEFAULT ''; -- JSON list of the names in job_groups; empty for none
