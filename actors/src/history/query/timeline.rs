//! `/history/runs/{id}/timeline`: a run step by step. Every table is read by the run's number, each kind up to a bound.

use patze_core::event::Severity;
use patze_core::fleet::details::ToolStatus;
use patze_core::fleet::lifecycle::LifeState;
use patze_core::history::{Answer, RunItem, Step, Sum, Timeline, What};
use patze_core::ids::{MachineId, RunId, ToolCallId};
use patze_core::time::Timestamp;
use rusqlite::{Connection, Row};
use smol_str::SmolStr;

use super::super::door::{History, QueryError};
use super::super::projector::columns::{at, maybe_at, state, text, totals};
use super::limits::MAX_STEPS;
use super::{number, rows};
use crate::sqlite::count;

/// Shorter gaps are no waits, ms.
const LEAST_WAIT: i64 = 100;

impl History {
    /// A run's timeline. Without a machine, the run of this id that was updated last.
    ///
    /// # Errors
    /// If there is no such run, or the question is not answered.
    pub async fn timeline(
        &self,
        run: RunId,
        machine: Option<MachineId>,
    ) -> Result<Answer<Timeline>, QueryError> {
        self.ask(move |conn| read(conn, &run, machine.as_ref())).await
    }
}

struct Found {
    key: i64,
    session: i64,
    item: RunItem,
}

fn read(conn: &Connection, id: &RunId, machine: Option<&MachineId>) -> Result<Timeline, QueryError> {
    let unknown = || QueryError::NoSuch { kind: "run", id: id.to_string() };
    let machine = match machine {
        Some(machine) => Some(number(conn, machine.as_str())?.ok_or_else(unknown)?),
        None => None,
    };
    let sql = format!(
        "{}{} WHERE runs.id = ?1 AND (?2 IS NULL OR runs.machine = ?2) AND runs.state IS NOT NULL \
         ORDER BY +runs.state_at DESC, runs.key DESC LIMIT 2",
        rows::RUN,
        rows::RUN_NAMES
    );
    let mut found: Vec<Found> = conn
        .prepare_cached(&sql)?
        .query_map((id.as_str(), machine), |row| {
            Ok(Found { key: row.get("key")?, session: row.get("session")?, item: rows::run(row)? })
        })?
        .collect::<Result<_, _>>()?;
    let ambiguous = found.len() > 1;
    found.truncate(1);
    let Found { key, session, item: run } = found.pop().ok_or_else(unknown)?;
    let mut drawing = Drawing { conn, key, steps: Vec::new(), truncated: false };
    let states = drawing.states(&run)?;
    drawing.tool_calls()?;
    drawing.sub_agents(session, &run)?;
    drawing.model_calls(&run, &states)?;
    drawing.waits(&run, &states);
    drawing.errors()?;
    drawing.spans()?;
    let Drawing { mut steps, truncated, .. } = drawing;
    steps.sort_by_key(|step| (step.start, step.end.unwrap_or(Timestamp::MAX)));
    Ok(Timeline { run, ambiguous, steps, truncated })
}

struct Drawing<'a> {
    conn: &'a Connection,
    key: i64,
    steps: Vec<Step>,
    truncated: bool,
}

impl Drawing<'_> {
    /// The rows of a kind; `sql` takes the run and the bound.
    fn all<T>(
        &mut self,
        sql: &str,
        each: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        let mut rows: Vec<T> = self
            .conn
            .prepare_cached(sql)?
            .query_map((self.key, MAX_STEPS as i64 + 1), each)?
            .collect::<Result<_, _>>()?;
        if rows.len() > MAX_STEPS {
            rows.truncate(MAX_STEPS);
            self.truncated = true;
        }
        Ok(rows)
    }

    /// Each state lasts until the next; the last one of a run that is over is its end.
    fn states(&mut self, run: &RunItem) -> rusqlite::Result<Vec<(Timestamp, LifeState)>> {
        let told = self.all(
            "SELECT at, state, reason FROM run_states WHERE run = ?1 ORDER BY position LIMIT ?2",
            |row| Ok((at(row, "at")?, state(row.get("state")?)?, text(row, "reason")?)),
        )?;
        let ends: Vec<_> = told.iter().skip(1).map(|(at, ..)| Some(*at)).chain([run.ended_at]).collect();
        let states = told.iter().map(|(at, state, _)| (*at, *state)).collect();
        for ((start, state, reason), end) in told.into_iter().zip(ends) {
            self.steps.push(step(start, end, What::State { state, reason }));
        }
        Ok(states)
    }

    fn tool_calls(&mut self) -> rusqlite::Result<()> {
        let calls = self.all(
            "SELECT tool_calls.*, names.text AS tool_name FROM tool_calls JOIN names ON names.id = tool_calls.tool \
             WHERE run = ?1 LIMIT ?2",
            |row| {
                let told: Timestamp = at(row, "started_at")?;
                let ended = maybe_at(row, "ended_at")?;
                let duration: Option<f64> = row.get("duration_ms")?;
                let millis = duration.map(|ms| ms.round() as i64);
                let (start, end) = match (ended, millis) {
                    (None, _) => (told, None),
                    // Only its end was told: it began as long before as it took.
                    (Some(ended), Some(millis)) if told >= ended => (ended.plus(-millis.max(0)), Some(ended)),
                    (Some(_), Some(millis)) => (told, Some(told.plus(millis.max(0)))),
                    (Some(ended), None) => (told, Some(ended.max(told))),
                };
                let what = What::ToolCall {
                    tool_call_id: ToolCallId::from(row.get::<_, String>("id")?),
                    tool_name: SmolStr::from(row.get::<_, String>("tool_name")?),
                    status: ToolStatus::of(&row.get::<_, String>("status")?),
                    success: row.get("success")?,
                    error: text(row, "error")?,
                    exit_code: row.get("exit_code")?,
                };
                Ok(Step { start, end, duration_ms: end.and(duration), what })
            },
        )?;
        self.steps.extend(calls);
        Ok(())
    }

    /// A call's end alone is told: it is drawn from the end of what was before it.
    fn model_calls(&mut self, run: &RunItem, states: &[(Timestamp, LifeState)]) -> rusqlite::Result<()> {
        let calls = self.all(
            "SELECT model_calls.*, 1 AS calls, p.text AS provider_name, m.text AS model_name FROM model_calls \
             JOIN names AS p ON p.id = model_calls.provider JOIN names AS m ON m.id = model_calls.model \
             WHERE run = ?1 ORDER BY position LIMIT ?2",
            |row| {
                let what = What::ModelCall {
                    provider: SmolStr::from(row.get::<_, String>("provider_name")?),
                    model: SmolStr::from(row.get::<_, String>("model_name")?),
                    usage: Sum::from(&totals(row)?),
                };
                Ok((at(row, "at")?, what))
            },
        )?;
        // It may begin where the run began to work, where another state was told, or where a call ended.
        let began = states.iter().filter(|(_, state)| !state.is_terminal()).map(|(at, _)| *at);
        let ended = self.steps.iter().filter(|step| !matches!(step.what, What::State { .. }));
        let mut edges: Vec<Timestamp> = began.chain(ended.filter_map(|step| step.end)).collect();
        edges.push(run.created_at);
        edges.extend(calls.iter().map(|(at, _)| *at));
        edges.sort_unstable();
        edges.dedup();
        for (end, what) in calls {
            let before = edges.partition_point(|edge| *edge < end);
            let start = before.checked_sub(1).and_then(|at| edges.get(at)).copied().unwrap_or(end);
            self.steps.push(step(start, Some(end), what));
        }
        Ok(())
    }

    /// The runs, within this run's time, of the sessions that its session spawned.
    fn sub_agents(&mut self, session: i64, run: &RunItem) -> rusqlite::Result<()> {
        if session == 0 {
            return Ok(());
        }
        let sql = format!(
            "{} INDEXED BY runs_by_session{} WHERE runs.state IS NOT NULL AND runs.created_at >= ?2 \
             AND runs.created_at <= ?3 AND runs.session IN (SELECT child.key FROM sessions AS parent \
             JOIN sessions AS child ON child.parent_session_key = parent.session_key AND child.machine = parent.machine \
             AND child.home = parent.home WHERE parent.key = ?1) LIMIT ?4",
            rows::RUN,
            rows::RUN_NAMES
        );
        let until = run.ended_at.unwrap_or(Timestamp::MAX).millis();
        let parameters = (session, run.created_at.millis(), until, MAX_STEPS as i64 + 1);
        let mut runs: Vec<RunItem> =
            self.conn.prepare_cached(&sql)?.query_map(parameters, rows::run)?.collect::<Result<_, _>>()?;
        if runs.len() > MAX_STEPS {
            runs.truncate(MAX_STEPS);
            self.truncated = true;
        }
        for run in runs {
            let (start, end) = (run.created_at, run.ended_at);
            self.steps.push(step(start, end, What::SubAgent { run: Box::new(run) }));
        }
        Ok(())
    }

    /// What is between the calls.
    fn waits(&mut self, run: &RunItem, states: &[(Timestamp, LifeState)]) {
        let mut busy: Vec<(Timestamp, Timestamp)> = self
            .steps
            .iter()
            .filter(|step| !matches!(step.what, What::State { .. }))
            .map(|step| (step.start, step.end.unwrap_or(Timestamp::MAX)))
            .collect();
        busy.sort_unstable();
        // Of a run that goes on, what is after the last call is not over yet.
        let end = run.ended_at.or(busy.iter().map(|(_, end)| *end).max());
        let Some(end) = end else { return };
        busy.push((end, end));
        let mut free = run.created_at;
        let mut waits = Vec::new();
        for (start, until) in busy {
            let start = start.min(end);
            if start.since(free) >= LEAST_WAIT {
                let told = states.iter().rev().find(|(at, _)| *at <= free).or(states.first());
                let state = told.map_or(run.state, |(_, state)| *state);
                waits.push(step(free, Some(start), What::Wait { state }));
            }
            free = free.max(until);
        }
        self.steps.extend(waits);
    }

    fn errors(&mut self) -> rusqlite::Result<()> {
        let errors = self.all(
            "SELECT position, at, level, message FROM logs INDEXED BY logs_by_run \
             WHERE run = ?1 AND run <> 0 AND level >= 3 ORDER BY position LIMIT ?2",
            |row| {
                let start: Timestamp = at(row, "at")?;
                let critical = row.get::<_, i64>("level")? > Severity::Error as i64;
                let what = What::Error {
                    position: count(row, "position")?,
                    level: if critical { Severity::Critical } else { Severity::Error },
                    message: SmolStr::from(row.get::<_, String>("message")?),
                };
                Ok(step(start, Some(start), what))
            },
        )?;
        self.steps.extend(errors);
        Ok(())
    }

    fn spans(&mut self) -> rusqlite::Result<()> {
        let spans = self.all("SELECT * FROM spans WHERE run = ?1 LIMIT ?2", |row| {
            let end = maybe_at(row, "ended_at")?;
            let what = What::Span {
                id: SmolStr::from(row.get::<_, String>("id")?),
                parent_span_id: text(row, "parent")?,
                name: SmolStr::from(row.get::<_, String>("name")?),
                span_kind: text(row, "kind")?,
                status: text(row, "status")?,
            };
            Ok(step(at(row, "started_at")?, end, what))
        })?;
        self.steps.extend(spans);
        Ok(())
    }
}

fn step(start: Timestamp, end: Option<Timestamp>, what: What) -> Step {
    let duration_ms = end.map(|end| end.since(start) as f64);
    Step { start, end, duration_ms, what }
}
