-- Views for people with `sqlite3 patze.db`. Made anew by the server whenever this file changes; they hold nothing.
--
-- The v_events family has one row an event and a `position`, so that a condition on the position reaches the table: nothing
-- else of the log is read. In them `at` is when it happened, in ms since 1970: the source's time, but never later than ours
-- (the time that the live state counts with), and `happened` is the same as text (UTC). Ids of runs, sessions and agents
-- are unique within their machine only: join by machine and id. (`+type` keeps SQLite from building an index over all types
-- for one join; the position is what finds rows.)

-- The log with readable times.
DROP VIEW IF EXISTS v_events;
CREATE VIEW v_events AS
SELECT
    position,
    strftime('%Y-%m-%dT%H:%M:%fZ', recorded_at / 1000.0, 'unixepoch') AS recorded,
    strftime('%Y-%m-%dT%H:%M:%fZ', occurred_at / 1000.0, 'unixepoch') AS occurred,
    round((recorded_at - occurred_at) / 1000.0, 3) AS seconds_late,
    machine,
    severity,
    type,
    origin,
    id,
    json_extract(trace, '$.traceId') AS trace_id,
    payload
FROM events;

-- What came from whom, newest machine first. `name` is the one that the machine itself told last; '' is the control plane.
DROP VIEW IF EXISTS v_machines;
CREATE VIEW v_machines AS
SELECT
    machine,
    (SELECT json_extract(payload, '$.name') FROM events WHERE position = registered) AS name,
    events,
    first_position,
    last_position,
    last_recorded
FROM (
    SELECT
        machine,
        count(*) AS events,
        min(position) AS first_position,
        max(position) AS last_position,
        strftime('%Y-%m-%dT%H:%M:%fZ', max(recorded_at) / 1000.0, 'unixepoch') AS last_recorded,
        max(iif(type = 'machine.registered', position, NULL)) AS registered
    FROM events
    GROUP BY machine
)
ORDER BY last_position DESC;

-- The transactions and the head of the chain.
DROP VIEW IF EXISTS v_commits;
CREATE VIEW v_commits AS
SELECT
    first,
    last,
    last - first + 1 AS positions,
    strftime('%Y-%m-%dT%H:%M:%fZ', recorded_at / 1000.0, 'unixepoch') AS recorded,
    lower(hex(digest)) AS digest
FROM commits;

-- One row each time a run told its state.
DROP VIEW IF EXISTS v_run_states;
CREATE VIEW v_run_states AS
SELECT
    position,
    min(occurred_at, recorded_at) AS at,
    strftime('%Y-%m-%dT%H:%M:%fZ', min(occurred_at, recorded_at) / 1000.0, 'unixepoch') AS happened,
    machine,
    json_extract(payload, '$.runId') AS run,
    json_extract(payload, '$.sessionId') AS session,
    json_extract(payload, '$.agentId') AS agent,
    coalesce(json_extract(payload, '$.home'), '') AS home,
    json_extract(payload, '$.sessionKey') AS session_key,
    json_extract(payload, '$.openclawRunId') AS openclaw_run,
    json_extract(payload, '$.to') AS state,
    json_extract(payload, '$.to') IN ('completed', 'failed', 'cancelled') AS over,
    json_extract(payload, '$.reason') AS reason
FROM events
WHERE +type = 'run.state.changed';

-- One row a run: the first end that was told stands. `began` is when it ran first, else when it was first heard of.
DROP VIEW IF EXISTS v_runs;
CREATE VIEW v_runs AS
WITH told AS (
    SELECT
        machine AS on_machine,
        run AS of_run,
        min(at) AS known_at,
        min(iif(state = 'running', at, NULL)) AS ran_at,
        coalesce(min(iif(over, position, NULL)), max(position)) AS stands
    FROM v_run_states
    GROUP BY machine, run
)
SELECT
    machine, run, session, agent, home, session_key, openclaw_run, state, over,
    iif(state = 'failed', reason, NULL) AS reason,
    strftime('%Y-%m-%dT%H:%M:%fZ', known_at / 1000.0, 'unixepoch') AS known,
    strftime('%Y-%m-%dT%H:%M:%fZ', coalesce(ran_at, known_at) / 1000.0, 'unixepoch') AS began,
    iif(over, happened, NULL) AS ended,
    iif(over, round((at - coalesce(ran_at, known_at)) / 1000.0, 3), NULL) AS seconds,
    position
FROM told JOIN v_run_states ON position = stands;

-- One row a tool call that ended. `success` is 1 or 0.
DROP VIEW IF EXISTS v_tool_calls;
CREATE VIEW v_tool_calls AS
SELECT
    position,
    min(occurred_at, recorded_at) AS at,
    strftime('%Y-%m-%dT%H:%M:%fZ', min(occurred_at, recorded_at) / 1000.0, 'unixepoch') AS happened,
    machine,
    json_extract(payload, '$.runId') AS run,
    json_extract(payload, '$.toolCallId') AS call,
    json_extract(payload, '$.toolName') AS tool,
    json_extract(payload, '$.status') AS status,
    json_extract(payload, '$.success') AS success,
    json_extract(payload, '$.durationMs') AS ms,
    json_extract(payload, '$.exitCode') AS exit_code,
    json_extract(payload, '$.errorMessage') AS error,
    json_extract(payload, '$.sessionId') AS session,
    json_extract(payload, '$.agentId') AS agent,
    coalesce(json_extract(payload, '$.home'), '') AS home
FROM events
WHERE +type = 'run.tool.completed';

-- One row a model call. Every number is what this one call added; money is in whole nano-dollars, so that sums are exact.
-- What is missing, negative or no number counts as 0, as everywhere else.
DROP VIEW IF EXISTS v_usage;
CREATE VIEW v_usage AS
SELECT
    position, at, happened, machine, run, session, agent, home, provider, model,
    input_tokens, output_tokens,
    coalesce(total_tokens, input_tokens + output_tokens) AS total_tokens,
    cache_read_tokens, cache_write_tokens, nano_usd
FROM (
    SELECT
        position,
        min(occurred_at, recorded_at) AS at,
        strftime('%Y-%m-%dT%H:%M:%fZ', min(occurred_at, recorded_at) / 1000.0, 'unixepoch') AS happened,
        machine,
        json_extract(payload, '$.runId') AS run,
        json_extract(payload, '$.sessionId') AS session,
        json_extract(payload, '$.agentId') AS agent,
        coalesce(json_extract(payload, '$.home'), '') AS home,
        json_extract(payload, '$.provider') AS provider,
        json_extract(payload, '$.model') AS model,
        iif(json_type(payload, '$.inputTokens') IN ('integer', 'real'), max(0, CAST(json_extract(payload, '$.inputTokens') AS INTEGER)), 0) AS input_tokens,
        iif(json_type(payload, '$.outputTokens') IN ('integer', 'real'), max(0, CAST(json_extract(payload, '$.outputTokens') AS INTEGER)), 0) AS output_tokens,
        iif(json_type(payload, '$.totalTokens') IN ('integer', 'real'), max(0, CAST(json_extract(payload, '$.totalTokens') AS INTEGER)), NULL) AS total_tokens,
        iif(json_type(payload, '$.cacheReadTokens') IN ('integer', 'real'), max(0, CAST(json_extract(payload, '$.cacheReadTokens') AS INTEGER)), 0) AS cache_read_tokens,
        iif(json_type(payload, '$.cacheWriteTokens') IN ('integer', 'real'), max(0, CAST(json_extract(payload, '$.cacheWriteTokens') AS INTEGER)), 0) AS cache_write_tokens,
        iif(json_type(payload, '$.estimatedCostUsd') IN ('integer', 'real'), max(0, CAST(round(json_extract(payload, '$.estimatedCostUsd') * 1e9) AS INTEGER)), 0) AS nano_usd
    FROM events
    WHERE +type = 'run.model.usage'
);

-- One row a log line, of a run or of a machine's gateway.
DROP VIEW IF EXISTS v_logs;
CREATE VIEW v_logs AS
SELECT
    position,
    min(occurred_at, recorded_at) AS at,
    strftime('%Y-%m-%dT%H:%M:%fZ', min(occurred_at, recorded_at) / 1000.0, 'unixepoch') AS happened,
    machine,
    json_extract(payload, '$.runId') AS run,
    json_extract(payload, '$.sessionId') AS session,
    json_extract(payload, '$.level') AS level,
    json_extract(payload, '$.message') AS message
FROM events
WHERE type IN ('run.log.emitted', 'gateway.log');

-- One row a heartbeat that is in the log. With origin `control` it is our own note that the machine has gone silent, and
-- repeats its last gauges. Percentages run from 0 to 100; bytes are bytes in use.
DROP VIEW IF EXISTS v_heartbeats;
CREATE VIEW v_heartbeats AS
SELECT
    position,
    min(occurred_at, recorded_at) AS at,
    strftime('%Y-%m-%dT%H:%M:%fZ', min(occurred_at, recorded_at) / 1000.0, 'unixepoch') AS happened,
    machine,
    origin,
    json_extract(payload, '$.status') AS status,
    json_extract(payload, '$.resource.cpuPct') AS cpu_pct,
    json_extract(payload, '$.resource.memoryPct') AS memory_pct,
    json_extract(payload, '$.resource.memoryBytes') AS memory_bytes,
    json_extract(payload, '$.resource.diskPct') AS disk_pct,
    json_extract(payload, '$.resource.diskUsageBytes') AS disk_bytes
FROM events
WHERE +type = 'machine.heartbeat';

-- Every event in a few words. `run` and `session` are empty where the event names none.
DROP VIEW IF EXISTS v_story;
CREATE VIEW v_story AS
SELECT
    position,
    min(occurred_at, recorded_at) AS at,
    strftime('%Y-%m-%dT%H:%M:%fZ', min(occurred_at, recorded_at) / 1000.0, 'unixepoch') AS happened,
    machine,
    severity,
    type,
    json_extract(payload, '$.runId') AS run,
    json_extract(payload, '$.sessionId') AS session,
    CASE type
        WHEN 'machine.registered' THEN 'bridge started on ' || coalesce(json_extract(payload, '$.name'), '?') || coalesce(', version ' || json_extract(payload, '$.bridgeVersion'), '')
        WHEN 'machine.heartbeat' THEN coalesce(json_extract(payload, '$.status'), '?') || iif(origin = 'control', ' (nothing heard)', '')
            || printf(', cpu %.0f %%, memory %.0f %%', json_extract(payload, '$.resource.cpuPct'), json_extract(payload, '$.resource.memoryPct'))
        WHEN 'agent.state.changed' THEN coalesce(json_extract(payload, '$.agentId'), '?') || ' is ' || coalesce(json_extract(payload, '$.to'), '?')
        WHEN 'session.state.changed' THEN coalesce(json_extract(payload, '$.sessionKey'), json_extract(payload, '$.sessionId'), '?') || ' is ' || coalesce(json_extract(payload, '$.to'), '?')
        WHEN 'run.state.changed' THEN coalesce(json_extract(payload, '$.agentId'), '?') || ' is ' || coalesce(json_extract(payload, '$.to'), '?') || coalesce(': ' || json_extract(payload, '$.reason'), '')
        WHEN 'run.log.emitted' THEN json_extract(payload, '$.message')
        WHEN 'gateway.log' THEN json_extract(payload, '$.message')
        WHEN 'run.tool.started' THEN coalesce(json_extract(payload, '$.toolName'), '?') || ' begins'
        WHEN 'run.tool.completed' THEN coalesce(json_extract(payload, '$.toolName'), '?') || ' ' || coalesce(json_extract(payload, '$.status'), '?')
            || printf(' after %d ms', json_extract(payload, '$.durationMs'))
            || coalesce(', exit code ' || json_extract(payload, '$.exitCode'), '') || coalesce(': ' || json_extract(payload, '$.errorMessage'), '')
        WHEN 'run.model.usage' THEN coalesce(json_extract(payload, '$.model'), '?')
            || printf(', %d in, %d out, $%.6f', json_extract(payload, '$.inputTokens'), json_extract(payload, '$.outputTokens'), json_extract(payload, '$.estimatedCostUsd'))
        WHEN 'channel.message' THEN coalesce(json_extract(payload, '$.direction'), '?') || ' ' || coalesce(json_extract(payload, '$.channel'), '')
            || printf(', %d characters', json_extract(payload, '$.chars'))
        ELSE substr(payload, 1, 300)
    END AS what
FROM events;
