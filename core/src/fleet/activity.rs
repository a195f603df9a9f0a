//! The newest log lines and the newest events, as the snapshot shows them (contract §7.1).

use std::sync::Arc;

use imbl::Vector;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::Fleet;
use super::limits::{MAX_LOGS, MAX_RECENT, cut, cut_message, cut_name, is_long_message};
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
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
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
            run_id: RunId::new(cut(&log.run_id)),
            session_id: SessionId::new(cut(&log.session_id)),
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
        let logs = &mut self.facts.logs;
        if logs.len() >= MAX_LOGS {
            logs.pop_front();
        }
        logs.push_back(Arc::new(LogLine::of(machine_id, log, level, at)));
    }

    /// Adds an event to the recent ones, with the words that tell of it.
    pub(super) fn note(&mut self, machine: &MachineId, event: &Recorded<'_>, words: &[&str]) {
        let recent = &mut self.facts.recent;
        let oldest = if recent.len() >= MAX_RECENT { recent.pop_front() } else { None };
        // As every event is noted, what leaves makes room for what comes.
        let mut place = oldest.unwrap_or_default();
        let activity = Arc::make_mut(&mut place);
        activity.id = EventId::new(event.id);
        activity.ts = event.occurred_at;
        activity.type_name = SmolStr::new(event.type_name);
        activity.machine_id = machine.clone();
        activity.summary.clear();
        activity.summary.extend(words.iter().copied());
        recent.push_back(place);
    }
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
