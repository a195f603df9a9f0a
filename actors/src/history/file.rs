//! `history.db` as a file: opened if it is fit, else made anew. It holds nothing that the log does not, so that whatever is
//! wrong with it is mended by throwing it away.

use std::io;
use std::path::{Path, PathBuf};

use patze_core::ids::LogId;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::sqlite::{self, BUSY, meta};

/// Goes up with every change of `sql/history.sql` and of the projector's rules. A file of another version is made anew.
pub(super) const VERSION: u32 = 2;

/// "PTZH": whose database it is.
const APPLICATION_ID: u32 = 0x5054_5A48;
const SCHEMA: &str = include_str!("../../../sql/history.sql");
/// In `meta`: the run of the machine that has it open; empty if it was closed.
const OPEN_BY: &str = "openBy";
const LEFT_OPEN: &str = "the machine stopped while it was open";
/// Statements that a connection keeps prepared.
const STATEMENTS: usize = 96;

/// Why there is no `history.db`.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The old one cannot be removed, or the new one not be made.
    #[error("{} cannot be made; see that its folder may be written and has room", path.display())]
    Make {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// SQLite cannot set it up.
    #[error("{} cannot be set up; see that its folder may be written and has room", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

/// The writing connection.
pub(super) struct Opened {
    pub(super) conn: Connection,
    /// Why it was made anew, if it was.
    pub(super) made: Option<&'static str>,
}

/// Opens the file if it is whole and of this log; else makes it anew. `head` is the log's last position. `condemned` says
/// that it was found damaged or tells of what was redacted.
pub(super) fn open(
    file: &Path,
    log_id: &LogId,
    head: u64,
    condemned: Option<&'static str>,
) -> Result<Opened, FileError> {
    let failed = |source| FileError::Sqlite { path: file.into(), source };
    let reason = match condemned {
        Some(reason) => reason,
        None if !file.exists() => "there was none",
        None => match fit(file, log_id, head) {
            Ok(None) => {
                let conn = for_writing(file).map_err(failed)?;
                if was_left_open_by_another_boot(&conn).map_err(failed)? {
                    drop(conn);
                    return Ok(Opened { conn: make(file, log_id, head)?, made: Some(LEFT_OPEN) });
                }
                begin(&conn).map_err(failed)?;
                return Ok(Opened { conn, made: None });
            }
            Ok(Some(reason)) => reason,
            Err(error) if is_misfit(&error) => "it was damaged",
            // Locked, or no rights: throwing it away would not help.
            Err(error) => return Err(failed(error)),
        },
    };
    let conn = make(file, log_id, head)?;
    Ok(Opened { conn, made: Some(reason) })
}

/// This run of the machine, where the system tells: after a kill alone nothing is lost that was written, after a power cut
/// it may be.
fn boot() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

fn was_left_open_by_another_boot(conn: &Connection) -> rusqlite::Result<bool> {
    let left = meta(conn, OPEN_BY)?.filter(|id| !id.is_empty());
    Ok(left.is_some() && left != boot())
}

/// From here on nothing waits for the disk: an fdatasync of this file holds up those of the log, which its acknowledgements
/// wait for (measured: 49 ms instead of 5 at the 99th percentile of 1,000 events a second). It may be so because the file
/// holds nothing that the log does not, and is [made anew](open) after a machine stopped without [`end`]. Where that
/// cannot be told, every checkpoint waits as usual.
fn begin(conn: &Connection) -> rusqlite::Result<()> {
    let Some(boot) = boot() else { return Ok(()) };
    conn.pragma_update(None, "synchronous", "FULL")?;
    sqlite::set_meta(conn, OPEN_BY, boot)?;
    conn.pragma_update(None, "synchronous", "OFF")
}

/// The file is whole on the disk, and says so.
pub(super) fn end(conn: &Connection) -> rusqlite::Result<()> {
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    sqlite::set_meta(conn, OPEN_BY, "")
}

/// A connection that only reads.
pub(super) fn for_reading(file: &Path) -> rusqlite::Result<Connection> {
    let conn = sqlite::for_reading(file)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(conn)
}

/// Whether the file itself is at fault: SQLite says so, or a column holds what none of ours ever does.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
        || matches!(
            error,
            rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::FromSqlConversionFailure(..)
        )
}

/// The same, for statements that nothing from outside is part of: where one of these is refused, a table is missing.
pub(super) fn is_misfit(error: &rusqlite::Error) -> bool {
    let refused = |code: i32| code == rusqlite::ffi::SQLITE_ERROR;
    is_damage(error)
        || matches!(error, rusqlite::Error::SqliteFailure(failure, _) if refused(failure.extended_code))
        || matches!(error, rusqlite::Error::SqlInputError { error, .. } if refused(error.extended_code))
}

/// Why the file cannot be used, if it cannot.
fn fit(file: &Path, log_id: &LogId, head: u64) -> rusqlite::Result<Option<&'static str>> {
    let conn = for_reading(file)?;
    let application: u32 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: u32 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if application != APPLICATION_ID || version != VERSION {
        return Ok(Some("it was of another version"));
    }
    if meta(&conn, "logId")?.as_deref() != Some(log_id.as_str()) {
        return Ok(Some("it was of another log"));
    }
    match meta(&conn, "position")?.and_then(|position| position.parse::<u64>().ok()) {
        Some(position) if position <= head => Ok(None),
        Some(_) => Ok(Some("it was ahead of the log")),
        None => Ok(Some("it was damaged")),
    }
}

fn make(file: &Path, log_id: &LogId, head: u64) -> Result<Connection, FileError> {
    sqlite::remove(file).map_err(|(path, source)| FileError::Make { path, source })?;
    sqlite::create_private(file).map_err(|source| FileError::Make { path: file.into(), source })?;
    let set_up = || {
        let mut conn = Connection::open(file)?;
        // Can only be settled while the file is empty.
        conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        drop(conn);
        conn = for_writing(file)?;
        let transaction = conn.transaction()?;
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        sqlite::set_meta(&transaction, "logId", log_id.as_str())?;
        sqlite::set_meta(&transaction, "position", 0)?;
        // What the log has lost or blanked up to here is not in the new file: see `projector/control.rs`.
        sqlite::set_meta(&transaction, "madeAt", head)?;
        transaction.commit()?;
        begin(&conn)?;
        Ok(conn)
    };
    set_up().map_err(|source| FileError::Sqlite { path: file.into(), source })
}

fn for_writing(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(file, flags)?;
    conn.busy_timeout(BUSY)?;
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // A lost transaction is projected again; see `begin`.
    conn.pragma_update(None, "synchronous", "NORMAL")?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "cache_size", -8_192)?;
    conn.pragma_update_and_check(None, "wal_autocheckpoint", 4_000, |_| Ok(()))?;
    conn.pragma_update_and_check(None, "journal_size_limit", 16 << 20, |_| Ok(()))?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(conn)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a kill leaves was written and is in the system's memory; what a power cut leaves is not known.
    #[test]
    fn a_file_that_another_run_of_the_machine_left_open_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (file, log) = (folder.path().join("history.db"), LogId::new("L"));
        let open = || open(&file, &log, 9, None).unwrap();
        let made = |opened: &Opened| opened.made;
        let first = open();
        assert_eq!(made(&first), Some("there was none"));
        drop(first);
        let killed = open();
        assert_eq!(made(&killed), None, "as after a kill");
        sqlite::set_meta(&killed.conn, OPEN_BY, "another boot").unwrap();
        drop(killed);
        let cut = open();
        assert_eq!(made(&cut), Some(LEFT_OPEN));
        end(&cut.conn).unwrap();
        drop(cut);
        let closed = for_writing(&file).unwrap();
        assert_eq!(meta(&closed, OPEN_BY).unwrap().as_deref(), Some(""));
        drop(closed);
        assert_eq!(made(&open()), None, "it was closed in order");
    }
}
