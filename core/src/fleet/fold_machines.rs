//! Machines: registration, heartbeats, and being seen at all (contract §6.1, W-C5).

use smol_str::SmolStr;

use super::limits::{cut, cut_name};
use super::rows::{Machine, Pulse, Status};
use super::{Change, Fleet, Outcome};
use crate::event::payload::{MachineHeartbeat, MachineRegistered};
use crate::event::{Origin, Recorded};
use crate::ids::{EventId, MachineId};

impl Fleet {
    /// Notes that a machine has sent something, and gives its id as all its rows have it. None if it is one too many.
    pub(super) fn see_machine(&mut self, id: &str) -> Option<MachineId> {
        let log_time = self.facts.log_time;
        if let Some(machine) = self.facts.machines.get_mut(id) {
            machine.touched = log_time;
            return Some(machine.machine_id.clone());
        }
        let id = MachineId::new(id);
        self.admits(&id).then(|| {
            self.facts.machines.insert(Machine::new(id.clone(), log_time));
            id
        })
    }

    /// A bridge has started: name and kind are merged in, gauges stay (W-C5).
    pub(super) fn fold_registered(
        &mut self,
        id: &MachineId,
        event: &Recorded<'_>,
        changes: &mut Vec<Change>,
    ) -> Outcome {
        let Ok(registered) = serde_json::from_str::<MachineRegistered<'_>>(event.payload) else {
            return Outcome::Unreadable;
        };
        self.note(id, event, &["machine ", cut(&registered.name), " registered"]);
        let Some(status) = Status::of(&registered.status) else { return Outcome::Odd };
        let Some(machine) = self.facts.machines.get_mut(id) else { return Outcome::Odd };
        let outcome = machine.register(event, &registered, status);
        if matches!(outcome, Outcome::Folded | Outcome::Stale) {
            changes.push(Change::Machine(id.clone()));
        }
        outcome
    }

    /// Status and gauges. The control plane's own offline heartbeat changes status and since only (W-C9).
    pub(super) fn fold_heartbeat(
        &mut self,
        id: &MachineId,
        event: &Recorded<'_>,
        changes: &mut Vec<Change>,
    ) -> Outcome {
        let Ok(heartbeat) = serde_json::from_str::<MachineHeartbeat<'_>>(event.payload) else {
            return Outcome::Unreadable;
        };
        let Some(status) = Status::of(&heartbeat.status) else { return Outcome::Odd };
        let Some(machine) = self.facts.machines.get_mut(id) else { return Outcome::Odd };
        let outcome = machine.heartbeat(event, &heartbeat, status);
        if matches!(outcome, Outcome::Folded | Outcome::Stale) {
            changes.push(Change::Machine(id.clone()));
        }
        outcome
    }

    /// The version that a machine's bridge reports in its requests.
    pub(super) fn fold_bridge_changed(&mut self, id: &MachineId, version: &str) -> Outcome {
        self.change_machine(id, |machine| machine.bridge_version = Some(cut_name(version)))
    }

    /// Changes a known machine.
    pub(super) fn change_machine(&mut self, id: &MachineId, change: impl FnOnce(&mut Machine)) -> Outcome {
        match self.facts.machines.get_mut(id) {
            Some(machine) => {
                change(machine);
                Outcome::Folded
            }
            None => Outcome::Odd,
        }
    }

    /// A machine's name to show, if it has one.
    pub fn machine_name(&self, id: &MachineId) -> Option<&SmolStr> {
        self.facts.machines.get(id)?.name()
    }
}

impl Machine {
    /// What a registration does to a machine: the rule of the fleet and of history alike.
    pub fn register(
        &mut self,
        event: &Recorded<'_>,
        registered: &MachineRegistered<'_>,
        status: Status,
    ) -> Outcome {
        if self.has_newer_pulse(event) {
            self.hear(status, event);
            return Outcome::Stale;
        }
        self.reported_name = Some(cut_name(&registered.name)).filter(|name| !name.trim().is_empty());
        self.kind = Some(cut_name(&registered.kind));
        if let Some(version) = &registered.bridge_version {
            self.bridge_version = Some(cut_name(version));
        }
        beat(self, status, event);
        Outcome::Folded
    }

    /// What a heartbeat does to a machine. The control plane's own changes status and since only (W-C9).
    pub fn heartbeat(
        &mut self,
        event: &Recorded<'_>,
        heartbeat: &MachineHeartbeat<'_>,
        status: Status,
    ) -> Outcome {
        if self.has_newer_pulse(event) {
            self.hear(status, event);
            return Outcome::Stale;
        }
        if event.origin == Origin::CONTROL {
            let Some(pulse) = &mut self.pulse else { return Outcome::Odd };
            if pulse.status != status {
                (pulse.status, pulse.since) = (status, event.effective());
            }
            pulse.silenced = status == Status::Offline;
            pulse.last_event_id = EventId::new(event.id);
        } else {
            self.gauges = Some(heartbeat.resource);
            beat(self, status, event);
        }
        Outcome::Folded
    }

    /// A registration or heartbeat came whose time is before the newest one's, as from a machine whose clock was set back.
    /// It shows that the machine lives, and no more: the gauges, and whatever else a newer one told, stay.
    fn hear(&mut self, status: Status, event: &Recorded<'_>) {
        let Some(pulse) = self.pulse.as_mut().filter(|_| event.origin != Origin::CONTROL) else { return };
        (pulse.heard_at, pulse.heard_position) = (event.recorded_at, event.position);
        if pulse.silenced && status != Status::Offline {
            // Its own time would be before the silence that it ends.
            (pulse.status, pulse.since, pulse.silenced) = (status, event.recorded_at, false);
        }
    }

    fn has_newer_pulse(&self, event: &Recorded<'_>) -> bool {
        self.pulse.as_ref().is_some_and(|pulse| event.effective() < pulse.last_seen_at)
    }
}

fn beat(machine: &mut Machine, status: Status, event: &Recorded<'_>) {
    let at = event.effective();
    let since = match &machine.pulse {
        Some(pulse) if pulse.status == status => pulse.since,
        _ => at,
    };
    machine.pulse = Some(Pulse {
        status,
        since,
        silenced: false,
        last_seen_at: at,
        last_event_id: EventId::new(event.id),
        heard_at: event.recorded_at,
        heard_position: event.position,
    });
}
