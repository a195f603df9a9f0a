//! The fleet: the hot read model, folded from the log in position order (design §7). Being filled in.

use serde::{Deserialize, Serialize};

use crate::event::Recorded;
use crate::ids::{MachineId, RunId, SessionId};
use crate::time::Timestamp;

/// The version of the fold's rules. A checkpoint of another version is ignored and replayed over (design §6).
pub const FOLD_VERSION: u32 = 1;

/// What is, as far as the log tells: machines, agents, sessions, runs, usage, logs, activity.
///
/// A clone is cheap (persistent maps), so that readers, checkpoints and the standing hash comparison take one and never
/// hold the writer up. Serialises to one JSON object that is a function of the events alone; `Deserialize` gives back
/// the same state, byte for byte (FO-1).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fleet {
    position: u64,
    log_time: Timestamp,
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
    /// A session or one of its runs had an event.
    Session(MachineId, SessionId),
    /// A session left the hot state.
    SessionGone(MachineId, SessionId),
    /// A run ended.
    RunEnded(MachineId, RunId),
    /// Tokens changed.
    Tokens,
}

impl Fleet {
    /// The position of the last event folded; 0 before the first.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The greatest `recorded_at` folded (design §5): what every window is measured against.
    pub fn log_time(&self) -> Timestamp {
        self.log_time
    }

    /// Whether an event of `machine` may be taken: it is known, or there is room for one more (W-S18, design §7).
    pub fn admits(&self, _machine: &MachineId) -> bool {
        true
    }

    /// Folds one event. Total: no event panics or stops it (FO-2); no clock, no I/O (FO-3).
    pub fn apply(&mut self, event: &Recorded<'_>, _changes: &mut Vec<Change>) -> Outcome {
        self.position = event.position;
        self.log_time = self.log_time.max(event.recorded_at);
        Outcome::NotFolded
    }

    /// SHA-256 of the serialised state, for FO-1.
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
        let mut sink = Sink(sha2::Sha256::new());
        // Maps have text keys and the sink takes everything: writing cannot fail.
        let _ = serde_json::to_writer(&mut sink, self);
        sink.0.finalize().into()
    }
}
