-- The event log. Readable with Debian's sqlite3 3.40: no JSONB, no STRICT surprises, nothing that needs our binary.
-- Times are milliseconds since 1970 (UTC); the view v_events shows them as text.

-- 0x50545A45 = "PTZE": `file patze.db` and a start can tell this database from another application's.
PRAGMA application_id = 1347705413;

-- One row an event, never changed (EL-1). `machine` is '' for the control plane's own events, not NULL, because UNIQUE
-- lets NULLs repeat. `trace` and `payload` are JSON texts, the very ones that frames and the fold get.
CREATE TABLE events (
    position    INTEGER PRIMARY KEY,
    id          TEXT    NOT NULL CHECK (id <> ''),
    type        TEXT    NOT NULL CHECK (type <> ''),
    machine     TEXT    NOT NULL,
    occurred_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    severity    TEXT    NOT NULL,
    origin      TEXT    NOT NULL,
    trace       TEXT    NOT NULL,
    payload     TEXT    NOT NULL
);

-- EL-3. The machine comes first: a batch comes from one machine and so touches one stretch of the index, which keeps
-- random ids affordable (measured: docs/decisions/0001-log-index.md), and one machine's events are found by it.
CREATE UNIQUE INDEX events_by_machine ON events (machine, id);

-- One row a transaction that stored events: the chain that makes a later change visible.
-- digest = SHA-256(digest before, the rows' bytes); 32 zero bytes before the first.
CREATE TABLE commits (
    first       INTEGER PRIMARY KEY,
    last        INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    digest      BLOB    NOT NULL
);

-- Stored fleets, so that a start replays only the tail: zstd of the fleet's JSON at a position.
CREATE TABLE checkpoints (
    position     INTEGER PRIMARY KEY,
    fold_version INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    bytes        BLOB    NOT NULL
);

-- How far each mirrored source was read, written together with its events.
CREATE TABLE cursors (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- logId: the random id of this history. cleanStop: 1 if the last server closed the log. viewsDigest: which views stand.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- Which of these files ran, with the SHA-256 of each.
CREATE TABLE migrations (
    number     INTEGER PRIMARY KEY,
    name       TEXT    NOT NULL,
    checksum   TEXT    NOT NULL,
    applied_at INTEGER NOT NULL
);
