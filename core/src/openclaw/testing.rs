//! What the mapper's tests share.

use super::{HomeIdentity, Mapper};
use crate::event::{Event, envelope};
use crate::ids::{Home, MachineId};

/// A mapper of machine `m`.
pub(super) fn mapper() -> Mapper {
    let home = HomeIdentity {
        machine: MachineId::new("m"),
        path: "/home/ada/.openclaw".to_owned(),
        name: Home::new("default"),
        user_dir: Some("/srv/people/ada".into()),
    };
    Mapper { home, capture_content: false }
}

/// The event's text. It must be what the control plane would take and store unchanged.
pub(super) fn text(event: &Event) -> String {
    let mut json = String::new();
    event.push_json(&mut json);
    assert_eq!(envelope::validate(&json).as_ref(), Ok(event), "{json}");
    json
}

/// One field of an event's payload.
pub(super) fn field(event: &Event, name: &str) -> serde_json::Value {
    let payload: serde_json::Value = serde_json::from_str(event.payload()).unwrap();
    payload[name].clone()
}

/// State changes as `time run:id from→to reason` and `time session:key →to`; log lines as `time log message`.
pub(super) fn told(events: &[Event]) -> Vec<String> {
    let one = |event: &Event| {
        text(event);
        let of = |name: &str| field(event, name).as_str().unwrap_or_default().to_owned();
        let at = event.occurred_at.millis();
        match event.type_name() {
            "run.state.changed" => {
                format!("{at} run:{} {}→{} {}", of("openclawRunId"), of("from"), of("to"), of("reason"))
            }
            "session.state.changed" => format!("{at} session:{} →{}", of("sessionKey"), of("to")),
            "run.log.emitted" => format!("{at} log {}", of("message")),
            other => format!("{at} {other}"),
        }
    };
    events.iter().map(|event| one(event).trim_end().to_owned()).collect()
}
