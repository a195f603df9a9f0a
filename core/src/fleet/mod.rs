//! The fleet: the hot read model, folded from the log in position order (design §7).
//!
//! # Constraints
//! 1. A function of the events alone: no clock, no I/O, no randomness (FO-3). *Log time*, the greatest `recorded_at`
//!    folded, is the only "now".
//! 2. Total: no event, however odd, panics or stops it (FO-2). What does not fit is an [`Outcome`] and is counted.
//! 3. Bounded ([`limits`]): what leaves, leaves in a fixed order that depends on the rows alone.
//! 4. The stored form is exact: `deserialise(serialise(fleet)) == fleet`, and equal fleets have equal texts (FO-1).
//! 5. A clone costs a few pointers: readers, checkpoints and the hash comparison take one and never hold the writer up.
//!
//! # Shape
//! [`Facts`] are what is stored: [`table::Table`]s of [`rows`], ordered by (machine, id), because OpenClaw's ids are
//! unique only on their machine (design §5). [`index::Index`] is derived: orders for eviction, counts for health.
//!
//! # One event
//! [`Fleet::apply`]: log time moves on, the idle leaves, the machine is seen, the type's handler changes its rows
//! (`fold_machines`, `fold_agents`, `fold_sessions`, `fold_runs`, `fold_control`), the surplus leaves.
//! A session or run that is first named by another's event (a tool call before its run, a run before its session) has a
//! row with [`lifecycle::Life::Unseen`], so that nothing that was counted is lost when its own first state comes.

mod activity;
pub mod details;
pub mod ends;
mod evict;
mod fold_agents;
mod fold_control;
mod fold_machines;
mod fold_runs;
mod fold_sessions;
pub mod index;
mod keys;
pub mod lifecycle;
pub mod limits;
mod listing;
mod placement;
pub mod rows;
pub mod snapshot;
pub mod state;
pub mod table;
mod text;
pub mod usage;

#[cfg(test)]
pub(crate) mod tests;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use activity::{Activity, LogLine};
pub use fold_control::{ServerFacts, TokenFact};
pub use fold_runs::{Placement, RunTold};
pub use text::Text;

use crate::event::{EventType, Family, Origin, Recorded};
use crate::ids::{MachineId, SessionId};
use crate::time::Timestamp;
use index::{Index, minute};
use rows::{Agent, Machine, Run, Session};
use table::Table;
use usage::{Ledger, UsageRow};

/// The version of the fold's rules. A checkpoint of another version is ignored and replayed over (design §6). The test
/// `the_golden_stream_has_the_hash_of_this_version` is red when the rules change and this does not.
pub const FOLD_VERSION: u32 = 2;

/// What is, as far as the log tells: machines, agents, sessions, runs, usage, logs, activity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fleet {
    facts: Facts,
    index: Index,
}

/// What is stored of a fleet; all else is derived from it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// The position of the last event folded; 0 before the first.
    pub position: u64,
    /// The greatest `recorded_at` folded.
    pub log_time: Timestamp,
    /// The control plane's own facts.
    pub server: ServerFacts,
    /// By machine id.
    pub machines: Table<Machine>,
    /// By (machine, home, agent).
    pub agents: Table<Agent>,
    /// By (machine, session).
    pub sessions: Table<Session>,
    /// By (machine, run).
    pub runs: Table<Run>,
    /// By (machine, home, agent, provider, model).
    pub usage: Table<UsageRow>,
    /// The usage of all.
    pub spent: Ledger,
    /// Runs that failed, since ever: of agents and machines that have left too.
    #[serde(default)]
    pub failed_runs: u64,
    /// The newest log lines of runs, in the order of their arrival.
    #[serde(with = "activity::ring")]
    pub logs: imbl::Vector<std::sync::Arc<LogLine>>,
    /// The newest telemetry events but heartbeats, in the order of their arrival.
    #[serde(with = "activity::ring")]
    pub recent: imbl::Vector<std::sync::Arc<Activity>>,
}

/// What became of an event in the fold (FO-2: it never fails).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It is part of the state now.
    Folded,
    /// A newer fact stands already.
    Stale,
    /// An odd state, enum word or transition: stored and streamed, not folded (design §18.4).
    Odd,
    /// Its type is not folded.
    NotFolded,
    /// Its payload cannot be read.
    Unreadable,
}

/// A change that actors are told of, in batches (design §9). They are reconcilers: late or twice is fine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// A machine was heard of, named, paused or resumed.
    Machine(MachineId),
    /// A machine was forgotten.
    MachineGone(MachineId),
    /// The state of a session or of one of its runs was told, or a stall of it has ended.
    Session(MachineId, SessionId),
    /// A session left the hot state.
    SessionGone(MachineId, SessionId),
}

impl Fleet {
    /// The position of the last event folded; 0 before the first.
    pub fn position(&self) -> u64 {
        self.facts.position
    }

    /// The greatest `recorded_at` folded (design §5): what every window is measured against.
    pub fn log_time(&self) -> Timestamp {
        self.facts.log_time
    }

    /// All that is stored.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The derived orders and counts.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Whether an event of `machine` may be taken: it is known, or there is room for one more (W-S18, design §7).
    pub fn admits(&self, machine: &MachineId) -> bool {
        self.facts.machines.len() < limits::MAX_MACHINES || self.facts.machines.get(machine).is_some()
    }

    /// Folds one event. Total: no event panics or stops it (FO-2); no clock, no I/O (FO-3).
    pub fn apply(&mut self, event: &Recorded<'_>, changes: &mut Vec<Change>) -> Outcome {
        self.facts.position = event.position;
        let before = minute(self.facts.log_time);
        self.facts.log_time = self.facts.log_time.max(event.recorded_at);
        if minute(self.facts.log_time) != before {
            self.evict_idle(changes);
        }
        let known = EventType::of(event.type_name);
        if let Some(known) = known
            && known.family() == Family::Control
        {
            return self.fold_control(known, event, changes);
        }
        let machine = match event.origin {
            // What the control plane says of a machine is no sign of life, and brings no forgotten one back.
            Origin::CONTROL => {
                Some(MachineId::new(event.machine)).filter(|id| self.facts.machines.get(id).is_some())
            }
            _ => self.see_machine(event.machine),
        };
        let Some(machine) = machine else { return Outcome::Odd };
        let outcome = match known {
            Some(EventType::MachineRegistered) => self.fold_registered(&machine, event, changes),
            Some(EventType::MachineHeartbeat) => self.fold_heartbeat(&machine, event, changes),
            Some(EventType::AgentState) => self.fold_agent_state(&machine, event),
            Some(EventType::SessionState) => self.fold_session_state(&machine, event, changes),
            Some(EventType::RunState) => self.fold_run_state(&machine, event, changes),
            Some(EventType::RunLog) => self.fold_run_log(&machine, event, changes),
            Some(EventType::ToolStarted) => self.fold_tool_started(&machine, event, changes),
            Some(EventType::ToolCompleted) => self.fold_tool_completed(&machine, event, changes),
            Some(EventType::ModelUsage) => self.fold_model_usage(&machine, event, changes),
            Some(EventType::ResourceUsage) => self.fold_resource_usage(&machine, event, changes),
            Some(EventType::Span) => self.fold_span(&machine, event, changes),
            _ => Outcome::NotFolded,
        };
        self.evict_over_limits(changes);
        outcome
    }

    /// SHA-256 of the stored form, for FO-1.
    pub fn hash(&self) -> [u8; 32] {
        use sha2::Digest as _;
        struct Sink(sha2::Sha256);
        impl std::io::Write for Sink {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.update(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let mut sink = std::io::BufWriter::with_capacity(64 * 1024, Sink(sha2::Sha256::new()));
        // The stored form has text keys alone and the sink takes everything: writing cannot fail.
        let _ = serde_json::to_writer(&mut sink, self);
        sink.into_inner().map_or([0; 32], |sink| sink.0.finalize().into())
    }
}

impl Serialize for Fleet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.facts.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fleet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let facts = Facts::deserialize(deserializer)?;
        let index = Index::of(&facts);
        Ok(Self { facts, index })
    }
}
