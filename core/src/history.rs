//! What `/history/…` answers (design §8): shared by the control plane, which makes it, and the page, which shows it.
//!
//! Fields without a value are absent. Times are the sources' own (`occurred_at`), but never later than when they were taken.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::event::Severity;
use crate::event::payload::Gauges;
use crate::fleet::details::{Peaks, ToolStatus};
use crate::fleet::lifecycle::LifeState;
use crate::fleet::rows::Status;
use crate::fleet::snapshot::HealthWord;
use crate::fleet::usage::Totals;
use crate::ids::{AgentId, EventId, Home, MachineId, RunId, SessionId, ToolCallId};
use crate::time::Timestamp;

/// How far history is: it follows the log by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// The last position that is in it.
    pub position: u64,
    /// Positions of the log that are not in it yet.
    pub behind: u64,
    /// It is being made anew from the log: what is older than `position` is complete, the rest comes.
    pub rebuilding: bool,
}

/// Any answer, with how far history was.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Answer<T> {
    /// The answer itself.
    #[serde(flatten)]
    pub answer: T,
    /// How far history was.
    #[serde(flatten)]
    pub progress: Progress,
}

/// Some rows of a list, newest first.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// What `cursor=` takes for the next page; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Tokens and cost.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sum {
    /// Model calls.
    pub calls: u64,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Tokens in all.
    pub total_tokens: u64,
    /// Tokens read from the provider's cache.
    pub cache_read_tokens: u64,
    /// Tokens written to the provider's cache.
    pub cache_write_tokens: u64,
    /// Dollars, as reported.
    pub cost_usd: f64,
}

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

/// A run, step by step: what a waterfall is drawn from.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Timeline {
    /// The run.
    pub run: RunItem,
    /// Other machines have a run of this id; this is the one that was updated last.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ambiguous: bool,
    /// By start, then by end.
    pub steps: Vec<Step>,
    /// There is more than is shown of a kind.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// A step of a run. Those that are going on have no end.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// When it began.
    pub start: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    /// How long it took, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<f64>,
    /// What it was.
    #[serde(flatten)]
    pub what: What,
}

/// What a step was.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum What {
    /// The run was told to be in a state; it lasts until the next.
    State {
        /// The state.
        state: LifeState,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<SmolStr>,
    },
    /// A model was called. Only its end is told: it is drawn from the end of what was before it.
    ModelCall {
        /// The provider.
        provider: SmolStr,
        /// The model.
        model: SmolStr,
        /// Tokens and cost.
        usage: Sum,
    },
    /// A tool was called.
    ToolCall {
        /// The call's id.
        tool_call_id: ToolCallId,
        /// The tool.
        tool_name: SmolStr,
        /// How it went.
        status: ToolStatus,
        /// Whether it did what it was to do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        success: Option<bool>,
        /// What went wrong.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<SmolStr>,
        /// The exit code of a command.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit_code: Option<i64>,
    },
    /// Nothing that is known of went on.
    Wait {
        /// The state meanwhile.
        state: LifeState,
    },
    /// A run of a session that this run's session spawned.
    SubAgent {
        /// The run.
        run: Box<RunItem>,
    },
    /// A log line of level `error` or `critical`.
    Error {
        /// Its place in the log.
        position: u64,
        /// Its level.
        level: Severity,
        /// The line.
        message: SmolStr,
    },
    /// A span of the run's trace.
    Span {
        /// The span's id.
        id: SmolStr,
        /// The span that it is part of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_span_id: Option<SmolStr>,
        /// What was done.
        name: SmolStr,
        /// `internal`, `client`, `server`, `producer` or `consumer`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        span_kind: Option<SmolStr>,
        /// `ok`, `error` or `unset`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<SmolStr>,
    },
}

/// What usage is told apart by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UsageBy {
    /// The machine.
    Machine,
    /// The agent, on its machine and in its home.
    Agent,
    /// The provider and model.
    Model,
    /// The channel of the session.
    Channel,
}

/// The length of a bucket of usage.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UsageBucket {
    /// An hour of the zone's clock.
    Hour,
    /// A day of the zone's calendar: 23, 24 or 25 hours.
    Day,
}

/// Tokens and cost over time.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// What they are told apart by.
    pub by: UsageBy,
    /// The length of a bucket.
    pub bucket: UsageBucket,
    /// The zone whose hours and days the buckets are.
    pub tz: String,
    /// Where the first bucket begins: at or before what was asked for.
    pub from: Timestamp,
    /// Where the last one ends.
    pub to: Timestamp,
    /// Whether each bucket is exactly its hour or day. Sums are kept by quarter of an hour of UTC; a zone that was off by
    /// something else (before 1972, mostly) has buckets that begin up to 15 minutes early.
    pub exact: bool,
    /// The most tokens first. Those beyond the 200th are summed up in the last one.
    pub series: Vec<UsageSeries>,
}

/// The usage of one machine, agent, model or channel.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageSeries {
    /// With `by` machine and agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_id: Option<MachineId>,
    /// With `by` agent, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<Home>,
    /// With `by` agent; empty where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<AgentId>,
    /// With `by` model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<SmolStr>,
    /// With `by` model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<SmolStr>,
    /// With `by` channel; empty where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<SmolStr>,
    /// It stands for all that are not shown apart.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub others: bool,
    /// The sum of all buckets.
    pub total: Booked,
    /// By start, those in which there was any.
    pub buckets: Vec<UsagePoint>,
}

/// One bucket.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct UsagePoint {
    /// Where it begins.
    pub start: Timestamp,
    /// What was used in it.
    #[serde(flatten)]
    pub booked: Booked,
}

/// What was used, and how much of it has no known cost.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Booked {
    /// By all calls.
    #[serde(flatten)]
    pub all: Sum,
    /// By those whose cost was reported as 0 or not at all; what a price table can estimate.
    pub unpriced: Sum,
}

/// A machine's gauges over time.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Series {
    /// The machine.
    pub machine_id: MachineId,
    /// Where the first bucket begins.
    pub from: Timestamp,
    /// Where the last one ends.
    pub to: Timestamp,
    /// The length of a bucket, ms.
    pub bucket_ms: i64,
    /// By start. Buckets without heartbeats are absent: a gap is a gap.
    pub points: Vec<SeriesPoint>,
}

/// One bucket of a machine's gauges.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SeriesPoint {
    /// Where it begins.
    pub start: Timestamp,
    /// Its heartbeats.
    pub n: u64,
    /// The least of each gauge.
    pub min: Gauges,
    /// The mean of each gauge, over the heartbeats that told it.
    pub mean: Gauges,
    /// The greatest of each gauge.
    pub max: Gauges,
}

/// The moment rail: how much happened when, by the control plane's own time.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Density {
    /// Where the first bucket begins: at or before what was asked for.
    pub from: Timestamp,
    /// Where the last one ends.
    pub to: Timestamp,
    /// The length of a bucket, ms: whole minutes, hours or days.
    pub bucket_ms: i64,
    /// All of them, by start.
    pub buckets: Vec<DensityBucket>,
}

/// One bucket of the rail.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DensityBucket {
    /// Where it begins.
    pub start: Timestamp,
    /// Events that were taken.
    pub events: u64,
    /// Runs that failed, but for those that were told late.
    pub failures: u64,
    /// The fleet's worst health within it.
    pub worst: HealthWord,
}

impl From<&Totals> for Sum {
    fn from(totals: &Totals) -> Self {
        Self {
            calls: totals.calls,
            input_tokens: totals.input_tokens,
            output_tokens: totals.output_tokens,
            total_tokens: totals.total_tokens,
            cache_read_tokens: totals.cache_read_tokens,
            cache_write_tokens: totals.cache_write_tokens,
            cost_usd: totals.cost.dollars(),
        }
    }
}
