-- Which tool fails most, and how slow is each?
--   sqlite3 -readonly patze.db < sql/queries/failing_tools.sql
--   sqlite3 -readonly -cmd ".parameter set :since '-1 days'" -cmd ".parameter set :machine 'mac-1'" patze.db < sql/queries/failing_tools.sql
-- Parameters: :since (default '-7 days'), :until (default the log's end), :machine (default all).
-- Columns: tool | calls that ended | failed | failed_pct | p50_ms, p95_ms: half, and 95 of 100, of the calls took no longer |
--   max_ms | machines: on how many | last_failed: when | last_error (the text of an error that is no error, such as the
--   output behind an exit code, stays on its machine).
.mode column --wrap 60

-- The window: a time, or a distance from the log's end. `start` is the last position before it: recorded_at grows with the
-- position, so halving finds it with some 25 look-ups.
DROP TABLE IF EXISTS temp.asked;
CREATE TEMP TABLE asked AS
WITH RECURSIVE
log(ends) AS (SELECT coalesce((SELECT recorded_at FROM events ORDER BY position DESC LIMIT 1), 0) / 1000 + 1),
times(since, until) AS (
    SELECT
        coalesce(strftime('%s', iif(typeof(:since) = 'text', :since, NULL)), strftime('%s', ends, 'unixepoch', coalesce(:since, '-7 days'))) * 1000,
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

WITH
calls AS MATERIALIZED (
    SELECT
        tool, machine, happened, ms, exit_code, error, status = 'failed' AS bad,
        row_number() OVER (PARTITION BY tool ORDER BY ms) AS rank,
        count(*) OVER (PARTITION BY tool) AS n,
        row_number() OVER (PARTITION BY tool, status = 'failed' ORDER BY at DESC, position DESC) AS nth_last
    FROM asked CROSS JOIN v_tool_calls
    WHERE position > start AND at >= since AND at < until AND (:machine IS NULL OR machine = :machine)
)
SELECT
    tool,
    count(*) AS calls,
    sum(bad) AS failed,
    round(100.0 * sum(bad) / count(*), 1) AS failed_pct,
    max(iif(rank = (n * 50 + 99) / 100, ms, NULL)) AS p50_ms,
    max(iif(rank = (n * 95 + 99) / 100, ms, NULL)) AS p95_ms,
    max(ms) AS max_ms,
    count(DISTINCT machine) AS machines,
    max(iif(bad, happened, NULL)) AS last_failed,
    max(iif(bad AND nth_last = 1, coalesce(error, 'exit code ' || exit_code), NULL)) AS last_error
FROM calls
GROUP BY tool
ORDER BY failed DESC, failed_pct DESC, calls DESC, tool;
