-- When was each machine silent, and was it the machine or the way to us?
--   sqlite3 -readonly patze.db < sql/queries/silences.sql
--   sqlite3 -readonly -cmd ".parameter set :minutes 30" -cmd ".parameter set :since '-7 days'" patze.db < sql/queries/silences.sql
-- Parameters: :since (default '-2 days', as long as all heartbeats are kept), :until (default the log's end), :minutes (default
--   2: shorter silences are left out), :machine (default all).
-- Columns: machine | silent_from, silent_until: when we heard it last and again (empty: not yet) | minutes |
--   news_from: when that which we heard first afterwards had happened. Near silent_from: the machine worked on and only could
--   not reach us; near silent_until: it, or its bridge, was off | server_starts: how often the control plane itself started
--   meanwhile (then it was perhaps we who were away) | thinned: 1 where events of that time have been deleted by now, so that
--   the silence may be none.
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

WITH
-- Where rows were deleted, positions grow faster than the count of rows.
heard AS (
    SELECT
        position, machine, origin, recorded_at, min(occurred_at, recorded_at) AS at,
        position - row_number() OVER (ORDER BY position) AS deleted,
        sum(type = 'control.server.started') OVER (ORDER BY position) AS starts
    FROM asked CROSS JOIN events
    WHERE position > start AND recorded_at < until
),
-- What has no end yet ends, for the count, with the window.
ends(at, deleted, starts) AS (
    SELECT min(asked.until, asked.ends), deleted, starts FROM asked LEFT JOIN (SELECT max(position), deleted, starts FROM heard)
),
gaps AS (
    SELECT
        machine,
        recorded_at AS gone,
        lead(recorded_at) OVER following AS back,
        lead(at) OVER following AS news,
        lead(deleted) OVER following - deleted AS deleted_between,
        lead(starts) OVER following - starts AS starts_between,
        deleted, starts
    FROM heard
    -- The offline heartbeats that we write for a silent machine are not heard from it.
    WHERE origin <> 'control' AND machine <> '' AND (:machine IS NULL OR machine = :machine)
    WINDOW following AS (PARTITION BY machine ORDER BY position)
)
SELECT
    machine,
    strftime('%Y-%m-%dT%H:%M:%SZ', gone / 1000, 'unixepoch') AS silent_from,
    strftime('%Y-%m-%dT%H:%M:%SZ', back / 1000, 'unixepoch') AS silent_until,
    round((coalesce(back, ends.at) - gone) / 60000.0, 1) AS minutes,
    strftime('%Y-%m-%dT%H:%M:%SZ', news / 1000, 'unixepoch') AS news_from,
    coalesce(starts_between, ends.starts - gaps.starts) AS server_starts,
    coalesce(deleted_between, ends.deleted - gaps.deleted) > 0 AS thinned
FROM gaps CROSS JOIN ends
WHERE coalesce(back, ends.at) - gone > 60000 * coalesce(:minutes, 2)
ORDER BY coalesce(back, ends.at) - gone DESC, gone, machine;
