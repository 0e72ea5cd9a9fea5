-- The attestation by GitHub of the same result: a Sigstore bundle, in JSON; empty for none.
ALTER TABLE receipts ADD COLUMN attestation TEXT NOT NULL DEFAULT '';
