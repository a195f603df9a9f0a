//! What a run's waterfall is drawn from: tool calls, spans, peaks. All are kept, not the newest alone.

use patze_core::event::Recorded;
use patze_core::event::payload::{ResourceUsage, Span, ToolCompleted, ToolStarted};
use patze_core::fleet::Placement;
use patze_core::fleet::details::{KeptSpan, ToolCall, ToolCounts, ToolStatus};
use patze_core::fleet::limits::cut_name;
use patze_core::fleet::rows::RunKey;
use patze_core::ids::ToolCallId;
use patze_core::time::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use super::batch::Batch;
use super::columns::{at, maybe_at, text};
use super::runs::NOWHERE;
use crate::sqlite::sql;

impl Batch<'_> {
    pub(super) fn tool_started(&mut self, event: &Recorded<'_>) -> rusqlite::Result<()> {
        let Ok(started) = serde_json::from_str::<ToolStarted<'_>>(event.payload) else { return Ok(()) };
        let placement =
            Placement { session: &started.session_id, agent: &started.agent_id, home: &started.home };
        let (key, run) = self.detailed_run(&started.run_id, &placement, event)?;
        let known = self.tool_call(run, &ToolCallId::new(cut_name(&started.tool_call_id)))?;
        let (known, ended_at) = known.unzip();
        let (call, counts) = ToolCall::started(known, &started, event.effective());
        self.keep_call(&key, run, &call, ended_at.flatten(), counts, event)
    }

    pub(super) fn tool_completed(&mut self, event: &Recorded<'_>) -> rusqlite::Result<()> {
        let Ok(ended) = serde_json::from_str::<ToolCompleted<'_>>(event.payload) else { return Ok(()) };
        let placement = Placement { session: &ended.session_id, agent: &ended.agent_id, home: &ended.home };
        let (key, run) = self.detailed_run(&ended.run_id, &placement, event)?;
        let known = self.tool_call(run, &ToolCallId::new(cut_name(&ended.tool_call_id)))?;
        let (known, ended_at) = known.unzip();
        let at = event.effective();
        let (call, counts) = ToolCall::completed(known, &ended, at);
        // The first end stands, and so does its time.
        let ended_at = ended_at.flatten().or(Some(at));
        self.keep_call(&key, run, &call, ended_at, counts, event)
    }

    pub(super) fn resource_usage(&mut self, event: &Recorded<'_>) -> rusqlite::Result<()> {
        let Ok(measured) = serde_json::from_str::<ResourceUsage<'_>>(event.payload) else { return Ok(()) };
        let Some(run_id) = measured.run_id.clone().filter(|run| !run.is_empty()) else { return Ok(()) };
        let (key, _) = self.detailed_run(&run_id, &NOWHERE, event)?;
        self.run(&key, event.recorded_at)?.peaks.get_or_insert_default().raise(&measured);
        Ok(())
    }

    pub(super) fn span(&mut self, event: &Recorded<'_>) -> rusqlite::Result<()> {
        let Ok(span) = serde_json::from_str::<Span<'_>>(event.payload) else { return Ok(()) };
        let Some(run_id) = span.run_id.clone().filter(|run| !run.is_empty()) else { return Ok(()) };
        let (_, run) = self.detailed_run(&run_id, &NOWHERE, event)?;
        let span = KeptSpan::of(&span, event.effective());
        self.transaction
            .prepare_cached("INSERT OR REPLACE INTO spans VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
            .execute(params![
                run,
                span.id.as_str(),
                span.parent_span_id.as_deref(),
                span.name.as_str(),
                span.kind.as_deref(),
                span.started_at.millis(),
                span.ended_at.map(Timestamp::millis),
                span.status.as_deref(),
                sql(event.position),
            ])?;
        Ok(())
    }

    /// A known call of a run, and the time of the event that told its end.
    fn tool_call(
        &mut self,
        run: i64,
        id: &ToolCallId,
    ) -> rusqlite::Result<Option<(ToolCall, Option<Timestamp>)>> {
        let mut statement =
            self.transaction.prepare_cached("SELECT * FROM tool_calls WHERE run = ?1 AND id = ?2")?;
        let found = statement
            .query_row(params![run, id.as_str()], |row| {
                let call = ToolCall {
                    tool_call_id: id.clone(),
                    tool_name: Default::default(),
                    status: ToolStatus::of(&row.get::<_, String>("status")?),
                    started_at: at(row, "started_at")?,
                    duration_ms: row.get("duration_ms")?,
                    success: row.get("success")?,
                    error_message: text(row, "error")?,
                    exit_code: row.get("exit_code")?,
                };
                let ended_at = maybe_at(row, "ended_at")?;
                Ok((call, ended_at, row.get::<_, i64>("tool")?))
            })
            .optional()?;
        let Some((mut call, ended_at, tool)) = found else { return Ok(None) };
        call.tool_name = self.memory.names.text(self.transaction, tool)?;
        Ok(Some((call, ended_at)))
    }

    fn keep_call(
        &mut self,
        key: &RunKey,
        run: i64,
        call: &ToolCall,
        ended_at: Option<Timestamp>,
        counts: ToolCounts,
        event: &Recorded<'_>,
    ) -> rusqlite::Result<()> {
        let row = &mut self.run(key, event.recorded_at)?.row;
        row.tool_calls = row.tool_calls.saturating_add(counts.new);
        row.failed_tool_calls = row.failed_tool_calls.saturating_add(counts.failed);
        let tool = self.number(&call.tool_name)?;
        self.transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO tool_calls VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                run,
                call.tool_call_id.as_str(),
                tool,
                call.status.name(),
                call.started_at.millis(),
                ended_at.map(Timestamp::millis),
                call.duration_ms,
                call.success,
                call.error_message.as_deref(),
                call.exit_code,
                sql(event.position),
            ])?;
        Ok(())
    }
}
