//! The newest log lines and the newest events, as the snapshot shows them (contract §7.1).

use std::sync::Arc;

use imbl::Vector;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::Fleet;
use super::limits::{MAX_LOGS, MAX_RECENT, cut_message, cut_name, is_long_message};
use crate::event::payload::RunLog;
use crate::event::{Recorded, Severity};
use crate::ids::{EventId, MachineId, RunId, SessionId};
use crate::time::Timestamp;

/// A log line of a run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogLine {
    /// The line's id.
    pub id: SmolStr,
    /// The run.
    pub run_id: RunId,
    /// The session.
    pub session_id: SessionId,
    /// The machine.
    pub machine_id: MachineId,
    /// How much it matters.
    pub level: Severity,
    /// The line, cut.
    pub message: SmolStr,
    /// Whether more of it stands in the log.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// When it was written.
    pub ts: Timestamp,
}

/// A recent event in one line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    /// The event.
    pub id: EventId,
    /// Its time.
    pub ts: Timestamp,
    /// Its type.
    #[serde(rename = "type")]
    pub type_name: SmolStr,
    /// The machine.
    pub machine_id: MachineId,
    /// What happened, for people.
    pub summary: String,
}

impl LogLine {
    /// What is kept of a line that was told at `at`, by the fleet and by history alike.
    pub fn of(machine_id: MachineId, log: &RunLog<'_>, level: Severity, at: Timestamp) -> Self {
        Self {
            id: cut_name(&log.log_entry_id),
            run_id: RunId::new(cut_name(&log.run_id)),
            session_id: SessionId::new(cut_name(&log.session_id)),
            machine_id,
            level,
            message: cut_message(&log.message),
            truncated: is_long_message(&log.message),
            ts: Timestamp::parse(&log.ts).unwrap_or(at),
        }
    }
}

impl Fleet {
    /// Adds a log line.
    pub(super) fn note_log(
        &mut self,
        machine_id: MachineId,
        log: &RunLog<'_>,
        level: Severity,
        at: Timestamp,
    ) {
        push_within(&mut self.facts.logs, MAX_LOGS, LogLine::of(machine_id, log, level, at));
    }

    /// Adds an event to the recent ones.
    pub(super) fn note(&mut self, event: &Recorded<'_>, summary: String) {
        let activity = Activity {
            id: EventId::new(event.id),
            ts: event.occurred_at,
            type_name: SmolStr::new(event.type_name),
            machine_id: MachineId::new(event.machine),
            summary,
        };
        push_within(&mut self.facts.recent, MAX_RECENT, activity);
    }
}

fn push_within<T: Clone>(ring: &mut Vector<Arc<T>>, limit: usize, item: T) {
    if ring.len() >= limit {
        ring.pop_front();
    }
    ring.push_back(Arc::new(item));
}

/// Serialises a ring as a list.
pub(super) mod ring {
    use super::{Arc, Deserialize, Serialize, Vector};

    pub fn serialize<T: Clone + Serialize, S: serde::Serializer>(
        ring: &Vector<Arc<T>>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        s.collect_seq(ring.iter().map(Arc::as_ref))
    }

    pub fn deserialize<'de, T, D>(d: D) -> Result<Vector<Arc<T>>, D::Error>
    where
        T: Clone + Deserialize<'de>,
        D: serde::Deserializer<'de>,
    {
        Ok(Vec::<T>::deserialize(d)?.into_iter().map(Arc::new).collect())
    }
}
