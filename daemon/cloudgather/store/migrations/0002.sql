-- What an operator has ordered for a while: msgpack of rate (bytes a second, nil: unlimited), until (an instant), span
-- (seconds).
ALTER TABLE target_memory ADD COLUMN rate_order BLOB;

-- Bytes sent to targets with a limit a day. An hour is counted since 1970.
CREATE TABLE spent (
    target TEXT NOT NULL,
    hour   INTEGER NOT NULL,
    size   INTEGER NOT NULL,
    PRIMARY KEY (target, hour)
) WITHOUT ROWID;

-- The sizes of transfers that are being copied to such targets.
CREATE TABLE reserved (
    transfer INTEGER PRIMARY KEY,
    target   TEXT NOT NULL,
    size     INTEGER NOT NULL
);
