-- What failed last night, and why?
--   sqlite3 -readonly patze.db < sql/queries/what_failed.sql
--   sqlite3 -readonly -cmd ".parameter set :since '-12 hours'" -cmd ".parameter set :machine 'mac-1'" patze.db < sql/queries/what_failed.sql
-- Parameters: :since (default '-1 days'), :until (default the log's end), :machine (default all).
-- Columns: happened | machine | what | agent | subject: the run, session or actor; give a run to run.sql | why |
--   before: the last failed tool call or warning of the run that failed.
-- Failed tool calls of runs that went on are in failing_tools.sql.
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

WITH
seen AS MATERIALIZED (
    SELECT position, min(occurred_at, recorded_at) AS at, machine, origin, type, severity, payload, json_extract(payload, '$.runId') AS run
    FROM asked CROSS JOIN events
    WHERE position > start
        AND (:machine IS NULL OR machine = :machine)
        AND min(occurred_at, recorded_at) < until
        AND CASE type
            WHEN 'run.state.changed' THEN json_extract(payload, '$.to') IN ('completed', 'failed', 'cancelled')
            WHEN 'run.tool.completed' THEN json_extract(payload, '$.status') = 'failed'
            WHEN 'run.log.emitted' THEN severity IN ('warn', 'error', 'critical')
            WHEN 'machine.heartbeat' THEN origin = 'control'
            WHEN 'control.session.stalled' THEN 1
            WHEN 'control.clock.skewed' THEN 1
            ELSE severity IN ('error', 'critical')
        END
),
-- A run ends once: a second end that is told is none.
failed AS MATERIALIZED (
    SELECT * FROM (SELECT *, min(position) OVER (PARTITION BY machine, run) AS stands FROM seen WHERE type = 'run.state.changed')
    WHERE position = stands AND json_extract(payload, '$.to') = 'failed'
),
-- The last sign of trouble of each run, other than the line that repeats its end.
trouble AS MATERIALIZED (
    SELECT
        seen.machine,
        seen.run,
        max(seen.position) AS position,
        iif(seen.type = 'run.tool.completed',
            json_extract(seen.payload, '$.toolName') || ' failed' || coalesce(', exit code ' || json_extract(seen.payload, '$.exitCode'), '') || coalesce(': ' || json_extract(seen.payload, '$.errorMessage'), ''),
            json_extract(seen.payload, '$.message')) AS words
    FROM seen JOIN failed USING (machine, run)
    WHERE seen.type IN ('run.tool.completed', 'run.log.emitted')
        AND instr(coalesce(json_extract(seen.payload, '$.message'), ''), coalesce(json_extract(failed.payload, '$.reason'), 'Run failed')) = 0
    GROUP BY seen.machine, seen.run
)
SELECT
    strftime('%Y-%m-%dT%H:%M:%SZ', at / 1000, 'unixepoch') AS happened,
    machine,
    CASE type
        WHEN 'run.state.changed' THEN 'run failed'
        WHEN 'run.log.emitted' THEN 'error in a run'
        WHEN 'machine.heartbeat' THEN 'machine silent'
        WHEN 'control.session.stalled' THEN 'session stalled'
        WHEN 'control.clock.skewed' THEN 'clock wrong'
        WHEN 'control.actor.restarted' THEN 'actor restarted'
        WHEN 'control.disk.low' THEN 'disk nearly full'
        WHEN 'gateway.log' THEN 'gateway error'
        ELSE type
    END AS what,
    json_extract(payload, '$.agentId') AS agent,
    coalesce(run, json_extract(payload, '$.sessionId'), json_extract(payload, '$.kind') || ' ' || json_extract(payload, '$.key')) AS subject,
    CASE type
        WHEN 'run.state.changed' THEN coalesce(json_extract(payload, '$.reason'), 'no reason given')
        WHEN 'machine.heartbeat' THEN 'nothing heard since then'
        WHEN 'control.session.stalled' THEN 'silent since ' || json_extract(payload, '$.silentSince')
        WHEN 'control.clock.skewed' THEN json_extract(payload, '$.seconds') || ' s off'
        WHEN 'control.disk.low' THEN json_extract(payload, '$.freeBytes') / 1048576 || ' MiB free under the log'
        ELSE coalesce(json_extract(payload, '$.error'), json_extract(payload, '$.message'), substr(payload, 1, 300))
    END AS why,
    words AS before
FROM asked CROSS JOIN (
    SELECT at, machine, type, payload, run, words, position
    FROM (SELECT at, machine, type, payload, run, position FROM failed) LEFT JOIN (SELECT machine, run, words FROM trouble) USING (machine, run)
    UNION ALL
    SELECT at, machine, type, payload, run, NULL, position
    FROM seen
    WHERE type NOT IN ('run.state.changed', 'run.tool.completed')
        AND (type <> 'run.log.emitted' OR severity <> 'warn' AND (machine, run) NOT IN (SELECT machine, run FROM failed))
)
WHERE at >= since
ORDER BY at, position;
