-- Who moves transfers, or makes them, counts them by the batch (store/counting.py): one by one, the database took a fifth
-- of all that a file costs for it. What happens seldom it still counts by itself: every statement that names one of the
-- columns below, and every removal.
DROP TRIGGER transfer_made;
DROP TRIGGER transfer_enters_run;
DROP TRIGGER transfer_changed;
DROP TRIGGER transfer_leaves_state;
DROP TRIGGER transfer_enters_state;

CREATE TRIGGER transfer_changed AFTER UPDATE OF task, target, size, cleared, run ON transfer BEGIN
    UPDATE counter SET transfers = transfers - 1, bytes = bytes - OLD.size
    WHERE target = OLD.target AND state = OLD.state AND task = OLD.task AND NOT OLD.cleared;
    INSERT INTO counter (task, target, state, transfers, bytes)
    SELECT NEW.task, NEW.target, NEW.state, 1, NEW.size WHERE NOT NEW.cleared
    ON CONFLICT (target, state, task) DO UPDATE SET transfers = transfers + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER transfer_leaves_state AFTER UPDATE OF task, target, size, cleared, run ON transfer
WHEN OLD.run IS NOT NULL AND (OLD.run IS NEW.run OR OLD.state IN ('queued', 'copying', 'publishing')) BEGIN
    UPDATE tally SET transfers = transfers - 1, bytes = bytes - OLD.size WHERE run = OLD.run AND state = OLD.state;
    UPDATE run SET last_ended = NEW.updated
    WHERE id = OLD.run AND OLD.state IN ('queued', 'copying', 'publishing')
    AND (NEW.run IS NOT OLD.run OR NEW.state NOT IN ('queued', 'copying', 'publishing'));
END;

CREATE TRIGGER transfer_enters_state AFTER UPDATE OF task, target, size, cleared, run ON transfer
WHEN NEW.run IS NOT NULL BEGIN
    INSERT INTO tally (run, state, transfers, bytes) VALUES (NEW.run, NEW.state, 1, NEW.size)
    ON CONFLICT (run, state) DO UPDATE SET transfers = transfers + 1, bytes = bytes + excluded.bytes;
END;
