-- A move of many transfers is mostly one of transfers whose ids follow each other: what history says of these is one row.
-- Its id is that of the first one's line; the ids of the others' lines follow.
DROP INDEX move_transfer;
ALTER TABLE move RENAME COLUMN transfer TO first;
ALTER TABLE move ADD COLUMN last INTEGER NOT NULL DEFAULT 0; -- fewer than 256 after the first
UPDATE move SET last = first;
CREATE INDEX move_transfer ON move (first, last);
