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

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use patze_core::event::{Event, Exported, Origin, Rejection, envelope};
use patze_core::fleet::Fleet;
use patze_core::time::Timestamp;
use patze_supervise::clock::Clock;
use rusqlite::Connection;
use smol_str::{SmolStr, format_smolstr};
use tokio::sync::oneshot;

use super::super::batch::{AppendError, Batch, Lane, Placed};
use super::super::connect;
use super::super::digest::GENESIS;
use super::super::door::{CloseError, Log, LogConfig};
use super::super::open::{self, OpenError};
use super::super::place::{self, DATABASE};
use super::super::queue::{TRANSACTION_EVENTS, Work};
use super::super::scan;
use super::super::transaction::{self, Answer, Tail};
use super::super::writer::WriterError;
use super::disk::Scratch;
use super::restore::{self, ReadyFault};
use super::swap;

/// No line that the log could hold is longer, escapes included.
const LINE_BYTES: u64 = 8 << 20;
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

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// It is no event.
    #[error("{0}")]
    Event(#[from] Rejection),
    /// It is no text.
    #[error("it is not UTF-8")]
    Text,
    /// It has no end.
    #[error("it is longer than {} MiB", LINE_BYTES >> 20)]
    Long,
    /// It stands before one that came earlier.
    #[error(
        "position {position} comes after {before}: these are several exports in one file; import them one by one, the first \
         into the empty log"
    )]
    Order {
        /// The line's position.
        position: u64,
        /// The position before it.
        before: u64,
    },
}

/// The lines of a file with their events.
struct Lines<'a> {
    path: &'a Path,
    file: BufReader<File>,
    number: u64,
    line: Vec<u8>,
}

/// A new log in the making.
struct Build {
    conn: Connection,
    file: String,
    now: Timestamp,
    fleet: Fleet,
    tail: Tail,
    /// What is to be the next commit: events that were recorded at the same time.
    group: Vec<(SmolStr, Event)>,
    recorded_at: Timestamp,
    /// Events since the last COMMIT.
    pending: usize,
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
            connect::for_reading(&database).map_err(|e| OpenError::sqlite(&database, "open", e))
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

// === impl Lines ===

impl<'a> Lines<'a> {
    fn open(path: &'a Path) -> Result<Self, ImportError> {
        let file = File::open(path).map_err(|source| ImportError::Read { path: path.to_owned(), source })?;
        Ok(Self { path, file: BufReader::with_capacity(1 << 17, file), number: 0, line: Vec::new() })
    }

    /// The event of the next line that is not blank.
    fn next(&mut self) -> Result<Option<Exported>, ImportError> {
        loop {
            self.line.clear();
            self.number += 1;
            let read = (&mut self.file).take(LINE_BYTES).read_until(b'\n', &mut self.line);
            let read = read.map_err(|source| ImportError::Read { path: self.path.to_owned(), source })?;
            if read == 0 {
                return Ok(None);
            }
            if read as u64 == LINE_BYTES && !self.line.ends_with(b"\n") {
                return Err(self.fault(LineError::Long));
            }
            let Ok(line) = std::str::from_utf8(&self.line) else { return Err(self.fault(LineError::Text)) };
            let line = line.trim();
            if !line.is_empty() {
                return envelope::validate_exported(line).map(Some).map_err(|e| self.fault(e.into()));
            }
        }
    }

    /// The fault of the line that was read last.
    fn fault(&self, source: LineError) -> ImportError {
        ImportError::Line { path: self.path.to_owned(), number: self.number, source }
    }
}

// === impl Build ===

impl Build {
    fn begin(database: &Path, now: Timestamp) -> Result<Self, ReadyFault> {
        let conn = open::database(database, now)?;
        // Until it is whole it may be lost; then it is put on the disk at once.
        conn.pragma_update(None, "synchronous", "OFF")?;
        conn.execute_batch("BEGIN IMMEDIATE")?;
        Ok(Self {
            conn,
            file: database.display().to_string(),
            now,
            fleet: Fleet::default(),
            tail: Tail { position: 0, recorded_at: Timestamp::MIN, digest: GENESIS },
            group: Vec::new(),
            recorded_at: Timestamp::MIN,
            pending: 0,
        })
    }

    fn add(&mut self, exported: Exported, imported: &mut Imported) -> rusqlite::Result<()> {
        // It never decreases, and one that lies ahead would hold all later events at that time.
        let recorded_at = exported.recorded_at.min(self.now).max(self.tail.recorded_at);
        if recorded_at != self.recorded_at || self.group.len() >= TRANSACTION_EVENTS {
            self.commit(imported)?;
        }
        self.recorded_at = recorded_at;
        self.group.push((origin_of(&exported.event, &exported.origin), exported.event));
        Ok(())
    }

    /// Writes the group as one commit of the chain; only events of one time may share one.
    fn commit(&mut self, imported: &mut Imported) -> rusqlite::Result<()> {
        if self.group.is_empty() {
            return Ok(());
        }
        let mut work: Vec<Work> = Vec::new();
        let mut group = std::mem::take(&mut self.group).into_iter().peekable();
        while let Some((origin, event)) = group.next() {
            let mut events = vec![event];
            while let Some((_, event)) = group.next_if(|(next, _)| *next == origin) {
                events.push(event);
            }
            self.pending += events.len();
            let batch = Batch { origin, events: events.into(), cursor: None };
            work.push(Work::Append { batch, reply: oneshot::channel().0 });
        }
        let written =
            transaction::write_all(&self.conn, &self.file, &self.fleet, &self.tail, self.recorded_at, &work)?;
        let mut changes = Vec::new();
        for (work, answer) in work.iter().zip(&written.answers) {
            let (Work::Append { batch, .. }, Answer::Append(answer)) = (work, answer) else { continue };
            let Ok(appended) = answer else {
                // Its own savepoint was undone, for a reason that no checked line gives.
                return Err(rusqlite::Error::StatementChangedRows(0));
            };
            imported.count(&appended.placed);
            for (event, placed) in batch.events.iter().zip(&appended.placed) {
                if let Placed::Stored { position } = placed {
                    let origin = Origin::stored(&batch.origin);
                    self.fleet.apply(&event.recorded(*position, written.recorded_at, origin), &mut changes);
                }
            }
        }
        self.tail = written.tail;
        if self.pending >= TRANSACTION_EVENTS {
            self.conn.execute_batch("COMMIT; BEGIN IMMEDIATE")?;
            self.pending = 0;
        }
        Ok(())
    }

    fn end(mut self, imported: &mut Imported) -> rusqlite::Result<()> {
        self.commit(imported)?;
        self.conn.execute_batch("COMMIT")?;
        self.conn.close().map_err(|(_, error)| error)
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
