-- What did each agent cost, by day?
--   sqlite3 -readonly patze.db < sql/queries/cost_by_agent.sql
--   sqlite3 -readonly -cmd ".parameter set :since '-7 days'" patze.db < sql/queries/cost_by_agent.sql
-- Parameters: :since (default '-30 days'), :until (default the log's end).
-- Columns: day (UTC, when it happened) | machine | home | agent | runs | calls: model calls | input_tokens, output_tokens,
--   total_tokens (with the provider's cache) | usd: as the machine reported it; see cost_by_model for calls without a price.
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
spent AS MATERIALIZED (
    SELECT machine, run, home, agent, at, input_tokens, output_tokens, total_tokens, nano_usd
    FROM asked CROSS JOIN v_usage
    WHERE position > start AND at >= since AND at < until
),
-- Bridges other than ours do not say whose usage it is; the run does. Read only where it is needed.
lanes AS MATERIALIZED (
    SELECT machine, run, max(home) AS home, max(agent) AS agent
    FROM asked CROSS JOIN v_run_states
    WHERE position > start AND EXISTS (SELECT 1 FROM spent WHERE agent IS NULL)
    GROUP BY machine, run
)
SELECT
    date(at / 1000, 'unixepoch') AS day,
    machine,
    iif(spent.agent IS NULL, coalesce(lanes.home, ''), spent.home) AS home,
    coalesce(spent.agent, lanes.agent, '(unknown)') AS agent,
    count(DISTINCT run) AS runs,
    count(*) AS calls,
    sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens,
    sum(total_tokens) AS total_tokens,
    sum(nano_usd) / 1e9 AS usd
FROM spent LEFT JOIN lanes USING (machine, run)
GROUP BY 1, 2, 3, 4
ORDER BY day DESC, sum(nano_usd) DESC, machine, 3, 4;
