-- Which channels are used, and what do they bring and cost?
--   sqlite3 -readonly patze.db < sql/queries/sessions_by_channel.sql
--   sqlite3 -readonly -cmd ".parameter set :since '-7 days'" patze.db < sql/queries/sessions_by_channel.sql
-- Parameters: :since (default '-30 days'), :until (default the log's end).
-- Columns: channel ('(none)': the command line, scheduled tasks, sub-agents) | sessions that did anything | runs | failed_runs |
--   messages_in, messages_out | total_tokens | usd | last_activity.
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
-- One scan. A session's channel is told with its states, or with its messages; bridges other than ours name the session of a
-- model call only through its run.
seen AS MATERIALIZED (
    SELECT
        position, type, machine, min(occurred_at, recorded_at) AS at,
        json_extract(payload, '$.runId') AS run,
        json_extract(payload, '$.sessionId') AS own_session,
        nullif(json_extract(payload, '$.channel'), '') AS channel,
        json_extract(payload, '$.direction') AS direction,
        json_extract(payload, '$.to') AS state
    FROM asked CROSS JOIN events
    WHERE position > start AND min(occurred_at, recorded_at) >= since AND min(occurred_at, recorded_at) < until
        AND type IN ('session.state.changed', 'channel.message', 'run.state.changed', 'run.model.usage')
),
placed AS (
    SELECT *, coalesce(own_session, iif(run IS NULL, NULL, max(own_session) OVER (PARTITION BY machine, run))) AS session FROM seen
),
lanes AS (
    SELECT *, coalesce(max(channel) OVER (PARTITION BY machine, session), '(none)') AS lane_channel FROM placed
)
SELECT
    lane_channel AS channel,
    count(DISTINCT lanes.machine || ' ' || lanes.session) AS sessions,
    count(DISTINCT iif(type = 'run.state.changed', lanes.machine || ' ' || lanes.run, NULL)) AS runs,
    count(DISTINCT iif(type = 'run.state.changed' AND state = 'failed', lanes.machine || ' ' || lanes.run, NULL)) AS failed_runs,
    sum(type = 'channel.message' AND direction = 'inbound') AS messages_in,
    sum(type = 'channel.message' AND direction = 'outbound') AS messages_out,
    coalesce(sum(total_tokens), 0) AS total_tokens,
    coalesce(sum(nano_usd), 0) / 1e9 AS usd,
    strftime('%Y-%m-%dT%H:%M:%SZ', max(lanes.at) / 1000, 'unixepoch') AS last_activity
FROM lanes LEFT JOIN v_usage ON lanes.type = 'run.model.usage' AND v_usage.position = lanes.position
GROUP BY lane_channel
ORDER BY sessions DESC, channel;
