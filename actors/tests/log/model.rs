//! The reference: what a log is, as a `Vec`.

use std::collections::HashSet;

use patze_actors::log::{Batch, Placed, StoredEvent};
use patze_core::time::Timestamp;

/// A log in memory: no disk, no threads, no transactions.
#[derive(Clone, Default)]
pub struct Model {
    pub events: Vec<StoredEvent>,
    seen: HashSet<(String, String)>,
    last: Option<Timestamp>,
}

impl Model {
    /// Takes a batch at `now`; none if it has an event that the log refuses.
    pub fn append(&mut self, batch: &Batch, now: Timestamp) -> Option<Vec<Placed>> {
        if batch.events.iter().any(|event| event.id.is_empty()) {
            return None;
        }
        let recorded_at = self.last.map_or(now, |last| last.max(now));
        let mut placed = Vec::new();
        for event in batch.events.iter() {
            if !self.seen.insert((event.machine.to_string(), event.id.to_string())) {
                placed.push(Placed::Duplicate);
                continue;
            }
            let position = self.events.len() as u64 + 1;
            let origin = batch.origin.clone();
            self.events.push(StoredEvent { position, recorded_at, origin, event: event.clone() });
            self.last = Some(recorded_at);
            placed.push(Placed::Stored { position });
        }
        Some(placed)
    }
}
