-- What is known of the attempts after the first, in JSON; computed from facts.
ALTER TABLE jobs ADD COLUMN later text NOT NULL DEFAULT '';
