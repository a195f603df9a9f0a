//! What the control plane has not acknowledged yet, on disk.
//!
//! # Constraints
//! 1. Nothing that was appended is forgotten before it is settled (BR-1): not by `kill -9`, not by a power cut. The
//!    exceptions are heartbeats at the cap (constraint 5) and a file that the disk itself damaged (see *Recovery*).
//! 2. A source's cursor is never ahead of its events: it is written in the transaction of the last events that it stands
//!    for, or later. So none is skipped. One that is written later has a few read again after a crash; their ids are the
//!    same, and the control plane drops them (EL-3).
//! 3. First in, first out, across restarts (W-B12). A number is never given twice.
//! 4. Memory does not grow with the backlog: a batch is read from the file when it is sent, and again for each retry.
//! 5. At most [`Limits::cap`] bytes are used. At the cap heartbeats go first, oldest first; then appends are answered
//!    [`Appended::Full`], and sources stop reading, for their own databases are the buffer. What the bridge tells of
//!    itself besides heartbeats is small and always kept.
//! 6. Only its owner can read it (W-B11).
//!
//! # Format
//! `spool.db`, an SQLite file in WAL mode. `event(seq, heartbeat, body)`: `body` is the normalised event, one JSON text.
//! `cursor(source, cursor)`: where each source is; the text is the source's own. `fact(name, value)`: the mapper's version, the
//! machine's id, the control plane's log.
//!
//! # Operation
//! ```text
//! Source --append(cursor, events)--> spool --next_batch--> Push --settle(batch, rejected)--> spool
//! ```
//! An append is one transaction with `synchronous=FULL`. A settlement is not synced: should it be lost in a power cut,
//! the batch is sent again, and the control plane answers duplicates as accepted (EL-3). Rejected events are written to
//! `rejected.jsonl` before their rows go.
//!
//! Cursors are forgotten, so that every home is read from the start, when the mapper's version, the machine's id or the
//! control plane's log is another one than before. The *epoch* is counted up then; an append of an older epoch is
//! answered [`Appended::Stale`], for its cursor would hide what is to be read again.
//!
//! # Recovery
//! SQLite rolls a torn transaction back. A damaged file is put aside as `spool.db.damaged` and a new one is begun: with
//! no cursors every home is read from the start, the control plane drops what it knows, and only heartbeats are lost.

mod actor;
mod rejected;
mod schema;
mod status;

use std::path::{Path, PathBuf};

use patze_core::event::Event;
use patze_core::ids::MachineId;
use patze_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

pub use actor::{Settings, SpoolHandle, Unspooled};
pub use rejected::{Contents, Line, Reason, Rejected};
pub use schema::path;
pub use status::{Status, read_status};

/// What stands for the log of a control plane that tells of none; ours never make it.
const NO_LOG: &str = "-";

/// The place of an event in the spool: 1, 2, 3, … with holes.
pub type Seq = i64;

/// How large the spool may grow.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes in use from which on nothing more is taken.
    pub cap: u64,
}

/// What became of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is on disk.
    Kept,
    /// There is no room: nothing was changed.
    Full,
    /// Cursors were forgotten since: nothing was changed, begin again at [`Spool::begin`].
    Stale,
}

/// Where a source goes on reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// To be given back with each append.
    pub epoch: u64,
    /// Where the source was; `None` at the start.
    pub cursor: Option<String>,
}

/// How a batch is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `{"events":[…]}`, for `POST /ingest/batch`.
    Batch,
    /// One event as it is, for `POST /ingest`.
    Single,
}

/// The most that a batch may hold; one event is always allowed.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    /// Events.
    pub events: usize,
    /// Bytes of the whole body.
    pub bytes: usize,
}

/// The oldest events, as they are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Their places, in order.
    pub seqs: Vec<Seq>,
    /// How many of them, from the first, were made under a former machine id.
    pub foreign: usize,
    /// The request's body.
    pub body: Vec<u8>,
}

/// What became of the control plane's log, as far as the spool knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogSeen {
    /// The same log as before.
    Same,
    /// The first one ever.
    First,
    /// Another one: cursors are forgotten.
    Another,
}

/// Why the spool could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The file or its folder cannot be used.
    #[error("the spool {} cannot be used; make its folder writable for this user, or set BRIDGE_STATE_DIR", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// SQLite cannot open it.
    #[error("the spool {} cannot be opened", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// It was written by a later version.
    #[error("the spool {} was written by a newer patze-bridge; install that one, or move the file away to read all homes again", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// It is somebody else's database.
    #[error("{} is no spool of a patze-bridge; move it away, or set BRIDGE_STATE_DIR", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It is closed after a failure, and opened again soon.
    #[error("the spool is being opened again")]
    Closed,
    /// A step inside the file failed.
    #[error("the spool could not {what}; see to free space on its disk")]
    Step {
        /// What was to be done.
        what: &'static str,
        /// Why not.
        #[source]
        source: rusqlite::Error,
    },
    /// The file of refused events cannot be written.
    #[error("{} cannot be written; see to its permissions and to free space on its disk", path.display())]
    Rejected {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// See the module.
#[derive(Debug)]
pub struct Spool {
    db: Connection,
    limits: Limits,
    rejected: Rejected,
    epoch: u64,
    /// The first place of an event under the present machine id.
    own_from: Seq,
    waiting: u64,
}

// === impl SpoolError ===

impl SpoolError {
    /// Whether the file itself is damaged.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Open { source, .. } | Self::Step { source, .. } => schema::is_damage(source),
            _ => false,
        }
    }
}

fn step(what: &'static str) -> impl Fn(rusqlite::Error) -> SpoolError {
    move |source| SpoolError::Step { what, source }
}

// === impl Spool ===

impl Spool {
    /// Opens the spool in the state folder `dir`. Cursors are forgotten if it was last used for another machine id or with
    /// another mapper.
    ///
    /// # Errors
    /// [`SpoolError`]; see [`SpoolError::is_damage`] and [`Spool::set_aside`].
    pub fn open(dir: &Path, limits: Limits, machine: &MachineId, mapper: u32) -> Result<Self, SpoolError> {
        let mut db = schema::open(dir)?;
        let opened = step("be prepared");
        let transaction = db.transaction().map_err(&opened)?;
        let (epoch, own_from, waiting) = prepare(&transaction, machine, mapper).map_err(&opened)?;
        transaction.commit().map_err(&opened)?;
        Ok(Self { db, limits, rejected: Rejected::of(dir), epoch, own_from, waiting })
    }

    /// Puts the damaged spool in `dir` aside; where it went.
    ///
    /// # Errors
    /// [`SpoolError::File`].
    pub fn set_aside(dir: &Path) -> Result<PathBuf, SpoolError> {
        schema::set_aside(dir).map_err(|source| SpoolError::File { path: path(dir), source })
    }

    /// Where `source` goes on.
    ///
    /// # Errors
    /// [`SpoolError::Step`].
    pub fn begin(&self, source: &str) -> Result<Beginning, SpoolError> {
        let cursor = self
            .db
            .prepare_cached("SELECT cursor FROM cursor WHERE source = ?1")
            .and_then(|mut query| query.query_row([source], |row| row.get(0)).optional())
            .map_err(step("read a cursor"))?;
        Ok(Beginning { epoch: self.epoch, cursor })
    }

    /// Keeps `events` of `source` and, where it is given, the `cursor` behind them, both or neither. A cursor is a long
    /// text in a large home, so not every page comes with one.
    ///
    /// # Errors
    /// [`SpoolError::Step`]; nothing was changed then.
    pub fn append(
        &mut self,
        source: &str,
        epoch: u64,
        cursor: Option<&str>,
        events: &[Event],
    ) -> Result<Appended, SpoolError> {
        if epoch != self.epoch {
            return Ok(Appended::Stale);
        }
        if !events.is_empty() && !self.make_room()? {
            return Ok(Appended::Full);
        }
        let failed = step("append events");
        let transaction = self.db.transaction().map_err(&failed)?;
        insert(&transaction, events, false).map_err(&failed)?;
        if let Some(cursor) = cursor {
            transaction
                .prepare_cached(
                    "INSERT INTO cursor VALUES (?1, ?2) ON CONFLICT DO UPDATE SET cursor = excluded.cursor",
                )
                .and_then(|mut set| set.execute([source, cursor]))
                .map_err(&failed)?;
        }
        transaction.commit().map_err(&failed)?;
        self.waiting += events.len() as u64;
        Ok(Appended::Kept)
    }

    /// Keeps an event that the bridge tells of its machine. Only a heartbeat can find no room.
    ///
    /// # Errors
    /// [`SpoolError::Step`]; nothing was changed then.
    pub fn keep(&mut self, event: &Event, heartbeat: bool) -> Result<Appended, SpoolError> {
        if heartbeat && self.used()? >= self.limits.cap {
            return Ok(Appended::Full);
        }
        let failed = step("append an event");
        let transaction = self.db.transaction().map_err(&failed)?;
        insert(&transaction, std::slice::from_ref(event), heartbeat).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        self.waiting += 1;
        Ok(Appended::Kept)
    }

    /// The oldest events, within `most`; `None` if there is none.
    ///
    /// # Errors
    /// [`SpoolError::Step`].
    pub fn next_batch(&self, shape: Shape, most: Most) -> Result<Option<Batch>, SpoolError> {
        let failed = step("read the next events");
        let limit = i64::try_from(most.events.max(1)).unwrap_or(i64::MAX);
        let (head, tail): (&[u8], &[u8]) = match shape {
            Shape::Batch => (b"{\"events\":[", b"]}"),
            Shape::Single => (b"", b""),
        };
        let limit = if shape == Shape::Single { 1 } else { limit };
        let mut query =
            self.db.prepare_cached("SELECT seq, body FROM event ORDER BY seq LIMIT ?1").map_err(&failed)?;
        let mut rows = query.query([limit]).map_err(&failed)?;
        let mut batch = Batch { seqs: Vec::new(), foreign: 0, body: head.to_vec() };
        while let Some(row) = rows.next().map_err(&failed)? {
            let seq: Seq = row.get(0).map_err(&failed)?;
            let text = row.get_ref(1).and_then(|value| Ok(value.as_bytes()?)).map_err(&failed)?;
            if !batch.seqs.is_empty() {
                if batch.body.len() + 1 + text.len() + tail.len() > most.bytes {
                    break;
                }
                batch.body.push(b',');
            }
            batch.body.extend_from_slice(text);
            batch.seqs.push(seq);
            batch.foreign += usize::from(seq < self.own_from);
        }
        batch.body.extend_from_slice(tail);
        Ok((!batch.seqs.is_empty()).then_some(batch))
    }

    /// The control plane has taken the events up to `through`, but for those that it `rejected` for good.
    ///
    /// # Errors
    /// [`SpoolError::Rejected`] or [`SpoolError::Step`]; nothing was deleted then.
    pub fn settle(
        &mut self,
        through: Seq,
        rejected: &[(Seq, Reason)],
        at: Timestamp,
    ) -> Result<(), SpoolError> {
        if !rejected.is_empty() {
            self.write_rejected(rejected, at)?;
        }
        let failed = step("delete what was delivered");
        // A settlement that a power cut undoes is made again; only appends must be on disk before they are answered.
        self.db.pragma_update(None, "synchronous", "NORMAL").map_err(&failed)?;
        let settled = self
            .db
            .prepare_cached("DELETE FROM event WHERE seq <= ?1")
            .and_then(|mut delete| delete.execute([through]))
            .and_then(|deleted| {
                self.waiting = self.waiting.saturating_sub(deleted as u64);
                give_back(&self.db)
            })
            .map_err(&failed);
        self.db.pragma_update(None, "synchronous", "FULL").map_err(&failed)?;
        settled
    }

    /// The control plane answered with the log `id`, or (`None`) told of none.
    ///
    /// # Errors
    /// [`SpoolError::Step`]; nothing was changed then.
    pub fn begin_log(&mut self, id: Option<&str>) -> Result<LogSeen, SpoolError> {
        let failed = step("note the control plane's log");
        let transaction = self.db.transaction().map_err(&failed)?;
        let former = fact(&transaction, "log").map_err(&failed)?;
        let seen = match (former.as_deref(), id) {
            (Some(former), Some(id)) if former == id => return Ok(LogSeen::Same),
            // One answer without a log is no reason to read everything again.
            (Some(_), None) => return Ok(LogSeen::Same),
            (Some(_), Some(_)) => LogSeen::Another,
            (None, _) => LogSeen::First,
        };
        set_fact(&transaction, "log", id.unwrap_or(NO_LOG)).map_err(&failed)?;
        if seen == LogSeen::Another {
            self.epoch = forget_cursors(&transaction).map_err(&failed)?;
        }
        transaction.commit().map_err(&failed)?;
        Ok(seen)
    }

    /// How many events wait.
    pub fn waiting(&self) -> u64 {
        self.waiting
    }

    /// Bytes in use.
    ///
    /// # Errors
    /// [`SpoolError::Step`].
    pub fn used(&self) -> Result<u64, SpoolError> {
        status::used(&self.db).map_err(step("tell its size"))
    }

    /// Whether there is room for events; heartbeats are deleted for it, oldest first.
    fn make_room(&mut self) -> Result<bool, SpoolError> {
        while self.used()? >= self.limits.cap {
            let deleted = self
                .db
                .prepare_cached(
                    "DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE heartbeat = 1 ORDER BY seq LIMIT 100)",
                )
                .and_then(|mut delete| delete.execute([]))
                .map_err(step("make room"))?;
            if deleted == 0 {
                return Ok(false);
            }
            self.waiting = self.waiting.saturating_sub(deleted as u64);
        }
        Ok(true)
    }

    fn write_rejected(&self, rejected: &[(Seq, Reason)], at: Timestamp) -> Result<(), SpoolError> {
        let failed = step("read refused events");
        let mut query = self.db.prepare_cached("SELECT body FROM event WHERE seq = ?1").map_err(&failed)?;
        for (seq, reason) in rejected {
            // One that is gone was a heartbeat at the cap, or was settled before.
            let body: Option<String> =
                query.query_row([seq], |row| row.get(0)).optional().map_err(&failed)?;
            if let Some(body) = body {
                self.rejected.add(at, [(body.as_str(), reason)]).map_err(|source| SpoolError::Rejected {
                    path: self.rejected.path().to_owned(),
                    source,
                })?;
            }
        }
        Ok(())
    }
}

/// Forgets cursors that are no good any more. The epoch, the first place of this machine's events, and how many events
/// wait.
fn prepare(db: &Transaction<'_>, machine: &MachineId, mapper: u32) -> rusqlite::Result<(u64, Seq, u64)> {
    let mapper = mapper.to_string();
    if fact(db, "mapperVersion")?.is_none_or(|stored| stored != mapper) {
        set_fact(db, "mapperVersion", &mapper)?;
        forget_cursors(db)?;
    }
    if fact(db, "machine")?.as_deref() != Some(machine.as_str()) {
        let last: Option<Seq> = db
            .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'event'", [], |row| row.get(0))
            .optional()?;
        set_fact(db, "machine", machine.as_str())?;
        set_fact(db, "ownFrom", &(last.unwrap_or(0) + 1).to_string())?;
        forget_cursors(db)?;
    }
    let number = |name| Ok::<_, rusqlite::Error>(fact(db, name)?.and_then(|text| text.parse::<i64>().ok()));
    let (epoch, own_from) = (number("epoch")?.unwrap_or(0), number("ownFrom")?.unwrap_or(1));
    let waiting: i64 = db.query_row("SELECT count(*) FROM event", [], |row| row.get(0))?;
    Ok((epoch.unsigned_abs(), own_from, waiting.unsigned_abs()))
}

/// Has every source begin at its start. The new epoch, which is kept, so that no epoch comes twice.
fn forget_cursors(db: &Transaction<'_>) -> rusqlite::Result<u64> {
    db.execute("DELETE FROM cursor", [])?;
    let epoch = fact(db, "epoch")?.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0) + 1;
    set_fact(db, "epoch", &epoch.to_string())?;
    Ok(epoch)
}

fn insert(db: &Transaction<'_>, events: &[Event], heartbeat: bool) -> rusqlite::Result<()> {
    let mut insert = db.prepare_cached("INSERT INTO event (heartbeat, body) VALUES (?1, ?2)")?;
    let mut body = String::new();
    for event in events {
        body.clear();
        event.push_json(&mut body);
        insert.execute(params![heartbeat, body])?;
    }
    Ok(())
}

/// Gives a few free pages back to the disk, so that a file that was large once does not stay so.
fn give_back(db: &Connection) -> rusqlite::Result<()> {
    let free: i64 = db.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
    if free > 512 {
        // It answers one row a page; the work is done only as they are read.
        let mut vacuum = db.prepare_cached("PRAGMA incremental_vacuum(256)")?;
        let mut rows = vacuum.query([])?;
        while rows.next()?.is_some() {}
    }
    Ok(())
}

fn fact(db: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    db.query_row("SELECT value FROM fact WHERE name = ?1", [name], |row| row.get(0)).optional()
}

fn set_fact(db: &Connection, name: &str, value: &str) -> rusqlite::Result<()> {
    db.execute(
        "INSERT INTO fact VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value",
        [name, value],
    )
    .map(drop)
}

#[cfg(test)]
mod tests;
