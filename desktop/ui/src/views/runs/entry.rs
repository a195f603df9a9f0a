//! What the page shows of a run, whether the fleet keeps it or history remembers it.

use patze_core::fleet::lifecycle::{Life, LifeState};
use patze_core::fleet::rows::{Run, RunKey, SessionKey};
use patze_core::history::RunItem;
use patze_core::ids::{AgentId, MachineId, RunId, SessionId};
use patze_core::money::NanoUsd;
use patze_core::time::Timestamp;
use smol_str::SmolStr;

/// A run.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// Its machine.
    pub machine_id: MachineId,
    /// Its id.
    pub run_id: RunId,
    /// Its session.
    pub session_id: SessionId,
    /// The agent that runs.
    pub agent_id: AgentId,
    /// Where it stands.
    pub state: LifeState,
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Why it failed.
    pub reason: Option<SmolStr>,
    /// The model of its newest call.
    pub model: Option<SmolStr>,
    /// Model calls.
    pub calls: u64,
    /// Tool calls.
    pub tool_calls: u32,
    /// Tokens in all.
    pub tokens: u64,
    /// What they cost.
    pub cost: NanoUsd,
    /// When it was last heard of.
    pub touched: Timestamp,
}

impl Entry {
    /// A run of the fleet; none if it is known through others only.
    pub fn of(run: &Run) -> Option<Self> {
        let (state, _) = run.life.state()?;
        let reason = match &run.life {
            Life::Ended { reason, .. } => reason.clone(),
            _ => None,
        };
        Some(Self {
            machine_id: run.machine_id.clone(),
            run_id: run.run_id.clone(),
            session_id: run.session_id.clone(),
            agent_id: run.agent_id.clone(),
            state,
            began: run.created_at,
            ended: run.life.ended_at(),
            reason,
            model: run.model.as_ref().map(|(_, model)| model.clone()),
            calls: run.usage.calls,
            tool_calls: run.tool_calls,
            tokens: run.usage.total_tokens,
            cost: run.usage.cost,
            touched: run.touched,
        })
    }

    /// A run of history.
    pub fn of_item(item: &RunItem) -> Self {
        Self {
            machine_id: item.machine_id.clone(),
            run_id: item.run_id.clone(),
            session_id: item.session_id.clone(),
            agent_id: item.agent_id.clone(),
            state: item.state,
            began: item.created_at,
            ended: item.ended_at,
            reason: item.failure_reason.clone(),
            model: item.model.clone(),
            calls: item.usage.calls,
            tool_calls: item.tool_calls,
            tokens: item.usage.total_tokens,
            cost: NanoUsd::from_dollars(item.usage.cost_usd),
            touched: item.ended_at.unwrap_or(item.updated_at),
        }
    }

    /// What was known of it at a moment; none if it had not begun.
    pub fn until(mut self, moment: Option<Timestamp>) -> Option<Self> {
        let Some(moment) = moment else { return Some(self) };
        if self.began > moment {
            return None;
        }
        if self.ended.is_some_and(|ended| ended > moment) {
            (self.state, self.ended, self.reason) = (LifeState::Running, None, None);
            // What it had used by then is not known.
            (self.calls, self.tool_calls, self.tokens, self.cost) = (0, 0, 0, NanoUsd::ZERO);
            self.touched = moment;
        }
        Some(self)
    }

    /// What identifies it.
    pub fn key(&self) -> RunKey {
        (self.machine_id.clone(), self.run_id.clone())
    }

    /// What identifies its session.
    pub fn session_key(&self) -> SessionKey {
        (self.machine_id.clone(), self.session_id.clone())
    }

    /// Its parts of an address.
    pub fn address(&self) -> [&str; 2] {
        [self.machine_id.as_str(), self.run_id.as_str()]
    }

    /// Whether it goes on.
    pub fn is_active(&self) -> bool {
        self.ended.is_none()
    }

    /// Whether it failed.
    pub fn has_failed(&self) -> bool {
        self.state == LifeState::Failed
    }

    /// How long it took, ms, or takes until now.
    pub fn lasted(&self, now: Timestamp) -> i64 {
        self.ended.unwrap_or(now).since(self.began).max(0)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A run that ended well.
    pub(crate) fn ended(id: &str, began: i64, ended: i64) -> Entry {
        Entry {
            machine_id: MachineId::from("m"),
            run_id: RunId::from(id),
            session_id: SessionId::from("s"),
            agent_id: AgentId::from("scribe"),
            state: LifeState::Completed,
            began: Timestamp::from_millis(began),
            ended: Some(Timestamp::from_millis(ended)),
            reason: None,
            model: Some("opus".into()),
            calls: 2,
            tool_calls: 1,
            tokens: 1_200,
            cost: NanoUsd(40_000_000),
            touched: Timestamp::from_millis(ended),
        }
    }

    #[test]
    fn at_a_moment_only_what_was_known_then() {
        let at = |ms| Some(Timestamp::from_millis(ms));
        let run = Entry { state: LifeState::Failed, reason: Some("why".into()), ..ended("r", 100, 200) };
        assert_eq!(run.clone().until(None), Some(run.clone()));
        assert_eq!(run.clone().until(at(200)), Some(run.clone()));
        assert_eq!(run.clone().until(at(99)), None);
        let then = run.until(at(150)).unwrap();
        assert!(then.is_active() && !then.has_failed() && then.reason.is_none() && then.calls == 0);
        assert_eq!(then.lasted(Timestamp::from_millis(160)), 60);
    }
}
