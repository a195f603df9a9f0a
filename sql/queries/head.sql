-- Which history is this, how long is it, and where does its chain of digests end?
--   sqlite3 -readonly patze.db < sql/queries/head.sql
-- No parameters.
-- Columns: log_id | events | first_position, last_position | missing: positions between them without an event (deleted by
--   retention, which `control.pruned` events name; see changes.sql) | last_recorded | digest: what /readyz says, and what an
--   outside copy proves the past with (`patze verify` computes it anew) | file_mb: size of patze.db with what waits in its -wal file, in 10^6 bytes.
.mode line

SELECT
    (SELECT value FROM meta WHERE key = 'logId') AS log_id,
    (SELECT count(*) FROM events) AS events,
    (SELECT min(position) FROM events) AS first_position,
    (SELECT max(position) FROM events) AS last_position,
    (SELECT max(position) FROM events) - (SELECT min(position) FROM events) + 1 - (SELECT count(*) FROM events) AS missing,
    (SELECT recorded FROM v_commits ORDER BY first DESC LIMIT 1) AS last_recorded,
    (SELECT digest FROM v_commits ORDER BY first DESC LIMIT 1) AS digest,
    round(page_count * page_size / 1e6, 1) AS file_mb
FROM pragma_page_count CROSS JOIN pragma_page_size;
