-- history.db: what was, for lists, search and charts. A function of the log alone and disposable: delete it while no server
-- runs, and the next start makes it again. The version in `actors/src/history/file.rs` goes up with every change of this
-- file or of the projector's rules.
--
-- Times are milliseconds since 1970 (UTC). `machine`, `home`, `agent`, `channel`, `provider`, `model`, `tool` are numbers of
-- `names`; `run` and `session` are the `key`s of those tables, 0 for none. The log's `position` stands wherever something
-- must be ordered, found again or dropped with the log.

-- 0x50545A48 = "PTZH".
PRAGMA application_id = 1347705416;

-- logId: whose history this is. position, recordedAt: the last event that is in it, written in the transaction of its rows.
-- lastFailure: the end of the newest run that failed, for the health of `density`.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- Texts that come again and again, as numbers.
CREATE TABLE names (
    id   INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
);
INSERT INTO names (id, text) VALUES (0, '');

-- A machine as the fleet keeps it (JSON), and for how long it is known.
CREATE TABLE machines (
    machine   INTEGER PRIMARY KEY,
    first_at  INTEGER NOT NULL,
    status    TEXT,
    forgotten INTEGER NOT NULL,
    position  INTEGER NOT NULL,
    row       TEXT    NOT NULL
);
CREATE INDEX machines_by_time ON machines (first_at, machine);

-- A session: state is NULL until its own event came (it is known through others only, and not listed).
CREATE TABLE sessions (
    key                INTEGER PRIMARY KEY,
    machine            INTEGER NOT NULL,
    id                 TEXT    NOT NULL,
    agent              INTEGER NOT NULL,
    home               INTEGER NOT NULL,
    state              INTEGER,
    state_at           INTEGER,
    reason             TEXT,
    backfilled         INTEGER NOT NULL,
    created_at         INTEGER NOT NULL,
    last_event_id      TEXT    NOT NULL,
    session_key        TEXT,
    channel            INTEGER,
    parent_session_key TEXT,
    runs               INTEGER NOT NULL,
    failed_runs        INTEGER NOT NULL,
    calls              INTEGER NOT NULL,
    input_tokens       INTEGER NOT NULL,
    output_tokens      INTEGER NOT NULL,
    total_tokens       INTEGER NOT NULL,
    cache_read_tokens  INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    cost               INTEGER NOT NULL,
    stalled_since      INTEGER,
    touched            INTEGER NOT NULL,
    position           INTEGER NOT NULL,
    UNIQUE (id, machine)
);
CREATE INDEX sessions_by_time ON sessions (created_at, key) WHERE state IS NOT NULL;
CREATE INDEX sessions_by_machine ON sessions (machine, created_at, key) WHERE state IS NOT NULL;
CREATE INDEX sessions_by_agent ON sessions (agent, created_at, key) WHERE state IS NOT NULL;
CREATE INDEX sessions_by_channel ON sessions (channel, created_at, key) WHERE state IS NOT NULL AND channel IS NOT NULL;
CREATE INDEX sessions_by_state ON sessions (state, created_at, key) WHERE state IS NOT NULL;
-- Sub-agents: the sessions whose parent is this lane.
CREATE INDEX sessions_by_parent ON sessions (parent_session_key, machine) WHERE parent_session_key IS NOT NULL;

-- A run, as sessions.
CREATE TABLE runs (
    key                INTEGER PRIMARY KEY,
    machine            INTEGER NOT NULL,
    id                 TEXT    NOT NULL,
    session            INTEGER NOT NULL,
    agent              INTEGER NOT NULL,
    home               INTEGER NOT NULL,
    state              INTEGER,
    state_at           INTEGER,
    reason             TEXT,
    backfilled         INTEGER NOT NULL,
    created_at         INTEGER NOT NULL,
    last_event_id      TEXT    NOT NULL,
    calls              INTEGER NOT NULL,
    input_tokens       INTEGER NOT NULL,
    output_tokens      INTEGER NOT NULL,
    total_tokens       INTEGER NOT NULL,
    cache_read_tokens  INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    cost               INTEGER NOT NULL,
    provider           INTEGER,
    model              INTEGER,
    tool_calls         INTEGER NOT NULL,
    failed_tool_calls  INTEGER NOT NULL,
    peak_cpu_pct       REAL,
    peak_memory_bytes  REAL,
    peak_memory_pct    REAL,
    touched            INTEGER NOT NULL,
    position           INTEGER NOT NULL,
    UNIQUE (id, machine)
);
CREATE INDEX runs_by_time ON runs (created_at, key) WHERE state IS NOT NULL;
CREATE INDEX runs_by_machine ON runs (machine, created_at, key) WHERE state IS NOT NULL;
CREATE INDEX runs_by_agent ON runs (agent, created_at, key) WHERE state IS NOT NULL;
CREATE INDEX runs_by_state ON runs (state, created_at, key) WHERE state IS NOT NULL;
CREATE INDEX runs_by_session ON runs (session, created_at, key) WHERE state IS NOT NULL;

-- What the waterfall of a run is drawn from. First each state that counted,
CREATE TABLE run_states (
    run      INTEGER NOT NULL,
    position INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    state    INTEGER NOT NULL,
    reason   TEXT,
    PRIMARY KEY (run, position)
) WITHOUT ROWID;

-- each tool call (ended_at: the time of the event that told its end),
CREATE TABLE tool_calls (
    run         INTEGER NOT NULL,
    id          TEXT    NOT NULL,
    tool        INTEGER NOT NULL,
    status      TEXT    NOT NULL,
    started_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    duration_ms REAL,
    success     INTEGER,
    error       TEXT,
    exit_code   INTEGER,
    position    INTEGER NOT NULL,
    PRIMARY KEY (run, id)
) WITHOUT ROWID;

-- each model call (cost in 10⁻⁹ dollars, as reported),
CREATE TABLE model_calls (
    run                INTEGER NOT NULL,
    position           INTEGER NOT NULL,
    at                 INTEGER NOT NULL,
    provider           INTEGER NOT NULL,
    model              INTEGER NOT NULL,
    input_tokens       INTEGER NOT NULL,
    output_tokens      INTEGER NOT NULL,
    total_tokens       INTEGER NOT NULL,
    cache_read_tokens  INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    cost               INTEGER NOT NULL,
    PRIMARY KEY (run, position)
) WITHOUT ROWID;

-- each span.
CREATE TABLE spans (
    run        INTEGER NOT NULL,
    id         TEXT    NOT NULL,
    parent     TEXT,
    name       TEXT    NOT NULL,
    kind       TEXT,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    status     TEXT,
    position   INTEGER NOT NULL,
    PRIMARY KEY (run, id)
) WITHOUT ROWID;

-- Log lines, by arrival. `tags` are the filters as words (machine, level, agent, session, run, UTC day), so that the search
-- intersects them with the words of the message inside its index.
CREATE TABLE logs (
    position  INTEGER PRIMARY KEY,
    at        INTEGER NOT NULL,
    machine   INTEGER NOT NULL,
    run       INTEGER NOT NULL,
    session   INTEGER NOT NULL,
    agent     INTEGER NOT NULL,
    level     INTEGER NOT NULL,
    id        TEXT    NOT NULL,
    truncated INTEGER NOT NULL,
    message   TEXT    NOT NULL,
    tags      TEXT    GENERATED ALWAYS AS (
        'm' || machine || ' l' || level || ' a' || agent
        || CASE WHEN session <> 0 THEN ' s' || session ELSE '' END
        || CASE WHEN run <> 0 THEN ' r' || run ELSE '' END
        || ' d' || (max(at, 0) / 86400000)
    ) VIRTUAL
);
CREATE INDEX logs_by_run ON logs (run, position) WHERE run <> 0;
CREATE VIRTUAL TABLE logs_text USING fts5 (
    message, tags, content = 'logs', content_rowid = 'position', tokenize = "unicode61 remove_diacritics 2"
);

-- Tokens and cost by UTC day, of whom, with what; `quarters` holds the sums of each quarter of an hour in which there were
-- any (`actors/src/history/quarters.rs`). Quarters, because every zone of today is a multiple of one from UTC: a day or an
-- hour of any of them is an exact sum. A day a row keeps a year of them few enough to be read for one chart.
CREATE TABLE usage (
    day      INTEGER NOT NULL,
    machine  INTEGER NOT NULL,
    home     INTEGER NOT NULL,
    agent    INTEGER NOT NULL,
    channel  INTEGER NOT NULL,
    provider INTEGER NOT NULL,
    model    INTEGER NOT NULL,
    quarters BLOB    NOT NULL,
    PRIMARY KEY (day, machine, home, agent, channel, provider, model)
) WITHOUT ROWID;

-- The moment rail, over recorded_at: tier is the length of a bucket in ms (a minute, an hour, a day). `worst` is the fleet's
-- worst health within it, `standing` the one at its end, which lasts until the next row.
CREATE TABLE density (
    tier     INTEGER NOT NULL,
    start    INTEGER NOT NULL,
    events   INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    worst    INTEGER NOT NULL,
    standing INTEGER NOT NULL,
    PRIMARY KEY (tier, start)
) WITHOUT ROWID;

-- The gauges of each heartbeat that is not rolled up in the log yet.
CREATE TABLE gauges (
    machine            INTEGER NOT NULL,
    at                 INTEGER NOT NULL,
    position           INTEGER NOT NULL,
    cpu_pct            REAL    NOT NULL,
    memory_bytes       REAL    NOT NULL,
    memory_pct         REAL    NOT NULL,
    memory_total_bytes REAL,
    net_rx_bytes       REAL,
    net_tx_bytes       REAL,
    disk_usage_bytes   REAL,
    disk_total_bytes   REAL,
    disk_pct           REAL,
    PRIMARY KEY (machine, at, position)
) WITHOUT ROWID;
