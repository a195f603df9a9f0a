//! Reading: a few read-only connections, each on a thread of its own, behind a bounded queue with a deadline.

use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use patze_core::event::{Event, Recorded};
use patze_core::time::Timestamp;
use patze_supervise::clock::Clock;
use rusqlite::Connection;
use smol_str::SmolStr;
use tokio::sync::oneshot;

use super::connect;
use super::publish::Fresh;
use super::row::RowError;
use super::scan;

/// Connections, and so threads. Two answer while one of them reads a long page.
const READERS: usize = 2;
/// Questions that may wait.
const WAITING: usize = 64;
/// How long a question may take in all.
const DEADLINE: Duration = Duration::from_secs(10);

/// An event read back from the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredEvent {
    /// Its position.
    pub position: u64,
    /// When the log took it.
    pub recorded_at: Timestamp,
    /// Where it came from.
    pub origin: SmolStr,
    /// The event itself, as it was when it was appended.
    pub event: Event,
}

/// Why a question to the log was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Too many questions wait; come back in a second.
    #[error("too many questions to the log wait")]
    Overloaded,
    /// It took too long.
    #[error("the log did not answer within {} s", DEADLINE.as_secs())]
    Deadline,
    /// The log is closed.
    #[error("the log is closed")]
    Closed,
    /// The database cannot be read.
    #[error("{file} cannot be read; see `patze verify`")]
    Read {
        /// The database file.
        file: String,
        /// What was found.
        source: RowError,
    },
}

type Question = Box<dyn FnOnce(&Connection) + Send>;

/// The pool.
#[derive(Debug)]
pub(super) struct Readers {
    file: String,
    clock: Clock,
    /// None once the pool is closed.
    questions: Mutex<Option<SyncSender<Question>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

// === impl StoredEvent ===

impl StoredEvent {
    /// The event as a publisher gets it.
    pub fn fresh(&self) -> Fresh<'_> {
        Fresh {
            position: self.position,
            recorded_at: self.recorded_at,
            origin: &self.origin,
            event: &self.event,
        }
    }

    fn of(event: &Recorded<'_>) -> Self {
        Self {
            position: event.position,
            recorded_at: event.recorded_at,
            origin: SmolStr::new(event.origin.as_str()),
            event: event.to_event(),
        }
    }
}

// === impl Readers ===

impl Readers {
    /// Opens the connections and starts the threads.
    pub(super) fn start(file: &Path, clock: &Clock) -> Result<Self, StartError> {
        let (questions, waiting) = sync_channel(WAITING);
        let waiting = Arc::new(Mutex::new(waiting));
        let mut threads = Vec::new();
        for number in 0..READERS {
            let conn = connect::for_reading(file).map_err(StartError::Sqlite)?;
            let waiting = Arc::clone(&waiting);
            let thread = std::thread::Builder::new()
                .name(format!("patze-read-{number}"))
                .spawn(move || answer(&conn, &waiting));
            threads.push(thread.map_err(StartError::Thread)?);
        }
        Ok(Self {
            file: file.display().to_string(),
            clock: clock.clone(),
            questions: Mutex::new(Some(questions)),
            threads: Mutex::new(threads),
        })
    }

    /// Asks one question on a connection of the pool.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, RowError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let (reply, answer) = oneshot::channel();
        let asked = self.send(Box::new(move |conn| {
            // Nobody waits any more: do not read for nothing.
            if !reply.is_closed() {
                let _ = reply.send(question(conn));
            }
        }));
        asked?;
        match self.clock.timeout(DEADLINE, answer).await {
            Err(_) => Err(ReadError::Deadline),
            Ok(Err(_)) => Err(ReadError::Closed),
            Ok(Ok(answer)) => answer.map_err(|source| ReadError::Read { file: self.file.clone(), source }),
        }
    }

    /// Answers what was asked, then ends the threads and their connections.
    pub(super) fn close(&self) {
        drop(self.questions.lock().unwrap_or_else(PoisonError::into_inner).take());
        for thread in self.threads.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // A reader that panicked has said so; its connection is closed all the same.
            let _ = thread.join();
        }
    }

    fn send(&self, question: Question) -> Result<(), ReadError> {
        let questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        match questions.as_ref().map(|questions| questions.try_send(question)) {
            Some(Ok(())) => Ok(()),
            Some(Err(TrySendError::Full(_))) => Err(ReadError::Overloaded),
            Some(Err(TrySendError::Disconnected(_))) | None => Err(ReadError::Closed),
        }
    }
}

/// Why the pool was not started.
#[derive(Debug)]
pub(super) enum StartError {
    Sqlite(rusqlite::Error),
    Thread(std::io::Error),
}

/// A thread of the pool.
fn answer(conn: &Connection, waiting: &Mutex<Receiver<Question>>) {
    loop {
        // The lock is held while it waits, so that one idle thread waits and the others queue up behind it.
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(question) = next else { return };
        // A panic is the question's own: whoever asked is told by the dropped reply, and the thread lives on.
        if std::panic::catch_unwind(AssertUnwindSafe(|| question(conn))).is_err() {
            tracing::error!("a question to the log panicked");
        }
    }
}

/// At most `max_events` events after `after`, or as many as `max_bytes` hold, but at least one if there is one.
pub(super) fn page(
    conn: &Connection,
    after: u64,
    max_events: usize,
    max_bytes: usize,
) -> Result<Vec<StoredEvent>, RowError> {
    let mut events = Vec::new();
    let mut bytes = 0;
    if max_events == 0 {
        return Ok(events);
    }
    // The end is looked up, so that a page at the head asks for no more positions than there are.
    let head = scan::head(conn)?;
    scan::scan(conn, after, head, |event| {
        let stored = StoredEvent::of(event);
        bytes += stored.event.weight();
        if bytes > max_bytes && !events.is_empty() {
            return ControlFlow::Break(());
        }
        events.push(stored);
        if events.len() >= max_events { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(events)
}
