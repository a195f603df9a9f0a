//! The payloads of the contract's 11 types (contract §4), read from the payload's text.
//!
//! One set of types serves validation and the fold: a required field here is one that the contract's validator checks
//! (column "chk"); everything else is read leniently, so that an odd additive field neither rejects an event nor stops
//! the fold. The words of enums stay text: they are checked where they are folded (design §18.4). Fields marked *ours*
//! are additive, sent by our own bridge.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Text that borrows from the payload where it has no escapes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Text<'a>(pub Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// Reads a field that nobody checks: what has another type than `T` counts as absent.
pub(crate) fn lenient<'de: 'a, 'a, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'a>,
{
    let raw = <&'de RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok())
}

macro_rules! payload {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$rdoc:meta])* $req:ident: $rty:ty,)*
        ;
        $($(#[$odoc:meta])* $opt:ident: $oty:ty,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Debug, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name<'a> {
            /// The machine, where the payload names it; it must then equal the envelope's (contract §3.2, check 11).
            #[serde(borrow, default, deserialize_with = "lenient")]
            pub machine_id: Option<Text<'a>>,
            $($(#[$rdoc])* pub $req: $rty,)*
            $($(#[$odoc])* #[serde(default, deserialize_with = "lenient")] pub $opt: Option<$oty>,)*
        }
    };
}

/// `machine.registered`: a bridge has started (contract §4.1). `machineId` is required
/// too, and equals the envelope's.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineRegistered<'a> {
    /// The machine.
    #[serde(borrow)]
    pub machine_id: Text<'a>,
    /// The machine's name as its bridge tells it.
    #[serde(borrow)]
    pub name: Text<'a>,
    /// `local` or `vps`.
    #[serde(borrow)]
    pub kind: Text<'a>,
    /// `online`, `offline` or `degraded`.
    #[serde(borrow)]
    pub status: Text<'a>,
    /// When the bridge started.
    #[serde(borrow)]
    pub registered_at: Text<'a>,
    /// *Ours:* the bridge's version.
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub bridge_version: Option<Text<'a>>,
}

/// The gauges of a heartbeat (contract §4.2). Bytes are used bytes; percentages run from 0 to 100.
#[derive(Clone, Copy, PartialEq, Debug, Default, Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gauges {
    /// Busy share of all cores, 0–100.
    pub cpu_pct: f64,
    /// Memory in use, bytes.
    pub memory_bytes: f64,
    /// Memory in use, 0–100.
    pub memory_pct: f64,
    /// Memory in all, bytes.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub memory_total_bytes: Option<f64>,
    /// Received since boot, bytes.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub net_rx_bytes: Option<f64>,
    /// Sent since boot, bytes.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub net_tx_bytes: Option<f64>,
    /// Disk in use, bytes.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub disk_usage_bytes: Option<f64>,
    /// Disk in all, bytes.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub disk_total_bytes: Option<f64>,
    /// Disk in use, 0–100.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub disk_pct: Option<f64>,
}

impl Gauges {
    /// How many there are.
    pub const COUNT: usize = 9;

    /// All of them, in the order of the fields. The first three are always told.
    pub const fn values(&self) -> [Option<f64>; Self::COUNT] {
        [
            Some(self.cpu_pct),
            Some(self.memory_bytes),
            Some(self.memory_pct),
            self.memory_total_bytes,
            self.net_rx_bytes,
            self.net_tx_bytes,
            self.disk_usage_bytes,
            self.disk_total_bytes,
            self.disk_pct,
        ]
    }

    /// The gauges that have these [values](Self::values); one of the first three that is missing is 0.
    pub fn of_values(values: &[Option<f64>; Self::COUNT]) -> Self {
        let [cpu, memory, memory_pct, memory_total, net_rx, net_tx, disk_usage, disk_total, disk_pct] =
            *values;
        Self {
            cpu_pct: cpu.unwrap_or_default(),
            memory_bytes: memory.unwrap_or_default(),
            memory_pct: memory_pct.unwrap_or_default(),
            memory_total_bytes: memory_total,
            net_rx_bytes: net_rx,
            net_tx_bytes: net_tx,
            disk_usage_bytes: disk_usage,
            disk_total_bytes: disk_total,
            disk_pct,
        }
    }
}

/// `machine.heartbeat`: status and gauges (contract §4.2).
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineHeartbeat<'a> {
    /// The machine.
    #[serde(borrow)]
    pub machine_id: Text<'a>,
    /// `online`, `offline` or `degraded`.
    #[serde(borrow)]
    pub status: Text<'a>,
    /// The gauges.
    pub resource: Gauges,
}

payload! {
    /// `agent.state.changed` (contract §4.3).
    AgentState {
        /// The agent.
        #[serde(borrow)] agent_id: Text<'a>,
        /// The state before; nobody relies on it.
        #[serde(borrow)] from: Text<'a>,
        /// The state now, a life-cycle state.
        #[serde(borrow)] to: Text<'a>,
        ;
        /// *Ours:* the home.
        #[serde(borrow)] home: Text<'a>,
    }
}

payload! {
    /// `session.state.changed` (contract §4.4).
    SessionState {
        /// The session.
        #[serde(borrow)] session_id: Text<'a>,
        /// The agent whose lane it is.
        #[serde(borrow)] agent_id: Text<'a>,
        /// The state before; nobody relies on it.
        #[serde(borrow)] from: Text<'a>,
        /// The state now, a life-cycle state.
        #[serde(borrow)] to: Text<'a>,
        ;
        /// *Ours:* the home.
        #[serde(borrow)] home: Text<'a>,
        /// *Ours:* OpenClaw's session key.
        #[serde(borrow)] session_key: Text<'a>,
        /// *Ours:* the channel that the lane talks through.
        #[serde(borrow)] channel: Text<'a>,
        /// *Ours:* the session key of the lane that spawned this one.
        #[serde(borrow)] parent_session_key: Text<'a>,
        /// *Ours:* when the lane began.
        #[serde(borrow)] session_started_at: Text<'a>,
    }
}

payload! {
    /// `run.state.changed` (contract §4.5).
    RunState {
        /// The run.
        #[serde(borrow)] run_id: Text<'a>,
        /// The session that it belongs to.
        #[serde(borrow)] session_id: Text<'a>,
        /// The agent that runs.
        #[serde(borrow)] agent_id: Text<'a>,
        /// The state before; nobody relies on it.
        #[serde(borrow)] from: Text<'a>,
        /// The state now, a life-cycle state.
        #[serde(borrow)] to: Text<'a>,
        ;
        /// Why it failed.
        #[serde(borrow)] reason: Text<'a>,
        /// *Ours:* the home.
        #[serde(borrow)] home: Text<'a>,
        /// *Ours:* OpenClaw's session key.
        #[serde(borrow)] session_key: Text<'a>,
    }
}

payload! {
    /// `run.log.emitted` (contract §4.6).
    RunLog {
        /// The line's id.
        #[serde(borrow)] log_entry_id: Text<'a>,
        /// The run.
        #[serde(borrow)] run_id: Text<'a>,
        /// The session.
        #[serde(borrow)] session_id: Text<'a>,
        /// A severity.
        #[serde(borrow)] level: Text<'a>,
        /// The line.
        #[serde(borrow)] message: Text<'a>,
        /// When it was written.
        #[serde(borrow)] ts: Text<'a>,
        ;
    }
}

payload! {
    /// `run.tool.started` (contract §4.7).
    ToolStarted {
        /// The run.
        #[serde(borrow)] run_id: Text<'a>,
        /// The call.
        #[serde(borrow)] tool_call_id: Text<'a>,
        /// The tool.
        #[serde(borrow)] tool_name: Text<'a>,
        /// When it began.
        #[serde(borrow)] started_at: Text<'a>,
        ;
        /// *Ours:* the session.
        #[serde(borrow)] session_id: Text<'a>,
        /// *Ours:* the agent.
        #[serde(borrow)] agent_id: Text<'a>,
        /// *Ours:* the home.
        #[serde(borrow)] home: Text<'a>,
    }
}

payload! {
    /// `run.tool.completed` (contract §4.8).
    ToolCompleted {
        /// The run.
        #[serde(borrow)] run_id: Text<'a>,
        /// The call.
        #[serde(borrow)] tool_call_id: Text<'a>,
        /// The tool.
        #[serde(borrow)] tool_name: Text<'a>,
        /// `completed`, `failed` or `cancelled`; any other word counts as cancelled (contract §6.4).
        #[serde(borrow)] status: Text<'a>,
        /// How long it took, ms.
        duration_ms: f64,
        /// Whether it did what it was to do.
        success: bool,
        ;
        /// What went wrong.
        #[serde(borrow)] error_message: Text<'a>,
        /// *Ours:* the exit code of a command.
        exit_code: i64,
        /// *Ours:* the session.
        #[serde(borrow)] session_id: Text<'a>,
        /// *Ours:* the agent.
        #[serde(borrow)] agent_id: Text<'a>,
        /// *Ours:* the home.
        #[serde(borrow)] home: Text<'a>,
    }
}

payload! {
    /// `gateway.log`, *ours*: a line of the gateway that belongs to no run.
    GatewayLog {
        /// A severity.
        #[serde(borrow)] level: Text<'a>,
        /// The line.
        #[serde(borrow)] message: Text<'a>,
        ;
        /// When it was written.
        #[serde(borrow)] ts: Text<'a>,
        /// The session that it is about.
        #[serde(borrow)] session_id: Text<'a>,
        /// The agent that it is about.
        #[serde(borrow)] agent_id: Text<'a>,
    }
}

/// `run.model.usage`: one model call's tokens and cost, as increments (contract §4.9).
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelUsage<'a> {
    /// The machine.
    #[serde(borrow)]
    pub machine_id: Text<'a>,
    /// The run.
    #[serde(borrow)]
    pub run_id: Text<'a>,
    /// The model's provider.
    #[serde(borrow)]
    pub provider: Text<'a>,
    /// The model.
    #[serde(borrow)]
    pub model: Text<'a>,
    /// Tokens read; missing counts as 0.
    #[serde(default, deserialize_with = "lenient")]
    pub input_tokens: Option<f64>,
    /// Tokens written; missing counts as 0.
    #[serde(default, deserialize_with = "lenient")]
    pub output_tokens: Option<f64>,
    /// Tokens in all; missing counts as the sum of the two.
    #[serde(default, deserialize_with = "lenient")]
    pub total_tokens: Option<f64>,
    /// Dollars.
    #[serde(default, deserialize_with = "lenient")]
    pub estimated_cost_usd: Option<f64>,
    /// *Ours:* tokens read from the provider's cache.
    #[serde(default, deserialize_with = "lenient")]
    pub cache_read_tokens: Option<f64>,
    /// *Ours:* tokens written to the provider's cache.
    #[serde(default, deserialize_with = "lenient")]
    pub cache_write_tokens: Option<f64>,
    /// *Ours:* the session.
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub session_id: Option<Text<'a>>,
    /// *Ours:* the agent.
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub agent_id: Option<Text<'a>>,
    /// *Ours:* the home.
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub home: Option<Text<'a>>,
}

/// `run.resource.usage`: what a run takes of its machine (contract §4.10).
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceUsage<'a> {
    /// The machine.
    #[serde(borrow)]
    pub machine_id: Text<'a>,
    /// Busy share of all cores, 0–100.
    pub cpu_pct: f64,
    /// Memory in use, bytes.
    pub memory_bytes: f64,
    /// Memory in use, 0–100.
    pub memory_pct: f64,
    /// The run.
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub run_id: Option<Text<'a>>,
}

/// `trace.span.recorded` (contract §4.11).
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Span<'a> {
    /// The span.
    #[serde(borrow)]
    pub id: Text<'a>,
    /// The trace that it belongs to.
    #[serde(borrow)]
    pub trace_id: Text<'a>,
    /// The machine.
    #[serde(borrow)]
    pub machine_id: Text<'a>,
    /// What was done.
    #[serde(borrow)]
    pub name: Text<'a>,
    /// The span that it is part of.
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub parent_span_id: Option<Text<'a>>,
    /// The run.
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub run_id: Option<Text<'a>>,
    /// `internal`, `client`, `server`, `producer` or `consumer`.
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub kind: Option<Text<'a>>,
    /// When it began.
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub started_at: Option<Text<'a>>,
    /// When it ended.
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub ended_at: Option<Text<'a>>,
    /// `ok`, `error` or `unset`.
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub status: Option<Text<'a>>,
}

/// All that is checked of a payload whose type has no required fields of its own: that it is an object, and which
/// machine it names.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnyObject<'a> {
    /// The machine, where the payload names one.
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub machine_id: Option<Text<'a>>,
}
