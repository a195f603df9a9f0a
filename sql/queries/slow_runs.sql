-- Which runs were slowest, and where did their time go?
--   sqlite3 -readonly patze.db < sql/queries/slow_runs.sql
--   sqlite3 -readonly -cmd ".parameter set :since '-1 days'" -cmd ".parameter set :limit 5" patze.db < sql/queries/slow_runs.sql
-- Parameters: :since (default '-7 days'), :until (default the log's end), :limit (default 20). Runs that began and ended in the
--   window.
-- Columns: machine | agent | run | ended | state | seconds in all, and of these | queued_s: before it ran | model_s: until the
--   model had answered | tool_s: while a tool call was open | other_s: the rest (a model call that failed, delivery,
--   compaction, waiting for a person) |
--   model_calls | tool_calls | slowest_tool with its seconds.
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
-- One scan. Each step ends a stretch of time; what the stretch was for follows from the step and the state before it.
steps AS MATERIALIZED (
    SELECT
        position, type, machine, min(occurred_at, recorded_at) AS at,
        json_extract(payload, '$.runId') AS run,
        json_extract(payload, '$.agentId') AS agent,
        json_extract(payload, '$.to') AS state,
        json_extract(payload, '$.to') IN ('completed', 'failed', 'cancelled') AS over,
        json_extract(payload, '$.toolName') AS tool,
        json_extract(payload, '$.durationMs') AS ms
    FROM asked CROSS JOIN events
    WHERE position > start AND type IN ('run.state.changed', 'run.tool.started', 'run.tool.completed', 'run.model.usage')
        AND min(occurred_at, recorded_at) >= since AND min(occurred_at, recorded_at) < until
),
stretches AS (
    SELECT
        *,
        at - lag(at) OVER so_far AS length,
        sum((type = 'run.tool.started') - (type = 'run.tool.completed')) OVER so_far - (type = 'run.tool.started') + (type = 'run.tool.completed') AS open_tools,
        min(iif(over, at, NULL)) OVER whole AS ended,
        max(type = 'run.state.changed' AND NOT over) OVER whole AS begun,
        sum(state = 'running') OVER so_far - coalesce(state = 'running', 0) AS ran_before
    FROM steps
    WINDOW so_far AS (PARTITION BY machine, run ORDER BY at, position), whole AS (PARTITION BY machine, run)
),
kinds AS (
    SELECT
        *,
        CASE
            WHEN open_tools > 0 OR type = 'run.tool.completed' THEN 'tool'
            WHEN type IN ('run.model.usage', 'run.tool.started') THEN 'model'
            WHEN coalesce(ran_before, 0) = 0 AND state = 'running' THEN 'queued'
            ELSE 'other'
        END AS kind
    FROM stretches
    WHERE at <= ended AND begun
)
SELECT
    machine,
    max(agent) AS agent,
    run,
    strftime('%Y-%m-%dT%H:%M:%SZ', ended / 1000, 'unixepoch') AS ended,
    max(iif(over, state, NULL)) AS state,
    (max(at) - min(at)) / 1000.0 AS seconds,
    total(iif(kind = 'queued', length, 0)) / 1000.0 AS queued_s,
    total(iif(kind = 'model', length, 0)) / 1000.0 AS model_s,
    total(iif(kind = 'tool', length, 0)) / 1000.0 AS tool_s,
    total(iif(kind = 'other', length, 0)) / 1000.0 AS other_s,
    sum(type = 'run.model.usage') AS model_calls,
    sum(type = 'run.tool.completed') AS tool_calls,
    -- The longest call first: its milliseconds, written so that texts compare like numbers.
    substr(max(iif(type = 'run.tool.completed', printf('%015d%s %.1f s', ms, tool, ms / 1000.0), NULL)), 16) AS slowest_tool
FROM kinds
GROUP BY machine, run
ORDER BY seconds DESC, machine, run
LIMIT coalesce(:limit, 20);
