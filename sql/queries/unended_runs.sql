-- Which runs began and never ended?
--   sqlite3 -readonly patze.db < sql/queries/unended_runs.sql
--   sqlite3 -readonly -cmd ".parameter set :since '-7 days'" -cmd ".parameter set :minutes 60" patze.db < sql/queries/unended_runs.sql
-- Parameters: :since (default '-30 days'), :until (default the log's end), :minutes (default 0: those that had any sign of life
--   within so many minutes before the end of the window are left out).
-- Columns: machine | home | agent | session_key | run | state: the last one that was told | began: first heard of | last_sign:
--   its last event of any kind, and | last_event: which | hours_silent: since then, until the end of the window |
--   open_tools: tool calls that began and did not end.
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

WITH
signs AS MATERIALIZED (
    SELECT
        machine,
        json_extract(payload, '$.runId') AS run,
        min(min(occurred_at, recorded_at)) AS began,
        max(min(occurred_at, recorded_at)) AS last_sign,
        -- The type of the latest one: its time first, written so that texts compare like numbers.
        substr(max(printf('%015d', min(occurred_at, recorded_at)) || type), 16) AS last_event,
        max(iif(type = 'run.state.changed', position, NULL)) AS told,
        sum(type = 'run.state.changed' AND json_extract(payload, '$.to') IN ('completed', 'failed', 'cancelled')) AS ends,
        count(DISTINCT iif(type = 'run.tool.started', json_extract(payload, '$.toolCallId'), NULL))
            - count(DISTINCT iif(type = 'run.tool.completed', json_extract(payload, '$.toolCallId'), NULL)) AS open_tools
    FROM asked CROSS JOIN events
    WHERE position > start AND type GLOB 'run.*' AND min(occurred_at, recorded_at) >= since AND min(occurred_at, recorded_at) < until
    GROUP BY machine, run
)
SELECT
    signs.machine,
    home,
    agent,
    session_key,
    signs.run,
    state,
    strftime('%Y-%m-%dT%H:%M:%SZ', began / 1000, 'unixepoch') AS began,
    strftime('%Y-%m-%dT%H:%M:%SZ', last_sign / 1000, 'unixepoch') AS last_sign,
    last_event,
    round((min(until, ends_at) - last_sign) / 3600000.0, 1) AS hours_silent,
    max(0, open_tools) AS open_tools
FROM (SELECT until, ends AS ends_at FROM asked) CROSS JOIN signs CROSS JOIN v_run_states
WHERE ends = 0 AND v_run_states.position = told AND min(until, ends_at) - last_sign >= 60000 * coalesce(:minutes, 0)
ORDER BY last_sign, signs.machine, signs.run;
