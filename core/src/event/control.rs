//! What the control plane itself decides or notices, as events (design §5): the payloads of `control.*`.

use serde::{Deserialize, Serialize};

use super::{Event, EventType, Parts, Severity};
use crate::ids::{EventId, MachineId, SessionId};
use crate::retention::Retention;
use crate::time::Timestamp;

/// Why rows of the log were pruned (design §6).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pruning {
    /// By age: rows that the newest state does not need.
    Thinned,
    /// By size: everything up to a position, whose state is kept as the base.
    Cut,
    /// On the user's word: texts were blanked, the rows stay.
    Redacted,
}

/// How the events of a redaction were chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Chosen {
    /// By their id.
    Event,
    /// By a text that they held.
    Match,
}

/// A fact of the control plane's own, with its payload.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", content = "payload", rename_all_fields = "camelCase")]
pub enum Control {
    /// Nothing happened for 60 s; log time moves on.
    #[serde(rename = "control.tick")]
    Tick {},
    /// The control plane has started.
    #[serde(rename = "control.server.started")]
    ServerStarted {
        /// The server's version.
        version: String,
    },
    /// A supervised actor failed and was started again (AC-1).
    #[serde(rename = "control.actor.restarted")]
    ActorRestarted {
        /// The actor's kind, such as `Machine`.
        kind: String,
        /// Which one of its kind.
        key: String,
        /// Restarts since the control plane started.
        restarts: u32,
        /// Why it ended.
        error: String,
    },
    /// A session with an active run has been silent for 30 minutes.
    #[serde(rename = "control.session.stalled")]
    SessionStalled {
        /// The machine.
        machine_id: MachineId,
        /// The session.
        session_id: SessionId,
        /// The last event of the session or its runs.
        silent_since: Timestamp,
    },
    /// The user gave a machine a name; none takes it back.
    #[serde(rename = "control.machine.renamed")]
    MachineRenamed {
        /// The machine.
        machine_id: MachineId,
        /// The name, or none for the reported one.
        name: Option<String>,
    },
    /// The user paused a machine.
    #[serde(rename = "control.machine.paused")]
    MachinePaused {
        /// The machine.
        machine_id: MachineId,
    },
    /// The user resumed a machine.
    #[serde(rename = "control.machine.resumed")]
    MachineResumed {
        /// The machine.
        machine_id: MachineId,
    },
    /// The user wants a machine forgotten.
    #[serde(rename = "control.machine.forgotten")]
    MachineForgotten {
        /// The machine.
        machine_id: MachineId,
    },
    /// A token was made.
    #[serde(rename = "control.token.created")]
    TokenCreated {
        /// The token's public id.
        id: String,
        /// The name that the user gave it.
        name: String,
        /// `admin`, `read` or `bridge`.
        scope: String,
        /// The machine that it is for, once that is known.
        machine_id: Option<MachineId>,
        /// When it ends.
        expires_at: Option<Timestamp>,
    },
    /// A bridge token now belongs to a machine.
    #[serde(rename = "control.token.bound")]
    TokenBound {
        /// The token's public id.
        id: String,
        /// The machine.
        machine_id: MachineId,
    },
    /// A token was revoked.
    #[serde(rename = "control.token.revoked")]
    TokenRevoked {
        /// The token's public id.
        id: String,
    },
    /// Tokens are needed from now on, or no longer.
    #[serde(rename = "control.auth.changed")]
    AuthChanged {
        /// `none` or `token`.
        mode: String,
    },
    /// A machine's bridge reports another version than before.
    #[serde(rename = "control.bridge.changed")]
    BridgeChanged {
        /// The machine.
        machine_id: MachineId,
        /// The version that it reports.
        version: String,
    },
    /// Less than 1 GiB is free under the log.
    #[serde(rename = "control.disk.low")]
    DiskLow {
        /// Free bytes.
        free_bytes: u64,
    },
    /// There is room under the log again.
    #[serde(rename = "control.disk.ok")]
    DiskOk {
        /// Free bytes.
        free_bytes: u64,
    },
    /// A machine's clock is more than 60 s off.
    #[serde(rename = "control.clock.skewed")]
    ClockSkewed {
        /// The machine.
        machine_id: MachineId,
        /// Its clock minus ours.
        seconds: i64,
    },
    /// A machine's clock is right again.
    #[serde(rename = "control.clock.ok")]
    ClockOk {
        /// The machine.
        machine_id: MachineId,
        /// Its clock minus ours.
        seconds: i64,
    },
    /// The log speaks for a range of positions of which not all rows stand as they were written (EL-1).
    #[serde(rename = "control.pruned")]
    Pruned {
        /// Why.
        kind: Pruning,
        /// The range's first position.
        first: u64,
        /// Its last position.
        last: u64,
        /// How many rows stay.
        kept: u64,
        /// SHA-256 over the rows that stay, in hexadecimal; of a cut, over the base's bytes.
        digest: String,
        /// The digest chain at the last position, in hexadecimal.
        chain: String,
    },
    /// Texts were taken out of the log. What they were is not told, of course.
    #[serde(rename = "control.redacted")]
    Redacted {
        /// How they were chosen.
        by: Chosen,
        /// How many events were blanked.
        events: u64,
        /// The first of their positions; 0 if only the base held the text.
        first: u64,
        /// The last of their positions.
        last: u64,
        /// All of their positions, or the first thousand.
        positions: Vec<u64>,
    },
    /// The user set how long and how much is kept; the whole of the settings.
    #[serde(rename = "control.retention.changed")]
    RetentionChanged {
        /// What is to be kept from now on.
        retention: Retention,
    },
}

impl Control {
    /// The event type.
    pub const fn event_type(&self) -> EventType {
        match self {
            Self::Tick {} => EventType::Tick,
            Self::ServerStarted { .. } => EventType::ServerStarted,
            Self::ActorRestarted { .. } => EventType::ActorRestarted,
            Self::SessionStalled { .. } => EventType::SessionStalled,
            Self::MachineRenamed { .. } => EventType::MachineRenamed,
            Self::MachinePaused { .. } => EventType::MachinePaused,
            Self::MachineResumed { .. } => EventType::MachineResumed,
            Self::MachineForgotten { .. } => EventType::MachineForgotten,
            Self::TokenCreated { .. } => EventType::TokenCreated,
            Self::TokenBound { .. } => EventType::TokenBound,
            Self::TokenRevoked { .. } => EventType::TokenRevoked,
            Self::AuthChanged { .. } => EventType::AuthChanged,
            Self::BridgeChanged { .. } => EventType::BridgeChanged,
            Self::DiskLow { .. } => EventType::DiskLow,
            Self::DiskOk { .. } => EventType::DiskOk,
            Self::ClockSkewed { .. } => EventType::ClockSkewed,
            Self::ClockOk { .. } => EventType::ClockOk,
            Self::Pruned { .. } => EventType::Pruned,
            Self::Redacted { .. } => EventType::Redacted,
            Self::RetentionChanged { .. } => EventType::RetentionChanged,
        }
    }

    /// The machine that the fact concerns; empty for the control plane as a whole (design §18.2).
    pub fn machine(&self) -> MachineId {
        match self {
            Self::SessionStalled { machine_id, .. }
            | Self::MachineRenamed { machine_id, .. }
            | Self::MachinePaused { machine_id }
            | Self::MachineResumed { machine_id }
            | Self::MachineForgotten { machine_id }
            | Self::TokenBound { machine_id, .. }
            | Self::BridgeChanged { machine_id, .. }
            | Self::ClockSkewed { machine_id, .. }
            | Self::ClockOk { machine_id, .. } => machine_id.clone(),
            _ => MachineId::default(),
        }
    }

    /// How much the fact matters.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::Tick {} | Self::Pruned { .. } => Severity::Debug,
            Self::ActorRestarted { .. } | Self::DiskLow { .. } => Severity::Error,
            Self::SessionStalled { .. }
            | Self::ClockSkewed { .. }
            | Self::AuthChanged { .. }
            | Self::Redacted { .. } => Severity::Warn,
            _ => Severity::Info,
        }
    }

    /// The fact as an event. `trace_id` is the request's or the actor's id (design §18.2).
    pub fn to_event(&self, id: EventId, at: Timestamp, trace_id: &str) -> Event {
        // A payload is made of strings and numbers alone, so that writing it cannot fail.
        let payload = match serde_json::to_value(self) {
            Ok(serde_json::Value::Object(mut tagged)) => {
                tagged.remove("payload").unwrap_or_default().to_string()
            }
            _ => "{}".to_owned(),
        };
        Event::new(Parts {
            id,
            machine: self.machine(),
            type_name: self.event_type().name(),
            severity: self.severity(),
            occurred_at: at,
            trace: &serde_json::json!({ "traceId": trace_id }).to_string(),
            payload: &payload,
        })
    }

    /// Reads the payload of a stored event.
    pub fn read(known: EventType, payload: &str) -> Option<Self> {
        serde_json::from_str(&format!(r#"{{"type":"{}","payload":{payload}}}"#, known.name())).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind.
    fn each() -> Vec<Control> {
        let (machine_id, session_id, id) = (MachineId::new("m"), SessionId::new("s"), "t".to_owned());
        let at = Timestamp::EPOCH;
        vec![
            Control::Tick {},
            Control::ServerStarted { version: "1".into() },
            Control::ActorRestarted {
                kind: "Machine".into(),
                key: "m".into(),
                restarts: 1,
                error: "e".into(),
            },
            Control::SessionStalled { machine_id: machine_id.clone(), session_id, silent_since: at },
            Control::MachineRenamed { machine_id: machine_id.clone(), name: None },
            Control::MachinePaused { machine_id: machine_id.clone() },
            Control::MachineResumed { machine_id: machine_id.clone() },
            Control::MachineForgotten { machine_id: machine_id.clone() },
            Control::TokenCreated {
                id: id.clone(),
                name: "nas".into(),
                scope: "bridge".into(),
                machine_id: None,
                expires_at: Some(at),
            },
            Control::TokenBound { id: id.clone(), machine_id: machine_id.clone() },
            Control::TokenRevoked { id },
            Control::AuthChanged { mode: "token".into() },
            Control::BridgeChanged { machine_id: machine_id.clone(), version: "2".into() },
            Control::DiskLow { free_bytes: 1 },
            Control::DiskOk { free_bytes: 2 },
            Control::ClockSkewed { machine_id: machine_id.clone(), seconds: -90 },
            Control::ClockOk { machine_id, seconds: 0 },
            Control::Pruned {
                kind: Pruning::Thinned,
                first: 1,
                last: 9,
                kept: 2,
                digest: "d".into(),
                chain: "c".into(),
            },
            Control::Redacted { by: Chosen::Match, events: 2, first: 4, last: 9, positions: vec![4, 9] },
            Control::RetentionChanged { retention: Retention::default() },
        ]
    }

    #[test]
    fn each_fact_is_read_back_from_its_event() {
        let control_types =
            EventType::ALL.iter().filter(|t| t.family() == super::super::Family::Control).count();
        assert_eq!(each().len(), control_types, "one of each registered type");
        for control in each() {
            let event = control.to_event(EventId::new("e"), Timestamp::EPOCH, "trace");
            assert_eq!(event.type_name(), control.event_type().name());
            assert_eq!(Control::read(control.event_type(), event.payload()), Some(control));
        }
    }
}
