//! Orders and counts over the rows, so that eviction, health and attention need not look at every row.
//!
//! Derived from the rows alone and never stored: [`Index::of`] rebuilds it, and each change of a row passes through
//! `session_changed`, `run_changed` or `agent_changed` with what the index knew of the row before and after.
//! Orders by last touch are kept to the minute, so that a busy row is not moved at every event.

use imbl::{OrdMap, OrdSet};

use super::Facts;
use super::rows::{Agent, AgentKey, Run, RunKey, Session, SessionKey};
use super::table::Row;
use crate::ids::{MachineId, RunId};
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

/// What the index knows of a session.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SessionEntry {
    key: SessionKey,
    agent: AgentKey,
    minute: i64,
    active: bool,
    ended_at: Option<Timestamp>,
}

impl SessionEntry {
    pub(super) fn of(session: &Session) -> Self {
        Self {
            key: session.key(),
            agent: (session.machine_id.clone(), session.home.clone(), session.agent_id.clone()),
            minute: minute(session.touched),
            active: session.life.is_active(),
            ended_at: session.life.ended_at(),
        }
    }
}

/// What the index knows of a run.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct RunEntry {
    key: RunKey,
    session: SessionKey,
    agent: AgentKey,
    minute: i64,
    active: bool,
    ended_at: Option<Timestamp>,
    detailed: bool,
}

impl RunEntry {
    pub(super) fn of(run: &Run) -> Self {
        Self {
            key: run.key(),
            session: run.session_key(),
            agent: run.agent_key(),
            minute: minute(run.touched),
            active: run.life.is_active(),
            ended_at: run.life.ended_at(),
            detailed: run.details.is_some(),
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
            index.session_changed(None, Some(SessionEntry::of(session)));
        }
        for run in facts.runs.iter() {
            index.run_changed(None, Some(RunEntry::of(run)));
        }
        for agent in facts.agents.iter() {
            index.agent_changed(None, Some(agent));
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

    pub(super) fn session_changed(&mut self, before: Option<SessionEntry>, after: Option<SessionEntry>) {
        if before == after {
            return;
        }
        if let Some(was) = before {
            match was.ended_at {
                None => self.open_sessions.remove(&(was.minute, was.key.clone())),
                Some(at) => {
                    self.ended_sessions.remove(&(at, was.key.clone()));
                    self.ended_sessions_by_touch.remove(&(was.minute, was.key.clone()))
                }
            };
            if was.active {
                self.count(&was.key.0, &was.agent, |load| load.active_sessions -= 1);
            }
        }
        if let Some(is) = after {
            if is.active {
                self.count(&is.key.0, &is.agent, |load| load.active_sessions += 1);
            }
            match is.ended_at {
                None => self.open_sessions.insert((is.minute, is.key)),
                Some(at) => {
                    self.ended_sessions.insert((at, is.key.clone()));
                    self.ended_sessions_by_touch.insert((is.minute, is.key))
                }
            };
        }
    }

    pub(super) fn run_changed(&mut self, before: Option<RunEntry>, after: Option<RunEntry>) {
        if before == after {
            return;
        }
        if let Some(was) = before {
            match was.ended_at {
                None => {
                    self.open_runs.remove(&(was.minute, was.key.clone()));
                }
                Some(at) => {
                    self.ended_runs.remove(&(at, was.key.clone()));
                    self.ended_runs_by_touch.remove(&(was.minute, was.key.clone()));
                    self.ended_runs_by_session.remove(&(was.session.clone(), at, was.key.1.clone()));
                    if was.detailed {
                        self.detailed_ended_runs.remove(&(at, was.key.clone()));
                    }
                    self.count_session(&was.session, |runs| runs.ended -= 1);
                }
            }
            if was.active {
                self.count(&was.key.0, &was.agent, |load| load.active_runs -= 1);
                self.count_session(&was.session, |runs| runs.active -= 1);
            }
        }
        if let Some(is) = after {
            if is.active {
                self.count(&is.key.0, &is.agent, |load| load.active_runs += 1);
                self.count_session(&is.session, |runs| runs.active += 1);
            }
            match is.ended_at {
                None => {
                    self.open_runs.insert((is.minute, is.key));
                }
                Some(at) => {
                    self.count_session(&is.session, |runs| runs.ended += 1);
                    self.ended_runs.insert((at, is.key.clone()));
                    self.ended_runs_by_session.insert((is.session, at, is.key.1.clone()));
                    if is.detailed {
                        self.detailed_ended_runs.insert((at, is.key.clone()));
                    }
                    self.ended_runs_by_touch.insert((is.minute, is.key));
                }
            }
        }
    }

    /// `before` is the minute of the agent's last touch, if the agent stood in the table.
    pub(super) fn agent_changed(&mut self, before: Option<(i64, &AgentKey)>, after: Option<&Agent>) {
        if let Some((was, key)) = before {
            if after.is_some_and(|agent| minute(agent.touched) == was) {
                return;
            }
            self.agents.remove(&(was, key.clone()));
        }
        if let Some(agent) = after {
            self.agents.insert((minute(agent.touched), agent.key()));
        }
    }

    /// Counts for a machine and an agent; a load of nothing has no entry, so that equal rows give an equal index.
    fn count(&mut self, machine: &MachineId, agent: &AgentKey, change: impl Fn(&mut Load)) {
        let mut load = self.machine_load(machine);
        change(&mut load);
        put(&mut self.machine_loads, machine, load);
        let mut load = self.agent_load(agent);
        change(&mut load);
        put(&mut self.agent_loads, agent, load);
    }

    fn count_session(&mut self, session: &SessionKey, change: impl Fn(&mut SessionRuns)) {
        let mut runs = self.session_runs(session);
        change(&mut runs);
        put(&mut self.session_runs, session, runs);
    }
}

fn put<K: Ord + Clone, V: Default + PartialEq + Clone>(map: &mut OrdMap<K, V>, key: &K, value: V) {
    if value == V::default() {
        map.remove(key);
    } else {
        map.insert(key.clone(), value);
    }
}
