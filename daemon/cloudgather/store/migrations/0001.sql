-- The first schema. Paths are BLOBs: names need not be UTF-8. Instants are microseconds since 1970, UTC. Reasons are
-- msgpack. Columns without a type hold what an INTEGER cannot (a 64-bit unsigned inode, an mtime after 2262) as text.

CREATE TABLE transfer (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    task        TEXT NOT NULL,
    path        BLOB NOT NULL,
    target      TEXT NOT NULL,
    destination BLOB NOT NULL,
    size        INTEGER NOT NULL,
    mtime_ns    NOT NULL,
    device      NOT NULL,
    inode       NOT NULL,
    generation  INTEGER NOT NULL,
    state       TEXT NOT NULL,
    priority    INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    tries       INTEGER NOT NULL,
    temporary   BLOB,
    sent        BLOB,
    reason      BLOB,
    plan_reason BLOB NOT NULL,
    replaces    INTEGER NOT NULL,
    guessed     INTEGER NOT NULL,
    due         INTEGER,
    run         INTEGER,
    created     INTEGER NOT NULL,
    updated     INTEGER NOT NULL,
    binds       INTEGER NOT NULL, -- 1: failed or cancelled in a way that scans respect
    cleared     INTEGER NOT NULL  -- 1: ended, and taken out of the listing by the operator
);

CREATE INDEX transfer_path ON transfer (path, task);
CREATE UNIQUE INDEX transfer_live ON transfer (task, path) WHERE state IN ('queued', 'copying', 'publishing');
-- What may be claimed at once is apart from what is due later: the latter costs a claim nothing.
CREATE INDEX transfer_ready ON transfer (target, task, priority DESC, id, size) WHERE state = 'queued' AND due IS NULL;
CREATE INDEX transfer_waiting ON transfer (target, due) WHERE state = 'queued' AND due IS NOT NULL;
CREATE INDEX transfer_order ON transfer (priority DESC, id) WHERE state = 'queued' AND due IS NULL;
CREATE INDEX transfer_state ON transfer (state, id);
CREATE INDEX transfer_run ON transfer (run) WHERE run IS NOT NULL;
CREATE INDEX transfer_ended ON transfer (updated) WHERE state IN ('done', 'failed', 'cancelled', 'vanished');

CREATE TABLE move (
    id       INTEGER PRIMARY KEY,
    transfer INTEGER NOT NULL,
    task     TEXT NOT NULL,
    at       INTEGER NOT NULL,
    event    TEXT NOT NULL,
    before   TEXT NOT NULL,
    after    TEXT NOT NULL,
    attempt  INTEGER NOT NULL,
    reason   BLOB
);

CREATE INDEX move_transfer ON move (transfer);
CREATE INDEX move_task ON move (task);

CREATE TABLE ledger (
    task        TEXT NOT NULL,
    path        BLOB NOT NULL,
    size        INTEGER NOT NULL,
    mtime_ns    NOT NULL,
    origin      TEXT NOT NULL,
    target      TEXT NOT NULL,
    destination BLOB NOT NULL,
    target_size INTEGER,
    digest      BLOB,
    transfer    INTEGER,
    strength    TEXT NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (task, path)
) WITHOUT ROWID;

-- Every temporary that may exist. It is owned while its transfer is copying or publishing in that very try.
CREATE TABLE debris (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    target   TEXT NOT NULL,
    path     BLOB NOT NULL,
    transfer INTEGER NOT NULL,
    try      INTEGER NOT NULL
);

CREATE UNIQUE INDEX debris_try ON debris (transfer, try);

CREATE TABLE run (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    task       TEXT NOT NULL,
    trigger    TEXT NOT NULL,
    started    INTEGER NOT NULL,
    scanned    INTEGER,
    seen       INTEGER NOT NULL DEFAULT 0,
    planned    INTEGER NOT NULL DEFAULT 0,
    skipped    INTEGER NOT NULL DEFAULT 0,
    problem    BLOB,
    last_ended INTEGER -- when a transfer of it last ceased to be live
);

CREATE INDEX run_task ON run (task);
CREATE INDEX run_scanning ON run (id) WHERE scanned IS NULL;

CREATE TABLE task_memory (
    name        TEXT PRIMARY KEY,
    paused      INTEGER NOT NULL,
    initialised INTEGER NOT NULL,
    base_made   BLOB, -- TARGET:BASE
    last_due    INTEGER
) WITHOUT ROWID;

CREATE TABLE target_memory (
    name           TEXT PRIMARY KEY,
    root           BLOB,
    identity       BLOB,
    paused         INTEGER NOT NULL,
    breaker_until  INTEGER,
    breaker_opened INTEGER NOT NULL,
    breaker_reason BLOB,
    facts          BLOB
) WITHOUT ROWID;

CREATE TABLE flag (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

INSERT INTO flag (name, value) VALUES ('daemon-id', lower(hex(randomblob(4))));

-- How many transfers there are, cleared ones left out.
CREATE TABLE counter (
    task      TEXT NOT NULL,
    target    TEXT NOT NULL,
    state     TEXT NOT NULL,
    transfers INTEGER NOT NULL,
    bytes     INTEGER NOT NULL,
    PRIMARY KEY (target, state, task)
) WITHOUT ROWID;

CREATE TRIGGER transfer_made AFTER INSERT ON transfer BEGIN
    INSERT INTO counter (task, target, state, transfers, bytes)
    VALUES (NEW.task, NEW.target, NEW.state, 1, NEW.size)
    ON CONFLICT (target, state, task) DO UPDATE SET transfers = transfers + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER transfer_changed AFTER UPDATE OF task, target, state, size, cleared ON transfer BEGIN
    UPDATE counter SET transfers = transfers - 1, bytes = bytes - OLD.size
    WHERE target = OLD.target AND state = OLD.state AND task = OLD.task AND NOT OLD.cleared;
    INSERT INTO counter (task, target, state, transfers, bytes)
    SELECT NEW.task, NEW.target, NEW.state, 1, NEW.size WHERE NOT NEW.cleared
    ON CONFLICT (target, state, task) DO UPDATE SET transfers = transfers + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER transfer_removed AFTER DELETE ON transfer WHEN NOT OLD.cleared BEGIN
    UPDATE counter SET transfers = transfers - 1, bytes = bytes - OLD.size
    WHERE target = OLD.target AND state = OLD.state AND task = OLD.task;
END;

-- What a run has come to. An ended transfer stays in its run's tally when it is removed or taken over by another run.
CREATE TABLE tally (
    run       INTEGER NOT NULL,
    state     TEXT NOT NULL,
    transfers INTEGER NOT NULL,
    bytes     INTEGER NOT NULL,
    PRIMARY KEY (run, state)
) WITHOUT ROWID;

CREATE TRIGGER transfer_enters_run AFTER INSERT ON transfer WHEN NEW.run IS NOT NULL BEGIN
    INSERT INTO tally (run, state, transfers, bytes) VALUES (NEW.run, NEW.state, 1, NEW.size)
    ON CONFLICT (run, state) DO UPDATE SET transfers = transfers + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER transfer_leaves_state AFTER UPDATE OF state, size, run ON transfer
WHEN OLD.run IS NOT NULL AND (OLD.run IS NEW.run OR OLD.state IN ('queued', 'copying', 'publishing')) BEGIN
    UPDATE tally SET transfers = transfers - 1, bytes = bytes - OLD.size WHERE run = OLD.run AND state = OLD.state;
    UPDATE run SET last_ended = NEW.updated
    WHERE id = OLD.run AND OLD.state IN ('queued', 'copying', 'publishing')
    AND (NEW.run IS NOT OLD.run OR NEW.state NOT IN ('queued', 'copying', 'publishing'));
END;

CREATE TRIGGER transfer_enters_state AFTER UPDATE OF state, size, run ON transfer WHEN NEW.run IS NOT NULL BEGIN
    INSERT INTO tally (run, state, transfers, bytes) VALUES (NEW.run, NEW.state, 1, NEW.size)
    ON CONFLICT (run, state) DO UPDATE SET transfers = transfers + 1, bytes = bytes + excluded.bytes;
END;
