-- What happened in one run, step by step?
--   sqlite3 -readonly -cmd ".parameter set :run 'r_5BPH10QMS9XN4XZ0A3J2C7D8EF'" patze.db < sql/queries/run.sql
-- Parameters: :run (our id or OpenClaw's; default the last run that failed), :machine (only where several machines have a run
--   of this id).
-- Columns: happened | seconds since the run's first step | step_s: since the step before | machine | severity | type | what.
-- No index knows runs: it reads the whole log, twice.
.mode column --wrap 60

WITH
wanted(machine, run) AS MATERIALIZED (
    SELECT :machine, :run WHERE :run IS NOT NULL
    UNION
    SELECT machine, run FROM v_run_states WHERE :run IS NOT NULL AND openclaw_run = :run AND (:machine IS NULL OR machine = :machine)
    UNION
    SELECT * FROM (SELECT machine, run FROM v_run_states WHERE :run IS NULL AND state = 'failed' AND (:machine IS NULL OR machine = :machine) ORDER BY position DESC LIMIT 1)
)
SELECT
    happened,
    round((at - first_value(at) OVER steps) / 1000.0, 1) AS seconds,
    round((at - lag(at) OVER steps) / 1000.0, 1) AS step_s,
    machine,
    severity,
    type,
    what
FROM (
    SELECT DISTINCT story.*
    FROM wanted CROSS JOIN events CROSS JOIN v_story AS story
    WHERE instr(events.payload, wanted.run) > 0
        AND events.machine = coalesce(wanted.machine, events.machine)
        AND json_extract(events.payload, '$.runId') = wanted.run
        AND story.position = events.position
)
WINDOW steps AS (PARTITION BY machine ORDER BY at, position)
ORDER BY machine, at, position;
