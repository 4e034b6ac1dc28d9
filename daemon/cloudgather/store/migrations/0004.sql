-- Downloads on request. `asked` (what somebody wants, never changed) and `known` (what has come of it) are msgpack.
CREATE TABLE download (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    state    TEXT NOT NULL,
    uid      INTEGER NOT NULL,
    infohash TEXT,
    asked    BLOB NOT NULL,
    known    BLOB NOT NULL,
    reason   BLOB,
    cleared  INTEGER NOT NULL, -- 1: nothing is left to be done for it
    created  INTEGER NOT NULL,
    updated  INTEGER NOT NULL
);

CREATE INDEX download_infohash ON download (infohash) WHERE infohash IS NOT NULL;
CREATE INDEX download_open ON download (id) WHERE NOT cleared;

-- Torrent files, apart from the rows that are read often. The downloader may forget them.
CREATE TABLE torrent (
    download INTEGER PRIMARY KEY,
    content  BLOB NOT NULL
);

CREATE TABLE download_move (
    id       INTEGER PRIMARY KEY,
    download INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    event    TEXT NOT NULL,
    before   TEXT NOT NULL,
    after    TEXT NOT NULL,
    reason   BLOB
);

CREATE INDEX download_move_download ON download_move (download);
