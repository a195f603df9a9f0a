//! The rows of lists.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::Sum;
use crate::event::Severity;
use crate::event::payload::Gauges;
use crate::fleet::details::Peaks;
use crate::fleet::lifecycle::LifeState;
use crate::fleet::rows::Status;
use crate::ids::{AgentId, EventId, Home, MachineId, RunId, SessionId};
use crate::time::Timestamp;

/// A machine.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineItem {
    /// Its id.
    pub machine_id: MachineId,
    /// The name to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SmolStr>,
    /// `local` or `vps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<SmolStr>,
    /// The last status that was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Since when it has that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Its last registration or heartbeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_at: Option<Timestamp>,
    /// When the control plane first heard of it.
    pub first_at: Timestamp,
    /// When it last did, of any type.
    pub updated_at: Timestamp,
    /// The gauges of its newest heartbeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_resource: Option<Gauges>,
    /// Paused by the user.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// Forgotten by the user, and not heard of since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forgotten: bool,
    /// The version of its bridge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge_version: Option<SmolStr>,
}

/// A session.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionItem {
    /// Its id.
    pub session_id: SessionId,
    /// Its machine.
    pub machine_id: MachineId,
    /// The agent whose lane it is.
    pub agent_id: AgentId,
    /// The home, where it is known.
    #[serde(default, skip_serializing_if = "Home::is_empty")]
    pub home: Home,
    /// Its state.
    pub state: LifeState,
    /// Its first event.
    pub created_at: Timestamp,
    /// The event that made its state.
    pub updated_at: Timestamp,
    /// Its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The last event that counted.
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
    /// Silent with an active run since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stalled_since: Option<Timestamp>,
    /// Its runs.
    pub total_runs: u64,
    /// Those that failed.
    pub failed_runs: u64,
    /// Tokens and cost.
    pub usage: Sum,
}

/// A run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunItem {
    /// Its id.
    pub run_id: RunId,
    /// Its machine.
    pub machine_id: MachineId,
    /// Its session.
    #[serde(default, skip_serializing_if = "SessionId::is_empty")]
    pub session_id: SessionId,
    /// The agent that runs.
    pub agent_id: AgentId,
    /// The home, where it is known.
    #[serde(default, skip_serializing_if = "Home::is_empty")]
    pub home: Home,
    /// Its state.
    pub state: LifeState,
    /// Its first event.
    pub created_at: Timestamp,
    /// The event that made its state.
    pub updated_at: Timestamp,
    /// Its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// From its first event to its end, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<SmolStr>,
    /// Its end was told more than 10 minutes late.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub backfilled: bool,
    /// The last event that counted.
    pub last_event_id: EventId,
    /// The provider of its newest model call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<SmolStr>,
    /// The model of that call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<SmolStr>,
    /// Tool calls.
    pub tool_calls: u32,
    /// Those that failed.
    pub failed_tool_calls: u32,
    /// Tokens and cost.
    pub usage: Sum,
    /// The most that it took of its machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peaks: Option<Peaks>,
}

/// A log line.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogItem {
    /// Its place in the log.
    pub position: u64,
    /// Its id.
    pub id: SmolStr,
    /// When it was written.
    pub ts: Timestamp,
    /// The machine.
    pub machine_id: MachineId,
    /// The run; absent for a line of the gateway.
    #[serde(default, skip_serializing_if = "RunId::is_empty")]
    pub run_id: RunId,
    /// The session.
    #[serde(default, skip_serializing_if = "SessionId::is_empty")]
    pub session_id: SessionId,
    /// The agent of the run.
    #[serde(default, skip_serializing_if = "AgentId::is_empty")]
    pub agent_id: AgentId,
    /// How much it matters.
    pub level: Severity,
    /// The line, cut.
    pub message: SmolStr,
    /// Whether more of it stands in the log.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// The part of the line around what was searched for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<Piece>,
}

/// A piece of a line, found or between what was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Piece {
    /// The text.
    pub text: String,
    /// Whether it is what was searched for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hit: bool,
}
