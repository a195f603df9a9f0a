//! One transaction of the writer: many batches, a savepoint each, one commit (design §6).

use std::collections::HashSet;

use patze_core::event::{Origin, Rejection, RejectionCode};
use patze_core::fleet::Fleet;
use patze_core::fleet::limits::MAX_MACHINES;
use patze_core::ids::MachineId;
use patze_core::time::Timestamp;
use rusqlite::{Connection, ErrorCode, ffi, params};

use super::batch::{AppendError, Appended, Batch, Placed};
use super::digest::{Chain, Digest};
use super::queue::Work;
use super::sums;
use super::upkeep::Upkeep;
use crate::sqlite::sql;

/// The end of the log: what the next transaction goes on from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tail {
    pub(super) position: u64,
    pub(super) recorded_at: Timestamp,
    pub(super) digest: Digest,
}

/// A committed transaction.
#[derive(Debug)]
pub(super) struct Written {
    /// The end of the log now.
    pub(super) tail: Tail,
    /// When its events were recorded.
    pub(super) recorded_at: Timestamp,
    /// What to answer, one for each piece of work.
    pub(super) answers: Vec<Answer>,
}

/// What to tell the owner of a piece of work.
#[derive(Debug)]
pub(super) enum Answer {
    Append(Result<Appended, AppendError>),
    /// With the place of the event that it appended, if it did.
    Upkeep(Result<Option<u64>, AppendError>),
}

/// A transaction in the making.
struct Transaction<'a> {
    conn: &'a Connection,
    file: &'a str,
    fleet: &'a Fleet,
    recorded_at: Timestamp,
    next: u64,
    chain: Chain,
    sums: Vec<u8>,
    /// Machines that the fleet does not know yet and that this transaction brings.
    newcomers: HashSet<MachineId>,
    scratch: Vec<u8>,
}

/// Writes and commits `work`. On an error nothing of it is in the log.
pub(super) fn write(
    conn: &Connection,
    file: &str,
    fleet: &Fleet,
    tail: &Tail,
    now: Timestamp,
    work: &[Work],
) -> rusqlite::Result<Written> {
    conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let written = write_all(conn, file, fleet, tail, now, work).and_then(|written| {
        conn.prepare_cached("COMMIT")?.execute([])?;
        Ok(written)
    });
    if written.is_err() && !conn.is_autocommit() {
        // The first error is the one to tell.
        let _ = conn.execute_batch("ROLLBACK");
    }
    written
}

/// Writes `work` as one commit of the chain, within a transaction of SQLite's that the caller has begun.
pub(super) fn write_all(
    conn: &Connection,
    file: &str,
    fleet: &Fleet,
    tail: &Tail,
    now: Timestamp,
    work: &[Work],
) -> rusqlite::Result<Written> {
    let recorded_at = tail.recorded_at.max(now);
    let mut transaction = Transaction {
        conn,
        file,
        fleet,
        recorded_at,
        next: tail.position + 1,
        chain: Chain::after(&tail.digest),
        sums: Vec::new(),
        newcomers: HashSet::new(),
        scratch: Vec::new(),
    };
    let mut answers = Vec::with_capacity(work.len());
    for item in work {
        answers.push(match item {
            Work::Append { batch, .. } => Answer::Append(transaction.batch(batch)?),
            Work::Upkeep { upkeep, .. } => Answer::Upkeep(transaction.upkeep(upkeep)?),
        });
    }
    let last = transaction.next - 1;
    let mut end = *tail;
    if last > tail.position {
        let digest = transaction.chain.finish();
        conn.prepare_cached(
            "INSERT INTO commits (first, last, recorded_at, digest, sums) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            sql(tail.position + 1),
            sql(last),
            recorded_at.millis(),
            digest,
            transaction.sums
        ])?;
        end = Tail { position: last, recorded_at, digest };
    }
    Ok(Written { tail: end, recorded_at, answers })
}

// === impl Transaction ===

impl Transaction<'_> {
    /// Stores a batch, or nothing of it.
    fn batch(&mut self, batch: &Batch) -> rusqlite::Result<Result<Appended, AppendError>> {
        let placed = self.undoable(|this| this.insert(batch))?;
        Ok(placed.map(|placed| Appended { placed }))
    }

    /// Does a piece of upkeep and stores its event, or nothing of it.
    fn upkeep(&mut self, upkeep: &Upkeep) -> rusqlite::Result<Result<Option<u64>, AppendError>> {
        self.undoable(|this| {
            let told = match upkeep.event() {
                Some(event) => match this.insert(event)?.first() {
                    Some(Placed::Stored { position }) => Some(*position),
                    // Its id was made for it alone.
                    _ => return Err(rusqlite::Error::StatementChangedRows(0)),
                },
                None => None,
            };
            upkeep.run(this.conn, told.unwrap_or_default())?;
            Ok(told)
        })
    }

    fn insert(&mut self, batch: &Batch) -> rusqlite::Result<Vec<Placed>> {
        let conn = self.conn;
        let mut insert = conn.prepare_cached(
            "INSERT INTO events (position, id, type, machine, occurred_at, recorded_at, severity, origin, trace, payload) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (machine, id) DO NOTHING",
        )?;
        let origin = batch.origin.as_str();
        let mut placed = Vec::with_capacity(batch.events.len());
        for event in batch.events.iter() {
            if origin != Origin::CONTROL.as_str() && !self.admits(&event.machine) {
                placed.push(Placed::Rejected(machine_limit(&event.machine)));
                continue;
            }
            let row = event.recorded(self.next, self.recorded_at, Origin::stored(origin));
            let new = insert.execute(params![
                sql(row.position),
                row.id,
                row.type_name,
                row.machine,
                row.occurred_at.millis(),
                row.recorded_at.millis(),
                row.severity.name(),
                origin,
                row.trace,
                row.payload,
            ])?;
            if new == 0 {
                placed.push(Placed::Duplicate);
                continue;
            }
            let sum = self.chain.push(&row, &mut self.scratch);
            sums::push(&mut self.sums, sum);
            placed.push(Placed::Stored { position: row.position });
            self.next += 1;
        }
        if let Some(cursor) = &batch.cursor {
            conn.prepare_cached("INSERT OR REPLACE INTO cursors (name, value) VALUES (?1, ?2)")?
                .execute([&cursor.name, &cursor.value])?;
        }
        Ok(placed)
    }

    /// Whether there is room for `machine`, those that this transaction brings included (W-S18).
    fn admits(&mut self, machine: &MachineId) -> bool {
        let machines = &self.fleet.facts().machines;
        if machines.get(machine).is_some() || self.newcomers.contains(machine) {
            return true;
        }
        let room = machines.len() + self.newcomers.len() < MAX_MACHINES;
        if room {
            self.newcomers.insert(machine.clone());
        }
        room
    }

    /// Runs `part` in a savepoint. An inner error is the part's own and leaves no trace; an outer one ends the
    /// transaction.
    fn undoable<T>(
        &mut self,
        part: impl FnOnce(&mut Self) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Result<T, AppendError>> {
        let (next, chain, sums) = (self.next, self.chain.clone(), self.sums.len());
        let newcomers = self.newcomers.clone();
        self.conn.prepare_cached("SAVEPOINT part")?.execute([])?;
        let result = match part(self) {
            Ok(value) => Ok(value),
            // On a full disk or a fault SQLite may have undone everything, which ends the transaction for all.
            Err(error) if self.conn.is_autocommit() || is_damage(&error) => return Err(error),
            Err(error) => {
                self.conn.prepare_cached("ROLLBACK TO part")?.execute([])?;
                (self.next, self.chain, self.newcomers) = (next, chain, newcomers);
                self.sums.truncate(sums);
                Err(explain(self.file, &error))
            }
        };
        self.conn.prepare_cached("RELEASE part")?.execute([])?;
        Ok(result)
    }
}

/// What an error of SQLite means for whoever waits.
pub(super) fn explain(file: &str, error: &rusqlite::Error) -> AppendError {
    let (file, reason) = (file.to_owned(), error.to_string());
    if is_damage(error) {
        return AppendError::Damaged { file, fault: reason };
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch) => {
            AppendError::Refused { file, reason }
        }
        _ => AppendError::Storage { file, reason },
    }
}

/// Whether an error says that the file is damaged, or that somebody else has written to the log: the next position, which
/// only this writer gives out, is taken.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    let Some(error) = error.sqlite_error() else { return false };
    matches!(error.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        || matches!(error.extended_code, ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID)
}

fn machine_limit(machine: &MachineId) -> Rejection {
    Rejection::new(
        RejectionCode::MachineLimit,
        format!("machine {machine:?} is new and there is room for no more machines; forget one that is gone"),
    )
}
