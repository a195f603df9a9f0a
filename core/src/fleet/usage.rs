//! Tokens and cost: totals that outlive the runs that made them (design §7).

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::table::Row;
use crate::event::payload::ModelUsage;
use crate::ids::{AgentId, Home, MachineId};
use crate::money::NanoUsd;
use crate::time::{DAY, HOUR, Timestamp};

/// Hours that are kept apart.
pub const HOURS_KEPT: i64 = 48;
/// Days that are kept apart.
pub const DAYS_KEPT: i64 = 32;

/// A sum of model calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
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
    /// Cost.
    pub cost: NanoUsd,
}

impl Totals {
    /// One model call. Missing numbers count as 0, negative ones too (contract §4.9).
    pub fn of(usage: &ModelUsage<'_>) -> Self {
        // `as` maps NaN and negative numbers to 0 and large ones to the bound.
        let tokens = |n: Option<f64>| n.unwrap_or(0.0) as u64;
        let (input, output) = (tokens(usage.input_tokens), tokens(usage.output_tokens));
        Self {
            calls: 1,
            input_tokens: input,
            output_tokens: output,
            total_tokens: usage.total_tokens.map_or(input.saturating_add(output), |n| n as u64),
            cache_read_tokens: tokens(usage.cache_read_tokens),
            cache_write_tokens: tokens(usage.cache_write_tokens),
            cost: NanoUsd::from_dollars(usage.estimated_cost_usd.unwrap_or(0.0).max(0.0)),
        }
    }

    /// Adds another sum.
    pub fn add(&mut self, other: &Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.total_tokens = self.total_tokens.saturating_add(other.total_tokens);
        self.cache_read_tokens = self.cache_read_tokens.saturating_add(other.cache_read_tokens);
        self.cache_write_tokens = self.cache_write_tokens.saturating_add(other.cache_write_tokens);
        self.cost = self.cost.plus(other.cost);
    }
}

/// Totals by UTC hour, by UTC day, and since ever.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// Since ever.
    pub lifetime: Totals,
    /// By hour since 1970, ascending; the last [`HOURS_KEPT`].
    pub hours: Vec<(i64, Totals)>,
    /// By day since 1970, ascending; the last [`DAYS_KEPT`].
    pub days: Vec<(i64, Totals)>,
}

impl Ledger {
    /// Books one sum at `at`; `log_time` decides what is still kept apart.
    pub fn book(&mut self, at: Timestamp, log_time: Timestamp, sum: &Totals) {
        self.lifetime.add(sum);
        book(
            &mut self.hours,
            at.millis().div_euclid(HOUR),
            log_time.millis().div_euclid(HOUR) - HOURS_KEPT,
            sum,
        );
        book(&mut self.days, at.millis().div_euclid(DAY), log_time.millis().div_euclid(DAY) - DAYS_KEPT, sum);
    }

    /// The cost of the hours that began within the 24 h before `log_time`.
    pub fn last_24_h(&self, log_time: Timestamp) -> NanoUsd {
        let first = log_time.millis().div_euclid(HOUR) - 24;
        self.hours
            .iter()
            .filter(|(hour, _)| *hour > first)
            .fold(NanoUsd::ZERO, |sum, (_, t)| sum.plus(t.cost))
    }
}

/// Adds to the bucket, and drops the buckets up to and including `oldest`.
fn book(buckets: &mut Vec<(i64, Totals)>, bucket: i64, oldest: i64, sum: &Totals) {
    let stale = buckets.partition_point(|(b, _)| *b <= oldest);
    buckets.drain(..stale);
    if bucket <= oldest {
        return;
    }
    match buckets.binary_search_by_key(&bucket, |(b, _)| *b) {
        Ok(i) => buckets[i].1.add(sum),
        Err(i) => buckets.insert(i, (bucket, *sum)),
    }
}

/// What a row of usage is kept for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageKey {
    /// The machine.
    pub machine_id: MachineId,
    /// The home, or empty.
    pub home: Home,
    /// The agent, or empty where it is not known.
    pub agent_id: AgentId,
    /// The model's provider.
    pub provider: SmolStr,
    /// The model.
    pub model: SmolStr,
}

impl UsageKey {
    /// What a machine's usage is booked on that has no row of its own; the least of the machine's keys.
    pub(super) fn nameless(machine_id: MachineId) -> Self {
        Self {
            machine_id,
            home: Home::default(),
            agent_id: AgentId::default(),
            provider: SmolStr::default(),
            model: SmolStr::default(),
        }
    }
}

/// The usage of one agent with one model.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UsageRow {
    /// Whose usage.
    pub key: UsageKey,
    /// How much.
    pub ledger: Ledger,
}

impl Row for UsageRow {
    type Key = UsageKey;
    fn key(&self) -> UsageKey {
        self.key.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_age_out_and_the_lifetime_stays() {
        let sum = Totals { calls: 1, cost: NanoUsd(5), ..Totals::default() };
        let mut ledger = Ledger::default();
        let start = Timestamp::from_millis(1_700_000_000_000);
        for hour in 0..100 {
            let at = start.plus(hour * HOUR);
            ledger.book(at, at, &sum);
        }
        assert_eq!(ledger.hours.len(), HOURS_KEPT as usize);
        assert!((5..=6).contains(&ledger.days.len()), "100 hours are spread over so many days");
        assert_eq!(ledger.lifetime.calls, 100);
        assert_eq!(ledger.last_24_h(start.plus(99 * HOUR)), NanoUsd(24 * 5));
        ledger.book(start, start.plus(99 * HOUR), &sum);
        assert_eq!(ledger.lifetime.calls, 101, "old usage counts in the lifetime total");
        assert_eq!(ledger.hours.len(), HOURS_KEPT as usize, "and not in the hours");
    }

    #[test]
    fn odd_numbers_count_as_nothing() {
        let usage: ModelUsage<'_> = serde_json::from_str(
            r#"{"machineId":"m","runId":"r","provider":"p","model":"m","inputTokens":-4,"outputTokens":"x","estimatedCostUsd":null}"#,
        )
        .unwrap();
        assert_eq!(Totals::of(&usage), Totals { calls: 1, ..Totals::default() });
        let usage: ModelUsage<'_> = serde_json::from_str(
            r#"{"machineId":"m","runId":"r","provider":"p","model":"m","totalTokens":-4,"estimatedCostUsd":-0.5}"#,
        )
        .unwrap();
        assert_eq!(Totals::of(&usage), Totals { calls: 1, ..Totals::default() }, "nobody is paid for a call");
    }
}
