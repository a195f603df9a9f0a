//! What the log and history both need of SQLite: connections that only read, whole numbers in columns, the table `meta`, free
//! pages, and the files of a database.

use std::fmt::Display;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, RowIndex};

/// How long a connection waits for a lock that a `sqlite3` shell or a checkpoint holds.
pub(crate) const BUSY: Duration = Duration::from_secs(5);
/// Free pages that are kept for the next rows in any case.
pub(crate) const SPARE: u64 = 2_000;

/// A connection that only reads.
pub(crate) fn for_reading(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(file, flags)?;
    conn.busy_timeout(BUSY)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(conn)
}

// === Columns ===

/// A position or a count as SQLite takes it. Positions come from SQLite or are counted up from there.
pub(crate) fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A position or a count as SQLite gives it.
pub(crate) fn count(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    match u64::try_from(value) {
        Ok(count) => Ok(count),
        Err(_) => Err(rusqlite::Error::IntegralValueOutOfRange(column.idx(row.as_ref())?, value)),
    }
}

/// A value of the table `meta`.
pub(crate) fn meta(conn: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    conn.prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

/// The same where it is a number; none where it is absent, or was written otherwise by another version.
pub(crate) fn meta_number<T: FromStr>(conn: &Connection, key: &str) -> rusqlite::Result<Option<T>> {
    Ok(meta(conn, key)?.and_then(|value| value.parse().ok()))
}

/// Sets a value of the table `meta`.
pub(crate) fn set_meta(conn: &Connection, key: &str, value: impl Display) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?
        .execute([key, &value.to_string()])
        .map(drop)
}

// === Pages ===

/// A pragma that is a number.
pub(crate) fn pragma(conn: &Connection, name: &str) -> rusqlite::Result<u64> {
    conn.pragma_query_value(None, name, |row| count(row, 0))
}

/// The free pages that need not be kept for the next rows: none, unless there are more than [`SPARE`] and more than a tenth of
/// all.
pub(crate) fn spare_pages(conn: &Connection) -> rusqlite::Result<u64> {
    let free = pragma(conn, "freelist_count")?;
    Ok(if free > SPARE.max(pragma(conn, "page_count")? / 10) { free - SPARE } else { 0 })
}

/// Returns free pages to the file system; each may have to be moved.
pub(crate) fn give_back(conn: &Connection, pages: u64) -> rusqlite::Result<()> {
    let mut vacuum = conn.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut rows = vacuum.query([])?;
    // It frees a page at each row.
    while rows.next()?.is_some() {}
    Ok(())
}

// === Files ===

/// The file beside a database whose name has this at its end.
pub(crate) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// A new file (0600, whatever the umask). SQLite takes an empty one for a new database, and gives the files beside it the
/// same mode.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Removes a database that nobody has open, with the files that SQLite keeps beside it; what is not there need not go.
///
/// # Errors
/// The file that cannot be removed, and why.
pub(crate) fn remove(database: &Path) -> Result<(), (PathBuf, io::Error)> {
    for suffix in ["", "-wal", "-shm"] {
        let path = beside(database, suffix);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err((path, error)),
            _ => {}
        }
    }
    Ok(())
}
