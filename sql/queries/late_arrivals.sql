-- What came late, or with a clock that runs ahead?
--   sqlite3 -readonly patze.db < sql/queries/late_arrivals.sql
--   sqlite3 -readonly -cmd ".parameter set :since '-30 days'" patze.db < sql/queries/late_arrivals.sql
-- Parameters: :since (default '-7 days'), :until (default the log's end); both of the time when we were told.
-- Columns: told: the hour (UTC) | machine | events of that hour in all | late: told more than 10 minutes after they happened
--   (backfill: booked at their own time, no alarm) | late_from, late_until: when these had happened | worst_minutes | ahead: by
--   a clock more than 60 s ahead of ours | worst_ahead_s. Hours in which all was in time are absent.
-- A second delivery of an event is not in the log: it is answered as accepted and stored once. /metrics counts them.
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

SELECT
    strftime('%Y-%m-%dT%H:00Z', recorded_at / 1000, 'unixepoch') AS told,
    machine,
    count(*) AS events,
    sum(recorded_at - occurred_at > 600000) AS late,
    strftime('%Y-%m-%dT%H:%M:%SZ', min(iif(recorded_at - occurred_at > 600000, occurred_at, NULL)) / 1000, 'unixepoch') AS late_from,
    strftime('%Y-%m-%dT%H:%M:%SZ', max(iif(recorded_at - occurred_at > 600000, occurred_at, NULL)) / 1000, 'unixepoch') AS late_until,
    iif(max(recorded_at - occurred_at) > 600000, round(max(recorded_at - occurred_at) / 60000.0, 1), NULL) AS worst_minutes,
    sum(occurred_at - recorded_at > 60000) AS ahead,
    iif(max(occurred_at - recorded_at) > 60000, max(occurred_at - recorded_at) / 1000, NULL) AS worst_ahead_s
FROM asked CROSS JOIN events
WHERE position > start AND recorded_at < until AND machine <> ''
GROUP BY told, machine
HAVING late > 0 OR ahead > 0
ORDER BY told, machine;
