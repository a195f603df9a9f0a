//! Agents: derived from sessions, runs and usage; `agent.state.changed` only adds the state that they were told in.

use super::index::minute;
use super::lifecycle::LifeState;
use super::limits::cut;
use super::rows::{Agent, AgentKey};
use super::{Fleet, Outcome};
use crate::event::Recorded;
use crate::event::payload::{AgentState, Text};
use crate::ids::{AgentId, Home, MachineId};
use crate::time::Timestamp;

impl Fleet {
    /// An agent's own state.
    pub(super) fn fold_agent_state(&mut self, machine: &MachineId, event: &Recorded<'_>) -> Outcome {
        let Ok(told) = serde_json::from_str::<AgentState<'_>>(event.payload) else {
            return Outcome::Unreadable;
        };
        let words = ["agent ", cut(&told.agent_id), ": ", cut(&told.from), " → ", cut(&told.to)];
        self.note(machine, event, &words);
        let Some(state) = LifeState::of(&told.to) else { return Outcome::Odd };
        let at = event.effective();
        let mut outcome = Outcome::Stale;
        self.see_agent(&agent_key(machine, &told.home, &told.agent_id), at, |agent| {
            if agent.told.is_none_or(|(_, since)| since <= at) {
                agent.told = Some((state, at));
                outcome = Outcome::Folded;
            }
        });
        outcome
    }

    /// Notes that an agent was named at `at`, and changes it. Nothing happens for the nameless agent.
    pub(super) fn see_agent(&mut self, key: &AgentKey, at: Timestamp, change: impl FnOnce(&mut Agent)) {
        if key.2.is_empty() {
            return;
        }
        let log_time = self.facts.log_time;
        let (agents, index) = (&mut self.facts.agents, &mut self.index);
        agents.change(
            key,
            || Agent::new(key.clone(), log_time),
            |agent, is_new| {
                let before = (!is_new).then(|| minute(agent.touched));
                agent.touched = log_time;
                agent.last_seen_at = agent.last_seen_at.max(at);
                change(agent);
                index.agent_changed(before, agent);
            },
        );
    }
}

/// The key of an agent as a payload names it.
pub(super) fn agent_key(machine: &MachineId, home: &Option<Text<'_>>, agent: &str) -> AgentKey {
    (machine.clone(), home_of(home), AgentId::new(cut(agent)))
}

/// The home that a payload names, or the nameless one.
pub(super) fn home_of(home: &Option<Text<'_>>) -> Home {
    home.as_ref().map(|home| Home::new(cut(home))).unwrap_or_default()
}
