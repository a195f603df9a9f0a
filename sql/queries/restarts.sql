-- What was restarted: the control plane, its actors, the bridges?
--   sqlite3 -readonly patze.db < sql/queries/restarts.sql
--   sqlite3 -readonly -cmd ".parameter set :since '-1 days'" patze.db < sql/queries/restarts.sql
-- Parameters: :since (default '-30 days'), :until (default the log's end).
-- Columns: what: `server`, `bridge`, or an actor's kind | key: the server's version, the bridge's machine, which actor | times |
--   first, last: recorded | last_error: why the actor ended; a server and a bridge do not say why they were started.
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

SELECT what, key, count(*) AS times, min(recorded) AS first, max(recorded) AS last, last_error
FROM (
    SELECT
        strftime('%Y-%m-%dT%H:%M:%SZ', recorded_at / 1000, 'unixepoch') AS recorded,
        CASE type WHEN 'control.server.started' THEN 'server' WHEN 'machine.registered' THEN 'bridge' ELSE json_extract(payload, '$.kind') END AS what,
        CASE type WHEN 'control.server.started' THEN json_extract(payload, '$.version') WHEN 'machine.registered' THEN machine ELSE json_extract(payload, '$.key') END AS key,
        last_value(json_extract(payload, '$.error')) OVER (
            PARTITION BY type, json_extract(payload, '$.kind'), json_extract(payload, '$.key') ORDER BY position
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS last_error
    FROM asked CROSS JOIN events
    WHERE position > start AND recorded_at < until
        AND type IN ('control.actor.restarted', 'control.server.started', 'machine.registered')
)
GROUP BY what, key
ORDER BY last DESC, what, key;
