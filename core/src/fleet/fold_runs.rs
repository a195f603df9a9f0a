//! Runs: state, tool calls, usage, log lines, measures and spans. A run ends once (W-C6).

use std::sync::Arc;

use smol_str::SmolStr;

use super::details::{Details, ToolCounts};
use super::fold_agents::{agent_key, home_of};
use super::fold_sessions::is_backfill;
use super::index::RunEntry;
use super::lifecycle::{LifeState, Reopening, Told};
use super::limits::{MAX_USAGE_ROWS, cut_message, cut_name};
use super::rows::{Run, RunKey};
use super::usage::{Ledger, Totals, UsageKey, UsageRow};
use super::{Change, Fleet, Outcome};
use crate::event::payload::{
    ModelUsage, ResourceUsage, RunLog, RunState, Span, Text, ToolCompleted, ToolStarted,
};
use crate::event::{Recorded, Severity};
use crate::ids::{AgentId, EventId, Home, MachineId, RunId, SessionId};

/// The lane that an event of ours names beside its run.
#[derive(Clone, Copy, Debug)]
pub struct Lane<'a, 'b> {
    /// The session.
    pub session: &'a Option<Text<'b>>,
    /// The agent.
    pub agent: &'a Option<Text<'b>>,
    /// The home.
    pub home: &'a Option<Text<'b>>,
}

/// What became of a run's state event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RunTold {
    /// Whether it counted.
    pub outcome: Outcome,
    /// It was the first state that was told of the run, and so the run counts from now on.
    pub is_new: bool,
    /// The run has failed with it.
    pub has_failed: bool,
}

impl Default for RunTold {
    fn default() -> Self {
        Self { outcome: Outcome::Stale, is_new: false, has_failed: false }
    }
}

impl Run {
    /// What its own state event does to a run: the rule of the fleet and of history alike. `state` is what `told.to` says.
    pub fn tell(&mut self, event: &Recorded<'_>, told: &RunState<'_>, state: LifeState) -> RunTold {
        let at = event.effective();
        let is_new = self.life.state().is_none();
        self.created_at = self.created_at.min(at);
        let reason = told.reason.as_deref().map(cut_message);
        match self.life.next(Told { state, at, reason, backfilled: is_backfill(event) }, Reopening::Never) {
            Ok(life) => self.life = life,
            Err(outcome) => return RunTold { outcome, is_new, has_failed: false },
        }
        self.last_event_id = EventId::new(event.id);
        self.session_id = SessionId::new(cut_name(&told.session_id));
        self.agent_id = AgentId::new(cut_name(&told.agent_id));
        self.home = home_of(&told.home);
        RunTold { outcome: Outcome::Folded, is_new, has_failed: self.life.has_failed() }
    }

    /// Gives a run that its own state has not placed yet the lane that another event names.
    pub fn place(&mut self, lane: &Lane<'_, '_>) {
        if self.life.state().is_some() {
            return;
        }
        if let Some(session) = lane.session {
            self.session_id = SessionId::new(cut_name(session));
        }
        if let Some(agent) = lane.agent {
            self.agent_id = AgentId::new(cut_name(agent));
            self.home = home_of(lane.home);
        }
    }
}

impl Fleet {
    /// A run's state.
    pub(super) fn fold_run_state(
        &mut self,
        id: &MachineId,
        event: &Recorded<'_>,
        changes: &mut Vec<Change>,
    ) -> Outcome {
        let Ok(told) = serde_json::from_str::<RunState<'_>>(event.payload) else {
            return Outcome::Unreadable;
        };
        let run_id = RunId::new(cut_name(&told.run_id));
        self.note(event, format!("run {run_id}: {} → {}", cut_name(&told.from), cut_name(&told.to)));
        let Some(state) = LifeState::of(&told.to) else { return Outcome::Odd };
        let at = event.effective();
        let session_id = SessionId::new(cut_name(&told.session_id));
        let mut run_told = RunTold::default();
        self.see_run((id.clone(), run_id.clone()), |run| run_told = run.tell(event, &told, state));
        let session = (id.clone(), session_id.clone());
        self.see_session(&session, |session| session.count(&run_told, &told));
        self.see_agent(&agent_key(id, &told.home, &told.agent_id), at, |agent| {
            agent.runs += u64::from(run_told.is_new);
            agent.failed_runs += u64::from(run_told.has_failed);
        });
        let outcome = run_told.outcome;
        if outcome == Outcome::Folded && state.is_terminal() {
            self.evict_runs_of(&session);
            changes.push(Change::RunEnded(id.clone(), run_id));
        }
        changes.push(Change::Session(id.clone(), session_id));
        outcome
    }

    /// A log line.
    pub(super) fn fold_run_log(&mut self, id: &MachineId, event: &Recorded<'_>) -> Outcome {
        let Ok(log) = serde_json::from_str::<RunLog<'_>>(event.payload) else { return Outcome::Unreadable };
        let summary = log.message.chars().take(80).collect();
        self.note(event, summary);
        self.see_session(&(id.clone(), SessionId::new(cut_name(&log.session_id))), |_| ());
        let Some(level) = Severity::of(&log.level) else { return Outcome::Odd };
        self.note_log(id.clone(), &log, level, event.effective());
        Outcome::Folded
    }

    /// A tool call began.
    pub(super) fn fold_tool_started(&mut self, id: &MachineId, event: &Recorded<'_>) -> Outcome {
        let Ok(started) = serde_json::from_str::<ToolStarted<'_>>(event.payload) else {
            return Outcome::Unreadable;
        };
        self.note(event, format!("tool {} started", cut_name(&started.tool_name)));
        let lane = Lane { session: &started.session_id, agent: &started.agent_id, home: &started.home };
        self.change_details(id, &started.run_id, &lane, |details| {
            details.tool_started(&started, event.effective())
        })
    }

    /// A tool call ended.
    pub(super) fn fold_tool_completed(&mut self, id: &MachineId, event: &Recorded<'_>) -> Outcome {
        let Ok(ended) = serde_json::from_str::<ToolCompleted<'_>>(event.payload) else {
            return Outcome::Unreadable;
        };
        self.note(event, format!("tool {} {}", cut_name(&ended.tool_name), cut_name(&ended.status)));
        let lane = Lane { session: &ended.session_id, agent: &ended.agent_id, home: &ended.home };
        self.change_details(id, &ended.run_id, &lane, |details| {
            details.tool_completed(&ended, event.effective())
        })
    }

    /// One model call's tokens and cost.
    pub(super) fn fold_model_usage(&mut self, id: &MachineId, event: &Recorded<'_>) -> Outcome {
        let Ok(usage) = serde_json::from_str::<ModelUsage<'_>>(event.payload) else {
            return Outcome::Unreadable;
        };
        let (provider, model) = (cut_name(&usage.provider), cut_name(&usage.model));
        let sum = Totals::of(&usage);
        self.note(event, format!("{model}: {} tokens", sum.total_tokens));
        let lane = Lane { session: &usage.session_id, agent: &usage.agent_id, home: &usage.home };
        let (mut session, mut agent) = Default::default();
        self.see_run((id.clone(), RunId::new(cut_name(&usage.run_id))), |run| {
            run.place(&lane);
            run.usage.add(&sum);
            run.model = Some((provider.clone(), model.clone()));
            (session, agent) = (run.session_key(), run.agent_key());
        });
        self.see_session(&session, |session| session.usage.add(&sum));
        let at = event.effective();
        self.see_agent(&agent, at, |agent| agent.usage.add(&sum));
        let log_time = self.facts.log_time;
        self.facts.spent.book(at, log_time, &sum);
        let (machine_id, home, agent_id) = agent;
        let row = self.usage_row(UsageKey { machine_id, home, agent_id, provider, model });
        row.ledger.book(at, log_time, &sum);
        Outcome::Folded
    }

    /// What a run takes of its machine.
    pub(super) fn fold_resource_usage(&mut self, id: &MachineId, event: &Recorded<'_>) -> Outcome {
        let Ok(measured) = serde_json::from_str::<ResourceUsage<'_>>(event.payload) else {
            return Outcome::Unreadable;
        };
        self.note(
            event,
            format!("measured: cpu {:.0} %, memory {:.0} %", measured.cpu_pct, measured.memory_pct),
        );
        let Some(run) = measured.run_id.clone().filter(|run| !run.is_empty()) else {
            return Outcome::NotFolded;
        };
        self.change_details(id, &run, &NOWHERE, |details| {
            details.measured(&measured);
            ToolCounts::default()
        })
    }

    /// A span of a run's trace.
    pub(super) fn fold_span(&mut self, id: &MachineId, event: &Recorded<'_>) -> Outcome {
        let Ok(span) = serde_json::from_str::<Span<'_>>(event.payload) else { return Outcome::Unreadable };
        self.note(event, format!("span {}", cut_name(&span.name)));
        let Some(run) = span.run_id.clone().filter(|run| !run.is_empty()) else { return Outcome::NotFolded };
        self.change_details(id, &run, &NOWHERE, |details| {
            details.span(&span, event.effective());
            ToolCounts::default()
        })
    }

    /// Changes what is kept of a run in detail. A run whose details have left the hot state counts on without them.
    fn change_details(
        &mut self,
        id: &MachineId,
        run_id: &str,
        lane: &Lane<'_, '_>,
        change: impl FnOnce(&mut Details) -> ToolCounts,
    ) -> Outcome {
        let mut session = Default::default();
        self.see_run((id.clone(), RunId::new(cut_name(run_id))), |run| {
            run.place(lane);
            let counts = change(Arc::make_mut(run.details.get_or_insert_default()));
            run.tool_calls = run.tool_calls.saturating_add(counts.new);
            run.failed_tool_calls = run.failed_tool_calls.saturating_add(counts.failed);
            session = run.session_key();
        });
        self.see_session(&session, |_| ());
        Outcome::Folded
    }

    /// Notes that a run had an event, and changes it.
    fn see_run(&mut self, key: RunKey, change: impl FnOnce(&mut Run)) {
        let log_time = self.facts.log_time;
        let before = self.facts.runs.get(&key).map(RunEntry::of);
        let run = self.facts.runs.entry(key.clone(), || Run::new(key, log_time));
        run.touched = log_time;
        change(run);
        self.index.run_changed(before, Some(RunEntry::of(run)));
    }

    /// Changes a known run without an event of its own.
    pub(super) fn change_run(&mut self, key: &RunKey, change: impl FnOnce(&mut Run)) {
        if let Some(run) = self.facts.runs.get_mut(key) {
            let before = RunEntry::of(run);
            change(run);
            self.index.run_changed(Some(before), Some(RunEntry::of(run)));
        }
    }

    /// The row of usage; where there are too many, the machine's nameless row.
    fn usage_row(&mut self, key: UsageKey) -> &mut UsageRow {
        let full = self.facts.usage.len() >= MAX_USAGE_ROWS && self.facts.usage.get(&key).is_none();
        let key = if full {
            let machine_id = key.machine_id;
            UsageKey {
                machine_id,
                home: Home::default(),
                agent_id: AgentId::default(),
                provider: SmolStr::default(),
                model: SmolStr::default(),
            }
        } else {
            key
        };
        self.facts.usage.entry(key.clone(), || UsageRow { key, ledger: Ledger::default() })
    }
}

const NOWHERE: Lane<'static, 'static> = Lane { session: &None, agent: &None, home: &None };
