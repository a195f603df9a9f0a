//! The file: its schema, how it is opened, and what becomes of one that is damaged.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::SpoolError;
use crate::private;

/// "PZSP": marks the file as a spool of ours.
const APPLICATION_ID: i64 = 0x505a_5350;
/// The version of [`SCHEMA`].
const VERSION: i64 = 1;

/// `AUTOINCREMENT`, because a number must never be given twice: an acknowledgement that comes late would delete an event
/// that was never sent.
const SCHEMA: &str = "
CREATE TABLE event (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    heartbeat INTEGER NOT NULL,
    body      TEXT    NOT NULL
) STRICT;
CREATE INDEX heartbeats ON event (seq) WHERE heartbeat = 1;
CREATE TABLE cursor (
    source TEXT NOT NULL PRIMARY KEY,
    cursor TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE fact (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
";

/// The file of the spool in the state folder `dir`.
pub fn path(dir: &Path) -> PathBuf {
    dir.join("spool.db")
}

/// Opens the spool's file for writing; makes it, if there is none.
pub(super) fn open(dir: &Path) -> Result<Connection, SpoolError> {
    let path = path(dir);
    private::create_folder(dir)
        .and_then(|()| private::open(&path, OpenOptions::new().write(true)))
        .map_err(|source| SpoolError::File { path: path.clone(), source })?;
    let failed = |source| SpoolError::Open { path: path.clone(), source };
    // SQLite gives the -wal and -shm files the permissions of the database.
    let db = Connection::open_with_flags(
        &path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(failed)?;
    configure(&db).map_err(failed)?;
    match version(&db).map_err(failed)? {
        Stored::None => {
            db.execute_batch(&format!(
                "BEGIN IMMEDIATE; {SCHEMA} PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={VERSION}; COMMIT;"
            ))
            .map_err(failed)?;
            Ok(db)
        }
        Stored::Ours => Ok(db),
        Stored::Newer => Err(SpoolError::Newer { path }),
        Stored::Foreign => Err(SpoolError::Foreign { path }),
    }
}

/// Opens the spool's file for reading beside a running bridge; `None` if there is none yet.
pub(super) fn open_for_reading(dir: &Path) -> Result<Option<Connection>, SpoolError> {
    let path = path(dir);
    if !path.try_exists().map_err(|source| SpoolError::File { path: path.clone(), source })? {
        return Ok(None);
    }
    let failed = |source| SpoolError::Open { path: path.clone(), source };
    let db = Connection::open_with_flags(
        &path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(failed)?;
    db.busy_timeout(std::time::Duration::from_secs(2)).map_err(failed)?;
    match version(&db).map_err(failed)? {
        Stored::None => Ok(None),
        Stored::Ours => Ok(Some(db)),
        Stored::Newer => Err(SpoolError::Newer { path }),
        Stored::Foreign => Err(SpoolError::Foreign { path }),
    }
}

/// Puts a damaged spool beside, in place of a former one, so that a new one can be begun: its sources still have
/// everything but heartbeats.
///
/// # Errors
/// Whatever the file system says.
pub(super) fn set_aside(dir: &Path) -> io::Result<PathBuf> {
    let aside = dir.join("spool.db.damaged");
    std::fs::rename(path(dir), &aside)?;
    for suffix in ["-wal", "-shm"] {
        match std::fs::rename(
            dir.join(format!("spool.db{suffix}")),
            dir.join(format!("spool.db.damaged{suffix}")),
        ) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}

/// Whether the file itself is damaged, and not only out of reach.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

fn configure(db: &Connection) -> rusqlite::Result<()> {
    db.busy_timeout(std::time::Duration::from_secs(5))?;
    // Before the first table, so that what is delivered gives its room back to the disk.
    db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update_and_check(None, "wal_autocheckpoint", 256, |_| Ok(()))?;
    db.pragma_update_and_check(None, "journal_size_limit", 1 << 20, |_| Ok(()))?;
    // The bridge is small: 64 KiB of pages are enough for one pass over the file.
    db.pragma_update(None, "cache_size", -64)
}

enum Stored {
    None,
    Ours,
    Newer,
    Foreign,
}

fn version(db: &Connection) -> rusqlite::Result<Stored> {
    let number = |name| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match (application, version, tables) {
        (0, 0, 0) => Stored::None,
        (APPLICATION_ID, VERSION, _) => Stored::Ours,
        (APPLICATION_ID, newer, _) if newer > VERSION => Stored::Newer,
        _ => Stored::Foreign,
    })
}
