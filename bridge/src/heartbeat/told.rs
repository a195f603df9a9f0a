//! The events that a bridge tells of its machine.

use patze_core::event::{Event, EventType, Parts, Severity};
use patze_core::ids::{MachineId, event_id};
use patze_core::time::Timestamp;
use serde_json::{Value, json};

use crate::config::Config;

/// `machine.registered` (contract §4.1), with the bridge's version.
pub fn registered(config: &Config, machine: &MachineId, at: Timestamp) -> Event {
    let payload = json!({
        "machineId": machine,
        "name": config.label,
        "kind": config.kind.name(),
        "status": "online",
        "registeredAt": at,
        "bridgeVersion": config.version,
    });
    event(EventType::MachineRegistered, machine, at, &payload)
}

/// `machine.heartbeat` (contract §4.2).
pub fn heartbeat(machine: &MachineId, at: Timestamp, resource: &Value) -> Event {
    let payload = json!({ "machineId": machine, "status": "online", "resource": resource });
    event(EventType::MachineHeartbeat, machine, at, &payload)
}

fn event(kind: EventType, machine: &MachineId, at: Timestamp, payload: &Value) -> Event {
    let id = event_id(at, machine, "", "bridge", kind.name());
    let trace = json!({ "traceId": id }).to_string();
    Event::new(Parts {
        id,
        machine: machine.clone(),
        type_name: kind.name(),
        severity: Severity::Info,
        occurred_at: at,
        trace: &trace,
        payload: &payload.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use patze_core::event::envelope::validate;

    use super::*;
    use crate::config::Vars;

    #[test]
    fn they_pass_the_control_planes_validation_unchanged() {
        let environment = [("MACHINE_LABEL", "the \"box\" ü"), ("MACHINE_KIND", "vps")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = Config::of(&Vars::read(environment, Path::new("/nonexistent")).unwrap()).unwrap();
        let machine = MachineId::new("m1");
        let at = Timestamp::parse("2026-11-25T12:00:00.123Z").unwrap();
        let resource = crate::heartbeat::gauges::Sampler::new().unwrap().sample();
        let events = [registered(&config, &machine, at), heartbeat(&machine, at, &resource)];
        for event in &events {
            let mut text = String::new();
            event.push_json(&mut text);
            let validated = validate(&text).unwrap();
            assert_eq!(&validated, event);
        }
        assert_ne!(events[0].id, events[1].id);
        assert_eq!(registered(&config, &machine, at).id, events[0].id, "the same moment gives the same id");
        let payload: Value = serde_json::from_str(events[0].payload()).unwrap();
        assert_eq!((&payload["name"], &payload["kind"]), (&json!("the \"box\" ü"), &json!("vps")));
    }
}
