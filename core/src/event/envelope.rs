//! From bytes to a normalised [`Event`]: validation in the contract's order, with its codes (contract §3.2).
//!
//! Only what the contract checks is checked: a rejected event is lost for an original bridge (contract §14.6), so odd
//! words and unknown fields pass and are dealt with by the fold.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::kind::{EventType, Family};
use super::payload::{
    AgentState, AnyObject, MachineHeartbeat, MachineRegistered, ModelUsage, ResourceUsage, RunLog, RunState,
    SessionState, Span, Text, ToolCompleted, ToolStarted,
};
use super::{Event, Parts, Severity, VERSION};
use crate::ids::{EventId, MachineId};
use crate::time::Timestamp;

/// The longest id in UTF-16 units, as JavaScript counts (contract §3.1).
pub const MAX_ID_UNITS: usize = 256;
/// The longest serialised payload in UTF-16 units (contract §3.2, check 12).
pub const MAX_PAYLOAD_UNITS: usize = 524_288;
/// How deep a payload may nest. Deeper ones would break readers of the log: SQLite's JSON functions stop at 1,000,
/// serde_json at 128.
pub const MAX_PAYLOAD_DEPTH: usize = 100;

/// Why an event was not taken: the stable code of contract §3.2 and a text for people.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    /// What kind of fault it is.
    pub code: RejectionCode,
    /// What and where it is, and how to mend it.
    pub message: String,
}

/// The codes of contract §3.2, and the two that the control plane adds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectionCode {
    /// The envelope's own fields are off.
    InvalidEnvelope,
    /// Another version than `telemetry.v1`.
    InvalidSchemaVersion,
    /// No machine id.
    MissingMachineId,
    /// A type that nobody may send.
    InvalidEventType,
    /// An unknown severity.
    InvalidSeverity,
    /// A time that cannot be read.
    InvalidTimestamp,
    /// A trace without a trace id.
    InvalidTrace,
    /// A payload without its type's required fields.
    InvalidPayload,
    /// The event is of another machine than the token's (design §10).
    MachineNotAllowed,
    /// There are as many machines as the control plane keeps (design §7).
    MachineLimit,
}

impl Rejection {
    /// A rejection with a text for people.
    pub fn new(code: RejectionCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

use RejectionCode as Code;

/// The envelope's fields as they stand; what is absent or of another type is told apart later.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(borrow)]
    version: Text<'a>,
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    machine_id: Text<'a>,
    #[serde(borrow)]
    severity: Text<'a>,
    #[serde(borrow, rename = "type")]
    type_name: Text<'a>,
    #[serde(borrow)]
    ts: &'a RawValue,
    #[serde(borrow)]
    trace: &'a RawValue,
    #[serde(borrow)]
    payload: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trace<'a> {
    #[serde(borrow)]
    trace_id: Text<'a>,
    #[serde(borrow, default)]
    span_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    parent_span_id: Option<&'a RawValue>,
}

/// A line of an export: an event with the place that it had in the log that it was exported from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exported {
    /// The event, as that log held it.
    pub event: Event,
    /// Its position there.
    pub position: u64,
    /// When that log took it.
    pub recorded_at: Timestamp,
    /// Where that log had it from.
    pub origin: String,
}

/// What a log adds to an event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place<'a> {
    position: u64,
    #[serde(borrow)]
    recorded_at: Text<'a>,
    #[serde(borrow)]
    origin: Text<'a>,
}

/// The one payload with an object inside that is checked. Checked here and not in the payload's own type, because the
/// fold must read what is in the log already.
#[derive(Deserialize)]
struct HeartbeatShape<'a> {
    #[serde(borrow)]
    resource: &'a RawValue,
}

/// Validates one envelope and normalises it (contract §3.2, §3.3). `json` is one JSON value.
pub fn validate(json: &str) -> Result<Event, Rejection> {
    read(json, Reading::Sent)
}

/// Validates a line of an export. What a log held is what was validated when it came, so the event is the same text. The
/// control plane's own events pass too. A payload need only be an object: what was taken under older rules, or was blanked
/// since (`control.redacted`), must come back, and the fold passes over what it cannot read.
pub fn validate_exported(json: &str) -> Result<Exported, Rejection> {
    let place: Place<'_> = serde_json::from_str(json).map_err(|e| {
        Rejection::new(
            Code::InvalidEnvelope,
            format!("a line of an export is an event with position, recordedAt and origin: {e}"),
        )
    })?;
    let recorded_at = Timestamp::parse(&place.recorded_at).ok_or_else(|| {
        Rejection::new(Code::InvalidTimestamp, "recordedAt must be a time such as 2026-02-21T00:00:00.000Z")
    })?;
    if place.origin.is_empty() || is_longer_than(&place.origin, MAX_ID_UNITS) {
        return Err(Rejection::new(Code::InvalidEnvelope, "origin must be a text of 1 to 256 characters"));
    }
    let event = read(json, Reading::Export)?;
    Ok(Exported { event, position: place.position, recorded_at, origin: place.origin.0.into_owned() })
}

/// Where an envelope was read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Somebody sends it.
    Sent,
    /// A log of ours held it.
    Export,
}

fn read(json: &str, reading: Reading) -> Result<Event, Rejection> {
    let envelope: Envelope<'_> = object(json).map_err(|e| {
        Rejection::new(
            Code::InvalidEnvelope,
            format!("the event must be an object with the strings version, id, machineId, severity, type and with ts, trace, payload: {e}"),
        )
    })?;
    if &*envelope.version != VERSION {
        return Err(Rejection::new(Code::InvalidSchemaVersion, "version must be \"telemetry.v1\""));
    }
    check_id("id", &envelope.id)?;
    if envelope.id.is_empty() {
        return Err(Rejection::new(Code::InvalidEnvelope, "id must not be empty"));
    }
    let family = Family::of(&envelope.type_name);
    // The control plane's own events concern a machine or none.
    let own = reading == Reading::Export && family == Some(Family::Control);
    if envelope.machine_id.trim().is_empty() && !(own && envelope.machine_id.is_empty()) {
        return Err(Rejection::new(Code::MissingMachineId, "machineId must not be blank"));
    }
    check_id("machineId", &envelope.machine_id)?;
    if family.is_none_or(|family| family == Family::Control && !own) {
        return Err(Rejection::new(
            Code::InvalidEventType,
            format!("type {:?} is not accepted", shown(&envelope.type_name)),
        ));
    }
    let severity = Severity::of(&envelope.severity).ok_or_else(|| {
        Rejection::new(Code::InvalidSeverity, "severity must be debug, info, warn, error or critical")
    })?;
    let occurred_at = serde_json::from_str::<Text<'_>>(envelope.ts.get())
        .ok()
        .and_then(|text| Timestamp::parse(&text))
        .ok_or_else(|| {
            Rejection::new(Code::InvalidTimestamp, "ts must be a time such as 2026-02-21T00:00:00.000Z")
        })?;
    let trace = normal_trace(envelope.trace)?;
    let payload = envelope.payload.get();
    check_depth(payload)?;
    let known = EventType::of(&envelope.type_name).filter(|_| reading == Reading::Sent);
    let named_machine = check_payload(known, payload).map_err(|e| {
        Rejection::new(Code::InvalidPayload, format!("payload of {}: {e}", envelope.type_name.0))
    })?;
    if named_machine.is_some_and(|named| !own && *named != *envelope.machine_id) {
        return Err(Rejection::new(Code::InvalidEnvelope, "payload.machineId differs from machineId"));
    }
    let payload = normal_payload(EventType::of(&envelope.type_name), payload);
    if is_longer_than(&payload, MAX_PAYLOAD_UNITS) {
        return Err(Rejection::new(Code::InvalidEnvelope, "payload is longer than 524288 characters"));
    }
    Ok(Event::new(Parts {
        id: EventId::new(&*envelope.id),
        machine: MachineId::new(&*envelope.machine_id),
        type_name: &envelope.type_name,
        severity,
        occurred_at,
        trace: &trace,
        payload: &payload,
    }))
}

/// Reads an object. What serde derives for a struct takes an array of its fields for one as well.
fn object<'a, T: Deserialize<'a>>(json: &'a str) -> serde_json::Result<T> {
    if !json.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
        return Err(serde::de::Error::custom("must be an object"));
    }
    serde_json::from_str(json)
}

fn check_id(field: &str, id: &str) -> Result<(), Rejection> {
    if id.contains(['\r', '\n']) {
        return Err(Rejection::new(Code::InvalidEnvelope, format!("{field} must not contain a line break")));
    }
    if is_longer_than(id, MAX_ID_UNITS) {
        return Err(Rejection::new(Code::InvalidEnvelope, format!("{field} is longer than 256 characters")));
    }
    Ok(())
}

/// Whether `text` has more than `limit` UTF-16 units; counted only where the bytes leave it open.
fn is_longer_than(text: &str, limit: usize) -> bool {
    text.len() > limit && text.encode_utf16().count() > limit
}

/// Unchecked text as it may stand in a message.
fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

/// `{traceId, spanId?, parentSpanId?}`, the optional ones only if they are non-empty strings (contract §3.1).
fn normal_trace(raw: &RawValue) -> Result<String, Rejection> {
    let invalid =
        || Rejection::new(Code::InvalidTrace, "trace must be an object whose traceId is a non-empty string");
    let trace: Trace<'_> = object(raw.get()).map_err(|_| invalid())?;
    if trace.trace_id.is_empty() {
        return Err(invalid());
    }
    let mut out = String::with_capacity(raw.get().len());
    out.push_str("{\"traceId\":");
    super::push_json_string(&mut out, &trace.trace_id);
    for (key, value) in [(",\"spanId\":", trace.span_id), (",\"parentSpanId\":", trace.parent_span_id)] {
        let text = value.and_then(|raw| serde_json::from_str::<Text<'_>>(raw.get()).ok());
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            out.push_str(key);
            super::push_json_string(&mut out, &text);
        }
    }
    out.push('}');
    Ok(out)
}

/// Refuses a payload that nests too deep, in one pass over its bytes.
fn check_depth(json: &str) -> Result<(), Rejection> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth -= 1,
            _ => continue,
        }
        if depth > MAX_PAYLOAD_DEPTH {
            return Err(Rejection::new(Code::InvalidPayload, "payload nests deeper than 100 levels"));
        }
    }
    Ok(())
}

/// Checks the fields that the type requires and returns the machine that the payload names.
fn check_payload(known: Option<EventType>, json: &str) -> serde_json::Result<Option<Text<'_>>> {
    Ok(match known {
        Some(EventType::MachineRegistered) => Some(object::<MachineRegistered<'_>>(json)?.machine_id),
        Some(EventType::MachineHeartbeat) => {
            if !object::<HeartbeatShape<'_>>(json)?.resource.get().starts_with('{') {
                return Err(serde::de::Error::custom("resource must be an object"));
            }
            Some(object::<MachineHeartbeat<'_>>(json)?.machine_id)
        }
        Some(EventType::AgentState) => Some(required(object::<AgentState<'_>>(json)?.machine_id)?),
        Some(EventType::SessionState) => Some(required(object::<SessionState<'_>>(json)?.machine_id)?),
        Some(EventType::RunState) => object::<RunState<'_>>(json)?.machine_id,
        Some(EventType::RunLog) => object::<RunLog<'_>>(json)?.machine_id,
        Some(EventType::ToolStarted) => object::<ToolStarted<'_>>(json)?.machine_id,
        Some(EventType::ToolCompleted) => object::<ToolCompleted<'_>>(json)?.machine_id,
        Some(EventType::ModelUsage) => Some(object::<ModelUsage<'_>>(json)?.machine_id),
        Some(EventType::ResourceUsage) => Some(object::<ResourceUsage<'_>>(json)?.machine_id),
        Some(EventType::Span) => Some(object::<Span<'_>>(json)?.machine_id),
        _ => object::<AnyObject<'_>>(json)?.machine_id,
    })
}

fn required(machine: Option<Text<'_>>) -> serde_json::Result<Text<'_>> {
    machine.ok_or_else(|| serde::de::Error::custom("missing field `machineId`"))
}

/// The payload's timestamps that contract §3.3 re-serialises.
const fn payload_times(known: EventType) -> &'static [&'static str] {
    match known {
        EventType::MachineRegistered => &["registeredAt"],
        EventType::RunLog => &["ts"],
        EventType::ToolStarted => &["startedAt"],
        EventType::ModelUsage | EventType::ResourceUsage => &["measuredAt"],
        EventType::Span => &["startedAt", "endedAt"],
        _ => &[],
    }
}

/// The payload as it is stored: on one line, its times written as ours are where they can be read. All that need not
/// change is kept as it came, unknown fields and number texts included.
fn normal_payload(known: Option<EventType>, json: &str) -> std::borrow::Cow<'_, str> {
    let times = known.map_or(&[][..], payload_times);
    let single_line = !json.bytes().any(|b| b == b'\n' || b == b'\r');
    if single_line && times.is_empty() {
        return json.into();
    }
    let Ok(fields) = serde_json::from_str::<Fields<'_>>(json) else { return json.into() };
    let rewritten = |key: &str, raw: &RawValue| {
        if !times.contains(&key) {
            return None;
        }
        let text = serde_json::from_str::<Text<'_>>(raw.get()).ok()?;
        (!Timestamp::is_canonical(&text)).then(|| Timestamp::parse(&text))?
    };
    if single_line && fields.0.iter().all(|(key, raw)| rewritten(key, raw).is_none()) {
        return json.into();
    }
    let mut out = String::with_capacity(json.len() + 16);
    out.push('{');
    for (i, (key, raw)) in fields.0.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        super::push_json_string(&mut out, key);
        out.push(':');
        match rewritten(key, raw) {
            Some(time) => super::push_json_string(&mut out, &time.to_string()),
            // Line breaks can only stand between tokens; strings hold them escaped.
            None => out.extend(raw.get().chars().filter(|c| !matches!(c, '\n' | '\r'))),
        }
    }
    out.push('}');
    out.into()
}

/// An object's fields in their order.
struct Fields<'a>(Vec<(Text<'a>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> serde::de::Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

#[cfg(test)]
mod tests;
