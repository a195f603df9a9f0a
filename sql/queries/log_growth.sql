-- What makes the log grow, by day and type?
--   sqlite3 -readonly patze.db < sql/queries/log_growth.sql
--   sqlite3 -readonly -cmd ".parameter set :since '-2 days'" patze.db < sql/queries/log_growth.sql
-- Parameters: :since (default '-30 days'), :until (default the log's end); both of the time when we were told.
-- Columns: day (UTC) | type | events that are still there | bytes of their columns; the file needs about a quarter more, for the
--   index and the pages | bytes_each | day_pct: share of the day's bytes.
.mode column --wrap 60

-- The window: a time, or a distance from the log's end. `start` is the last position before it: recorded_at grows with the
-- position, so halving finds it with some 25 look-ups.
DROP TABLE IF EXISTS temp.asked;
CREATE TEMP TABLE asked AS
WITH RECURSIVE
log(ends) AS (SELECT coalesce((SELECT recorded_at FROM events ORDER BY position DESC LIMIT 1), 0) / 1000 + 1),
times(since, until) AS (
    SELECT
        coalesce(strftime('%s', iif(typeof(:since) = 'text', :since, NULL)), strftime('%s', ends, 'unixepoch', coalesce(:since, '-30 days'))) * 1000,
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
    day,
    type,
    count(*) AS events,
    sum(bytes) AS bytes,
    sum(bytes) / count(*) AS bytes_each,
    round(100.0 * sum(bytes) / sum(sum(bytes)) OVER (PARTITION BY day), 1) AS day_pct
FROM (
    SELECT
        date(recorded_at / 1000, 'unixepoch') AS day,
        type,
        -- Position and the two times take up to 8 bytes each; length() of a blob counts bytes, of a text characters.
        24 + length(CAST(id || type || machine || severity || origin || trace || payload AS BLOB)) AS bytes
    FROM asked CROSS JOIN events
    WHERE position > start AND recorded_at < until
)
GROUP BY day, type
ORDER BY day DESC, bytes DESC, type;
