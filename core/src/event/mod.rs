//! Events: one immutable fact each.
//!
//! ```text
//! bytes --envelope::validate--> Event --(the log gives it a place)--> Recorded --> the fold, a frame, a row
//! ```
//!
//! [`Event`] owns a normalised event (contract §3.3) as the one JSON text from which the echo of `/ingest` and the
//! frames of `/events` are made; its payload and trace are slices of that text, so an event costs few allocations.
//! [`Recorded`] is the borrowed view of an event with its place in the log; the fold takes it from a live event and
//! from a row of the log alike, which is why both give the same state (FO-1).

pub mod batch;
pub mod control;
pub mod envelope;
pub mod kind;
pub mod payload;
mod placed;
pub mod surrogates;

use std::fmt::Write as _;
use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use envelope::{Exported, Rejection, RejectionCode};
pub use kind::{EventType, Family};
pub use placed::Placed;

use crate::ids::{EventId, MachineId};
use crate::time::Timestamp;

/// The only envelope version (contract §3.1).
pub const VERSION: &str = "telemetry.v1";

/// How much an event matters (contract §3.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// For developers.
    Debug,
    /// Ordinary.
    #[default]
    Info,
    /// Deserves a look.
    Warn,
    /// Something failed.
    Error,
    /// Somebody must act.
    Critical,
}

impl Severity {
    /// Every one, the least first.
    pub const ALL: [Self; 5] = [Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Critical];

    /// The severity of this name.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "debug" => Self::Debug,
            "info" => Self::Info,
            "warn" => Self::Warn,
            "error" => Self::Error,
            "critical" => Self::Critical,
            _ => return None,
        })
    }

    /// The name on the wire and in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}

/// Where an event came from, as the log and the frames write it: `ingest`, `mirror:<endpoint>` or `control`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin<'a>(&'a str);

impl<'a> Origin<'a> {
    /// Pushed by a bridge.
    pub const INGEST: Origin<'static> = Origin("ingest");
    /// Decided by the control plane.
    pub const CONTROL: Origin<'static> = Origin("control");

    /// An origin as the log stores it.
    pub const fn stored(text: &'a str) -> Self {
        Self(text)
    }

    /// The text on the wire and in the log.
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

/// The parts of an event before it is written as one text.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    /// Unique within the machine.
    pub id: EventId,
    /// The machine that it concerns; empty for the control plane's own.
    pub machine: MachineId,
    /// The type's name; see [`Family::of`] for what is accepted.
    pub type_name: &'a str,
    /// How much it matters.
    pub severity: Severity,
    /// The source's time.
    pub occurred_at: Timestamp,
    /// The normalised trace: a JSON object with `traceId` and perhaps `spanId`, `parentSpanId`.
    pub trace: &'a str,
    /// The normalised payload: one JSON object on one line.
    pub payload: &'a str,
}

/// A normalised event that has no place in the log yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Unique within the machine (EL-3).
    pub id: EventId,
    /// The machine that the event concerns; empty for the control plane's own (design §18.2).
    pub machine: MachineId,
    /// How much it matters.
    pub severity: Severity,
    /// The source's time.
    pub occurred_at: Timestamp,
    family: Family,
    /// The normalised event without its closing brace, so that a frame can add its place.
    open_json: String,
    type_name: Range<usize>,
    trace: Range<usize>,
    payload: Range<usize>,
}

impl Event {
    /// Writes the parts as one text. A type that [`Family::of`] does not know counts as a bridge's.
    pub fn new(parts: Parts<'_>) -> Self {
        let Parts { id, machine, type_name, severity, occurred_at, trace, payload } = parts;
        let mut json = String::with_capacity(payload.len() + trace.len() + 220);
        json.push_str("{\"version\":\"telemetry.v1\",\"id\":");
        push_json_string(&mut json, id.as_str());
        json.push_str(",\"ts\":\"");
        push_display(&mut json, occurred_at);
        json.push_str("\",\"machineId\":");
        push_json_string(&mut json, machine.as_str());
        json.push_str(",\"severity\":\"");
        json.push_str(severity.name());
        json.push_str("\",\"type\":\"");
        let type_range = push_range(&mut json, type_name);
        json.push_str("\",\"payload\":");
        let payload_range = push_range(&mut json, payload);
        json.push_str(",\"trace\":");
        let trace_range = push_range(&mut json, trace);
        Self {
            id,
            machine,
            severity,
            occurred_at,
            family: Family::of(type_name).unwrap_or(Family::Bridge),
            open_json: json,
            type_name: type_range,
            trace: trace_range,
            payload: payload_range,
        }
    }

    /// The type's name.
    pub fn type_name(&self) -> &str {
        &self.open_json[self.type_name.clone()]
    }

    /// The family that decides the frame's name.
    pub fn family(&self) -> Family {
        self.family
    }

    /// The payload: one JSON object, the very text that the log stores and the fold reads.
    pub fn payload(&self) -> &str {
        &self.open_json[self.payload.clone()]
    }

    /// The trace: a JSON object.
    pub fn trace(&self) -> &str {
        &self.open_json[self.trace.clone()]
    }

    /// Appends the normalised event as `/ingest` echoes it (contract §3.3, with the additive `version`).
    pub fn push_json(&self, out: &mut String) {
        out.push_str(&self.open_json);
        out.push('}');
    }

    /// Bytes that the event occupies while it waits; what bounded queues count.
    pub fn weight(&self) -> usize {
        self.open_json.len() + self.id.as_str().len() + self.machine.as_str().len() + 128
    }

    /// The event at its place in the log.
    pub fn recorded<'a>(&'a self, position: u64, recorded_at: Timestamp, origin: Origin<'a>) -> Recorded<'a> {
        Recorded {
            position,
            recorded_at,
            origin,
            id: self.id.as_str(),
            machine: self.machine.as_str(),
            type_name: self.type_name(),
            severity: self.severity,
            occurred_at: self.occurred_at,
            trace: self.trace(),
            payload: self.payload(),
        }
    }

    /// Appends the SSE frame of this event at its place (contract §8.2): an `id`, an `event` and a one-line `data`
    /// field with the additive `position`, `recordedAt` and `origin` (design §10).
    pub fn push_frame(&self, out: &mut String, position: u64, recorded_at: Timestamp, origin: Origin<'_>) {
        out.reserve(self.open_json.len() + 160);
        out.push_str("id: ");
        out.push_str(self.id.as_str());
        out.push_str("\nevent: ");
        out.push_str(self.family.frame_name());
        out.push_str("\ndata: ");
        self.push_placed(out, position, recorded_at, origin);
        out.push_str("\n\n");
    }

    /// Appends the event at its place as one line of JSON: the `data` of a frame, and a line of an export.
    pub fn push_placed(&self, out: &mut String, position: u64, recorded_at: Timestamp, origin: Origin<'_>) {
        out.push_str(&self.open_json);
        out.push_str(",\"position\":");
        push_display(out, position);
        out.push_str(",\"recordedAt\":\"");
        push_display(out, recorded_at);
        out.push_str("\",\"origin\":");
        push_json_string(out, origin.as_str());
        out.push('}');
    }
}

/// An event at its place in the log, borrowed from a live [`Event`] or from a row.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    /// The place: 1, 2, 3, … (EL-1).
    pub position: u64,
    /// When the control plane took it; never decreasing along positions.
    pub recorded_at: Timestamp,
    /// Where it came from.
    pub origin: Origin<'a>,
    /// The event's id.
    pub id: &'a str,
    /// The machine that it concerns; empty for the control plane's own.
    pub machine: &'a str,
    /// The type's name.
    pub type_name: &'a str,
    /// How much it matters.
    pub severity: Severity,
    /// The source's time.
    pub occurred_at: Timestamp,
    /// The trace, a JSON object.
    pub trace: &'a str,
    /// The payload, a JSON object.
    pub payload: &'a str,
}

impl Recorded<'_> {
    /// The time that the fold compares: the source's, but never later than ours (design §5).
    pub fn effective(&self) -> Timestamp {
        self.occurred_at.min(self.recorded_at)
    }

    /// An owned copy, to make a frame of a stored row.
    pub fn to_event(&self) -> Event {
        Event::new(Parts {
            id: EventId::new(self.id),
            machine: MachineId::new(self.machine),
            type_name: self.type_name,
            severity: self.severity,
            occurred_at: self.occurred_at,
            trace: self.trace,
            payload: self.payload,
        })
    }
}

fn push_range(out: &mut String, text: &str) -> Range<usize> {
    let start = out.len();
    out.push_str(text);
    start..out.len()
}

/// Appends through `Display`; writing to a `String` cannot fail.
fn push_display(out: &mut String, value: impl std::fmt::Display) {
    let _ = write!(out, "{value}");
}

/// Appends `text` as a JSON string. Most ids need no escapes and are copied as they are.
pub(crate) fn push_json_string(out: &mut String, text: &str) {
    if text.bytes().any(|b| b < 0x20 || b == b'"' || b == b'\\') {
        out.push_str(&serde_json::Value::from(text).to_string());
    } else {
        out.push('"');
        out.push_str(text);
        out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str) -> Event {
        Event::new(Parts {
            id: EventId::new(id),
            machine: MachineId::new("m\"1\\"),
            type_name: "run.log.emitted",
            severity: Severity::Warn,
            occurred_at: Timestamp::from_millis(1_500),
            trace: r#"{"traceId":"t"}"#,
            payload: r#"{"a":1}"#,
        })
    }

    #[test]
    fn a_frame_is_three_lines_and_a_blank_one() {
        let mut out = String::new();
        event("e1").push_frame(&mut out, 7, Timestamp::from_millis(2_000), Origin::INGEST);
        assert_eq!(
            out,
            "id: e1\nevent: telemetry\ndata: {\"version\":\"telemetry.v1\",\"id\":\"e1\",\
             \"ts\":\"1970-01-01T00:00:01.500Z\",\"machineId\":\"m\\\"1\\\\\",\"severity\":\"warn\",\
             \"type\":\"run.log.emitted\",\"payload\":{\"a\":1},\"trace\":{\"traceId\":\"t\"},\"position\":7,\
             \"recordedAt\":\"1970-01-01T00:00:02.000Z\",\"origin\":\"ingest\"}\n\n"
        );
    }

    #[test]
    fn a_stored_event_gives_the_same_frame() {
        let event = event("e\u{1}2");
        let recorded = event.recorded(3, Timestamp::EPOCH, Origin::INGEST);
        assert_eq!(recorded.to_event(), event);
        assert_eq!(recorded.effective(), Timestamp::EPOCH);
    }

    #[test]
    fn json_strings_agree_with_serde() {
        for text in ["", "plain", "q\"uo\\te", "\\\\\"\"", "nul\0 tab\t", "é漢🦀", "end\\"] {
            let mut out = String::new();
            push_json_string(&mut out, text);
            assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text, "{out}");
        }
    }
}
