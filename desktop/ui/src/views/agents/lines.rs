//! The lines of the table: agents grouped by name over machines and homes, what each does and costs, in the chosen order.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use patze_core::fleet::rows::Agent;
use patze_core::ids::AgentId;
use patze_core::time::{HOUR, Timestamp};
use smol_str::SmolStr;

use super::book::Book;
use super::doing::Doing;
use super::range::Range;
use super::sort::{By, Sort};
use super::spend::{Spend, Spends};
use super::tokens::{HOURS, Used};
use crate::fleet::Reading;
use crate::say::word::State;

/// What the order depends on.
pub struct Summary<'a> {
    /// The name.
    pub name: &'a AgentId,
    /// The agents of this name.
    pub agents: Vec<&'a Agent>,
    /// What it does.
    pub doing: Doing,
    /// Runs of a day.
    pub runs: usize,
    /// Of those, the ones that failed.
    pub failed: usize,
    /// Tokens of a day.
    pub tokens: u64,
    /// What today cost.
    pub today: Spend,
    /// What the range cost.
    pub cost: Spend,
    /// When it was last heard of.
    pub last: Timestamp,
    /// Since when nothing is known of it, if all its machines are silent.
    pub silent_from: Option<Timestamp>,
}

/// A line of the table.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    /// The name.
    pub name: AgentId,
    /// The model that it used last.
    pub model: Option<SmolStr>,
    /// What it does.
    pub doing: Doing,
    /// The names of its machines.
    pub machines: Vec<String>,
    /// Runs of a day.
    pub runs: usize,
    /// Of those, the ones that failed.
    pub failed: usize,
    /// Tokens by hour; none where nothing is known.
    pub hours: Vec<Option<f64>>,
    /// Tokens of a day.
    pub tokens: u64,
    /// What today cost; none while that is awaited.
    pub today: Option<Spend>,
    /// What the range cost; none while that is awaited.
    pub cost: Option<Spend>,
    /// When it was last heard of.
    pub last: Timestamp,
    /// All its machines are silent.
    pub silent: bool,
}

/// The agents of a fleet, each name once, in the order of names.
pub fn summaries<'a>(
    reading: &'a Reading,
    book: &mut Book,
    tokens: &HashMap<AgentId, Used>,
    spends: &Spends,
    range: Range,
) -> Vec<Summary<'a>> {
    let facts = reading.fleet.facts();
    let mut groups: BTreeMap<&AgentId, Vec<&Agent>> = BTreeMap::new();
    for agent in facts.agents.iter() {
        groups.entry(&agent.agent_id).or_default().push(agent);
    }
    // Silent, by its own state or because it was never heard of.
    let last_heard = |agent: &Agent| {
        let pulse = facts.machines.get(&agent.machine_id).and_then(|machine| machine.pulse.as_ref());
        (reading.machine_state(&agent.machine_id) == State::Down)
            .then(|| pulse.map(|pulse| pulse.last_seen_at))
            .flatten()
    };
    let summary = |(name, agents): (&'a AgentId, Vec<&'a Agent>)| {
        let silent_from = agents
            .iter()
            .map(|agent| last_heard(agent))
            .collect::<Option<Vec<_>>>()
            .and_then(|heard| heard.into_iter().max());
        let active =
            book.active(name).map(|(key, state)| (state, reading.machine_state(&key.0) == State::Down));
        let doing = Doing::of(active, silent_from.is_some());
        let day = book.day(name);
        Summary {
            doing,
            runs: day.runs,
            failed: day.failed,
            tokens: tokens.get(name).map_or(0, Used::total),
            today: spends.sum(name.as_str(), Range::Today),
            cost: spends.sum(name.as_str(), range.column()),
            last: agents.iter().map(|agent| agent.last_seen_at).max().unwrap_or(Timestamp::MIN),
            silent_from,
            name,
            agents,
        }
    };
    groups.into_iter().map(summary).collect()
}

/// Puts them in order; equal ones stay in the order of their names.
pub fn sort(summaries: &mut [Summary<'_>], sort: Sort) {
    let money = |a: Spend, b: Spend| a.money.all().total_cmp(&b.money.all()).then(a.calls.cmp(&b.calls));
    let compare = |a: &Summary<'_>, b: &Summary<'_>| match sort.by {
        By::Name => a.name.cmp(b.name),
        By::Doing => a.doing.cmp(&b.doing),
        By::Runs => a.runs.cmp(&b.runs),
        By::Tokens => a.tokens.cmp(&b.tokens),
        By::Today => money(a.today, b.today),
        By::Cost => money(a.cost, b.cost),
        By::Active => a.last.cmp(&b.last),
    };
    let turned = |order: Ordering| if sort.is_descending() { order.reverse() } else { order };
    summaries.sort_by(|a, b| turned(compare(a, b)).then_with(|| a.name.cmp(b.name)));
}

/// Puts them in the order that `held` has; those that it does not know come last, as they are.
pub fn hold(summaries: &mut [Summary<'_>], held: &[AgentId]) {
    let places: HashMap<&AgentId, usize> =
        held.iter().enumerate().map(|(place, name)| (name, place)).collect();
    summaries.sort_by_key(|summary| places.get(summary.name).copied().unwrap_or(usize::MAX));
}

/// The line of a summary. `priced` tells whether costs are known.
pub fn line(
    reading: &Reading,
    summary: &Summary<'_>,
    used: Option<&Used>,
    priced: bool,
    now: Timestamp,
) -> Rc<Line> {
    let mut machines: Vec<String> =
        summary.agents.iter().map(|agent| reading.machine_name(&agent.machine_id)).collect();
    machines.sort_unstable();
    machines.dedup();
    Rc::new(Line {
        name: summary.name.clone(),
        model: used.and_then(|used| used.model.clone()),
        doing: summary.doing,
        machines,
        runs: summary.runs,
        failed: summary.failed,
        hours: hours(used, summary.silent_from, now),
        tokens: summary.tokens,
        today: priced.then_some(summary.today),
        cost: priced.then_some(summary.cost),
        last: summary.last,
        silent: summary.silent_from.is_some(),
    })
}

/// The hours of the line; nothing is known of those that began after the last machine fell silent.
fn hours(used: Option<&Used>, silent_from: Option<Timestamp>, now: Timestamp) -> Vec<Option<f64>> {
    let this_hour = now.millis().div_euclid(HOUR);
    let silent_hour = silent_from.map_or(i64::MAX, |at| at.millis().div_euclid(HOUR));
    let none = [0; HOURS];
    let tokens = used.map_or(&none, |used| &used.hours);
    let first = this_hour - (HOURS as i64 - 1);
    (first..).zip(tokens).map(|(hour, tokens)| (hour <= silent_hour).then_some(*tokens as f64)).collect()
}

/// How many do what, in the order of the words: "3 active, 1 waiting".
pub fn counted(summaries: &[Summary<'_>]) -> String {
    let mut counts: BTreeMap<Doing, usize> = BTreeMap::new();
    for summary in summaries {
        *counts.entry(summary.doing).or_default() += 1;
    }
    counts.into_iter().map(|(doing, n)| format!("{n} {}", doing.counted())).collect::<Vec<_>>().join(", ")
}

/// The order of names, to be held.
pub fn order(summaries: &[Summary<'_>]) -> Vec<AgentId> {
    summaries.iter().map(|summary| summary.name.clone()).collect()
}

/// The sums of all lines.
#[derive(Clone, PartialEq, Debug)]
pub struct Totals {
    /// Agents.
    pub agents: usize,
    /// Runs of a day.
    pub runs: usize,
    /// Of those, the ones that failed.
    pub failed: usize,
    /// Tokens of a day.
    pub tokens: u64,
    /// What today cost.
    pub today: Option<Spend>,
    /// What the range cost.
    pub cost: Option<Spend>,
}

impl Totals {
    /// The sums; costs have also those that are not told apart, and agents that have left.
    pub fn of(summaries: &[Summary<'_>], spends: &Spends, range: Range, priced: bool) -> Self {
        Self {
            agents: summaries.len(),
            runs: summaries.iter().map(|summary| summary.runs).sum(),
            failed: summaries.iter().map(|summary| summary.failed).sum(),
            tokens: summaries.iter().map(|summary| summary.tokens).sum(),
            today: priced.then(|| spends.all.sum(Range::Today)),
            cost: priced.then(|| spends.all.sum(range.column())),
        }
    }
}

/// The one to show first where none is chosen, and the one to show in full.
pub fn chosen<'a, 'b>(summaries: &'b [Summary<'a>], name: &str) -> Option<&'b Summary<'a>> {
    if name.is_empty() {
        return summaries.first();
    }
    summaries.iter().find(|summary| summary.name.as_str() == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::overview::cost::Money;

    fn summary(name: &AgentId, doing: Doing, runs: usize, cost: f64) -> Summary<'_> {
        let spend = Spend { money: Money { told: cost, ..Money::default() }, calls: u64::from(cost > 0.0) };
        Summary {
            name,
            agents: Vec::new(),
            doing,
            runs,
            failed: 0,
            tokens: 0,
            today: Spend::default(),
            cost: spend,
            last: Timestamp::EPOCH,
            silent_from: None,
        }
    }

    fn names(summaries: &[Summary<'_>]) -> Vec<String> {
        summaries.iter().map(|summary| summary.name.to_string()).collect()
    }

    #[test]
    fn what_costs_most_comes_first_and_equal_ones_by_name() {
        let ids = ["a", "b", "c"].map(AgentId::new);
        let mut all = vec![
            summary(&ids[2], Doing::Idle, 5, 0.0),
            summary(&ids[1], Doing::Active, 1, 0.0),
            summary(&ids[0], Doing::Unknown, 3, 2.0),
        ];
        sort(&mut all, Sort::usual(Range::Week));
        assert_eq!(names(&all), ["a", "b", "c"]);
        sort(&mut all, Sort { by: By::Runs, reversed: true });
        assert_eq!(names(&all), ["b", "a", "c"]);
        sort(&mut all, Sort { by: By::Doing, reversed: false });
        assert_eq!(names(&all), ["b", "c", "a"]);
        assert_eq!(counted(&all), "1 active, 1 idle, 1 unknown");
        hold(&mut all, &[ids[2].clone(), ids[0].clone()]);
        assert_eq!(names(&all), ["c", "a", "b"]);
        assert_eq!(chosen(&all, "").map(|summary| summary.name), Some(&ids[2]));
        assert_eq!(chosen(&all, "b").map(|summary| summary.name), Some(&ids[1]));
        assert!(chosen(&all, "z").is_none());
    }

    #[test]
    fn hours_after_the_silence_are_not_known() {
        let now = Timestamp::from_millis(100 * HOUR + 5);
        let used = Used { hours: [7; HOURS], ..Used::default() };
        let hours = hours(Some(&used), Some(Timestamp::from_millis(98 * HOUR)), now);
        assert_eq!(hours.len(), HOURS);
        assert_eq!(&hours[21..], [Some(7.0), None, None]);
        assert_eq!(super::hours(None, None, now), vec![Some(0.0); HOURS]);
    }
}
