//! One of OpenClaw's databases, open for reading.

use std::collections::HashSet;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use patze_core::time::Timestamp;
use rusqlite::{Connection, OpenFlags, Transaction};

use crate::openclaw::ReadError;

/// How long a lock is waited for. Readers of a WAL database wait only while another program recovers it.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// An open database. The file may be replaced under us (OpenClaw copies stores); [`Db::is_current`] tells.
pub(super) struct Db {
    conn: Connection,
    path: PathBuf,
    file: (u64, u64),
}

/// A table and the columns that we cannot do without.
pub(super) struct Needs {
    pub table: &'static str,
    pub columns: &'static [&'static str],
}

impl Db {
    /// Opens the database at `path` for reading and checks that it has what is needed.
    pub fn open(path: &Path, needs: &[Needs]) -> Result<Self, ReadError> {
        let meta = meta(path)?;
        // SQLite says "unable to open" for whatever reason; this says which. Opening the file for that would not do: to
        // close it again takes away the locks that this process holds on it.
        rustix::fs::access(path, rustix::fs::Access::READ_OK)
            .map_err(|errno| ReadError::file(path, Some(meta.uid()), errno.into()))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = |source| ReadError::sqlite(path, "its settings", source);
        let conn = Connection::open_with_flags(path, flags).map_err(open)?;
        conn.busy_timeout(BUSY_TIMEOUT).map_err(open)?;
        // A small cache, in each of many connections: we read each row once.
        conn.execute_batch("PRAGMA query_only=1; PRAGMA cache_size=-64; PRAGMA temp_store=MEMORY;")
            .map_err(open)?;
        let db = Self { conn, path: path.to_owned(), file: (meta.dev(), meta.ino()) };
        for Needs { table, columns } in needs {
            let have = db.columns(table)?;
            let missing: Vec<_> = columns.iter().filter(|column| !have.contains(**column)).copied().collect();
            if !missing.is_empty() {
                let needs = format!("the table {table} with {}", missing.join(", "));
                return Err(ReadError::Schema { path: path.to_owned(), needs });
            }
        }
        Ok(db)
    }

    /// Whether the file at its path is still the one that is open.
    pub fn is_current(&self) -> bool {
        meta(&self.path).is_ok_and(|meta| (meta.dev(), meta.ino()) == self.file)
    }

    /// The columns of a table; none if there is no such table.
    pub fn columns(&self, table: &str) -> Result<HashSet<String>, ReadError> {
        self.ask("the tables", |conn| {
            let mut columns = conn.prepare_cached("SELECT name FROM pragma_table_info(?1)")?;
            columns.query_map([table], |row| row.get(0))?.collect()
        })
    }

    /// A number that changes when anybody else commits to the database.
    pub fn version(&self) -> Result<i64, ReadError> {
        self.ask("its version", |conn| conn.query_row("PRAGMA data_version", [], |row| row.get(0)))
    }

    /// Reads within one short transaction: everything in it is of one moment.
    pub fn snapshot<T>(
        &self,
        what: &'static str,
        read: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, ReadError> {
        self.ask(what, |conn| {
            let tx = conn.unchecked_transaction()?;
            let out = read(&tx)?;
            tx.finish()?;
            Ok(out)
        })
    }

    /// Keeps one moment in sight while `read` asks: without it each question would take and give back a lock.
    pub fn hold<T>(&self, read: impl FnOnce() -> Result<T, ReadError>) -> Result<T, ReadError> {
        let failed = |source| ReadError::sqlite(&self.path, "anything", source);
        let tx = self.conn.unchecked_transaction().map_err(failed)?;
        let out = read()?;
        tx.finish().map_err(failed)?;
        Ok(out)
    }

    /// Asks one question.
    pub fn ask<T>(
        &self,
        what: &'static str,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, ReadError> {
        read(&self.conn).map_err(|source| ReadError::sqlite(&self.path, what, source))
    }
}

/// Whether the file holds a database that is just being made: no table yet, and written to within the last 10 s.
pub(super) fn is_being_made(path: &Path, now: Timestamp) -> bool {
    let Ok(meta) = meta(path) else { return false };
    let fresh = now.millis() < meta.mtime().saturating_mul(1_000).saturating_add(10_000);
    let tables = Db::open(path, &[]).and_then(|db| {
        db.ask("the tables", |conn| {
            conn.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0))
        })
    });
    fresh && matches!(tables, Ok(0))
}

fn meta(path: &Path) -> Result<Metadata, ReadError> {
    std::fs::metadata(path).map_err(|source| ReadError::file(path, None, source))
}
