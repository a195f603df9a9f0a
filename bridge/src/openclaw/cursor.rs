//! How far a home has been read, and what one read gives.

use std::collections::BTreeMap;

use patze_core::event::Event;
use patze_core::openclaw::MAPPER_VERSION;
use patze_core::openclaw::ledger::LedgerState;
use patze_core::openclaw::sessions::AgentState;
use patze_core::time::Timestamp;
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
    /// The agents' stores, by the place of their database.
    #[serde(default)]
    pub(super) agents: BTreeMap<String, AgentState>,
}

/// How much one page may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Rows of the ledger and of transcripts, each.
    pub rows: usize,
    /// Bytes of transcript text.
    pub bytes: usize,
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
    /// When to read again even if nothing wakes the reader: something is being waited for.
    pub again_at: Option<Timestamp>,
    /// Rows that could not be understood and were passed over.
    pub odd_rows: u64,
}

impl Default for Cursor {
    /// The start of a home.
    fn default() -> Self {
        Self { mapper_version: MAPPER_VERSION, ledger: LedgerState::default(), agents: BTreeMap::new() }
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
