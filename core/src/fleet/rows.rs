//! The rows of the fleet: what is kept of each machine, agent, session and run.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::details::Details;
pub use super::keys::{AgentKey, RunKey, SessionKey};
use super::lifecycle::{Life, LifeState};
use super::table::Row;
use super::usage::Totals;
use crate::event::payload::Gauges;
use crate::ids::{AgentId, EventId, Home, MachineId, RunId, SessionId};
use crate::time::Timestamp;

/// A machine's status as it is told (contract §6.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Heard of.
    Online,
    /// Silent for longer than the timeout, or said so itself.
    Offline,
    /// Says that something is wrong.
    Degraded,
}

impl Status {
    /// The status of this name.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "online" => Self::Online,
            "offline" => Self::Offline,
            "degraded" => Self::Degraded,
            _ => return None,
        })
    }

    /// The word on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Offline => "offline",
            Self::Degraded => "degraded",
        }
    }
}

/// A machine's pulse: its status and when it was told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pulse {
    /// The status.
    pub status: Status,
    /// Effective time of the first event that said so without a break.
    pub since: Timestamp,
    /// Offline because the control plane called it silent, not because it said so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silenced: bool,
    /// Effective time of the newest registration or heartbeat.
    pub last_seen_at: Timestamp,
    /// The last event that counted.
    pub last_event_id: EventId,
    /// When the control plane last took a registration or heartbeat of the machine, older ones included: what its
    /// silence is measured from, for its clock may have been set back (contract §6.1).
    pub heard_at: Timestamp,
    /// The position of that one: `heard_at` stands still while our own clock is behind the log's.
    pub heard_position: u64,
}

/// A machine.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// Its id.
    pub machine_id: MachineId,
    /// The name that its bridge tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_name: Option<SmolStr>,
    /// The name that the user gave; it wins (design §18.7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<SmolStr>,
    /// `local` or `vps`, as its bridge tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<SmolStr>,
    /// Status and age; none until it registered or sent a heartbeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulse: Option<Pulse>,
    /// The gauges of the newest heartbeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gauges: Option<Gauges>,
    /// Its data is taken, but it counts in no health and raises no attention.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// The version of its bridge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge_version: Option<SmolStr>,
    /// Its clock minus ours in seconds and since when, while it is more than 60 s off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_skew: Option<(i64, Timestamp)>,
    /// Log time of the last event of any type that it sent.
    pub touched: Timestamp,
}

impl Machine {
    /// A machine that an event has just named.
    pub fn new(machine_id: MachineId, touched: Timestamp) -> Self {
        Self {
            machine_id,
            reported_name: None,
            given_name: None,
            kind: None,
            pulse: None,
            gauges: None,
            paused: false,
            bridge_version: None,
            clock_skew: None,
            touched,
        }
    }

    /// The name to show: the user's, else the reported one.
    pub fn name(&self) -> Option<&SmolStr> {
        self.given_name.as_ref().or(self.reported_name.as_ref())
    }
}

impl Row for Machine {
    type Key = MachineId;
    fn key(&self) -> MachineId {
        self.machine_id.clone()
    }
}

/// An agent: derived from its sessions, runs and usage.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    /// The machine.
    pub machine_id: MachineId,
    /// The home, or empty where the sender names none.
    pub home: Home,
    /// Its id in that home.
    pub agent_id: AgentId,
    /// The state that it was told to be in, if that was ever told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<(LifeState, Timestamp)>,
    /// The greatest effective time of its events.
    pub last_seen_at: Timestamp,
    /// Runs since ever.
    pub runs: u64,
    /// Runs that failed, since ever.
    pub failed_runs: u64,
    /// Tokens and cost since ever.
    pub usage: Totals,
    /// Log time of its last event.
    pub touched: Timestamp,
}

impl Agent {
    /// An agent that an event has just named.
    pub fn new((machine_id, home, agent_id): AgentKey, touched: Timestamp) -> Self {
        Self {
            machine_id,
            home,
            agent_id,
            told: None,
            last_seen_at: Timestamp::MIN,
            runs: 0,
            failed_runs: 0,
            usage: Totals::default(),
            touched,
        }
    }
}

impl Row for Agent {
    type Key = AgentKey;
    fn key(&self) -> AgentKey {
        (self.machine_id.clone(), self.home.clone(), self.agent_id.clone())
    }
}

/// A session: a lane of work.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// The machine.
    pub machine_id: MachineId,
    /// Its id.
    pub session_id: SessionId,
    /// The agent whose lane it is.
    pub agent_id: AgentId,
    /// The home, or empty.
    pub home: Home,
    /// Where it stands.
    pub life: Life,
    /// The least effective time of its state events.
    pub created_at: Timestamp,
    /// The last state event that counted.
    pub last_event_id: EventId,
    /// OpenClaw's session key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_key: Option<SmolStr>,
    /// The channel that it talks through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<SmolStr>,
    /// The session key of the lane that spawned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_session_key: Option<SmolStr>,
    /// Runs since ever.
    pub runs: u64,
    /// Runs that failed, since ever.
    pub failed_runs: u64,
    /// Tokens and cost since ever.
    pub usage: Totals,
    /// It has been silent with an active run since then (`control.session.stalled`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stalled_since: Option<Timestamp>,
    /// Log time of the last event of it or of its runs.
    pub touched: Timestamp,
}

impl Session {
    /// A session that an event has just named.
    pub fn new((machine_id, session_id): SessionKey, touched: Timestamp) -> Self {
        Self {
            machine_id,
            session_id,
            agent_id: AgentId::default(),
            home: Home::default(),
            life: Life::Unseen,
            created_at: Timestamp::MAX,
            last_event_id: EventId::default(),
            session_key: None,
            channel: None,
            parent_session_key: None,
            runs: 0,
            failed_runs: 0,
            usage: Totals::default(),
            stalled_since: None,
            touched,
        }
    }
}

impl Row for Session {
    type Key = SessionKey;
    fn key(&self) -> SessionKey {
        (self.machine_id.clone(), self.session_id.clone())
    }
}

/// A run of an agent.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// The machine.
    pub machine_id: MachineId,
    /// Its id.
    pub run_id: RunId,
    /// Its session.
    pub session_id: SessionId,
    /// The agent that runs.
    pub agent_id: AgentId,
    /// The home, or empty.
    pub home: Home,
    /// Where it stands.
    pub life: Life,
    /// The least effective time of its state events.
    pub created_at: Timestamp,
    /// The last state event that counted.
    pub last_event_id: EventId,
    /// Tokens and cost.
    pub usage: Totals,
    /// Provider and model of the newest model call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<(SmolStr, SmolStr)>,
    /// Tool calls seen.
    pub tool_calls: u32,
    /// Tool calls that failed.
    pub failed_tool_calls: u32,
    /// Tool calls, spans and peaks, while they are kept (design §7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<std::sync::Arc<Details>>,
    /// It was among the newest ended runs and is no more: it keeps its counts, and no detail ever again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub details_gone: bool,
    /// Log time of its last event of any type.
    pub touched: Timestamp,
}

impl Run {
    /// A run that an event has just named.
    pub fn new((machine_id, run_id): RunKey, touched: Timestamp) -> Self {
        Self {
            machine_id,
            run_id,
            session_id: SessionId::default(),
            agent_id: AgentId::default(),
            home: Home::default(),
            life: Life::Unseen,
            created_at: Timestamp::MAX,
            last_event_id: EventId::default(),
            usage: Totals::default(),
            model: None,
            tool_calls: 0,
            failed_tool_calls: 0,
            details: None,
            details_gone: false,
            touched,
        }
    }

    /// The key of its session.
    pub fn session_key(&self) -> SessionKey {
        (self.machine_id.clone(), self.session_id.clone())
    }

    /// The key of its agent.
    pub fn agent_key(&self) -> AgentKey {
        (self.machine_id.clone(), self.home.clone(), self.agent_id.clone())
    }
}

impl Row for Run {
    type Key = RunKey;
    fn key(&self) -> RunKey {
        (self.machine_id.clone(), self.run_id.clone())
    }
}
