//! Tokens and models of each agent, from the fleet's own ledgers: by UTC hour for 48 h, by UTC day for 32 d.

use std::collections::HashMap;

use patze_core::fleet::usage::{Totals, UsageRow};
use patze_core::ids::AgentId;
use patze_core::time::{DAY, HOUR, Timestamp};
use smol_str::SmolStr;

use super::range::Range;
use crate::say::clock;

/// Hours of the line.
pub const HOURS: usize = 24;

/// An agent's tokens.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Used {
    /// By hour, the oldest first; the last one is the present.
    pub hours: [u64; HOURS],
    /// The model of its newest usage, as exactly as hours tell it.
    pub model: Option<SmolStr>,
    /// When that was, and how much: what a newer one is measured against.
    pub(super) newest: (i64, u64),
}

impl Used {
    /// The tokens of the day.
    pub fn total(&self) -> u64 {
        self.hours.iter().sum()
    }
}

/// The tokens of each agent by name, seen from `now`.
pub fn by_agent<'a>(rows: impl Iterator<Item = &'a UsageRow>, now: Timestamp) -> HashMap<AgentId, Used> {
    let this_hour = now.millis().div_euclid(HOUR);
    let first = this_hour - (HOURS as i64 - 1);
    let mut found: HashMap<AgentId, Used> = HashMap::new();
    for row in rows.filter(|row| !row.key.agent_id.is_empty()) {
        let used = found.entry(row.key.agent_id.clone()).or_default();
        for (hour, sum) in &row.ledger.hours {
            let at = usize::try_from(hour - first).ok();
            if let Some(tokens) = at.and_then(|at| used.hours.get_mut(at)) {
                *tokens = tokens.saturating_add(sum.total_tokens);
            }
        }
        let by_hour = row.ledger.hours.last().map(|(hour, sum)| (*hour, sum.total_tokens));
        let by_day = row.ledger.days.last().map(|(day, sum)| (*day * 24, sum.total_tokens));
        let newest = by_hour.or(by_day).unwrap_or((i64::MIN, 0));
        if !row.key.model.is_empty() && (used.model.is_none() || newest > used.newest) {
            (used.model, used.newest) = (Some(row.key.model.clone()), newest);
        }
    }
    found
}

/// What an agent used of a model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ModelUse {
    /// The provider.
    pub provider: SmolStr,
    /// The model.
    pub model: SmolStr,
    /// How much.
    pub totals: Totals,
}

/// The models of one agent in a range: what cost most first, then the most tokens. Today by hours, longer ranges by days of
/// UTC, as the ledgers have it.
pub fn by_model<'a>(
    rows: impl Iterator<Item = &'a UsageRow>,
    agent: &str,
    range: Range,
    now: Timestamp,
) -> Vec<ModelUse> {
    let first_hour = clock::day_begin(now).millis().div_euclid(HOUR);
    let first_day = now.millis().div_euclid(DAY) - (range.days() as i64 - 1);
    let mut found: Vec<ModelUse> = Vec::new();
    for row in rows.filter(|row| row.key.agent_id.as_str() == agent) {
        let (buckets, first) = match range {
            Range::Today => (&row.ledger.hours, first_hour),
            Range::Week | Range::Month => (&row.ledger.days, first_day),
        };
        let mut totals = Totals::default();
        buckets.iter().filter(|(bucket, _)| *bucket >= first).for_each(|(_, sum)| totals.add(sum));
        if totals.calls == 0 {
            continue;
        }
        let (provider, model) = (&row.key.provider, &row.key.model);
        match found.iter_mut().find(|known| known.provider == *provider && known.model == *model) {
            Some(known) => known.totals.add(&totals),
            None => found.push(ModelUse { provider: provider.clone(), model: model.clone(), totals }),
        }
    }
    found.sort_by_key(|used| std::cmp::Reverse((used.totals.cost, used.totals.total_tokens)));
    found
}

#[cfg(test)]
mod tests {
    use patze_core::fleet::usage::{Ledger, UsageKey};
    use patze_core::ids::{Home, MachineId};
    use patze_core::money::NanoUsd;

    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn row(machine: &str, model: &str, booked: &[(i64, u64)]) -> UsageRow {
        let now = Timestamp::from_millis(NOW);
        let mut ledger = Ledger::default();
        for (hours_ago, tokens) in booked {
            let sum = Totals {
                calls: 1,
                total_tokens: *tokens,
                cost: NanoUsd(i64::try_from(*tokens).unwrap()),
                ..Totals::default()
            };
            ledger.book(now.plus(-hours_ago * HOUR), now, &sum);
        }
        let key = UsageKey {
            machine_id: MachineId::new(machine),
            home: Home::default(),
            agent_id: AgentId::new("a"),
            provider: "p".into(),
            model: model.into(),
        };
        UsageRow { key, ledger }
    }

    #[test]
    fn hours_of_all_machines_are_added_and_the_newest_model_is_known() {
        let rows = [row("m", "old", &[(30, 900), (5, 10)]), row("n", "new", &[(5, 3), (0, 1)])];
        let used = &by_agent(rows.iter(), Timestamp::from_millis(NOW))[&AgentId::new("a")];
        assert_eq!((used.hours[23], used.hours[18], used.total()), (1, 13, 14));
        assert_eq!(used.model.as_deref(), Some("new"));
    }

    #[test]
    fn models_are_told_apart_in_a_range() {
        let rows =
            [row("m", "x", &[(240, 100), (1, 7)]), row("n", "x", &[(1, 1)]), row("n", "y", &[(48, 50)])];
        let models = |range| {
            by_model(rows.iter(), "a", range, Timestamp::from_millis(NOW))
                .iter()
                .map(|used| (used.model.to_string(), used.totals.total_tokens))
                .collect::<Vec<_>>()
        };
        assert_eq!(models(Range::Today), [("x".to_owned(), 8)]);
        assert_eq!(models(Range::Week), [("y".to_owned(), 50), ("x".to_owned(), 8)]);
        assert_eq!(models(Range::Month), [("x".to_owned(), 108), ("y".to_owned(), 50)]);
    }
}
