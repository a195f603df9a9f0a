//! Sums and gauges over time.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::Sum;
use crate::event::payload::Gauges;
use crate::fleet::snapshot::HealthWord;
use crate::ids::{AgentId, Home, MachineId};
use crate::time::Timestamp;

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
    /// Why nothing is estimated, if the price table cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices_fault: Option<String>,
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
    /// What those would have cost by the price table, US dollars; absent if it has a price of none of them. Never part of
    /// `costUsd`.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "estimatedCostUsd")]
    pub estimated_cost_usd: Option<f64>,
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
