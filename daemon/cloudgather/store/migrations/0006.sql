-- Every move of a transfer evaluates the conditions of these indexes, before it and after. Of an IN with more than two
-- values SQLite makes a table each time: for these two it took a third of what a move costs the database.
DROP INDEX transfer_live;
CREATE UNIQUE INDEX transfer_live ON transfer (task, path)
    WHERE state = 'queued' OR state = 'copying' OR state = 'publishing';

DROP INDEX transfer_ended;
CREATE INDEX transfer_ended ON transfer (updated)
    WHERE state = 'done' OR state = 'failed' OR state = 'cancelled' OR state = 'vanished';
