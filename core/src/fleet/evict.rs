//! What leaves the hot state, and in which order (design §7). Machines leave only when they are forgotten: a laptop
//! that was shut for two weeks keeps its name.

use std::sync::Arc;

use imbl::Vector;

use super::index::minute;
use super::limits::{
    IDLE, MAX_AGENTS, MAX_DETAILED_ENDED_RUNS, MAX_ENDED_RUNS, MAX_ENDED_RUNS_PER_SESSION,
    MAX_ENDED_SESSIONS, MAX_OPEN_RUNS, MAX_OPEN_SESSIONS,
};
use super::rows::{AgentKey, RunKey, SessionKey};
use super::table::Row;
use super::{Change, Fleet};
use crate::ids::{AgentId, Home, MachineId, RunId, SessionId};

impl Fleet {
    /// Drops what has been idle for too long. To be called when log time enters another minute: no row can have become
    /// idle before, for orders by last touch are kept to the minute.
    pub(super) fn evict_idle(&mut self, changes: &mut Vec<Change>) {
        let oldest = minute(self.facts.log_time.plus(-IDLE));
        while let Some((_, key)) = self.index.open_sessions.get_min().filter(|(at, _)| *at < oldest).cloned()
        {
            self.remove_session(&key, changes);
        }
        while let Some((_, key)) =
            self.index.ended_sessions_by_touch.get_min().filter(|(at, _)| *at < oldest).cloned()
        {
            self.remove_session(&key, changes);
        }
        while let Some((_, key)) = self.index.open_runs.get_min().filter(|(at, _)| *at < oldest).cloned() {
            self.remove_run(&key);
        }
        while let Some((_, key)) =
            self.index.ended_runs_by_touch.get_min().filter(|(at, _)| *at < oldest).cloned()
        {
            self.remove_run(&key);
        }
        while let Some((_, key)) = self.index.agents.get_min().filter(|(at, _)| *at < oldest).cloned() {
            self.remove_agent(&key);
        }
    }

    /// Drops what is too much of `session`'s ended runs.
    pub(super) fn evict_runs_of(&mut self, session: &SessionKey) {
        while self.index.session_runs(session).ended > MAX_ENDED_RUNS_PER_SESSION {
            let first = (session.clone(), crate::time::Timestamp::MIN, RunId::default());
            let Some((_, _, run)) = self.index.ended_runs_by_session.range(first..).next().cloned() else {
                return;
            };
            self.remove_run(&(session.0.clone(), run));
        }
    }

    /// Drops what is more than the state holds.
    pub(super) fn evict_over_limits(&mut self, changes: &mut Vec<Change>) {
        while self.index.open_sessions.len() > MAX_OPEN_SESSIONS {
            let Some((_, key)) = self.index.open_sessions.get_min().cloned() else { break };
            self.remove_session(&key, changes);
        }
        while self.index.ended_sessions.len() > MAX_ENDED_SESSIONS {
            let Some((_, key)) = self.index.ended_sessions.get_min().cloned() else { break };
            self.remove_session(&key, changes);
        }
        while self.index.open_runs.len() > MAX_OPEN_RUNS {
            let Some((_, key)) = self.index.open_runs.get_min().cloned() else { break };
            self.remove_run(&key);
        }
        while self.index.ended_runs.len() > MAX_ENDED_RUNS {
            let Some((_, key)) = self.index.ended_runs.get_min().cloned() else { break };
            self.remove_run(&key);
        }
        while self.index.detailed_ended_runs.len() > MAX_DETAILED_ENDED_RUNS {
            let Some((_, key)) = self.index.detailed_ended_runs.remove_min() else { break };
            if let Some(run) = self.facts.runs.get_mut(&key) {
                (run.details, run.details_gone) = (None, true);
            }
        }
        while self.index.agents.len() > MAX_AGENTS {
            let Some((_, key)) = self.index.agents.get_min().cloned() else { break };
            self.remove_agent(&key);
        }
    }

    /// Drops a machine and all that is its.
    pub(super) fn remove_machine(&mut self, machine: &MachineId, changes: &mut Vec<Change>) {
        self.facts.machines.remove(machine);
        let first = (machine.clone(), SessionId::default());
        let sessions = self.facts.sessions.from(first).take_while(|row| row.machine_id == *machine);
        for key in sessions.map(Row::key).collect::<Vec<_>>() {
            self.remove_session(&key, changes);
        }
        let first = (machine.clone(), RunId::default());
        let runs = self.facts.runs.from(first).take_while(|row| row.machine_id == *machine);
        for key in runs.map(Row::key).collect::<Vec<_>>() {
            self.remove_run(&key);
        }
        let first = (machine.clone(), Home::default(), AgentId::default());
        let agents = self.facts.agents.from(first).take_while(|row| row.machine_id == *machine);
        for key in agents.map(Row::key).collect::<Vec<_>>() {
            self.remove_agent(&key);
        }
        let usage = self.facts.usage.iter().filter(|row| row.key.machine_id == *machine);
        for key in usage.map(Row::key).collect::<Vec<_>>() {
            self.facts.usage.remove(&key);
        }
        without(&mut self.facts.logs, |line| line.machine_id == *machine);
        without(&mut self.facts.recent, |activity| activity.machine_id == *machine);
        changes.push(Change::MachineGone(machine.clone()));
    }

    fn remove_session(&mut self, key: &SessionKey, changes: &mut Vec<Change>) {
        if let Some(session) = self.facts.sessions.remove(key) {
            self.index.session_gone(&session);
            changes.push(Change::SessionGone(key.0.clone(), key.1.clone()));
        }
    }

    fn remove_run(&mut self, key: &RunKey) {
        if let Some(run) = self.facts.runs.remove(key) {
            self.index.run_gone(&run);
        }
    }

    fn remove_agent(&mut self, key: &AgentKey) {
        if let Some(agent) = self.facts.agents.remove(key) {
            self.index.agent_gone(&agent);
        }
    }
}

/// Takes rows out of a ring. The ring is made anew: imbl's own `retain` corrupts memory once rows have left at the front
/// (docs/decisions/persistent-vector.md).
fn without<T>(ring: &mut Vector<Arc<T>>, goes: impl Fn(&T) -> bool) {
    *ring = ring.iter().filter(|row| !goes(row)).cloned().collect();
}
