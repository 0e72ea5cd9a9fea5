-- When a server has to do something about a job by itself; computed from facts.
ALTER TABLE jobs ADD COLUMN due_at bigint NOT NULL DEFAULT 0;
CREATE INDEX jobs_due ON jobs (project, due_at, id) WHERE due_at > 0;
