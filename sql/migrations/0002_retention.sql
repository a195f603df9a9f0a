-- Retention: thinning, cutting and redaction (design §6), and sums that name the very row that changed.

-- sums: four bytes a row of the commit, the CRC-32 of the bytes that the digest takes, big-endian. Digests prove, sums
-- only locate. NULL in commits that are older than this file.
ALTER TABLE commits ADD COLUMN sums BLOB;

-- pruned: NULL, or the position of the control.pruned event that speaks for this commit. Such a one stands for a whole
-- range of commits, its digest is the chain's at its last position, and its sums are eight bytes a row that stays: how far
-- the row lies behind `first`, then its CRC-32, both 32 bits, big-endian.
ALTER TABLE commits ADD COLUMN pruned INTEGER;
CREATE INDEX commits_pruned ON commits (pruned) WHERE pruned IS NOT NULL;

-- The state that cut history leaves: one row, or none while nothing was cut. zstd of JSON that every later version reads
-- (`schema` says how). `chain` is the digest chain at `position`; rows up to there are gone or going.
CREATE TABLE base (
    position   INTEGER PRIMARY KEY,
    schema     INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    chain      BLOB    NOT NULL,
    pruned     INTEGER NOT NULL,
    bytes      BLOB    NOT NULL
);

-- What the heartbeats up to meta.rolledUpTo showed, in buckets of `tier` milliseconds that begin at `start`; those behind
-- it are in `events`. Heartbeats that the control plane itself wrote for a silent machine are left out, so that a bucket
-- without heartbeats is absent. The mean of a gauge is its sum / n, or sum / its own _n where a heartbeat may lack it.
CREATE TABLE heartbeat_rollup (
    machine              TEXT    NOT NULL,
    tier                 INTEGER NOT NULL,
    start                INTEGER NOT NULL,
    n                    INTEGER NOT NULL,
    cpu_pct_min          REAL, cpu_pct_max          REAL, cpu_pct_sum          REAL,
    memory_bytes_min     REAL, memory_bytes_max     REAL, memory_bytes_sum     REAL,
    memory_pct_min       REAL, memory_pct_max       REAL, memory_pct_sum       REAL,
    memory_total_bytes_n INTEGER NOT NULL,
    memory_total_bytes_min REAL, memory_total_bytes_max REAL, memory_total_bytes_sum REAL,
    net_rx_bytes_n       INTEGER NOT NULL,
    net_rx_bytes_min     REAL, net_rx_bytes_max     REAL, net_rx_bytes_sum     REAL,
    net_tx_bytes_n       INTEGER NOT NULL,
    net_tx_bytes_min     REAL, net_tx_bytes_max     REAL, net_tx_bytes_sum     REAL,
    disk_usage_bytes_n   INTEGER NOT NULL,
    disk_usage_bytes_min REAL, disk_usage_bytes_max REAL, disk_usage_bytes_sum REAL,
    disk_total_bytes_n   INTEGER NOT NULL,
    disk_total_bytes_min REAL, disk_total_bytes_max REAL, disk_total_bytes_sum REAL,
    disk_pct_n           INTEGER NOT NULL,
    disk_pct_min         REAL, disk_pct_max         REAL, disk_pct_sum         REAL,
    PRIMARY KEY (machine, tier, start)
) WITHOUT ROWID;
