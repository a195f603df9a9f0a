-- Who changed what: tokens, access, names, pauses, versions, what was deleted from the log, tasks?
--   sqlite3 -readonly patze.db < sql/queries/changes.sql
--   sqlite3 -readonly -cmd ".parameter set :since '-7 days'" patze.db < sql/queries/changes.sql
-- Parameters: :since (default '-30 days'), :until (default the log's end).
-- Columns: recorded | change: the event's type without `control.` | machine that it concerns | subject: the token, task or name |
--   by: who, where the event says it | request: its trace id, one for all that one request did | detail: the payload.
-- What the control plane only noticed (ticks, stalls, clocks, disks, restarts of actors) is left out.
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
    strftime('%Y-%m-%dT%H:%M:%SZ', recorded_at / 1000, 'unixepoch') AS recorded,
    substr(type, 9) AS change,
    machine,
    coalesce(json_extract(payload, '$.name'), json_extract(payload, '$.id'), json_extract(payload, '$.version'), json_extract(payload, '$.mode')) AS subject,
    json_extract(payload, '$.by') AS by,
    json_extract(trace, '$.traceId') AS request,
    payload AS detail
FROM asked CROSS JOIN events
WHERE position > start AND recorded_at < until AND type GLOB 'control.*'
    AND type NOT IN ('control.tick', 'control.actor.restarted', 'control.session.stalled', 'control.disk.low', 'control.disk.ok', 'control.clock.skewed', 'control.clock.ok')
ORDER BY position;
