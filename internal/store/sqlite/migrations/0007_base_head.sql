-- Where the base branch was when a push last may have changed its rules.
ALTER TABLE projects ADD COLUMN base_head TEXT NOT NULL DEFAULT '';
