//! What happens in the demo: the same for the same creation, whenever and in whichever steps it is asked for.

use std::collections::BTreeMap;

use patze_core::event::{Event, EventType, Parts, Severity};
use patze_core::ids::{MachineId, event_id};
use patze_core::time::{DAY, HOUR, MINUTE, Timestamp};
use serde_json::json;

use super::cast::{AGENTS, FRANKFURT, MACHINES, SCOUT};
use super::chance::Chance;
use super::incidents::Incidents;
use super::run::{LONGEST, Run};

/// Runs are thought up for so long at once.
const SLOT: i64 = 5 * MINUTE;
/// Lanes of an agent beside its main one.
const LANES: [&str; 3] = ["main", "direct:anna", "group:team"];

/// The story from some moment on.
pub(super) struct Story {
    incidents: Incidents,
    /// What will have happened, by when it becomes known and in which order it was thought up.
    coming: BTreeMap<(Timestamp, u64), Event>,
    /// How many were thought up.
    number: u64,
    /// Slots before this one were thought up.
    slot: i64,
}

impl Story {
    /// From `from` on. What was begun shortly before is told again, under the same ids.
    pub(super) fn from(created: Timestamp, from: Timestamp) -> Self {
        let slot = (from.millis() - LONGEST).div_euclid(SLOT);
        Self { incidents: Incidents(created), coming: BTreeMap::new(), number: 0, slot }
    }

    /// All that became known before `until`, in order.
    pub(super) fn until(&mut self, until: Timestamp) -> Vec<Event> {
        while self.slot * SLOT < until.millis() {
            self.think_up(self.slot);
            self.slot += 1;
        }
        let later = self.coming.split_off(&(until, 0));
        std::mem::replace(&mut self.coming, later).into_values().collect()
    }

    fn think_up(&mut self, slot: i64) {
        let begin = Timestamp::from_millis(slot * SLOT);
        for (agent, cast) in AGENTS.iter().enumerate() {
            let mut chance = Chance::of(&[slot.unsigned_abs(), agent as u64]);
            let at = begin.plus(chance.within(0, SLOT));
            let share = self.incidents.hourly(agent, at) * daylight(at) * SLOT as f64 / HOUR as f64;
            let hung =
                agent == SCOUT && slot == self.incidents.0.plus(-40 * MINUTE).millis().div_euclid(SLOT);
            let failed = (0..5).any(|n| {
                let at = self.incidents.0.plus((-38 + 3 * n) * MINUTE);
                slot == at.millis().div_euclid(SLOT) && self.incidents.fails(agent, at).is_some()
            });
            if chance.share() >= share && !hung && !failed {
                continue;
            }
            let lane = chance.one(&LANES);
            let run = Run {
                agent,
                id: format!("demo-{}-{slot}", cast.id),
                at,
                lane: format!("agent:{}:{lane}", cast.id),
                parent: None,
                chance,
                hangs: hung,
            };
            for event in run.events(self.incidents) {
                self.add(cast.machine, event);
            }
        }
    }

    fn add(&mut self, machine: usize, event: Event) {
        let at = event.occurred_at;
        let known = self.incidents.cut_off(machine, at).unwrap_or(at);
        self.number += 1;
        self.coming.insert((known, self.number), event);
    }

    /// The bridges' starts.
    pub(super) fn registrations(&self, at: Timestamp) -> Vec<Event> {
        let registered = |(_, machine): (usize, &super::cast::Machine)| {
            let payload = json!({
                "machineId": machine.id, "name": machine.name, "kind": machine.kind, "status": "online",
                "registeredAt": at, "bridgeVersion": env!("CARGO_PKG_VERSION"),
            });
            of_machine(machine.id, EventType::MachineRegistered, at, &payload)
        };
        MACHINES.iter().enumerate().filter(|(n, _)| self.reachable(*n, at)).map(registered).collect()
    }

    /// A heartbeat of each machine that can be heard.
    pub(super) fn heartbeats(&self, at: Timestamp) -> Vec<Event> {
        (0..MACHINES.len()).filter(|n| self.reachable(*n, at)).map(|n| self.heartbeat(n, at)).collect()
    }

    fn reachable(&self, machine: usize, at: Timestamp) -> bool {
        self.incidents.cut_off(machine, at).is_none()
    }

    fn heartbeat(&self, n: usize, at: Timestamp) -> Event {
        let machine = &MACHINES[n];
        let mut chance = Chance::of(&[at.millis().unsigned_abs(), n as u64, 7]);
        // What is under way can be told from what will come.
        let busy = AGENTS.iter().filter(|agent| agent.machine == n).map(|agent| agent.hourly).sum::<f64>();
        let load = busy * daylight(at) * chance.share() * 18.0;
        let cpu = (machine.cpu_pct + load + chance.share() * 4.0).min(100.0);
        let memory = 34.0 + 8.0 * daylight(at) + 55.0 * self.incidents.leak(n, at) + chance.share() * 2.0;
        let age = self.incidents.0.since(at) as f64 / (30 * DAY) as f64;
        let [first, last] = machine.disk_pct;
        // It stops growing with the demo's creation.
        let disk = last - (last - first) * age.clamp(0.0, 1.0);
        let traffic = at.millis() as f64 / 1_000.0 * if n == FRANKFURT { 90.0 } else { 35.0 };
        let round = |value: f64| (value * 10.0).round() / 10.0;
        let payload = json!({
            "machineId": machine.id, "status": "online",
            "resource": {
                "cpuPct": round(cpu), "memoryPct": round(memory), "memoryBytes": (machine.memory * memory / 100.0).round(),
                "memoryTotalBytes": machine.memory, "diskPct": round(disk),
                "diskUsageBytes": (machine.disk * disk / 100.0).round(), "diskTotalBytes": machine.disk,
                "netRxBytes": traffic.round(), "netTxBytes": (traffic / 3.0).round(),
            },
        });
        of_machine(machine.id, EventType::MachineHeartbeat, at, &payload)
    }
}

fn of_machine(id: &str, event: EventType, at: Timestamp, payload: &serde_json::Value) -> Event {
    let machine = MachineId::new(id);
    Event::new(Parts {
        id: event_id(at, &machine, "", event.name(), id),
        machine,
        type_name: event.name(),
        severity: Severity::Info,
        occurred_at: at,
        trace: &json!({ "traceId": id }).to_string(),
        payload: &payload.to_string(),
    })
}

/// How much people want of their agents, by the hour of a European day: from 0.1 to 1.
fn daylight(at: Timestamp) -> f64 {
    let hour = at.millis().rem_euclid(DAY) as f64 / HOUR as f64;
    let noon = ((hour - 13.0) / 24.0 * std::f64::consts::TAU).cos();
    0.1 + 0.9 * f64::midpoint(noon, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(step: i64) -> Vec<Event> {
        let created = Timestamp::parse("2026-11-25T17:00:00Z").unwrap();
        let (from, mut story) = (created.plus(-2 * DAY), Story::from(created, created.plus(-2 * DAY)));
        let mut events = Vec::new();
        let mut at = from;
        while at < created {
            at = at.plus(step);
            events.extend(story.until(at));
        }
        events
    }

    #[test]
    fn it_is_the_same_in_any_steps_and_told_again_from_anywhere() {
        let ids = |events: &[Event]| events.iter().map(|event| event.id.clone()).collect::<Vec<_>>();
        let (all, again) = (told(DAY), told(7 * MINUTE));
        assert_eq!(ids(&all), ids(&again[..all.len()]));
        assert!(all.len() > 2_000, "{}", all.len());
        let created = Timestamp::parse("2026-11-25T17:00:00Z").unwrap();
        let mut later = Story::from(created, created.plus(-DAY));
        let known: std::collections::HashSet<_> = all.iter().map(|event| event.id.clone()).collect();
        let tail = later.until(created);
        assert!(!tail.is_empty() && tail.iter().all(|event| known.contains(&event.id)));
    }

    #[test]
    fn every_event_is_one_that_the_control_plane_takes_and_has_an_id_of_its_own() {
        let created = Timestamp::parse("2026-11-25T17:00:00Z").unwrap();
        let mut story = Story::from(created, created.plus(-30 * DAY));
        let mut events = story.registrations(created);
        events.extend(story.heartbeats(created));
        events.extend(story.until(created));
        let mut ids = std::collections::HashSet::new();
        for event in &events {
            let mut text = String::new();
            event.push_json(&mut text);
            patze_core::event::envelope::validate(&text).unwrap_or_else(|error| panic!("{error:?}: {text}"));
            assert!(ids.insert(event.id.clone()), "{text}");
        }
        let failed = events.iter().filter(|event| event.severity == Severity::Error).count();
        assert!(failed > 50, "{failed}");
    }
}
