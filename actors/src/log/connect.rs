//! Connections that write: where SQLite is set up for the log. Those that only read are [`crate::sqlite::for_reading`].

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::sqlite::BUSY;

/// Pages in the write-ahead log from which on a commit copies them into the database itself. The thread of `wal.rs` does
/// that beside the writer, so that at this size next to nothing is left to copy, and the log can begin anew.
const WAL_PAGES: u32 = 16_000;
/// What the file of the write-ahead log is cut to once it has grown beyond that.
const WAL_BYTES: i64 = 128 << 20;

/// The writer's connection, or the one that opens and closes the log.
pub(super) fn for_writing(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let conn = Connection::open_with_flags(file, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(BUSY)?;
    // EL-2: a commit returns once the WAL is on the disk.
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update_and_check(None, "wal_autocheckpoint", WAL_PAGES, |_| Ok(()))?;
    conn.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES, |_| Ok(()))?;
    Ok(conn)
}

/// Settles what can only be settled while the file is empty.
pub(super) fn shape(conn: &Connection) -> rusqlite::Result<()> {
    conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")
}

/// Switches to the write-ahead log, if the file is not in that mode already.
pub(super) fn use_wal(conn: &Connection) -> rusqlite::Result<()> {
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
}
