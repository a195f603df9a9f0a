//! Tests of the fold: the contract's rules, the bounds, and that nothing stops it.

mod bodies;
mod bounds;
mod contract;
mod control;
mod total;

use serde_json::{Value, json};

use super::*;
use crate::event::control::Control;
use crate::event::{Event, Origin, Parts, Severity};
use crate::ids::EventId;
use crate::time::SECOND;

/// Midday of some day: the log time at which test streams begin.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);

/// A fleet that is fed event by event.
#[derive(Default)]
pub(crate) struct Stream {
    pub fleet: Fleet,
    pub changes: Vec<Change>,
    /// Milliseconds after [`START`] at which the control plane takes the next event.
    pub now: i64,
}

impl Stream {
    pub fn apply(&mut self, event: &Event, origin: Origin<'_>) -> Outcome {
        let recorded = event.recorded(self.fleet.position() + 1, START.plus(self.now), origin);
        self.fleet.apply(&recorded, &mut self.changes)
    }

    /// An event of machine `m` that occurred `at` ms after [`START`].
    pub fn send_at(&mut self, at: i64, type_name: &str, payload: &Value) -> Outcome {
        self.send_from("m", at, type_name, payload)
    }

    pub fn send_from(&mut self, machine: &str, at: i64, type_name: &str, payload: &Value) -> Outcome {
        let event = Event::new(Parts {
            id: EventId::from(format!("e{}", self.fleet.position() + 1)),
            machine: MachineId::new(machine),
            type_name,
            severity: Severity::Info,
            occurred_at: START.plus(at),
            trace: r#"{"traceId":"t"}"#,
            payload: &payload.to_string(),
        });
        self.apply(&event, Origin::INGEST)
    }

    /// An event that occurs as it is taken.
    pub fn send(&mut self, type_name: &str, payload: &Value) -> Outcome {
        self.send_at(self.now, type_name, payload)
    }

    pub fn control(&mut self, control: &Control) -> Outcome {
        let id = EventId::from(format!("c{}", self.fleet.position() + 1));
        self.apply(&control.to_event(id, START.plus(self.now), "t"), Origin::CONTROL)
    }

    pub fn run(&mut self, run: &str, to: &str) -> Outcome {
        let payload =
            json!({"runId": run, "sessionId": "s", "agentId": "a", "from": "x", "to": to, "reason": "boom"});
        self.send("run.state.changed", &payload)
    }

    pub fn session(&mut self, session: &str, to: &str) -> Outcome {
        let payload = json!({"sessionId": session, "agentId": "a", "machineId": "m", "from": "x", "to": to});
        self.send("session.state.changed", &payload)
    }

    pub fn heartbeat(&mut self, status: &str) -> Outcome {
        self.send("machine.heartbeat", &heartbeat(status))
    }

    /// The contract's snapshot.
    pub fn snapshot(&self) -> Value {
        let text = snapshot::SnapshotWriter::default().write(&self.fleet).unwrap();
        serde_json::from_slice(&text.to_vec()).unwrap()
    }

    pub fn seconds(&mut self, seconds: i64) {
        self.now += seconds * SECOND;
    }
}

pub(crate) fn heartbeat(status: &str) -> Value {
    json!({"machineId": "m", "status": status,
           "resource": {"cpuPct": 12.5, "memoryBytes": 4e9, "memoryPct": 50, "diskPct": 20}})
}

pub(crate) fn registered(name: &str) -> Value {
    json!({"machineId": "m", "name": name, "kind": "vps", "status": "online", "registeredAt": "garbage"})
}
