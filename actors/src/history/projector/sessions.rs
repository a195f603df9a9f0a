//! Sessions.

use patze_core::event::Recorded;
use patze_core::event::payload::SessionState;
use patze_core::fleet::lifecycle::LifeState;
use patze_core::fleet::limits::cut_name;
use patze_core::fleet::rows::{Session, SessionKey};
use patze_core::ids::{AgentId, EventId, Home, MachineId, SessionId};
use patze_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::batch::{Batch, SessionSlot};
use super::columns::{LifeColumns, at, life, maybe_at, text, totals};
use super::names::Names;
use crate::sqlite::{count, sql};

impl Batch<'_> {
    pub(super) fn session_state(&mut self, event: &Recorded<'_>) -> rusqlite::Result<()> {
        let Ok(told) = serde_json::from_str::<SessionState<'_>>(event.payload) else { return Ok(()) };
        let Some(state) = LifeState::of(&told.to) else { return Ok(()) };
        let key = (MachineId::new(event.machine), SessionId::new(cut_name(&told.session_id)));
        self.see_session(&key, event, |session| {
            session.tell(event, &told, state);
        })
    }

    /// Notes that a session or one of its runs had an event, and changes the session. Nothing happens for the nameless one.
    pub(super) fn see_session(
        &mut self,
        key: &SessionKey,
        event: &Recorded<'_>,
        change: impl FnOnce(&mut Session),
    ) -> rusqlite::Result<()> {
        if key.1.is_empty() {
            return Ok(());
        }
        let slot = self.session(key, event.recorded_at)?;
        slot.row.touched = event.recorded_at;
        slot.row.stalled_since = None;
        slot.position = event.position;
        change(&mut slot.row);
        Ok(())
    }

    pub(super) fn store_session(&mut self, slot: &SessionSlot) -> rusqlite::Result<()> {
        let row = &slot.row;
        let machine = self.number(row.machine_id.as_str())?;
        let agent = self.number(row.agent_id.as_str())?;
        let home = self.number(row.home.as_str())?;
        let channel = row.channel.as_ref().map(|channel| self.number(channel)).transpose()?;
        let life = LifeColumns::of(&row.life);
        let usage = &row.usage;
        self.transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO sessions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, \
                 ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26)",
            )?
            .execute(params![
                slot.key,
                machine,
                row.session_id.as_str(),
                agent,
                home,
                life.state,
                life.at,
                life.reason,
                life.backfilled,
                row.created_at.millis(),
                row.last_event_id.as_str(),
                row.session_key.as_deref(),
                channel,
                row.parent_session_key.as_deref(),
                sql(row.runs),
                sql(row.failed_runs),
                sql(usage.calls),
                sql(usage.input_tokens),
                sql(usage.output_tokens),
                sql(usage.total_tokens),
                sql(usage.cache_read_tokens),
                sql(usage.cache_write_tokens),
                usage.cost.0,
                row.stalled_since.map(Timestamp::millis),
                row.touched.millis(),
                sql(slot.position),
            ])?;
        Ok(())
    }
}

pub(super) fn load(
    conn: &Connection,
    names: &mut Names,
    key: &SessionKey,
) -> rusqlite::Result<Option<SessionSlot>> {
    let machine = names.number(conn, key.0.as_str())?;
    let mut statement = conn.prepare_cached("SELECT * FROM sessions WHERE id = ?1 AND machine = ?2")?;
    let found = statement
        .query_row(params![key.1.as_str(), machine], |row| {
            let numbers: (i64, i64, Option<i64>) = (row.get("agent")?, row.get("home")?, row.get("channel")?);
            let session = Session {
                life: life(row)?,
                created_at: at(row, "created_at")?,
                last_event_id: EventId::from(row.get::<_, String>("last_event_id")?),
                session_key: text(row, "session_key")?,
                parent_session_key: text(row, "parent_session_key")?,
                runs: count(row, "runs")?,
                failed_runs: count(row, "failed_runs")?,
                usage: totals(row)?,
                stalled_since: maybe_at(row, "stalled_since")?,
                ..Session::new(key.clone(), at(row, "touched")?)
            };
            let slot = SessionSlot { key: row.get("key")?, row: session, position: count(row, "position")? };
            Ok((slot, numbers))
        })
        .optional()?;
    let Some((mut slot, (agent, home, channel))) = found else { return Ok(None) };
    slot.row.agent_id = AgentId::new(names.text(conn, agent)?);
    slot.row.home = Home::new(names.text(conn, home)?);
    slot.row.channel = channel.map(|channel| names.text(conn, channel)).transpose()?;
    Ok(Some(slot))
}
