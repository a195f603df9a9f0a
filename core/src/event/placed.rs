//! The `data` of a frame of `/events`, read back: how the page gets what the fold takes.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::payload::Text;
use super::{Origin, Recorded, Severity};
use crate::time::Timestamp;

/// An event at its place, as [`Event::push_placed`](super::Event::push_placed) wrote it. It borrows from that text; nothing
/// is checked again.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Placed<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    ts: Timestamp,
    #[serde(borrow)]
    machine_id: Text<'a>,
    severity: Severity,
    #[serde(borrow, rename = "type")]
    type_name: Text<'a>,
    #[serde(borrow)]
    payload: &'a RawValue,
    #[serde(borrow)]
    trace: &'a RawValue,
    position: u64,
    recorded_at: Timestamp,
    #[serde(borrow)]
    origin: Text<'a>,
}

impl Placed<'_> {
    /// What the fold takes.
    pub fn recorded(&self) -> Recorded<'_> {
        Recorded {
            position: self.position,
            recorded_at: self.recorded_at,
            origin: Origin::stored(&self.origin),
            id: &self.id,
            machine: &self.machine_id,
            type_name: &self.type_name,
            severity: self.severity,
            occurred_at: self.ts,
            trace: self.trace.get(),
            payload: self.payload.get(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Parts};
    use crate::ids::{EventId, MachineId};

    #[test]
    fn what_a_frame_says_is_what_was_recorded() {
        let event = Event::new(Parts {
            id: EventId::new("e\"1"),
            machine: MachineId::new("mä\n1"),
            type_name: "run.log.appended",
            severity: Severity::Warn,
            occurred_at: Timestamp::from_millis(1_700_000_000_123),
            trace: r#"{"traceId":"t"}"#,
            payload: r#"{"a":"\u0001","b":[1,2.5]}"#,
        });
        let recorded =
            event.recorded(7, Timestamp::from_millis(1_700_000_001_000), Origin::stored("mirror:nas"));
        let mut text = String::new();
        event.push_placed(&mut text, recorded.position, recorded.recorded_at, recorded.origin);
        let read: Placed<'_> = serde_json::from_str(&text).unwrap();
        assert_eq!(format!("{:?}", read.recorded()), format!("{recorded:?}"));
    }
}
