-- What was sent where, by names that no target tells apart (the function is core.clashes.folded).
ALTER TABLE ledger ADD COLUMN folded BLOB;
UPDATE ledger SET folded = folded(destination);
CREATE INDEX ledger_place ON ledger (target, folded) WHERE origin = 'sent';
