-- What happened around a moment, on one machine or on all?
--   sqlite3 -readonly -cmd ".parameter set :at '2026-11-25T03:12:00Z'" -cmd ".parameter set :machine 'mac-1'" patze.db < sql/queries/around.sql
-- Parameters: :at (a time, or a distance like '-6 hours' from the log's end; default the log's end), :minutes before and after
--   (default 10), :machine (default all; with one, the control plane's own events are shown too).
-- Columns: happened | seconds from the moment | machine ('' is the control plane) | severity | type | run | what |
--   told_s: how many seconds later we were told, where that is more than 60.
-- Heartbeats are left out but the first, and those in which the status changed. Who the machines are: SELECT * FROM v_machines.
.mode column --wrap 60

-- The window around the moment. `start` is the last position before it: recorded_at grows with the
-- position, so halving finds it with some 25 look-ups.
DROP TABLE IF EXISTS temp.asked;
CREATE TEMP TABLE asked AS
WITH RECURSIVE
log(ends) AS (SELECT coalesce((SELECT recorded_at FROM events ORDER BY position DESC LIMIT 1), 0) / 1000 + 1),
moment(at) AS (
    SELECT coalesce(strftime('%s', iif(typeof(:at) = 'text', :at, NULL)), strftime('%s', ends, 'unixepoch', coalesce(:at, '+0 days'))) * 1000 FROM log
),
times(since, until) AS (SELECT at - 60000 * coalesce(:minutes, 10), at + 60000 * coalesce(:minutes, 10) FROM moment),
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
    ':at is no time; write 2026-11-25T03:12:00Z or -6 hours'
) AS "window (UTC)" FROM asked;

SELECT
    happened,
    round((at - moment) / 1000.0, 1) AS seconds,
    machine,
    severity,
    type,
    run,
    what,
    iif(told - at > 60000, (told - at) / 1000, NULL) AS told_s
FROM (
    SELECT
        story.*,
        (since + until) / 2 AS moment,
        events.recorded_at AS told,
        json_extract(events.payload, '$.status') AS status,
        lag(json_extract(events.payload, '$.status')) OVER (PARTITION BY story.machine, story.type ORDER BY story.at, story.position) AS before
    FROM asked CROSS JOIN v_story AS story JOIN events USING (position)
    WHERE position > start AND story.at >= since AND story.at <= until
        AND (:machine IS NULL OR story.machine IN (:machine, ''))
        AND story.type <> 'control.tick'
)
WHERE type <> 'machine.heartbeat' OR status IS NOT before
ORDER BY at, position;
