//! Log lines: of runs, and of gateways.

use patze_core::event::payload::{GatewayLog, RunLog};
use patze_core::event::{Recorded, Severity};
use patze_core::fleet::LogLine;
use patze_core::fleet::limits::{cut_message, cut_name, is_long_message};
use patze_core::ids::{MachineId, SessionId};
use patze_core::time::Timestamp;
use rusqlite::params;

use super::batch::Batch;
use crate::sqlite::sql;

/// A line's row but for its place.
struct Line<'a> {
    at: Timestamp,
    run: i64,
    session: i64,
    agent: i64,
    level: Severity,
    id: &'a str,
    message: &'a str,
    truncated: bool,
}

const INDEX: &str = "INSERT INTO logs_text (rowid, message, tags) SELECT position, message, tags FROM logs WHERE position = ?1";
const FORGET: &str = "INSERT INTO logs_text (logs_text, rowid, message, tags) \
                      SELECT 'delete', position, message, tags FROM logs WHERE position = ?1";

impl Batch<'_> {
    pub(super) fn run_log(&mut self, event: &Recorded<'_>) -> rusqlite::Result<()> {
        let Ok(log) = serde_json::from_str::<RunLog<'_>>(event.payload) else { return Ok(()) };
        let machine = MachineId::new(event.machine);
        let session = (machine.clone(), SessionId::new(cut_name(&log.session_id)));
        self.see_session(&session, event, |_| ())?;
        let Some(level) = Severity::of(&log.level) else { return Ok(()) };
        let line = LogLine::of(machine, &log, level, event.effective());
        let session = self.session_number(&session, event.recorded_at)?;
        let (mut run, mut agent) = (0, 0);
        if !line.run_id.is_empty() {
            let key = (line.machine_id.clone(), line.run_id.clone());
            let slot = self.run(&key, event.recorded_at)?;
            let name = slot.row.agent_id.clone();
            run = slot.key;
            slot.position = event.position;
            agent = self.number(name.as_str())?;
            let slot = self.run(&key, event.recorded_at)?;
            // The run may yet be told to be of the agent that its other lines are tagged with.
            slot.tagged = slot.tagged.filter(|tagged| *tagged == agent);
        }
        let row = Line {
            at: line.ts,
            run,
            session,
            agent,
            level,
            id: &line.id,
            message: &line.message,
            truncated: line.truncated,
        };
        self.keep_line(&row, event)
    }

    pub(super) fn gateway_log(&mut self, event: &Recorded<'_>) -> rusqlite::Result<()> {
        let Ok(log) = serde_json::from_str::<GatewayLog<'_>>(event.payload) else { return Ok(()) };
        let Some(level) = Severity::of(&log.level) else { return Ok(()) };
        let session = log.session_id.as_ref().map(cut_name_of).unwrap_or_default();
        let session = (MachineId::new(event.machine), session);
        let session = self.session_number(&session, event.recorded_at)?;
        let agent = match &log.agent_id {
            Some(agent) => self.number(&cut_name(agent))?,
            None => 0,
        };
        let row = Line {
            at: log.ts.as_ref().and_then(|ts| Timestamp::parse(ts)).unwrap_or(event.effective()),
            run: 0,
            session,
            agent,
            level,
            id: event.id,
            message: &cut_message(&log.message),
            truncated: is_long_message(&log.message),
        };
        self.keep_line(&row, event)
    }

    fn keep_line(&mut self, line: &Line<'_>, event: &Recorded<'_>) -> rusqlite::Result<()> {
        let machine = self.number(event.machine)?;
        let position = sql(event.position);
        self.transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO logs (position, at, machine, run, session, agent, level, id, truncated, message) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                position,
                line.at.min(event.recorded_at).millis(),
                machine,
                line.run,
                line.session,
                line.agent,
                line.level as i64,
                line.id,
                line.truncated,
                line.message,
            ])?;
        self.transaction.prepare_cached(INDEX)?.execute([position])?;
        Ok(())
    }

    /// Gives the lines of a run the agent that is known only now.
    pub(super) fn tag_lines(&mut self, run: i64, agent: i64) -> rusqlite::Result<()> {
        let positions: Vec<i64> = self
            .transaction
            .prepare_cached("SELECT position FROM logs WHERE run = ?1 AND run <> 0 AND agent <> ?2")?
            .query_map([run, agent], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for position in positions {
            self.transaction.prepare_cached(FORGET)?.execute([position])?;
            self.transaction
                .prepare_cached("UPDATE logs SET agent = ?2 WHERE position = ?1")?
                .execute([position, agent])?;
            self.transaction.prepare_cached(INDEX)?.execute([position])?;
        }
        Ok(())
    }

    /// Drops lines.
    pub(super) fn drop_lines(&mut self, positions: impl IntoIterator<Item = i64>) -> rusqlite::Result<()> {
        for position in positions {
            self.transaction.prepare_cached(FORGET)?.execute([position])?;
            self.transaction.prepare_cached("DELETE FROM logs WHERE position = ?1")?.execute([position])?;
        }
        Ok(())
    }
}

fn cut_name_of(text: &patze_core::event::payload::Text<'_>) -> SessionId {
    SessionId::new(cut_name(text))
}
