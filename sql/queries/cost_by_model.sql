-- What does each model cost, and which calls came without a price?
--   sqlite3 -readonly patze.db < sql/queries/cost_by_model.sql
--   sqlite3 -readonly -cmd ".parameter set :since '2026-11-01T00:00:00Z'" patze.db < sql/queries/cost_by_model.sql
-- Parameters: :since (default '-30 days'), :until (default the log's end).
-- Columns: provider | model | calls | runs | input_tokens, output_tokens, cache_read_tokens, total_tokens | usd |
--   usd_per_million: dollars for a million tokens of all kinds, over the calls with a price | unpriced: calls with tokens
--   and a cost of 0, as OpenClaw reports models whose price it does not know (and local ones).
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

SELECT
    provider,
    model,
    count(*) AS calls,
    count(DISTINCT machine || ' ' || run) AS runs,
    sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens,
    sum(cache_read_tokens) AS cache_read_tokens,
    sum(total_tokens) AS total_tokens,
    sum(nano_usd) / 1e9 AS usd,
    round(sum(nano_usd) / 1e3 / sum(iif(nano_usd <> 0, total_tokens, NULL)), 3) AS usd_per_million,
    sum(nano_usd = 0 AND total_tokens > 0) AS unpriced
FROM asked CROSS JOIN v_usage
WHERE position > start AND at >= since AND at < until
GROUP BY provider, model
ORDER BY sum(nano_usd) DESC, total_tokens DESC, provider, model;
