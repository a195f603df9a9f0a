-- Views for people with `sqlite3 patze.db`. Made anew by the server whenever this file changes; they hold nothing.

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

-- What came from whom, newest machine first.
DROP VIEW IF EXISTS v_machines;
CREATE VIEW v_machines AS
SELECT
    machine,
    count(*) AS events,
    min(position) AS first_position,
    max(position) AS last_position,
    strftime('%Y-%m-%dT%H:%M:%fZ', max(recorded_at) / 1000.0, 'unixepoch') AS last_recorded
FROM events
GROUP BY machine
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
