CREATE TABLE schedules (
    project  text   COLLATE "C" NOT NULL,
    name     text   COLLATE "C" NOT NULL,
    revision bigint NOT NULL, -- a random number, new at every write
    body     text   NOT NULL, -- JSON
    PRIMARY KEY (project, name)
);
