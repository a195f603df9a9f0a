//! What is handed to the log, and what comes back.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use patze_core::event::{Event, Rejection};
use smol_str::SmolStr;
use tokio::sync::oneshot;

/// Which of the queue's two lanes a batch waits in (design §6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lane {
    /// The control plane's own events: few, never refused because of a flood of ingest, taken first.
    Control,
    /// Everything from outside.
    Ingest,
}

/// Events that are stored together or not at all.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Where they came from: `ingest`, `mirror:<endpoint>` or `control` (design §2).
    pub origin: SmolStr,
    /// The events, in the order in which they are to stand in the log. Shared, so that the caller can echo them.
    pub events: Arc<[Event]>,
    /// How far the source was read; stored in the same transaction (design §6).
    pub cursor: Option<Cursor>,
}

/// How far a source outside was read, under a name of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cursor {
    /// Whose cursor, such as `mirror:<endpoint>`.
    pub name: String,
    /// The place in the source, in the source's own words.
    pub value: String,
}

/// What became of one event of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Placed {
    /// It is in the log, durably.
    Stored {
        /// Its place.
        position: u64,
    },
    /// An event of this machine and id was stored before; the first content stands (EL-3).
    Duplicate,
    /// It was not taken, the rest of its batch was.
    Rejected(Rejection),
}

/// The answer to a batch: everything that it says is on disk (EL-2), folded and published.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Appended {
    /// One entry for each event of the batch, in its order.
    pub placed: Vec<Placed>,
}

/// The queue is full: nothing was taken, come back in a second (AC-2; HTTP says 503, `Retry-After: 1`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the log's queue is full: {queued} of {limit} bytes wait to be written")]
pub struct Overloaded {
    /// Bytes that wait in the batch's lane.
    pub queued: usize,
    /// Bytes that may wait there.
    pub limit: usize,
}

/// Why a batch was not stored. Nothing of it is in the log, except perhaps after
/// [`AppendError::Lost`], and after a crash that follows [`AppendError::Storage`]; sending it again is always safe (EL-3).
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AppendError {
    /// The disk is full or at fault, or another program holds the file. Send the batch again later.
    #[error(
        "{file} could not be written ({reason}); see that its disk has room and no other program writes to it, then \
         send again"
    )]
    Storage {
        /// The database file.
        file: String,
        /// SQLite's words.
        reason: String,
    },
    /// The database refuses this very batch; sending it again is of no use.
    #[error("the batch breaks a rule of {file} ({reason})")]
    Refused {
        /// The database file.
        file: String,
        /// SQLite's words.
        reason: String,
    },
    /// The database file is damaged, so that nothing more is written to it.
    #[error("{file} is damaged ({fault}) and takes no more events; see `patze verify`, restore a backup")]
    Damaged {
        /// The database file.
        file: String,
        /// What was found.
        fault: String,
    },
    /// The log is closed or closing.
    #[error("the log is closed")]
    Closed,
    /// The writer failed while it had the batch: it may be stored or not. Sending it again is safe (EL-3).
    #[error("the log's writer failed before it could answer; send again")]
    Lost,
}

/// A batch's answer, once it is there.
#[derive(Debug)]
#[must_use = "an answer that nobody awaits may be an error that nobody sees"]
pub struct Pending(oneshot::Receiver<Result<Appended, AppendError>>);

// === impl Batch ===

impl Batch {
    /// Events that bridges pushed.
    pub fn ingest(events: impl Into<Arc<[Event]>>) -> Self {
        Self { origin: SmolStr::new_static("ingest"), events: events.into(), cursor: None }
    }

    /// The control plane's own events.
    pub fn control(events: impl Into<Arc<[Event]>>) -> Self {
        Self { origin: SmolStr::new_static("control"), events: events.into(), cursor: None }
    }

    /// Bytes that the batch occupies while it waits.
    pub fn weight(&self) -> usize {
        let cursor = self.cursor.as_ref().map_or(0, |c| c.name.len() + c.value.len());
        // What a batch costs besides its events: its place in the queue, its answer and its channel.
        256 + cursor + self.events.iter().map(Event::weight).sum::<usize>()
    }
}

// === impl Pending ===

impl Pending {
    pub(super) fn new(receiver: oneshot::Receiver<Result<Appended, AppendError>>) -> Self {
        Self(receiver)
    }

    /// An answer that is known at once.
    pub(super) fn ready(answer: Result<Appended, AppendError>) -> Self {
        let (sender, receiver) = oneshot::channel();
        // The receiver is right here.
        let _ = sender.send(answer);
        Self(receiver)
    }

    /// Blocks the thread until the answer is there. Not for async code.
    ///
    /// # Errors
    /// As the awaited answer.
    pub fn wait(self) -> Result<Appended, AppendError> {
        self.0.blocking_recv().unwrap_or(Err(AppendError::Lost))
    }
}

impl Future for Pending {
    type Output = Result<Appended, AppendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|answer| answer.unwrap_or(Err(AppendError::Lost)))
    }
}
