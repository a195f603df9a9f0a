-- How full and how busy did each machine get, and when?
--   sqlite3 -readonly patze.db < sql/queries/machine_peaks.sql
--   sqlite3 -readonly -cmd ".parameter set :since '-6 hours'" patze.db < sql/queries/machine_peaks.sql
-- Parameters: :since (default '-2 days', as long as all heartbeats are kept), :until (default the log's end).
-- Columns: machine | heartbeats in the log | cpu_mean, cpu_peak in %, cpu_peak_at: its last moment | memory_peak in %, memory_peak_at | disk_peak
--   in %, disk_peak_at | disk_growth_gb: bytes in use at the last heartbeat less those at the first, in 10^9.
.mode column --wrap 60

-- The window: a time, or a distance from the log's end. `start` is the last position before it: recorded_at grows with the
-- position, so halving finds it with some 25 look-ups.
DROP TABLE IF EXISTS temp.asked;
CREATE TEMP TABLE asked AS
WITH RECURSIVE
log(ends) AS (SELECT coalesce((SELECT recorded_at FROM events ORDER BY position DESC LIMIT 1), 0) / 1000 + 1),
times(since, until) AS (
    SELECT
        coalesce(strftime('%s', iif(typeof(:since) = 'text', :since, NULL)), strftime('%s', ends, 'unixepoch', coalesce(:since, '-2 days'))) * 1000,
        coalesce(strftime('%s', iif(typeof(:until) = 'text', :until, NULL)), strftime('%s', ends, 'unixepoch', coalesce(:until, '+0 days'))) * 1000
    FROM log
),
halving(low, high) AS (
    SELECT 0, 1 + coalesce(max(position), 0) FROM events
    UNION ALL
    SELECT iif(recorded_at < since, (low + high) / 2, low), iif(recorded_at < since, high, (low + high) / 2)
    FROM halving CROSS JOIN times CROSS JOIN events
    WHERE high - low > 1 AND position = (SELECT min(position) FROM events WHERE position >= (low + high) / 2)
)
SELECT since, until, ends * 1000 AS ends, iif(since + until IS NULL, NULL, (SELECT max(low) FROM halving)) AS start FROM times, log;
SELECT coalesce(
    strftime('%Y-%m-%dT%H:%M:%SZ', since / 1000, 'unixepoch') || ' to ' || strftime('%Y-%m-%dT%H:%M:%SZ', until / 1000, 'unixepoch'),
    ':since or :until is no time; write 2026-11-25T03:12:00Z or -6 hours'
) AS "window (UTC)" FROM asked;

SELECT
    machine,
    count(*) AS heartbeats,
    round(avg(cpu_pct), 1) AS cpu_mean,
    -- The highest value and its moment are found as one text, written so that texts compare like numbers.
    max(cpu_pct) AS cpu_peak,
    substr(max(printf('%07.3f%s', cpu_pct, happened)), 8) AS cpu_peak_at,
    max(memory_pct) AS memory_peak,
    substr(max(printf('%07.3f%s', memory_pct, happened)), 8) AS memory_peak_at,
    max(disk_pct) AS disk_peak,
    substr(max(iif(disk_pct IS NULL, NULL, printf('%07.3f%s', disk_pct, happened))), 8) AS disk_peak_at,
    round((
        CAST(substr(max(iif(disk_bytes IS NULL, NULL, happened || disk_bytes)), 25) AS REAL)
        - CAST(substr(min(iif(disk_bytes IS NULL, NULL, happened || disk_bytes)), 25) AS REAL)
    ) / 1e9, 3) AS disk_growth_gb
FROM asked CROSS JOIN v_heartbeats
WHERE position > start AND at >= since AND at < until AND origin <> 'control'
GROUP BY machine
ORDER BY disk_peak DESC, machine;
