-- Was something told twice under two ids, so that it counts twice?
--   sqlite3 -readonly patze.db < sql/queries/counted_twice.sql
-- Parameters: :since (default '-30 days'), :until (default the log's end).
-- Columns: what | machine | run | detail | times | first_position, last_position | usd_too_much: what sums are too high by.
-- A model call counts as the same when machine, run, time, model, tokens and cost are equal; a tool call, when its id is; a run's
-- end, when the run is (the first end stands, a second one changes nothing).
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

SELECT what, machine, run, detail, count(*) AS times, min(position) AS first_position, max(position) AS last_position,
    (count(*) - 1) * nano_usd / 1e9 AS usd_too_much
FROM (
    SELECT
        position,
        machine,
        json_extract(payload, '$.runId') AS run,
        CASE type WHEN 'run.model.usage' THEN 'model call' WHEN 'run.tool.completed' THEN 'tool call' ELSE 'end of a run' END AS what,
        CASE type
            WHEN 'run.model.usage' THEN json_extract(payload, '$.model') || printf(' at %s, %d in, %d out',
                strftime('%Y-%m-%dT%H:%M:%fZ', occurred_at / 1000.0, 'unixepoch'), json_extract(payload, '$.inputTokens'), json_extract(payload, '$.outputTokens'))
            WHEN 'run.tool.completed' THEN json_extract(payload, '$.toolName') || ' ' || json_extract(payload, '$.toolCallId')
            ELSE ''
        END AS detail,
        iif(type = 'run.model.usage', coalesce(CAST(round(json_extract(payload, '$.estimatedCostUsd') * 1e9) AS INTEGER), 0), 0) AS nano_usd
    FROM asked CROSS JOIN events
    WHERE position > start AND min(occurred_at, recorded_at) >= since AND min(occurred_at, recorded_at) < until
        AND (type IN ('run.model.usage', 'run.tool.completed')
            OR type = 'run.state.changed' AND json_extract(payload, '$.to') IN ('completed', 'failed', 'cancelled'))
)
GROUP BY what, machine, run, detail, nano_usd
HAVING count(*) > 1
ORDER BY usd_too_much DESC, what, first_position;
