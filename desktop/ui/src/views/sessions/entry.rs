//! What the page shows of a session, whether the fleet keeps it or history remembers it.

use patze_core::fleet::lifecycle::LifeState;
use patze_core::fleet::rows::{Session, SessionKey};
use patze_core::history::SessionItem;
use patze_core::ids::{AgentId, MachineId, SessionId};
use patze_core::money::NanoUsd;
use patze_core::time::Timestamp;
use smol_str::SmolStr;

use crate::say::word;

/// A session.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// Its machine.
    pub machine_id: MachineId,
    /// Its id.
    pub session_id: SessionId,
    /// The agent whose lane it is.
    pub agent_id: AgentId,
    /// Its lane.
    pub title: String,
    /// The lane that spawned it.
    pub parent: Option<String>,
    /// The channel that it talks through.
    pub channel: Option<SmolStr>,
    /// Where it stands.
    pub state: LifeState,
    /// Its first event.
    pub opened: Timestamp,
    /// Its end.
    pub ended: Option<Timestamp>,
    /// Its runs.
    pub runs: u64,
    /// Those that failed.
    pub failed_runs: u64,
    /// Model calls.
    pub calls: u64,
    /// Tokens read.
    pub input: u64,
    /// Tokens read from a cache.
    pub cached: u64,
    /// Tokens written.
    pub output: u64,
    /// What they cost.
    pub cost: NanoUsd,
    /// Silent with an active run since then.
    pub stalled: Option<Timestamp>,
    /// When it was last heard of.
    pub touched: Timestamp,
}

impl Entry {
    /// A session of the fleet; none if it is known through others only.
    pub fn of(session: &Session) -> Option<Self> {
        let (state, _) = session.life.state()?;
        let usage = &session.usage;
        Some(Self {
            machine_id: session.machine_id.clone(),
            session_id: session.session_id.clone(),
            agent_id: session.agent_id.clone(),
            title: word::lane(session.session_key.as_deref(), session.session_id.as_str()),
            parent: session.parent_session_key.as_deref().map(|key| word::lane(Some(key), "")),
            channel: session.channel.clone(),
            state,
            opened: session.created_at,
            ended: session.life.ended_at(),
            runs: session.runs,
            failed_runs: session.failed_runs,
            calls: usage.calls,
            input: usage.input_tokens,
            cached: usage.cache_read_tokens,
            output: usage.output_tokens,
            cost: usage.cost,
            stalled: session.stalled_since,
            touched: session.touched,
        })
    }

    /// A session of history.
    pub fn of_item(item: &SessionItem) -> Self {
        Self {
            machine_id: item.machine_id.clone(),
            session_id: item.session_id.clone(),
            agent_id: item.agent_id.clone(),
            title: word::lane(item.session_key.as_deref(), item.session_id.as_str()),
            parent: item.parent_session_key.as_deref().map(|key| word::lane(Some(key), "")),
            channel: item.channel.clone(),
            state: item.state,
            opened: item.created_at,
            ended: item.ended_at,
            runs: item.total_runs,
            failed_runs: item.failed_runs,
            calls: item.usage.calls,
            input: item.usage.input_tokens,
            cached: item.usage.cache_read_tokens,
            output: item.usage.output_tokens,
            cost: NanoUsd::from_dollars(item.usage.cost_usd),
            stalled: item.stalled_since,
            touched: item.updated_at,
        }
    }

    /// What identifies it.
    pub fn key(&self) -> SessionKey {
        (self.machine_id.clone(), self.session_id.clone())
    }

    /// Its parts of an address.
    pub fn address(&self) -> [&str; 2] {
        [self.machine_id.as_str(), self.session_id.as_str()]
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// The channel, as people write it.
    pub fn channel_name(&self) -> String {
        self.channel.as_deref().map(word::channel).unwrap_or_default()
    }
}
