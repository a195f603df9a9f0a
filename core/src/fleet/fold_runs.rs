//! Runs: state, tool calls, usage, log lines, measures and spans. A run ends once (W-C6).

use std::sync::Arc;

use super::details::{Details, ToolCall, ToolCounts};
use super::fold_agents::{agent_key, home_of};
use super::fold_sessions::is_backfill;
use super::index::RunEntry;
use super::keys::KeyOf;
use super::lifecycle::{LifeState, Reopening, Told};
use super::limits::{MAX_USAGE_ROWS, MAX_USAGE_ROWS_PER_MACHINE, cut, cut_message, cut_name, first_chars};
use super::rows::Run;
use super::usage::{Ledger, Totals, UsageKey, UsageRow};
use super::{Change, Fleet, Outcome};
use crate::event::payload::{
    ModelUsage, ResourceUsage, RunLog, RunState, Span, Text, ToolCompleted, ToolStarted,
};
use crate::event::{Recorded, Severity};
use crate::ids::{AgentId, EventId, MachineId, RunId, SessionId};

/// Where a run belongs, as far as an event of ours names it beside the run.
#[derive(Clone, Copy, Debug)]
pub struct Placement<'a, 'b> {
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
        self.session_id = SessionId::new(cut(&told.session_id));
        self.agent_id = AgentId::new(cut(&told.agent_id));
        self.home = home_of(&told.home);
        RunTold { outcome: Outcome::Folded, is_new, has_failed: self.life.has_failed() }
    }

    /// Gives a run that its own state has not placed yet the placement that another event names.
    pub fn place(&mut self, placement: &Placement<'_, '_>) {
        if self.life.state().is_some() {
            return;
        }
        if let Some(session) = placement.session {
            self.session_id = SessionId::new(cut(session));
        }
        if let Some(agent) = placement.agent {
            self.agent_id = AgentId::new(cut(agent));
            self.home = home_of(placement.home);
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
        let run_id = cut(&told.run_id);
        self.note(id, event, &["run ", run_id, ": ", cut(&told.from), " → ", cut(&told.to)]);
        let Some(state) = LifeState::of(&told.to) else { return Outcome::Odd };
        let at = event.effective();
        let session_id = SessionId::new(cut(&told.session_id));
        let run_told = self.see_run(KeyOf(id, run_id), |run| run.tell(event, &told, state));
        self.see_session(KeyOf(id, session_id.as_str()), changes, |session| session.count(&run_told, &told));
        self.see_agent(&agent_key(id, &told.home, &told.agent_id), at, |agent| {
            agent.runs += u64::from(run_told.is_new);
            agent.failed_runs += u64::from(run_told.has_failed);
        });
        self.facts.failed_runs += u64::from(run_told.has_failed);
        let outcome = run_told.outcome;
        if outcome == Outcome::Folded && state.is_terminal() {
            self.evict_runs_of(&(id.clone(), session_id.clone()));
        }
        changes.push(Change::Session(id.clone(), session_id));
        outcome
    }

    /// A log line.
    pub(super) fn fold_run_log(
        &mut self,
        id: &MachineId,
        event: &Recorded<'_>,
        changes: &mut Vec<Change>,
    ) -> Outcome {
        let Ok(log) = serde_json::from_str::<RunLog<'_>>(event.payload) else { return Outcome::Unreadable };
        self.note(id, event, &[first_chars(&log.message, 80)]);
        if !log.run_id.is_empty() {
            let session = Some(log.session_id.clone());
            let placement = Placement { session: &session, ..NOWHERE };
            self.see_run(KeyOf(id, cut(&log.run_id)), |run| run.place(&placement));
        }
        self.see_session(KeyOf(id, cut(&log.session_id)), changes, |_| ());
        let Some(level) = Severity::of(&log.level) else { return Outcome::Odd };
        self.note_log(id.clone(), &log, level, event.effective());
        Outcome::Folded
    }

    /// A tool call began.
    pub(super) fn fold_tool_started(
        &mut self,
        id: &MachineId,
        event: &Recorded<'_>,
        changes: &mut Vec<Change>,
    ) -> Outcome {
        let Ok(started) = serde_json::from_str::<ToolStarted<'_>>(event.payload) else {
            return Outcome::Unreadable;
        };
        self.note(id, event, &["tool ", cut(&started.tool_name), " started"]);
        let placement =
            Placement { session: &started.session_id, agent: &started.agent_id, home: &started.home };
        self.change_details(id, &started.run_id, &placement, changes, |details| match details {
            Some(details) => details.tool_started(&started, event.effective()),
            None => ToolCall::started(None, &started, event.effective()).1,
        })
    }

    /// A tool call ended.
    pub(super) fn fold_tool_completed(
        &mut self,
        id: &MachineId,
        event: &Recorded<'_>,
        changes: &mut Vec<Change>,
    ) -> Outcome {
        let Ok(ended) = serde_json::from_str::<ToolCompleted<'_>>(event.payload) else {
            return Outcome::Unreadable;
        };
        self.note(id, event, &["tool ", cut(&ended.tool_name), " ", cut(&ended.status)]);
        let placement = Placement { session: &ended.session_id, agent: &ended.agent_id, home: &ended.home };
        self.change_details(id, &ended.run_id, &placement, changes, |details| match details {
            Some(details) => details.tool_completed(&ended, event.effective()),
            // Its start was counted, as far as can be told.
            None => ToolCounts { new: 0, ..ToolCall::completed(None, &ended, event.effective()).1 },
        })
    }

    /// One model call's tokens and cost.
    pub(super) fn fold_model_usage(
        &mut self,
        id: &MachineId,
        event: &Recorded<'_>,
        changes: &mut Vec<Change>,
    ) -> Outcome {
        let Ok(usage) = serde_json::from_str::<ModelUsage<'_>>(event.payload) else {
            return Outcome::Unreadable;
        };
        let (provider, model) = (cut_name(&usage.provider), cut_name(&usage.model));
        let sum = Totals::of(&usage);
        self.note(id, event, &[&model, ": ", &sum.total_tokens.to_string(), " tokens"]);
        let placement = Placement { session: &usage.session_id, agent: &usage.agent_id, home: &usage.home };
        let (session, agent) = self.see_run(KeyOf(id, cut(&usage.run_id)), |run| {
            run.place(&placement);
            run.usage.add(&sum);
            run.model = Some((provider.clone(), model.clone()));
            (run.session_id.clone(), run.agent_key())
        });
        self.see_session(KeyOf(id, session.as_str()), changes, |session| session.usage.add(&sum));
        let at = event.effective();
        self.see_agent(&agent, at, |agent| agent.usage.add(&sum));
        let log_time = self.facts.log_time;
        self.facts.spent.book(at, log_time, &sum);
        let (machine_id, home, agent_id) = agent;
        let key = UsageKey { machine_id, home, agent_id, provider, model };
        self.change_usage(key, |ledger| ledger.book(at, log_time, &sum));
        Outcome::Folded
    }

    /// What a run takes of its machine.
    pub(super) fn fold_resource_usage(
        &mut self,
        id: &MachineId,
        event: &Recorded<'_>,
        changes: &mut Vec<Change>,
    ) -> Outcome {
        let Ok(measured) = serde_json::from_str::<ResourceUsage<'_>>(event.payload) else {
            return Outcome::Unreadable;
        };
        let summary = format!("measured: cpu {:.0} %, memory {:.0} %", measured.cpu_pct, measured.memory_pct);
        self.note(id, event, &[&summary]);
        let Some(run) = measured.run_id.clone().filter(|run| !run.is_empty()) else {
            return Outcome::NotFolded;
        };
        self.change_details(id, &run, &NOWHERE, changes, |details| {
            details.into_iter().for_each(|details| details.measured(&measured));
            ToolCounts::default()
        })
    }

    /// A span of a run's trace.
    pub(super) fn fold_span(
        &mut self,
        id: &MachineId,
        event: &Recorded<'_>,
        changes: &mut Vec<Change>,
    ) -> Outcome {
        let Ok(span) = serde_json::from_str::<Span<'_>>(event.payload) else { return Outcome::Unreadable };
        self.note(id, event, &["span ", cut(&span.name)]);
        let Some(run) = span.run_id.clone().filter(|run| !run.is_empty()) else { return Outcome::NotFolded };
        self.change_details(id, &run, &NOWHERE, changes, |details| {
            details.into_iter().for_each(|details| details.span(&span, event.effective()));
            ToolCounts::default()
        })
    }

    /// Changes what is kept of a run in detail. A run whose details have left the hot state counts on without them: then
    /// there are none.
    fn change_details(
        &mut self,
        id: &MachineId,
        run_id: &str,
        placement: &Placement<'_, '_>,
        changes: &mut Vec<Change>,
        change: impl FnOnce(Option<&mut Details>) -> ToolCounts,
    ) -> Outcome {
        let session = self.see_run(KeyOf(id, cut(run_id)), |run| {
            run.place(placement);
            let kept = !run.details_gone;
            let counts = change(kept.then(|| Arc::make_mut(run.details.get_or_insert_default())));
            run.tool_calls = run.tool_calls.saturating_add(counts.new);
            run.failed_tool_calls = run.failed_tool_calls.saturating_add(counts.failed);
            run.session_id.clone()
        });
        self.see_session(KeyOf(id, session.as_str()), changes, |_| ());
        Outcome::Folded
    }

    /// Notes that a run had an event, and changes it.
    fn see_run<T>(&mut self, key: KeyOf<'_>, change: impl FnOnce(&mut Run) -> T) -> T {
        let log_time = self.facts.log_time;
        let (runs, index) = (&mut self.facts.runs, &mut self.index);
        runs.change(
            &key,
            || Run::new((key.0.clone(), RunId::new(key.1)), log_time),
            |run, is_new| {
                let before = (!is_new).then(|| RunEntry::of(run));
                run.touched = log_time;
                let changed = change(run);
                index.run_changed(before, run);
                changed
            },
        )
    }

    /// Changes a row of usage; where there are too many, the machine's nameless row.
    fn change_usage(&mut self, key: UsageKey, change: impl FnOnce(&mut Ledger)) {
        let usage = &mut self.facts.usage;
        let key = if usage.get(&key).is_none() {
            let nameless = UsageKey::nameless(key.machine_id.clone());
            let its = usage.from(nameless.clone()).take_while(|row| row.key.machine_id == key.machine_id);
            let full = usage.len() >= MAX_USAGE_ROWS || its.count() >= MAX_USAGE_ROWS_PER_MACHINE;
            if full { nameless } else { key }
        } else {
            key
        };
        usage.change(
            &key,
            || UsageRow { key: key.clone(), ledger: Ledger::default() },
            |row, _| change(&mut row.ledger),
        );
    }
}

const NOWHERE: Placement<'static, 'static> = Placement { session: &None, agent: &None, home: &None };
