//! The one writer: takes what is queued, commits it, folds, publishes, answers (design §6, in this order).
//!
//! *Owns* the writing connection and the next position. *Wakes* when something is queued. *When it fails*, by an error
//! or a panic, whoever waits for what it had in hand is told so, and a new one goes on where the log ends: it folds and
//! publishes what was committed but not published, and then takes from the same queue.

use std::sync::Arc;

use patze_core::fleet::{Change, Fleet};
use rusqlite::Connection;

use super::batch::AppendError;
use super::care::reached::Note;
use super::connect;
use super::door::Shared;
use super::health::Metrics;
use super::open::Fault;
use super::publish::{Fresh, News, Publish};
use super::queue::Work;
use super::reader;
use super::scan;
use super::transaction::{self, Answer, Tail, Written};
use crate::sqlite;

/// Events that are published in one go while a new writer catches up.
const CATCH_UP_EVENTS: usize = 2_000;
/// See [`CATCH_UP_EVENTS`].
const CATCH_UP_BYTES: usize = 4 << 20;

/// Why the writer stopped other than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum WriterError {
    /// There is one already.
    #[error("another writer of this log runs")]
    Running,
    /// The database cannot be opened or read.
    #[error("{file} cannot be opened for writing; see that it is there and may be written")]
    Open {
        /// The database file.
        file: String,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The end of the log cannot be read.
    #[error("the end of {file} cannot be read; see `patze verify`")]
    Tail {
        /// The database file.
        file: String,
        /// What was found.
        source: Fault,
    },
    /// A commit failed and yet the log has grown, so that the writer must look again.
    #[error("a commit to {file} failed half-way; the writer reads the end of the log anew")]
    Unsure {
        /// The database file.
        file: String,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

/// A writer that does not run yet. There is one at a time.
pub struct Writer {
    shared: Arc<Shared>,
    publish: Box<dyn Publish>,
    _only: Running,
}

/// Held by the one writer; dropped with it, however it ends.
pub(super) struct Running(Arc<Shared>);

/// A running writer's state.
struct Run<'a> {
    shared: &'a Shared,
    publish: &'a mut dyn Publish,
    conn: Connection,
    file: String,
    tail: Tail,
    /// None if the file cannot be had; the log goes on without it.
    note: Option<Note>,
    fleet: Fleet,
    changes: Vec<Change>,
}

// === impl Running ===

impl Running {
    pub(super) fn begin(shared: &Arc<Shared>) -> Result<Self, WriterError> {
        shared.begin_writing().then(|| Self(shared.clone())).ok_or(WriterError::Running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.end_writing();
    }
}

// === impl Writer ===

impl Writer {
    pub(super) fn new(shared: &Arc<Shared>, publish: Box<dyn Publish>) -> Result<Self, WriterError> {
        Ok(Self { _only: Running::begin(shared)?, shared: shared.clone(), publish })
    }

    /// Writes until the log is closed. Blocks; belongs on a thread of its own.
    ///
    /// # Errors
    /// If it cannot go on. Another writer may then be started with the same publisher.
    pub fn run(&mut self) -> Result<(), WriterError> {
        let mut run = Run::begin(&self.shared, self.publish.as_mut())?;
        run.catch_up()?;
        let mut work = Vec::new();
        while self.shared.queue.take(&mut work) {
            run.handle(&mut work)?;
        }
        Ok(())
    }
}

// === impl Run ===

impl<'a> Run<'a> {
    fn begin(shared: &'a Shared, publish: &'a mut dyn Publish) -> Result<Self, WriterError> {
        let file = shared.file.display().to_string();
        let failed = |source| WriterError::Open { file: file.clone(), source };
        let conn = connect::for_writing(&shared.file).map_err(failed)?;
        let tail = read_tail(&conn).map_err(|source| WriterError::Tail { file: file.clone(), source })?;
        let fleet = Fleet::clone(&shared.published());
        let note = Note::open(&shared.file).inspect_err(
            |error| tracing::warn!(%error, "the file beside {file} that notes its head cannot be opened"),
        );
        Ok(Self { shared, publish, conn, file, tail, note: note.ok(), fleet, changes: Vec::new() })
    }

    /// Folds and publishes what an earlier writer committed and did not get to publish.
    fn catch_up(&mut self) -> Result<(), WriterError> {
        while self.fleet.position() < self.tail.position {
            let after = self.fleet.position();
            let page = reader::page(&self.conn, after, CATCH_UP_EVENTS, CATCH_UP_BYTES)
                .map_err(|source| WriterError::Tail { file: self.file.clone(), source: source.into() })?;
            let fresh: Vec<Fresh<'_>> = page.iter().map(reader::StoredEvent::fresh).collect();
            self.show(&fresh);
            if page.is_empty() {
                // Positions without events at the very end; nothing more to catch up with.
                break;
            }
        }
        self.set_head();
        Ok(())
    }

    /// Shows the head, and notes it beside the database.
    fn set_head(&mut self) {
        self.shared.set_head(&self.tail);
        if let Some(note) = &mut self.note {
            note.write(&self.shared.head());
        }
    }

    /// One transaction.
    fn handle(&mut self, work: &mut Vec<Work>) -> Result<(), WriterError> {
        let metrics = &self.shared.metrics;
        metrics.queue_bytes.store(self.shared.queue.bytes() as u64, std::sync::atomic::Ordering::Relaxed);
        if let Some(fault) = self.shared.health.fault() {
            refuse(work, &AppendError::Damaged { file: self.file.clone(), fault });
            return Ok(());
        }
        let clock = &self.shared.clock;
        let began = clock.elapsed();
        match transaction::write(&self.conn, &self.file, &self.fleet, &self.tail, clock.now(), work) {
            Ok(written) => {
                let took = Metrics::time(&metrics.longest_commit_micros, clock.elapsed() - began);
                metrics.count_commit(took, &written.answers);
                self.shared.health.written();
                self.shared.wal.wrote(work.iter().map(Work::weight).sum());
                self.finish(work, written)
            }
            Err(error) => self.fail(work, error),
        }
    }

    /// Folds, publishes and answers what was committed.
    fn finish(&mut self, work: &mut Vec<Work>, written: Written) -> Result<(), WriterError> {
        let Written { tail, recorded_at, answers } = written;
        let grown = tail.position > self.tail.position;
        self.tail = tail;
        if grown {
            let fresh = fresh(work, &answers, recorded_at);
            self.set_head();
            self.show(&fresh);
        }
        for (item, answer) in work.drain(..).zip(answers) {
            // A caller that went away does not want its answer.
            match (item, answer) {
                (Work::Append { reply, .. }, Answer::Append(answer)) => drop(reply.send(answer)),
                (Work::Upkeep { reply, .. }, Answer::Upkeep(answer)) => drop(reply.send(answer.map(drop))),
                _ => {}
            }
        }
        Ok(())
    }

    /// Folds new events and tells of them. The fleet that a new writer would start from moves on only when all of that
    /// is done, so that what a panic interrupts is done again.
    fn show(&mut self, fresh: &[Fresh<'_>]) {
        let Shared { metrics, clock, .. } = self.shared;
        let began = clock.elapsed();
        self.changes.clear();
        for event in fresh {
            metrics.count_outcome(self.fleet.apply(&event.recorded(), &mut self.changes));
            if event.position.is_multiple_of(self.shared.every) {
                self.shared.proofs.offer(&self.fleet, metrics);
            }
        }
        let folded = clock.elapsed();
        Metrics::time(&metrics.longest_fold_micros, folded - began);
        let fleet = Arc::new(self.fleet.clone());
        self.shared.set_current(&fleet);
        self.publish.publish(&News { fleet: &fleet, events: fresh, changes: &self.changes });
        Metrics::time(&metrics.longest_publish_micros, clock.elapsed() - folded);
        self.shared.set_published(fleet);
    }

    /// Tells everybody that nothing was stored.
    fn fail(&mut self, work: &mut Vec<Work>, error: rusqlite::Error) -> Result<(), WriterError> {
        let answer = transaction::explain(&self.file, &error);
        if transaction::is_damage(&error) {
            self.shared.health.damaged(error.to_string());
        }
        self.shared.health.failed(&answer);
        self.shared.metrics.count_failed(work.len());
        // An error of COMMIT itself need not mean that nothing was committed. Dropping the work says "lost".
        if !transaction::is_damage(&error)
            && scan::head(&self.conn).is_ok_and(|head| head != self.tail.position)
        {
            work.clear();
            return Err(WriterError::Unsure { file: self.file.clone(), source: error });
        }
        refuse(work, &answer);
        Ok(())
    }
}

/// The events of a transaction that are new, with their places.
fn fresh<'a>(
    work: &'a [Work],
    answers: &[Answer],
    recorded_at: patze_core::time::Timestamp,
) -> Vec<Fresh<'a>> {
    use super::batch::Placed;
    let mut fresh = Vec::new();
    for (item, answer) in work.iter().zip(answers) {
        match (item, answer) {
            (Work::Append { batch, .. }, Answer::Append(Ok(appended))) => {
                for (event, placed) in batch.events.iter().zip(&appended.placed) {
                    if let Placed::Stored { position } = *placed {
                        fresh.push(Fresh { position, recorded_at, origin: &batch.origin, event });
                    }
                }
            }
            (Work::Upkeep { upkeep, .. }, Answer::Upkeep(Ok(Some(position)))) => {
                let told = upkeep.event().and_then(|told| Some((told, told.events.first()?)));
                fresh.extend(told.map(|(told, event)| Fresh {
                    position: *position,
                    recorded_at,
                    origin: &told.origin,
                    event,
                }));
            }
            _ => {}
        }
    }
    fresh
}

fn refuse(work: &mut Vec<Work>, error: &AppendError) {
    for item in work.drain(..) {
        match item {
            Work::Append { reply, .. } => drop(reply.send(Err(error.clone()))),
            Work::Upkeep { reply, .. } => drop(reply.send(Err(error.clone()))),
        }
    }
}

/// The end of the log. The last commit and the last event must agree.
pub(super) fn read_tail(conn: &Connection) -> Result<Tail, Fault> {
    use patze_core::time::Timestamp;
    use rusqlite::OptionalExtension as _;

    let event = scan::head(conn)?;
    let tail = conn
        .query_row("SELECT last, recorded_at, digest FROM commits ORDER BY first DESC LIMIT 1", [], |row| {
            Ok(Tail {
                position: sqlite::count(row, 0)?,
                recorded_at: Timestamp::from_millis(row.get(1)?),
                digest: row.get(2)?,
            })
        })
        .optional()?
        .unwrap_or(Tail { position: 0, recorded_at: Timestamp::MIN, digest: super::digest::GENESIS });
    if tail.position == event { Ok(tail) } else { Err(Fault::Head { event, commit: tail.position }) }
}
