//! Upkeep: what the writer does to what was stored before, in a transaction of events.
//!
//! Only the writer writes. Whoever looks after the log (checkpoints, retention, redaction) reads and thinks on a thread of
//! its own, hands over one short step, and waits. A step may append an event of its own in the same transaction: pruning is
//! told in the log or did not happen. A step that fails leaves no trace, and harms none of the batches beside it.

use tokio::sync::oneshot;

use super::batch::{AppendError, Batch, Lane};
use super::door::Shared;
use super::queue::Work;

/// One step. It runs in a savepoint; the number is the place of its event.
pub(super) struct Upkeep {
    event: Option<Batch>,
    weight: usize,
    run: Box<Run>,
}

type Run = dyn Fn(&rusqlite::Connection, u64) -> rusqlite::Result<()> + Send;

impl Upkeep {
    /// A step that writes about `weight` bytes.
    pub(super) fn new(
        weight: usize,
        run: impl Fn(&rusqlite::Connection, u64) -> rusqlite::Result<()> + Send + 'static,
    ) -> Self {
        Self { event: None, weight, run: Box::new(run) }
    }

    /// The same, with one event that tells of it.
    pub(super) fn telling(mut self, event: patze_core::event::Event) -> Self {
        let event = Batch::control([event]);
        self.weight += event.weight();
        self.event = Some(event);
        self
    }

    /// A batch of the one event that tells of it.
    pub(super) fn event(&self) -> Option<&Batch> {
        self.event.as_ref()
    }

    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    pub(super) fn run(&self, conn: &rusqlite::Connection, told: u64) -> rusqlite::Result<()> {
        (self.run)(conn, told)
    }

    /// Hands it to the writer and waits until it is on the disk. Blocks.
    pub(super) fn ask(self, shared: &Shared) -> Result<(), AppendError> {
        let (reply, answer) = oneshot::channel();
        let work = Work::Upkeep { upkeep: self, reply };
        shared.queue.push(Lane::Control, work).map_err(|_| AppendError::Closed)?;
        answer.blocking_recv().unwrap_or(Err(AppendError::Lost))
    }
}

impl std::fmt::Debug for Upkeep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upkeep")
            .field("event", &self.event)
            .field("weight", &self.weight)
            .finish_non_exhaustive()
    }
}
