//! Runs: state, usage, and the rows that their details hang on.

use patze_core::event::Recorded;
use patze_core::event::payload::{ModelUsage, RunState, Text};
use patze_core::fleet::lifecycle::{Life, LifeState};
use patze_core::fleet::limits::{cut_message, cut_name};
use patze_core::fleet::rows::{Run, RunKey};
use patze_core::fleet::usage::Totals;
use patze_core::fleet::{Outcome, Placement, RunTold};
use patze_core::ids::{AgentId, EventId, Home, MachineId, RunId, SessionId};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::batch::{Batch, RunSlot};
use super::columns::{LifeColumns, at, code, life, peaks, totals};
use super::names::Names;
use crate::sqlite::{count, sql};

pub(super) const NOWHERE: Placement<'static, 'static> =
    Placement { session: &None, agent: &None, home: &None };

impl Batch<'_> {
    pub(super) fn run_state(&mut self, event: &Recorded<'_>) -> rusqlite::Result<()> {
        let Ok(told) = serde_json::from_str::<RunState<'_>>(event.payload) else { return Ok(()) };
        let Some(state) = LifeState::of(&told.to) else { return Ok(()) };
        let machine = MachineId::new(event.machine);
        let mut run_told = RunTold::default();
        let mut backfilled = false;
        let key = (machine.clone(), RunId::new(cut_name(&told.run_id)));
        let number = self.see_run(&key, event, |run| {
            run_told = run.tell(event, &told, state);
            backfilled = matches!(run.life, Life::Ended { backfilled: true, .. });
        })?;
        self.see_session(&(machine, SessionId::new(cut_name(&told.session_id))), event, |session| {
            session.count(&run_told, &told);
        })?;
        if run_told.outcome != Outcome::Folded {
            return Ok(());
        }
        if run_told.has_failed {
            let paused = self.machine(&key.0, event.recorded_at)?.row.paused;
            self.memory.rail.failed(event.effective(), backfilled, paused);
        }
        let reason = told.reason.as_deref().filter(|_| run_told.has_failed).map(cut_message);
        self.transaction
            .prepare_cached("INSERT OR REPLACE INTO run_states VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![
                number,
                sql(event.position),
                event.effective().millis(),
                code(state),
                reason.as_deref().filter(|reason| !reason.is_empty()),
            ])?;
        Ok(())
    }

    pub(super) fn model_usage(&mut self, event: &Recorded<'_>) -> rusqlite::Result<()> {
        let Ok(usage) = serde_json::from_str::<ModelUsage<'_>>(event.payload) else { return Ok(()) };
        let (provider, model) = (cut_name(&usage.provider), cut_name(&usage.model));
        let sum = Totals::of(&usage);
        let placement = Placement { session: &usage.session_id, agent: &usage.agent_id, home: &usage.home };
        let key = (MachineId::new(event.machine), RunId::new(cut_name(&usage.run_id)));
        let (mut session, mut agent) = Default::default();
        let number = self.see_run(&key, event, |run| {
            run.place(&placement);
            run.usage.add(&sum);
            run.model = Some((provider.clone(), model.clone()));
            (session, agent) = (run.session_key(), run.agent_key());
        })?;
        let mut channel = None;
        self.see_session(&session, event, |session| {
            session.usage.add(&sum);
            channel.clone_from(&session.channel);
        })?;
        let (provider, model) = (self.number(&provider)?, self.number(&model)?);
        self.transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO model_calls VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                number,
                sql(event.position),
                event.effective().millis(),
                provider,
                model,
                sql(sum.input_tokens),
                sql(sum.output_tokens),
                sql(sum.total_tokens),
                sql(sum.cache_read_tokens),
                sql(sum.cache_write_tokens),
                sum.cost.0,
            ])?;
        self.book(event.effective(), &agent, channel.as_deref().unwrap_or_default(), (provider, model), &sum)
    }

    /// Notes that a run had an event, and changes it. Gives its number.
    pub(super) fn see_run(
        &mut self,
        key: &RunKey,
        event: &Recorded<'_>,
        change: impl FnOnce(&mut Run),
    ) -> rusqlite::Result<i64> {
        let slot = self.run(key, event.recorded_at)?;
        slot.row.touched = event.recorded_at;
        slot.position = event.position;
        change(&mut slot.row);
        Ok(slot.key)
    }

    /// The run that an event of its details names, placed where it says, and its session.
    pub(super) fn detailed_run(
        &mut self,
        run_id: &Text<'_>,
        placement: &Placement<'_, '_>,
        event: &Recorded<'_>,
    ) -> rusqlite::Result<(RunKey, i64)> {
        let key = (MachineId::new(event.machine), RunId::new(cut_name(run_id)));
        let mut session = Default::default();
        let number = self.see_run(&key, event, |run| {
            run.place(placement);
            session = run.session_key();
        })?;
        self.see_session(&session, event, |_| ())?;
        Ok((key, number))
    }

    pub(super) fn store_run(&mut self, slot: &RunSlot) -> rusqlite::Result<()> {
        let row = &slot.row;
        let machine = self.number(row.machine_id.as_str())?;
        let session = self.session_number(&row.session_key(), row.touched)?;
        let agent = self.number(row.agent_id.as_str())?;
        let home = self.number(row.home.as_str())?;
        let model = match &row.model {
            Some((provider, model)) => Some((self.number(provider)?, self.number(model)?)),
            None => None,
        };
        let (provider, model) = model.unzip();
        let life = LifeColumns::of(&row.life);
        let usage = &row.usage;
        let peaks = slot.peaks.as_ref();
        self.transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO runs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, \
                 ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28)",
            )?
            .execute(params![
                slot.key,
                machine,
                row.run_id.as_str(),
                session,
                agent,
                home,
                life.state,
                life.at,
                life.reason,
                life.backfilled,
                row.created_at.millis(),
                row.last_event_id.as_str(),
                sql(usage.calls),
                sql(usage.input_tokens),
                sql(usage.output_tokens),
                sql(usage.total_tokens),
                sql(usage.cache_read_tokens),
                sql(usage.cache_write_tokens),
                usage.cost.0,
                provider,
                model,
                row.tool_calls,
                row.failed_tool_calls,
                peaks.map(|peaks| peaks.cpu_pct),
                peaks.map(|peaks| peaks.memory_bytes),
                peaks.map(|peaks| peaks.memory_pct),
                row.touched.millis(),
                sql(slot.position),
            ])?;
        if slot.tagged == Some(agent) { Ok(()) } else { self.tag_lines(slot.key, agent) }
    }
}

pub(super) fn load(conn: &Connection, names: &mut Names, key: &RunKey) -> rusqlite::Result<Option<RunSlot>> {
    let machine = names.number(conn, key.0.as_str())?;
    let mut statement = conn.prepare_cached(
        "SELECT runs.*, sessions.id AS session_id FROM runs LEFT JOIN sessions ON sessions.key = runs.session \
         WHERE runs.id = ?1 AND runs.machine = ?2",
    )?;
    let found = statement
        .query_row(params![key.1.as_str(), machine], |row| {
            let numbers: (i64, i64) = (row.get("agent")?, row.get("home")?);
            let model: (Option<i64>, Option<i64>) = (row.get("provider")?, row.get("model")?);
            let run = Run {
                life: life(row)?,
                session_id: SessionId::new(row.get::<_, Option<String>>("session_id")?.unwrap_or_default()),
                created_at: at(row, "created_at")?,
                last_event_id: EventId::from(row.get::<_, String>("last_event_id")?),
                usage: totals(row)?,
                tool_calls: row.get("tool_calls")?,
                failed_tool_calls: row.get("failed_tool_calls")?,
                ..Run::new(key.clone(), at(row, "touched")?)
            };
            let slot = RunSlot {
                key: row.get("key")?,
                row: run,
                peaks: peaks(row)?,
                tagged: Some(numbers.0),
                position: count(row, "position")?,
            };
            Ok((slot, numbers, model))
        })
        .optional()?;
    let Some((mut slot, (agent, home), model)) = found else { return Ok(None) };
    slot.row.agent_id = AgentId::new(names.text(conn, agent)?);
    slot.row.home = Home::new(names.text(conn, home)?);
    if let (Some(provider), Some(model)) = model {
        slot.row.model = Some((names.text(conn, provider)?, names.text(conn, model)?));
    }
    Ok(Some(slot))
}
