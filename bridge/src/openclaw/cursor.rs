//! How far a home has been read, and what one read gives.

use std::collections::BTreeMap;
use std::time::Duration;

use patze_core::event::Event;
use patze_core::openclaw::MAPPER_VERSION;
use patze_core::openclaw::ledger::LedgerState;
use patze_core::openclaw::sessions::AgentState;
use patze_core::time::Timestamp;
use patze_supervise::clock::Clock;
use serde::{Deserialize, Serialize};

/// How far a home has been read, with the mapper's state at that place. Serialises to one JSON object of a few hundred
/// bytes for a home, and some ten more for each conversation window in its store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cursor {
    /// The mapper that the state is of. Another one reads from the start; EL-3 drops what is known (design §11).
    pub(super) mapper_version: u32,
    /// The audit ledger and the boots.
    #[serde(default)]
    pub(super) ledger: LedgerState,
    /// The id of the last boot that was mapped. Boots are in the order in which they were written, and not in that of
    /// their times: a boot with a clock that was ahead would hide all later ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) boot_id: Option<String>,
    /// The last ledger row that was mapped, as [`super::sqlite`] tells it from another database's row in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) row: Option<String>,
    /// The newest entry that was read of each agent's store, by the place of its database, for the same purpose.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) newest: BTreeMap<String, EntryMark>,
    /// The agents' stores, by the place of their database.
    #[serde(default)]
    pub(super) agents: BTreeMap<String, AgentState>,
}

/// A transcript entry that was read: where it is, and when it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntryMark {
    pub session_id: String,
    pub seq: i64,
    pub created_at: i64,
    /// The generation of the transcript; in another one the entry may be elsewhere.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub generation: String,
}

/// How much one page may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Rows of the ledger and of transcripts, each.
    pub rows: usize,
    /// Bytes of transcript text.
    pub bytes: usize,
}

/// The moment of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The wall clock, with which the times of rows are compared. It may be set back.
    pub wall: Timestamp,
    /// The monotonic clock, which limits each wait.
    pub elapsed: Duration,
}

/// What one read gives.
#[derive(Clone, Debug)]
pub struct Page {
    /// The events, in the order of their time.
    pub events: Vec<Event>,
    /// Where to go on; to be stored with the events.
    pub cursor: Cursor,
    /// Whether the cursor has moved, so that it must be stored even if there are no events.
    pub moved: bool,
    /// Whether there is more to read now.
    pub more: bool,
    /// How soon to read again even if nothing wakes the reader: something is being waited for.
    pub again_in: Option<Duration>,
    /// Rows that could not be understood and were passed over.
    pub odd_rows: u64,
    /// What was passed over because it has not been readable for a minute: the reasons, each with its file.
    pub passed_over: Vec<String>,
}

impl Default for Cursor {
    /// The start of a home.
    fn default() -> Self {
        Self {
            mapper_version: MAPPER_VERSION,
            ledger: LedgerState::default(),
            boot_id: None,
            row: None,
            newest: BTreeMap::new(),
            agents: BTreeMap::new(),
        }
    }
}

impl Now {
    /// The moment that `clock` shows.
    pub fn of(clock: &Clock) -> Self {
        Self { wall: clock.now(), elapsed: clock.elapsed() }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self { rows: 500, bytes: 1 << 20 }
    }
}

impl Cursor {
    /// The cursor to read from: this one, or the start if another mapper made it.
    pub(super) fn current(&self) -> Self {
        if self.mapper_version == MAPPER_VERSION { self.clone() } else { Self::default() }
    }
}
