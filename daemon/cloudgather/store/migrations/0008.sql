-- To name a column in its condition makes SQLite write an index at every change of that column. `state` changes with
-- every move, and whether a transfer is live only as it ends or begins anew: it has a column of its own.
ALTER TABLE transfer ADD COLUMN live INTEGER NOT NULL DEFAULT 0; -- 1: queued, copying or publishing
UPDATE transfer SET live = 1 WHERE state IN ('queued', 'copying', 'publishing');

DROP INDEX transfer_live;
CREATE UNIQUE INDEX transfer_live ON transfer (task, path) WHERE live;
