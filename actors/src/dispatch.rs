//! Tells actors what changed, on the log's writer thread, in batches (design §9).
//!
//! Telling never waits. An actor whose mailbox is full has messages before it that it has not handled; each makes it
//! read the fleet, which is newer by then than what it is told now. An actor that is away reads the fleet when it is
//! built. So nothing need be kept for either.

use std::collections::BTreeSet;

use patze_core::fleet::{Change, Fleet};
use patze_core::ids::MachineId;
use patze_supervise::supervisor::Supervisor;

use crate::log::{News, Publish};
use crate::machine::{Changed, Machine};
use crate::session::{Key, Session};
use crate::stream::Hub;

/// The actors that are told.
#[derive(Clone, Debug)]
pub struct Crew {
    /// One for each machine.
    pub machines: Supervisor<MachineId, Machine>,
    /// One for each live session.
    pub sessions: Supervisor<Key, Session>,
}

/// What the writer thread publishes to: the stream first, then the actors.
#[derive(Debug)]
pub struct Dispatch {
    hub: Hub,
    crew: Crew,
}

impl Dispatch {
    /// Publishes to `hub` and tells `crew`.
    pub fn new(hub: Hub, crew: Crew) -> Self {
        Self { hub, crew }
    }
}

impl Publish for Dispatch {
    fn publish(&mut self, news: &News<'_>) {
        self.hub.publish(
            news.events
                .iter()
                .map(|fresh| (fresh.event, fresh.position, fresh.recorded_at, fresh.recorded().origin)),
        );
        self.crew.tell(news.fleet, news.changes);
    }
}

impl Crew {
    /// Makes sure that all that lives in `fleet` has its actor.
    pub fn start_all(&self, fleet: &Fleet) {
        for machine in fleet.facts().machines.iter() {
            self.start_machine(&machine.machine_id);
        }
        for session in fleet.facts().sessions.iter() {
            let key = (session.machine_id.clone(), session.session_id.clone());
            if session.life.is_active() || fleet.index().session_runs(&key).active > 0 {
                self.start_session(Key { machine_id: key.0, session_id: key.1 });
            }
        }
    }

    fn tell(&self, fleet: &Fleet, changes: &[Change]) {
        let (mut machines, mut sessions) = (BTreeSet::new(), BTreeSet::new());
        for change in changes {
            match change {
                Change::Machine(machine) | Change::MachineGone(machine) => {
                    machines.insert(machine);
                }
                Change::Session(machine, session) | Change::SessionGone(machine, session) => {
                    sessions.insert((machine, session));
                }
            }
        }
        for machine in machines {
            if fleet.facts().machines.get(machine).is_some() {
                self.start_machine(machine);
            }
            // See the head of this file for why a refusal needs no memory.
            let _ = self.machines.tell(machine, Changed);
        }
        for (machine_id, session_id) in sessions {
            let row = (machine_id.clone(), session_id.clone());
            let live = fleet.index().session_runs(&row).active > 0
                || fleet.facts().sessions.get(&row).is_some_and(|session| session.life.is_active());
            let key = Key { machine_id: row.0, session_id: row.1 };
            if live {
                self.start_session(key.clone());
            }
            let _ = self.sessions.tell(&key, Changed);
        }
    }

    fn start_machine(&self, machine: &MachineId) {
        if let Err(refused) = self.machines.start(machine.clone()) {
            tracing::error!(%machine, ?refused, "no actor could be started for a machine");
        }
    }

    fn start_session(&self, key: Key) {
        if let Err(refused) = self.sessions.start(key) {
            tracing::warn!(?refused, "no actor could be started for a session; its next change tries again");
        }
    }
}
