ALTER TABLE jobs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0; -- among the waiting
DROP INDEX jobs_waiting;
CREATE INDEX jobs_waiting ON jobs (project, priority DESC, created_at, id) WHERE waiting = 1;
CREATE INDEX jobs_waiting_since ON jobs (project, created_at) WHERE waiting = 1;
