//! What agents cost by day, by name over all machines: from the sums of `/history/usage`.

use std::collections::HashMap;

use patze_core::history::Usage;
use patze_core::time::Timestamp;

use super::range::{DAYS, Range};
use crate::say::NONE;
use crate::views::overview::cost::Money;

/// What some calls cost.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Spend {
    /// The money.
    pub money: Money,
    /// The calls.
    pub calls: u64,
}

impl Spend {
    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self { money: self.money.plus(other.money), calls: self.calls + other.calls }
    }

    /// The figure; `–` where nothing was called.
    pub fn text(self) -> String {
        if self.calls == 0 { NONE.to_owned() } else { self.money.text() }
    }

    /// What the figure is made of.
    pub fn tip(self) -> Option<String> {
        if self.calls == 0 { Some("No model call".to_owned()) } else { self.money.tip() }
    }
}

/// An agent's days, the oldest first; the last one is today.
#[derive(Clone, PartialEq, Debug)]
pub struct Days(pub [Spend; DAYS]);

impl Default for Days {
    fn default() -> Self {
        Self([Spend::default(); DAYS])
    }
}

impl Days {
    /// The sum of a range.
    pub fn sum(&self, range: Range) -> Spend {
        self.of(range).iter().copied().fold(Spend::default(), Spend::plus)
    }

    /// The days of a range.
    pub fn of(&self, range: Range) -> &[Spend] {
        &self.0[DAYS - range.days()..]
    }
}

/// What all agents cost.
#[derive(PartialEq, Debug, Default)]
pub struct Spends {
    by_name: HashMap<String, Days>,
    /// All together, also those that are not told apart.
    pub all: Days,
    /// Whether there are some that are not told apart.
    pub has_others: bool,
}

impl Spends {
    /// Sums up an answer by the days that begin at `begins`.
    pub fn of(usage: &Usage, begins: &[Timestamp]) -> Self {
        let mut spends = Self::default();
        for series in &usage.series {
            let name = series.agent_id.as_ref().filter(|_| !series.others).map(ToString::to_string);
            spends.has_others |= series.others;
            for point in &series.buckets {
                let Some(day) = begins.partition_point(|begin| *begin <= point.start).checked_sub(1) else {
                    continue;
                };
                let spend = Spend { money: Money::of(&point.booked), calls: point.booked.all.calls };
                let add = |days: &mut Days| {
                    if let Some(sum) = days.0.get_mut(day) {
                        *sum = sum.plus(spend);
                    }
                };
                add(&mut spends.all);
                if let Some(name) = &name {
                    add(spends.by_name.entry(name.clone()).or_default());
                }
            }
        }
        spends
    }

    /// An agent's days.
    pub fn days(&self, name: &str) -> Option<&Days> {
        self.by_name.get(name)
    }

    /// The sum of a range of one agent.
    pub fn sum(&self, name: &str, range: Range) -> Spend {
        self.days(name).map_or_else(Spend::default, |days| days.sum(range))
    }
}

#[cfg(test)]
mod tests {
    use patze_core::history::{Booked, Sum, UsageBucket, UsageBy, UsagePoint, UsageSeries};
    use patze_core::ids::AgentId;

    use super::super::range::day_begins;
    use super::*;

    #[test]
    fn machines_of_one_name_are_added_and_days_told_apart() {
        let now = Timestamp::parse("2026-10-23T14:32:08Z").unwrap();
        let begins = day_begins(now);
        let point = |day: usize, cost: f64| UsagePoint {
            start: begins[day],
            booked: Booked { all: Sum { calls: 1, cost_usd: cost, ..Sum::default() }, ..Booked::default() },
        };
        let series = |name: &str, points: Vec<UsagePoint>| UsageSeries {
            agent_id: Some(AgentId::new(name)),
            buckets: points,
            ..UsageSeries::default()
        };
        let usage = Usage {
            by: UsageBy::Agent,
            bucket: UsageBucket::Day,
            tz: "UTC".to_owned(),
            from: begins[0],
            to: now,
            exact: true,
            prices_fault: None,
            series: vec![
                series("main", vec![point(DAYS - 1, 1.0), point(DAYS - 3, 2.0)]),
                series("main", vec![point(DAYS - 1, 0.5), point(0, 4.0)]),
                UsageSeries { others: true, buckets: vec![point(DAYS - 1, 8.0)], ..UsageSeries::default() },
            ],
        };
        let spends = Spends::of(&usage, &begins);
        let cost = |range| spends.sum("main", range).money.all();
        assert_eq!((cost(Range::Today), cost(Range::Week), cost(Range::Month)), (1.5, 3.5, 7.5));
        assert_eq!(spends.all.sum(Range::Today).money.all(), 9.5);
        assert!(spends.has_others);
        assert_eq!(spends.sum("nobody", Range::Month).text(), "–");
        assert_eq!(spends.sum("main", Range::Today).text(), "$1.50");
    }
}
