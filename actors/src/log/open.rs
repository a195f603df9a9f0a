//! Opening the database, or saying plainly why not: every refusal names the file and the remedy and has written nothing
//! to it.

use std::path::{Path, PathBuf};

use patze_core::ids::LogId;
use patze_core::time::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::care::SwapError;
use super::connect;
use super::migrate;
use super::place;
use super::row::RowError;
use crate::sqlite;

/// "PTZE": whose database it is.
const APPLICATION_ID: u32 = 0x5054_5A45;

/// Why the log was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made.
    #[error("the folder {} cannot be used; name another one in PATZE_SETTINGS_DIR", dir.display())]
    Folder {
        /// The folder.
        dir: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// This user may not write there, or the file system is mounted read-only.
    #[error(
        "{} cannot be written; give this user write access to it and its folder, or name another folder in \
         PATZE_SETTINGS_DIR",
        path.display()
    )]
    ReadOnly {
        /// The file or folder.
        path: PathBuf,
    },
    /// The folder lies on another computer.
    #[error(
        "{} is on a network share ({kind}), where SQLite cannot keep the log safe; set PATZE_SETTINGS_DIR to a folder \
         on a local disk",
        dir.display()
    )]
    NetworkShare {
        /// The folder.
        dir: PathBuf,
        /// The kind of share.
        kind: &'static str,
    },
    /// Another server has it.
    #[error(
        "{} is held by another server{}; stop that one, or name another folder in PATZE_SETTINGS_DIR",
        path.display(),
        pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The process that wrote itself into it.
        pid: Option<u32>,
    },
    /// The lock cannot be taken.
    #[error("the lock {} cannot be taken; see that it is a plain file of this user", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// No room.
    #[error("the disk under {} is full; free some space and start again", path.display())]
    DiskFull {
        /// The file or folder.
        path: PathBuf,
    },
    /// It is no SQLite file.
    #[error(
        "{} is not a database; it was left as it is. Move it away to start with an empty log, or put a backup in its \
         place",
        path.display()
    )]
    NotADatabase {
        /// The database file.
        path: PathBuf,
    },
    /// It is one, but damaged.
    #[error(
        "{} is damaged; it was left as it is. Put a backup in its place (patze.db.before-* beside it may be one), or \
         save what can be read with `sqlite3 {} .recover`",
        path.display(),
        path.display()
    )]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What was found.
        source: Fault,
    },
    /// A later version wrote it.
    #[error(
        "{} was written by a newer version of patze (schema {found}, this one knows {known}); install that version, or \
         put back the backup patze.db.before-{:04}",
        path.display(),
        known + 1
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// The newest that this binary knows.
        known: u32,
    },
    /// Something else's database.
    #[error(
        "{} belongs to another application (application id {application_id:#010x}); it was left as it is. Name another \
         folder in PATZE_SETTINGS_DIR",
        path.display()
    )]
    NotOurs {
        /// The database file.
        path: PathBuf,
        /// Whose it says it is.
        application_id: u32,
    },
    /// A step that this database ran is not the one that this binary has.
    #[error(
        "{} was brought up to date by another build of patze (step {number} differs); run the build that made it",
        path.display()
    )]
    OtherMigration {
        /// The database file.
        path: PathBuf,
        /// The step's number.
        number: u32,
    },
    /// The backup before a migration failed, so that the migration was not tried.
    #[error(
        "the backup {} cannot be written, so the database was not brought up to this version; make room beside it and \
         start again",
        path.display()
    )]
    Backup {
        /// The backup file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A migration failed and was undone.
    #[error("{} could not be brought up to step {number}; it is as it was before", path.display())]
    Migrate {
        /// The database file.
        path: PathBuf,
        /// The step's number.
        number: u32,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// Anything else that SQLite says.
    #[error("cannot {doing} {}", path.display())]
    Sqlite {
        /// The database file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// A restore was interrupted and cannot be carried through.
    #[error(transparent)]
    Restoring(SwapError),
    /// A thread of the log cannot be started.
    #[error("cannot start a thread for {}; see the limits of processes and memory", path.display())]
    Thread {
        /// The database file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Damage that was found.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// SQLite noticed it.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// A row holds what the log never writes.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The last transaction and the last event are not the same.
    #[error("the last event is at position {event}, the last commit at {commit}")]
    Head {
        /// The greatest position of an event.
        event: u64,
        /// The last position of the newest commit.
        commit: u64,
    },
    /// Something that every log has is missing.
    #[error("it has no {0}")]
    Missing(&'static str),
}

/// Opens or makes the database `file` and brings it up to this version. One that was so already is not written to.
pub(super) fn database(file: &Path, now: Timestamp) -> Result<Connection, OpenError> {
    check_header(file)?;
    let failed = |doing: &'static str| move |source: rusqlite::Error| OpenError::sqlite(file, doing, source);
    // Until everything is checked nothing may be written, not even by closing the connection again, which would copy
    // an older write-ahead log into the file. Without one, closing only removes what opening made.
    let recovers = std::fs::metadata(sqlite::beside(file, "-wal")).is_ok_and(|wal| wal.len() > 0);
    place::keep_private(file)?;
    let mut conn = connect::for_writing(file).map_err(failed("open"))?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, recovers).map_err(failed("open"))?;
    let tables: i64 =
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed("read"))?;
    let application: u32 =
        conn.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(failed("read"))?;
    let version = migrate::user_version(&conn).map_err(failed("read"))?;
    check_owner(file, application, version, tables > 0)?;
    if tables == 0 {
        connect::shape(&conn).map_err(failed("create"))?;
    }
    connect::use_wal(&conn).map_err(failed("open"))?;
    migrate::run(&mut conn, file, migrate::MIGRATIONS, now)?;
    Ok(conn)
}

/// Notes that the log was closed in good order. The next start trusts the file without a check.
pub(super) fn mark_clean(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute("UPDATE meta SET value = '1' WHERE key = 'cleanStop'", []).map(|_| ())
}

/// Looks at the file's first 100 bytes, before SQLite does (which would create, lock and recover).
pub(super) fn check_header(file: &Path) -> Result<(), OpenError> {
    use std::io::Read as _;
    let mut header = Vec::new();
    match std::fs::File::open(file).and_then(|file| file.take(100).read_to_end(&mut header)) {
        Ok(0) => return Ok(()),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            return Err(OpenError::ReadOnly { path: file.into() });
        }
        Err(source) => return Err(OpenError::Folder { dir: file.into(), source }),
    }
    if header.len() < 100 || !header.starts_with(b"SQLite format 3\0") {
        return Err(OpenError::NotADatabase { path: file.into() });
    }
    let number = |at: usize| header[at..at + 4].iter().fold(0, |n, byte| n << 8 | u32::from(*byte));
    // A file that was never written to since it was made may have neither yet; the open connection tells.
    check_owner(file, number(68), number(60), number(68) != 0)
}

fn check_owner(file: &Path, application_id: u32, version: u32, used: bool) -> Result<(), OpenError> {
    if used && application_id != APPLICATION_ID {
        return Err(OpenError::NotOurs { path: file.into(), application_id });
    }
    let known = migrate::newest();
    if version > known && application_id == APPLICATION_ID {
        return Err(OpenError::Newer { path: file.into(), found: version, known });
    }
    Ok(())
}

/// Marks the log as in use, which it stays until it is marked as clean. Tells its id, and whether the last stop was clean.
/// The id is made if there is none, or if `stands` says that it does not stand for this log.
pub(super) fn mark_in_use(
    conn: &mut Connection,
    stands: impl FnOnce(&Connection, &str) -> rusqlite::Result<bool>,
) -> rusqlite::Result<(LogId, bool)> {
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let clean = sqlite::meta(&transaction, "cleanStop")?.is_none_or(|clean| clean == "1");
    let log_id = match sqlite::meta(&transaction, "logId")? {
        Some(log_id) if stands(&transaction, &log_id)? => LogId::from(log_id),
        _ => new_log_id(&transaction)?,
    };
    sqlite::set_meta(&transaction, "cleanStop", 0)?;
    transaction.commit()?;
    Ok((log_id, clean))
}

/// Gives the log a new id.
pub(super) fn new_log_id(conn: &Connection) -> rusqlite::Result<LogId> {
    let id: String = conn.query_row(
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('logId', lower(hex(randomblob(16)))) RETURNING value",
        [],
        |row| row.get(0),
    )?;
    Ok(LogId::from(id))
}

// === impl OpenError ===

impl OpenError {
    /// What an SQLite error means for whoever starts the server.
    pub(super) fn sqlite(file: &Path, doing: &'static str, source: rusqlite::Error) -> Self {
        Self::sqlite_or(file, source, |source| Self::Sqlite { path: file.into(), doing, source })
    }

    /// What damage that was found while the log is read means.
    pub(super) fn fault(file: &Path, fault: Fault) -> Self {
        match fault {
            Fault::Sqlite(source) | Fault::Row(RowError::Sqlite(source)) => {
                Self::sqlite(file, "read", source)
            }
            source => Self::Corrupt { path: file.into(), source },
        }
    }

    /// As [`Self::sqlite`], with `other` for what has no variant of its own.
    pub(super) fn sqlite_or(
        file: &Path,
        source: rusqlite::Error,
        other: impl FnOnce(rusqlite::Error) -> Self,
    ) -> Self {
        let path = file.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull { path },
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) if place::is_full(file) => {
                Self::DiskFull { path }
            }
            Some(ErrorCode::NotADatabase) => Self::NotADatabase { path },
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt { path, source: source.into() },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly { path },
            _ => other(source),
        }
    }
}
