//! One moment of a database in one file.

use std::io;
use std::path::Path;

use rusqlite::Connection;

use super::disk;
use crate::sqlite;

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub(in crate::log) enum CopyFault {
    /// SQLite could not read or write.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// The file system could not.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Writes what `conn` sees now, its write-ahead log included, into the new file `to` (0600), and puts that on the disk.
/// Others may write meanwhile; the copy has nothing of it. What it takes: one read transaction, during which the
/// write-ahead log cannot begin anew.
pub(in crate::log) fn copy(conn: &Connection, to: &Path) -> Result<(), CopyFault> {
    // SQLite takes an empty file for one that is not there, and keeps its mode.
    let file = sqlite::create_private(to)?;
    conn.execute("VACUUM INTO ?1", [to.to_string_lossy()])?;
    // SQLite does not sync what it makes in this way.
    file.sync_all()?;
    disk::sync_parent(to)?;
    Ok(())
}
