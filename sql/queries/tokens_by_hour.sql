-- When were the tokens used?
--   sqlite3 -readonly patze.db < sql/queries/tokens_by_hour.sql
--   sqlite3 -readonly -cmd ".parameter set :since '-3 days'" -cmd ".parameter set :machine 'mac-1'" patze.db < sql/queries/tokens_by_hour.sql
-- Parameters: :since (default '-1 days'), :until (default the log's end), :machine (default all).
-- Columns: hour (UTC) | calls: model calls | input_tokens | output_tokens | cache_read_tokens | total_tokens | usd | chart:
--   total_tokens, 30 characters for the greatest hour. Hours without a call are absent.
.mode column --wrap 60

-- The window: a time, or a distance from the log's end. `start` is the last position before it: recorded_at grows with the
-- position, so halving finds it with some 25 look-ups.
DROP TABLE IF EXISTS temp.asked;
CREATE TEMP TABLE asked AS
WITH RECURSIVE
log(ends) AS (SELECT coalesce((SELECT recorded_at FROM events ORDER BY position DESC LIMIT 1), 0) / 1000 + 1),
times(since, until) AS (
    SELECT
        coalesce(strftime('%s', iif(typeof(:since) = 'text', :since, NULL)), strftime('%s', ends, 'unixepoch', coalesce(:since, '-1 days'))) * 1000,
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
    strftime('%Y-%m-%dT%H:00Z', at / 1000, 'unixepoch') AS hour,
    count(*) AS calls,
    sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens,
    sum(cache_read_tokens) AS cache_read_tokens,
    sum(total_tokens) AS total_tokens,
    sum(nano_usd) / 1e9 AS usd,
    substr('##############################', 1, (30 * sum(total_tokens) + max(sum(total_tokens)) OVER () - 1) / max(1, max(sum(total_tokens)) OVER ())) AS chart
FROM asked CROSS JOIN v_usage
WHERE position > start AND at >= since AND at < until AND (:machine IS NULL OR machine = :machine)
GROUP BY hour
ORDER BY hour;
