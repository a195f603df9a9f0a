//! Runs and sessions as they are shown.

use patze_core::fleet::lifecycle::{Life, LifeState};
use patze_core::history::{RunItem, SessionItem, Sum};
use patze_core::ids::{AgentId, EventId, Home, MachineId, RunId, SessionId};
use rusqlite::Row;
use smol_str::SmolStr;

use super::super::projector::columns::{at, life, maybe_at, peaks, text, totals};
use crate::sqlite::count;

/// A run with its names, from `runs`; the caller adds INDEXED BY and WHERE.
pub(super) const RUN: &str = "SELECT runs.*, m.text AS machine_name, a.text AS agent_name, h.text AS home_name, \
    p.text AS provider_name, o.text AS model_name, s.id AS session_id FROM runs";
/// See [`RUN`].
pub(super) const RUN_NAMES: &str = " LEFT JOIN names AS m ON m.id = runs.machine LEFT JOIN names AS a ON a.id = runs.agent \
    LEFT JOIN names AS h ON h.id = runs.home LEFT JOIN names AS p ON p.id = runs.provider \
    LEFT JOIN names AS o ON o.id = runs.model LEFT JOIN sessions AS s ON s.key = runs.session";
/// A session with its names, from `sessions`.
pub(super) const SESSION: &str = "SELECT sessions.*, m.text AS machine_name, a.text AS agent_name, \
    h.text AS home_name, c.text AS channel_name FROM sessions";
/// See [`SESSION`].
pub(super) const SESSION_NAMES: &str = " LEFT JOIN names AS m ON m.id = sessions.machine \
    LEFT JOIN names AS a ON a.id = sessions.agent LEFT JOIN names AS h ON h.id = sessions.home \
    LEFT JOIN names AS c ON c.id = sessions.channel";

/// The (time, row) that lists are ordered by.
pub(super) fn place(row: &Row<'_>) -> rusqlite::Result<[i64; 2]> {
    Ok([row.get("created_at")?, row.get("key")?])
}

/// A run that has a state.
pub(super) fn run(row: &Row<'_>) -> rusqlite::Result<RunItem> {
    let (state, reason, backfilled) = told(row)?;
    let created_at = at(row, "created_at")?;
    let updated_at = at(row, "state_at")?;
    let ended_at = state.is_terminal().then_some(updated_at);
    Ok(RunItem {
        run_id: RunId::from(row.get::<_, String>("id")?),
        machine_id: MachineId::from(name(row, "machine_name")?),
        session_id: SessionId::from(name(row, "session_id")?),
        agent_id: AgentId::from(name(row, "agent_name")?),
        home: Home::from(name(row, "home_name")?),
        state,
        created_at,
        updated_at,
        ended_at,
        duration_ms: ended_at.map(|end| end.since(created_at)),
        failure_reason: reason,
        backfilled,
        last_event_id: EventId::from(row.get::<_, String>("last_event_id")?),
        provider: text(row, "provider_name")?,
        model: text(row, "model_name")?,
        tool_calls: row.get("tool_calls")?,
        failed_tool_calls: row.get("failed_tool_calls")?,
        usage: Sum::from(&totals(row)?),
        peaks: peaks(row)?,
    })
}

/// A session that has a state.
pub(super) fn session(row: &Row<'_>) -> rusqlite::Result<SessionItem> {
    let (state, ..) = told(row)?;
    let updated_at = at(row, "state_at")?;
    Ok(SessionItem {
        session_id: SessionId::from(row.get::<_, String>("id")?),
        machine_id: MachineId::from(name(row, "machine_name")?),
        agent_id: AgentId::from(name(row, "agent_name")?),
        home: Home::from(name(row, "home_name")?),
        state,
        created_at: at(row, "created_at")?,
        updated_at,
        ended_at: state.is_terminal().then_some(updated_at),
        last_event_id: EventId::from(row.get::<_, String>("last_event_id")?),
        session_key: text(row, "session_key")?,
        channel: text(row, "channel_name")?,
        parent_session_key: text(row, "parent_session_key")?,
        stalled_since: maybe_at(row, "stalled_since")?,
        total_runs: count(row, "runs")?,
        failed_runs: count(row, "failed_runs")?,
        usage: Sum::from(&totals(row)?),
    })
}

/// A name that may be missing.
pub(super) fn name(row: &Row<'_>, column: &str) -> rusqlite::Result<String> {
    Ok(row.get::<_, Option<String>>(column)?.unwrap_or_default())
}

fn told(row: &Row<'_>) -> rusqlite::Result<(LifeState, Option<SmolStr>, bool)> {
    match life(row)? {
        Life::Active { state, .. } => Ok((state, None, false)),
        Life::Ended { state, reason, backfilled, .. } => Ok((state, reason, backfilled)),
        // The lists ask for rows with a state alone.
        Life::Unseen => {
            Err(rusqlite::Error::InvalidColumnType(0, "state".into(), rusqlite::types::Type::Null))
        }
    }
}
