//! How runs ended, by agent and by time: what "failed within the last hour" is answered from without a look at every run.
//!
//! Kept by whoever writes bodies, from the rows that changed; the fold does not know of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::Fleet;
use super::lifecycle::Life;
use super::rows::{AgentKey, Run, RunKey};
use super::table::Row as _;
use crate::ids::MachineId;
use crate::time::{HOUR, Timestamp};

/// See the module.
#[derive(Default, Debug, PartialEq)]
pub struct Ends {
    /// The ends of each agent's runs that raise an alarm if they are bad, and whether they are; oldest first.
    by_agent: HashMap<AgentKey, Vec<(Timestamp, bool)>>,
    failed: BTreeMap<(Timestamp, RunKey), Arc<Run>>,
}

/// How the runs of an agent ended within the last hour.
#[derive(Debug, PartialEq)]
pub struct LastHour<'a> {
    /// The agent.
    pub agent: &'a AgentKey,
    /// Ends.
    pub all: usize,
    /// Failures among them.
    pub failed: usize,
    /// The last end.
    pub last: Timestamp,
}

impl Ends {
    /// The ends of a fleet's runs.
    pub fn of(fleet: &Fleet) -> Self {
        let mut ends = Self::default();
        ends.change([], fleet.facts().runs.arcs());
        ends
    }

    /// Runs that were counted go, others come.
    pub fn change<'a>(
        &mut self,
        go: impl IntoIterator<Item = &'a Arc<Run>>,
        come: impl IntoIterator<Item = &'a Arc<Run>>,
    ) {
        let mut gone: HashMap<AgentKey, Vec<(Timestamp, bool)>> = HashMap::new();
        for run in go {
            let Some(at) = run.life.ended_at() else { continue };
            if run.life.has_failed() {
                self.failed.remove(&(at, run.key()));
            }
            if raises_alarm(run) {
                gone.entry(run.agent_key()).or_default().push((at, run.life.has_failed()));
            }
        }
        for (agent, mut gone) in gone {
            gone.sort_unstable();
            let mut gone = gone.into_iter().peekable();
            if let Some(ends) = self.by_agent.get_mut(&agent) {
                ends.retain(|end| gone.next_if_eq(end).is_none());
                if ends.is_empty() {
                    self.by_agent.remove(&agent);
                }
            }
        }
        let mut touched = BTreeSet::new();
        // Neighbours are often of one agent.
        let mut new: Vec<(Timestamp, bool)> = Vec::new();
        let mut come = come.into_iter().filter(|run| run.life.ended_at().is_some()).peekable();
        while let Some(run) = come.next() {
            let at = run.life.ended_at().unwrap_or_default();
            if run.life.has_failed() {
                self.failed.insert((at, run.key()), Arc::clone(run));
            }
            if raises_alarm(run) {
                new.push((at, run.life.has_failed()));
            }
            if !new.is_empty() && come.peek().is_none_or(|next| !is_same_agent(run, next)) {
                let agent = run.agent_key();
                self.by_agent.entry(agent.clone()).or_default().append(&mut new);
                touched.insert(agent);
            }
        }
        for agent in touched {
            // Stable: fast where it is nearly in order.
            self.by_agent.entry(agent).and_modify(|ends| ends.sort());
        }
    }

    /// The runs that failed within the last hour of log time, the newest end first; none of a paused machine.
    pub fn failed_lately<'a>(&'a self, fleet: &'a Fleet) -> impl Iterator<Item = &'a Run> {
        let (since, paused) = (fleet.log_time().plus(-HOUR), fleet.paused());
        let newest = self.failed.iter().rev().take_while(move |((at, _), _)| *at >= since);
        newest.map(|(_, run)| &**run).filter(move |run| !paused.contains(&run.machine_id))
    }

    /// The agents that had runs end within the last hour of log time, by their keys; none of a paused machine. Ends that
    /// were backfilled do not count.
    pub fn last_hour<'a>(&'a self, fleet: &'a Fleet) -> Vec<LastHour<'a>> {
        let (since, paused) = (fleet.log_time().plus(-HOUR), fleet.paused());
        let agents = self.by_agent.iter().filter(|(agent, _)| !paused.contains(&agent.0));
        let of_agent = |(agent, ends): (&'a AgentKey, &'a Vec<(Timestamp, bool)>)| {
            let lately = ends.get(ends.partition_point(|(at, _)| *at < since)..)?;
            let failed = lately.iter().filter(|(_, failed)| *failed).count();
            Some(LastHour { agent, all: lately.len(), failed, last: lately.last()?.0 })
        };
        let mut agents: Vec<_> = agents.filter_map(of_agent).collect();
        agents.sort_unstable_by_key(|lately| lately.agent);
        agents
    }
}

impl Fleet {
    /// The machines that the user paused.
    fn paused(&self) -> BTreeSet<&MachineId> {
        let paused = self.facts.machines.iter().filter(|machine| machine.paused);
        paused.map(|machine| &machine.machine_id).collect()
    }
}

/// Whether the run ended, and was told to when it did.
pub(crate) fn raises_alarm(run: &Run) -> bool {
    matches!(run.life, Life::Ended { backfilled: false, .. })
}

fn is_same_agent(a: &Run, b: &Run) -> bool {
    (&a.machine_id, &a.home, &a.agent_id) == (&b.machine_id, &b.home, &b.agent_id)
}
