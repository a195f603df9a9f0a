//! `patze.db-head`: how far the log in this folder has come, beside the log itself, so that a database that was put in its
//! place by hand is noticed.
//!
//! Such a database has the log id of the one that it was copied from, and ends before it. Whoever goes on from a position of
//! that log (pages, bridges with all that they read from OpenClaw) would never hear that events are gone. So it gets a new
//! log id, and everybody begins anew: bridges read their homes again, and what is known is not stored twice (EL-3).
//!
//! *Written* by the writer after each commit, over the same bytes of the same file, without a sync (a few µs): a crash of the
//! process loses nothing, one of the machine at worst an older head is found, and then less is noticed. *Read* when the log
//! is opened. The name begins with the database's, so that whoever moves `patze.db*` aside takes it along.
//! *Not noticed*: a whole folder that was put back to an earlier state, this file included. `patze renew-log` is for that.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use patze_core::ids::LogId;
use patze_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};
use serde::{Deserialize, Serialize};

use super::super::digest::{Digest, hex};
use super::super::door::Head;
use super::super::open::{self, OpenError};
use super::super::place;
use super::super::transaction::Tail;
use super::super::writer;
use super::swap;
use crate::sqlite::{self, sql};

/// The file's length. A line is padded to it, so that each one covers the one before.
const BYTES: usize = 256;

/// What is in the file.
#[derive(PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::log) struct Reached {
    log_id: LogId,
    position: u64,
    digest: String,
}

/// The file, open for writing.
#[derive(Debug)]
pub(in crate::log) struct Note {
    path: PathBuf,
    file: File,
    /// A failure was told; it is not told again for each commit.
    failing: bool,
}

/// Why the log got no new id.
#[derive(Debug, thiserror::Error)]
pub enum RenewError {
    /// The log cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is none.
    #[error("{} does not exist; see PATZE_SETTINGS_DIR", path.display())]
    Absent {
        /// The database file.
        path: PathBuf,
    },
    /// The id cannot be written.
    #[error("{} cannot be given a new log id", path.display())]
    Write {
        /// The database file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

// === impl Reached ===

impl Reached {
    /// What the file beside `database` says; none if there is none, or nothing that can be read.
    pub(in crate::log) fn read(database: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(path(database)).ok()?).ok()
    }

    /// Whether the log in `conn` is the one that came so far: of the same id, not shorter, and with the same digest there.
    /// Where a pruning has taken that commit's end away, the length must do.
    pub(in crate::log) fn agrees(
        &self,
        conn: &Connection,
        log_id: &str,
        tail: &Tail,
    ) -> rusqlite::Result<bool> {
        if self.log_id.as_str() != log_id || self.position > tail.position {
            return Ok(false);
        }
        let commit = conn
            .query_row(
                "SELECT last, digest FROM commits WHERE first <= ?1 ORDER BY first DESC LIMIT 1",
                [sql(self.position)],
                |row| Ok((sqlite::count(row, 0)?, row.get::<_, Digest>(1)?)),
            )
            .optional()?;
        Ok(commit.is_none_or(|(last, digest)| last != self.position || hex(&digest) == self.digest))
    }
}

// === impl Note ===

impl Note {
    /// Opens or makes the file beside `database`.
    pub(in crate::log) fn open(database: &Path) -> io::Result<Self> {
        let path = path(database);
        let file = File::options().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        Ok(Self { path, file, failing: false })
    }

    /// Notes a head. That it cannot be written is told and stops nothing: the log itself is what counts.
    pub(in crate::log) fn write(&mut self, head: &Head) {
        if let Err(error) = self.try_write(head) {
            if !self.failing {
                tracing::warn!(path = %self.path.display(), %error, "the log's head cannot be noted");
            }
            self.failing = true;
        } else {
            self.failing = false;
        }
    }

    fn try_write(&self, head: &Head) -> io::Result<()> {
        let Head { log_id, position, digest } = head;
        let reached = Reached { log_id: log_id.clone(), position: *position, digest: hex(digest) };
        let mut line = serde_json::to_vec(&reached)?;
        line.resize(line.len().max(BYTES - 1), b' ');
        line.push(b'\n');
        self.file.write_all_at(&line, 0)
    }
}

fn path(database: &Path) -> PathBuf {
    sqlite::beside(database, "-head")
}

/// Gives the log in `dir` a new id, as a restore does, for whoever has put the whole folder back to an earlier state. No
/// server may run. Tells the id.
///
/// # Errors
/// If a server runs, or there is no log that can be opened and written to.
pub fn renew(dir: &Path, now: Timestamp) -> Result<Head, RenewError> {
    let _lock = place::take(dir)?;
    swap::finish(dir).map_err(OpenError::Restoring)?;
    let file = dir.join(place::DATABASE);
    if !file.exists() {
        return Err(RenewError::Absent { path: file });
    }
    let conn = open::database(&file, now)?;
    let tail = writer::read_tail(&conn).map_err(|fault| OpenError::fault(&file, fault))?;
    let failed = |source| RenewError::Write { path: file.clone(), source };
    let log_id = open::new_log_id(&conn).map_err(failed)?;
    let head = Head { log_id, position: tail.position, digest: tail.digest };
    if let Ok(mut note) = Note::open(&file) {
        note.write(&head);
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_line_covers_a_longer_one() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("patze.db");
        assert_eq!(Reached::read(&database), None);
        let mut note = Note::open(&database).unwrap();
        for position in [u64::MAX, 7] {
            note.write(&Head { log_id: LogId::from("l".repeat(32)), position, digest: [0xAB; 32] });
            let read = Reached::read(&database).unwrap();
            assert_eq!((read.position, read.digest), (position, "ab".repeat(32)));
        }
        assert_eq!(std::fs::metadata(path(&database)).unwrap().len(), BYTES as u64);
        std::fs::write(path(&database), "{\"logId\":").unwrap();
        assert_eq!(Reached::read(&database), None, "half a line says nothing");
    }
}
