//! Reading: what callers get from the log's pool of connections ([`crate::pool`]).

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use patze_core::event::{Event, Recorded};
use patze_core::time::Timestamp;
use patze_supervise::clock::Clock;
use rusqlite::Connection;
use smol_str::SmolStr;

use super::publish::Fresh;
use super::row::RowError;
use super::scan;
use crate::pool::{NoAnswer, Plan, Pool};
use crate::sqlite;

/// Connections, and so threads. Two answer while one of them reads a long page.
const READERS: usize = 2;
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

/// The pool.
#[derive(Debug)]
pub(super) struct Readers {
    file: String,
    pool: Pool,
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
    /// Starts the threads, once it is sure that the file can be opened for reading.
    pub(super) fn start(file: &Path, clock: &Clock) -> Result<Self, StartError> {
        drop(sqlite::for_reading(file).map_err(StartError::Sqlite)?);
        let path = file.to_owned();
        let plan = Plan {
            name: "patze-read",
            threads: READERS,
            deadline: DEADLINE,
            connect: Box::new(move || sqlite::for_reading(&path)),
        };
        let pool = Pool::start(plan, clock).map_err(StartError::Thread)?;
        Ok(Self { file: file.display().to_string(), pool })
    }

    /// Asks one question on a connection of the pool.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, RowError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let read = |source| ReadError::Read { file: self.file.clone(), source };
        match self.pool.ask(move |conn| question(conn)).await {
            Ok(answer) => answer.map_err(read),
            Err(NoAnswer::Overloaded) => Err(ReadError::Overloaded),
            Err(NoAnswer::Deadline) => Err(ReadError::Deadline),
            Err(NoAnswer::Closed) => Err(ReadError::Closed),
            Err(NoAnswer::Connect(source)) => Err(read(source.into())),
        }
    }

    /// Answers what was asked, then ends the threads and their connections.
    pub(super) fn close(&self) {
        self.pool.close();
    }
}

/// Why the pool was not started.
#[derive(Debug)]
pub(super) enum StartError {
    Sqlite(rusqlite::Error),
    Thread(std::io::Error),
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
