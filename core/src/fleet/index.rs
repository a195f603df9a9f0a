//! Orders and counts over the rows, so that eviction, health and attention need not look at every row.
//!
//! Derived from the rows alone and never stored: [`Index::of`] rebuilds it, and each change of a row passes through
//! `session_changed`, `run_changed` or `agent_changed` with what the index knew of the row before and after.
//! Orders by last touch are kept to the minute, so that a busy row is not moved at every event.

use imbl::{OrdMap, OrdSet};

use super::Facts;
use super::rows::{Agent, AgentKey, Run, RunKey, Session, SessionKey};
use super::table::Row;
use crate::ids::{AgentId, Home, MachineId, RunId, SessionId};
use crate::time::{MINUTE, Timestamp};

/// What a machine or agent is busy with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Load {
    /// Sessions in an active state.
    pub active_sessions: usize,
    /// Runs in an active state.
    pub active_runs: usize,
}

/// The runs of a session that are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SessionRuns {
    /// In an active state.
    pub active: usize,
    /// Over.
    pub ended: usize,
}

/// The orders and counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Index {
    pub(super) open_sessions: OrdSet<(i64, SessionKey)>,
    pub(super) ended_sessions_by_touch: OrdSet<(i64, SessionKey)>,
    pub(super) ended_sessions: OrdSet<(Timestamp, SessionKey)>,
    pub(super) open_runs: OrdSet<(i64, RunKey)>,
    pub(super) ended_runs_by_touch: OrdSet<(i64, RunKey)>,
    pub(super) ended_runs: OrdSet<(Timestamp, RunKey)>,
    pub(super) ended_runs_by_session: OrdSet<(SessionKey, Timestamp, RunId)>,
    pub(super) detailed_ended_runs: OrdSet<(Timestamp, RunKey)>,
    pub(super) agents: OrdSet<(i64, AgentKey)>,
    machine_loads: OrdMap<MachineId, Load>,
    agent_loads: OrdMap<AgentKey, Load>,
    session_runs: OrdMap<SessionKey, SessionRuns>,
}

/// What the index knows of a session beside its key.
#[derive(PartialEq, Eq)]
pub(super) struct SessionEntry {
    home: Home,
    agent: AgentId,
    minute: i64,
    active: bool,
    ended_at: Option<Timestamp>,
}

impl SessionEntry {
    pub(super) fn of(session: &Session) -> Self {
        Self {
            home: session.home.clone(),
            agent: session.agent_id.clone(),
            minute: minute(session.touched),
            active: session.life.is_active(),
            ended_at: session.life.ended_at(),
        }
    }
}

/// What the index knows of a run beside its key.
#[derive(PartialEq, Eq)]
pub(super) struct RunEntry {
    session: SessionId,
    home: Home,
    agent: AgentId,
    minute: i64,
    active: bool,
    ended_at: Option<Timestamp>,
    /// Over, and kept in detail: with details, or with usage alone, as a run without a tool call has it.
    detailed: bool,
}

impl RunEntry {
    pub(super) fn of(run: &Run) -> Self {
        let ended_at = run.life.ended_at();
        Self {
            session: run.session_id.clone(),
            home: run.home.clone(),
            agent: run.agent_id.clone(),
            minute: minute(run.touched),
            active: run.life.is_active(),
            ended_at,
            detailed: ended_at.is_some()
                && !run.details_gone
                && (run.details.is_some() || run.model.is_some()),
        }
    }
}

/// The minute that an instant falls into.
pub(super) fn minute(at: Timestamp) -> i64 {
    at.millis().div_euclid(MINUTE)
}

impl Index {
    /// The index of these rows.
    pub(super) fn of(facts: &Facts) -> Self {
        let mut index = Self::default();
        for session in facts.sessions.iter() {
            index.session_changed(None, session);
        }
        for run in facts.runs.iter() {
            index.run_changed(None, run);
        }
        for agent in facts.agents.iter() {
            index.agent_changed(None, agent);
        }
        index
    }

    /// What a machine is busy with.
    pub fn machine_load(&self, machine: &MachineId) -> Load {
        self.machine_loads.get(machine).copied().unwrap_or_default()
    }

    /// What an agent is busy with.
    pub fn agent_load(&self, agent: &AgentKey) -> Load {
        self.agent_loads.get(agent).copied().unwrap_or_default()
    }

    /// The kept runs of a session.
    pub fn session_runs(&self, session: &SessionKey) -> SessionRuns {
        self.session_runs.get(session).copied().unwrap_or_default()
    }

    /// Runs that are not over, the least recently touched minute first.
    pub fn open_runs(&self) -> impl Iterator<Item = &RunKey> {
        self.open_runs.iter().map(|(_, key)| key)
    }

    /// `before` is what was known of the session, unless it is new.
    pub(super) fn session_changed(&mut self, before: Option<SessionEntry>, session: &Session) {
        let is = SessionEntry::of(session);
        if let Some(was) = before {
            if was == is {
                return;
            }
            self.drop_session(session.key(), was);
        }
        let key = session.key();
        if is.active {
            self.count(&key.0, is.home, is.agent, |load| load.active_sessions += 1);
        }
        match is.ended_at {
            None => self.open_sessions.insert((is.minute, key)),
            Some(at) => {
                self.ended_sessions.insert((at, key.clone()));
                self.ended_sessions_by_touch.insert((is.minute, key))
            }
        };
    }

    /// The session has left the table.
    pub(super) fn session_gone(&mut self, session: &Session) {
        self.drop_session(session.key(), SessionEntry::of(session));
    }

    fn drop_session(&mut self, key: SessionKey, was: SessionEntry) {
        if was.active {
            self.count(&key.0, was.home, was.agent, |load| load.active_sessions -= 1);
        }
        match was.ended_at {
            None => self.open_sessions.remove(&(was.minute, key)),
            Some(at) => {
                self.ended_sessions.remove(&(at, key.clone()));
                self.ended_sessions_by_touch.remove(&(was.minute, key))
            }
        };
    }

    /// `before` is what was known of the run, unless it is new.
    pub(super) fn run_changed(&mut self, before: Option<RunEntry>, run: &Run) {
        let is = RunEntry::of(run);
        if let Some(was) = before {
            if was == is {
                return;
            }
            self.drop_run(run.key(), was);
        }
        let key = run.key();
        let session = (key.0.clone(), is.session);
        if is.active {
            self.count(&key.0, is.home, is.agent, |load| load.active_runs += 1);
            self.count_session(&session, |runs| runs.active += 1);
        }
        match is.ended_at {
            None => {
                self.open_runs.insert((is.minute, key));
            }
            Some(at) => {
                self.count_session(&session, |runs| runs.ended += 1);
                self.ended_runs.insert((at, key.clone()));
                self.ended_runs_by_session.insert((session, at, key.1.clone()));
                if is.detailed {
                    self.detailed_ended_runs.insert((at, key.clone()));
                }
                self.ended_runs_by_touch.insert((is.minute, key));
            }
        }
    }

    /// The run has left the table.
    pub(super) fn run_gone(&mut self, run: &Run) {
        self.drop_run(run.key(), RunEntry::of(run));
    }

    fn drop_run(&mut self, key: RunKey, was: RunEntry) {
        let session = (key.0.clone(), was.session);
        if was.active {
            self.count(&key.0, was.home, was.agent, |load| load.active_runs -= 1);
            self.count_session(&session, |runs| runs.active -= 1);
        }
        match was.ended_at {
            None => {
                self.open_runs.remove(&(was.minute, key));
            }
            Some(at) => {
                self.count_session(&session, |runs| runs.ended -= 1);
                self.ended_runs.remove(&(at, key.clone()));
                self.ended_runs_by_session.remove(&(session, at, key.1.clone()));
                if was.detailed {
                    self.detailed_ended_runs.remove(&(at, key.clone()));
                }
                self.ended_runs_by_touch.remove(&(was.minute, key));
            }
        }
    }

    /// `before` is the minute of the agent's last touch, unless it is new.
    pub(super) fn agent_changed(&mut self, before: Option<i64>, agent: &Agent) {
        let is = minute(agent.touched);
        match before {
            Some(was) if was == is => return,
            Some(was) => drop(self.agents.remove(&(was, agent.key()))),
            None => {}
        }
        self.agents.insert((is, agent.key()));
    }

    /// The agent has left the table.
    pub(super) fn agent_gone(&mut self, agent: &Agent) {
        self.agents.remove(&(minute(agent.touched), agent.key()));
    }

    fn count(&mut self, machine: &MachineId, home: Home, agent: AgentId, change: impl Fn(&mut Load)) {
        count(&mut self.machine_loads, machine, &change);
        count(&mut self.agent_loads, &(machine.clone(), home, agent), &change);
    }

    fn count_session(&mut self, session: &SessionKey, change: impl Fn(&mut SessionRuns)) {
        count(&mut self.session_runs, session, change);
    }
}

/// Changes a count; one of nothing has no entry, so that equal rows give an equal index.
fn count<K: Ord + Clone, V: Default + PartialEq + Clone>(
    counts: &mut OrdMap<K, V>,
    key: &K,
    change: impl Fn(&mut V),
) {
    if let Some(value) = counts.get_mut(key) {
        change(value);
        if *value == V::default() {
            counts.remove(key);
        }
    } else {
        let mut value = V::default();
        change(&mut value);
        counts.insert(key.clone(), value);
    }
}
