//! Taking the lines of an export into a log. Blocks; holds the folder's lock, so that no server runs meanwhile.
//!
//! Every line is checked before the first is stored. Then there are two ways (docs/decisions/care.md has the reasons):
//! - *Into an empty log* the export becomes the log: `recorded_at`, the control plane's own events and the order are those of
//!   the file, so that its past can be looked at as it was. It is written as a new database, which takes the empty one's
//!   place once it is whole.
//! - *Beside what is there* the events are appended through the log's writer, as a bridge's would be that was away: recorded
//!   now, booked at their own times, what is known is not stored twice. What the other control plane decided itself stays out.
//!
//! Ids, machines, times and payloads are those of the file in both. The origin becomes `import`, and for a mirrored event
//! `import:mirror:…`; `control` stays, for the fold must tell what a machine said from what was concluded about it.

mod build;
mod lines;

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use patze_core::event::{Event, Exported, Origin};
use patze_core::time::Timestamp;
use patze_supervise::clock::Clock;
use rusqlite::Connection;
use smol_str::{SmolStr, format_smolstr};

use super::super::batch::{AppendError, Batch, Lane, Placed};
use super::super::door::{CloseError, Log, LogConfig};
use super::super::open::{self, OpenError};
use super::super::place::{self, DATABASE};
use super::super::scan;
use super::super::writer::WriterError;
use super::disk::Scratch;
use super::restore::{self, ReadyFault};
use super::swap;
use crate::sqlite;
use build::Build;
use lines::Lines;

pub use lines::LineError;

/// Events that are appended at once to a log that is in use.
const BATCH_EVENTS: usize = 1_000;
/// What every imported event's origin begins with.
const ORIGIN: &str = "import";

/// What is to be imported.
#[derive(Clone, Debug)]
pub struct Import<'a> {
    /// The settings folder.
    pub dir: &'a Path,
    /// The export.
    pub file: &'a Path,
    /// The clock.
    pub clock: &'a Clock,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What was done, or would be.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// Whether the log was empty, so that the export became the log.
    pub became_the_log: bool,
    /// Lines with an event.
    pub lines: u64,
    /// Events that are new in the log.
    pub stored: u64,
    /// Events that were there already, or are twice in the file.
    pub known: u64,
    /// Events of the other control plane's own, which only an empty log takes.
    pub own: u64,
    /// Events that were refused, for there is no room for their machine.
    pub rejected: u64,
    /// Why the first of them was.
    pub rejection: Option<String>,
    /// Machines in the file.
    pub machines: usize,
    /// The first and the last time at which something happened.
    pub occurred: Option<(Timestamp, Timestamp)>,
    /// Where what was there is now.
    pub aside: Vec<PathBuf>,
}

/// Why the import failed. Unless it says otherwise, nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A line is no event of an export.
    #[error("line {number} of {}: {source}; nothing was imported", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line's number, from 1.
        number: u64,
        /// What is wrong with it.
        source: LineError,
    },
    /// A server runs, or the log cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The new log cannot be written.
    #[error("the new log cannot be written in {}; see that there is room and that this user may write there", dir.display())]
    Build {
        /// The settings folder.
        dir: PathBuf,
        /// What was found.
        source: Box<ReadyFault>,
    },
    /// The log takes nothing any more.
    #[error(
        "the log took {stored} events and then no more; import the file again when that is mended, what is stored is known"
    )]
    Append {
        /// Events that were stored before.
        stored: u64,
        /// What the log says.
        source: AppendError,
    },
    /// The log's writer cannot start.
    #[error("the log cannot be written to")]
    Writer(#[from] WriterError),
    /// The log cannot be closed.
    #[error(transparent)]
    Close(#[from] CloseError),
}

/// Imports an export, or says what that would do.
///
/// # Errors
/// See [`ImportError`].
pub fn import(wanted: &Import<'_>) -> Result<Imported, ImportError> {
    let Import { dir, file, clock, dry_run } = *wanted;
    if dry_run {
        let database = dir.join(DATABASE);
        let conn = database.exists().then(|| {
            open::check_header(&database)?;
            sqlite::for_reading(&database).map_err(|e| OpenError::sqlite(&database, "open", e))
        });
        let conn = conn.transpose()?;
        let unread = |e| OpenError::sqlite(&database, "read", e);
        let empty = conn.as_ref().map_or(Ok(true), is_empty).map_err(unread)?;
        return look(file, empty, conn.as_ref()).map_err(|error| error.of(&database));
    }
    File::open(file).map_err(|source| ImportError::Read { path: file.to_owned(), source })?;
    let lock = place::take(dir)?;
    swap::finish(dir).map_err(OpenError::Restoring)?;
    let database = dir.join(DATABASE);
    let empty = if database.exists() {
        let conn = open::database(&database, clock.now())?;
        is_empty(&conn).map_err(|e| OpenError::sqlite(&database, "read", e))?
    } else {
        true
    };
    let looked = look(file, empty, None).map_err(|error| error.of(&database))?;
    let mut imported = Imported { stored: 0, known: 0, own: 0, ..looked };
    if empty {
        let scratch = Scratch::make(dir.join(swap::PART))
            .map_err(|e| ImportError::Build { dir: dir.to_owned(), source: Box::new(e.into()) })?;
        build(dir, file, clock.now(), &scratch, &mut imported)?;
        imported.aside = swap::swap(dir, scratch, clock.now()).map_err(OpenError::Restoring)?;
    } else {
        // The log takes the lock itself. A server that starts in between is met there.
        drop(lock);
        append(dir, file, clock, &mut imported)?;
    }
    Ok(imported)
}

fn is_empty(conn: &Connection) -> rusqlite::Result<bool> {
    Ok(scan::head(conn)? == 0)
}

/// Checks every line. With `conn` it also counts what is there already, as an import would.
fn look(file: &Path, empty: bool, conn: Option<&Connection>) -> Result<Imported, LookError> {
    let mut lines = Lines::open(file)?;
    let mut known =
        conn.map(|conn| conn.prepare("SELECT 1 FROM events WHERE machine = ?1 AND id = ?2")).transpose()?;
    let mut machines = BTreeSet::new();
    let mut found = Imported { became_the_log: empty, ..Imported::default() };
    let mut before = 0;
    while let Some(Exported { event, position, origin, .. }) = lines.next()? {
        if empty && position <= before {
            return Err(lines.fault(LineError::Order { position, before }).into());
        }
        before = position;
        found.lines += 1;
        if !event.machine.is_empty() {
            machines.insert(event.machine.clone());
        }
        let at = event.occurred_at;
        let (first, last) = found.occurred.unwrap_or((at, at));
        found.occurred = Some((first.min(at), last.max(at)));
        if !empty && is_own(&event, &origin) {
            found.own += 1;
            continue;
        }
        let is_known = match &mut known {
            Some(known) => known.exists([event.machine.as_str(), event.id.as_str()])?,
            None => false,
        };
        *if is_known { &mut found.known } else { &mut found.stored } += 1;
    }
    found.machines = machines.len();
    Ok(found)
}

/// Why the lines were not looked through.
enum LookError {
    Import(ImportError),
    Sqlite(rusqlite::Error),
}

/// Whether an event is a control plane's own.
fn is_own(event: &Event, origin: &str) -> bool {
    origin == Origin::CONTROL.as_str() || event.family() == patze_core::event::Family::Control
}

/// The origin of an imported event.
fn origin_of(event: &Event, origin: &str) -> SmolStr {
    match origin {
        _ if is_own(event, origin) => SmolStr::new_static("control"),
        "ingest" => SmolStr::new_static(ORIGIN),
        // It has been through an import before.
        _ if origin == ORIGIN || origin.starts_with("import:") => SmolStr::new(origin),
        _ => format_smolstr!("{ORIGIN}:{origin}"),
    }
}

/// Writes the export as a new database.
fn build(
    dir: &Path,
    file: &Path,
    now: Timestamp,
    scratch: &Scratch,
    imported: &mut Imported,
) -> Result<(), ImportError> {
    let failed = |source: ReadyFault| ImportError::Build { dir: dir.to_owned(), source: source.into() };
    let database = scratch.path().join(DATABASE);
    let mut build = Build::begin(&database, now).map_err(failed)?;
    let mut lines = Lines::open(file)?;
    while let Some(exported) = lines.next()? {
        build.add(exported, imported).map_err(|e| failed(e.into()))?;
    }
    build.end(imported).map_err(|e| failed(e.into()))?;
    restore::renew(scratch, now).map_err(failed)?;
    Ok(())
}

/// Appends through the log's own writer.
fn append(dir: &Path, file: &Path, clock: &Clock, imported: &mut Imported) -> Result<(), ImportError> {
    let log = Log::open(LogConfig::new(dir, clock.clone()))?;
    let mut writer = log.writer(Box::new(()))?;
    let writing = std::thread::spawn(move || writer.run());
    let appended = append_all(&log, file, imported);
    log.close()?;
    let ran = writing.join();
    appended?;
    match ran {
        Ok(Err(error)) => Err(error.into()),
        _ => Ok(()),
    }
}

fn append_all(log: &Log, file: &Path, imported: &mut Imported) -> Result<(), ImportError> {
    let mut lines = Lines::open(file)?;
    let mut batch: (SmolStr, Vec<Event>) = Default::default();
    loop {
        let next = lines.next()?;
        let origin = match &next {
            Some(Exported { event, origin, .. }) if is_own(event, origin) => {
                imported.own += 1;
                continue;
            }
            Some(Exported { event, origin, .. }) => origin_of(event, origin),
            None => SmolStr::default(),
        };
        if !batch.1.is_empty() && (origin != batch.0 || batch.1.len() >= BATCH_EVENTS) {
            let events = std::mem::take(&mut batch.1);
            let ready = Batch { origin: batch.0.clone(), events: events.into(), cursor: None };
            // One batch at a time: the lane is empty, and an empty lane takes whatever comes.
            let answer = match log.append(Lane::Ingest, ready) {
                Ok(pending) => pending.wait(),
                Err(_) => Err(AppendError::Lost),
            };
            let answer = answer.map_err(|source| ImportError::Append { stored: imported.stored, source })?;
            imported.count(&answer.placed);
        }
        let Some(Exported { event, .. }) = next else { return Ok(()) };
        batch.0 = origin;
        batch.1.push(event);
    }
}

// === impl Imported ===

impl Imported {
    fn count(&mut self, placed: &[Placed]) {
        for placed in placed {
            match placed {
                Placed::Stored { .. } => self.stored += 1,
                Placed::Duplicate => self.known += 1,
                Placed::Rejected(rejection) => {
                    self.rejected += 1;
                    self.rejection.get_or_insert_with(|| rejection.message.clone());
                }
            }
        }
    }
}

// === impl LookError ===

impl LookError {
    /// What it means; `database` is what SQLite speaks of.
    fn of(self, database: &Path) -> ImportError {
        match self {
            Self::Import(error) => error,
            Self::Sqlite(error) => OpenError::sqlite(database, "read", error).into(),
        }
    }
}

impl From<ImportError> for LookError {
    fn from(error: ImportError) -> Self {
        Self::Import(error)
    }
}

impl From<rusqlite::Error> for LookError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}
