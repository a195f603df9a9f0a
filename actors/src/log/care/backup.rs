//! Making a backup. Blocks, and needs no lock: it reads as `patze verify` does, beside whoever writes.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use patze_core::ids::LogId;
use patze_core::time::Timestamp;
use rusqlite::Connection;

use super::super::door::Head;
use super::super::migrate;
use super::super::open::{self, Fault, OpenError};
use super::super::place::{self, DATABASE};
use super::super::writer;
use super::archive::{self, Manifest, SECRETS, SETTINGS};
use super::copy::{CopyFault, copy};
use super::disk::{self, Scratch};
use crate::sqlite;

/// What is to be backed up.
#[derive(Clone, Debug)]
pub struct Backup<'a> {
    /// The settings folder.
    pub dir: &'a Path,
    /// The file to make.
    pub file: &'a Path,
    /// Whether `auth.json` and `secrets.json` go along.
    pub with_secrets: bool,
    /// The version of `patze` that makes it.
    pub version: &'a str,
    /// The time.
    pub now: Timestamp,
}

/// Why there is no backup. There is no part of one either.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is something of that name.
    #[error("{} exists and is left as it is; name another file", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// There is no log.
    #[error("{} does not exist; see PATZE_SETTINGS_DIR", path.display())]
    Absent {
        /// The database file.
        path: PathBuf,
    },
    /// It is no log of ours.
    #[error(transparent)]
    Unfit(#[from] OpenError),
    /// The disk is full.
    #[error(
        "the disk under {} is full; nothing was left there. Make room (the log once as it is, and once compressed), or name \
         a file on another disk",
        path.display()
    )]
    Full {
        /// The file that was to be made.
        path: PathBuf,
    },
    /// The log cannot be read.
    #[error("{} cannot be copied; see `patze verify`", path.display())]
    Copy {
        /// The database file.
        path: PathBuf,
        /// What was found.
        source: Fault,
    },
    /// A file of the settings folder cannot be read.
    #[error("{} cannot be read", path.display())]
    Setting {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The backup cannot be written.
    #[error("{} cannot be written; see that its folder is there and may be written to", path.display())]
    Write {
        /// The file that was to be made.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Makes a backup, or nothing. Blocks: reading and writing the log three times over.
///
/// # Errors
/// If the file exists, the log cannot be read or the file not be written.
pub fn backup(wanted: &Backup<'_>) -> Result<Manifest, BackupError> {
    let Backup { dir, file, with_secrets, version, now } = *wanted;
    let write = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists { path: file.to_owned() },
        _ if disk::is_full(&source) => BackupError::Full { path: file.to_owned() },
        _ => BackupError::Write { path: file.to_owned(), source },
    };
    let database = dir.join(DATABASE);
    if file.symlink_metadata().is_ok() {
        return Err(BackupError::Exists { path: file.to_owned() });
    }
    if !database.exists() {
        return Err(BackupError::Absent { path: database });
    }
    open::check_header(&database)?;
    let Some(name) = file.file_name() else { return Err(write(io::ErrorKind::IsADirectory.into())) };
    let scratch = disk::parent(file).join(format!(".{}.part", name.display()));
    let scratch = Scratch::make(scratch).map_err(write)?;

    let copied = scratch.path().join(DATABASE);
    let unread = |source: Fault| BackupError::Copy { path: database.clone(), source };
    let conn = sqlite::for_reading(&database).map_err(|e| unread(e.into()))?;
    copy(&conn, &copied).map_err(|fault| match fault {
        CopyFault::Io(source) => write(source),
        CopyFault::Sqlite(_) if place::is_full(&copied) => BackupError::Full { path: file.to_owned() },
        CopyFault::Sqlite(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) => {
            BackupError::Full { path: file.to_owned() }
        }
        CopyFault::Sqlite(error) => unread(error.into()),
    })?;
    drop(conn);
    let conn = sqlite::for_reading(&copied).map_err(|e| unread(e.into()))?;
    let (head, schema) = read_head(&conn).map_err(unread)?;
    drop(conn);

    let secrets = SECRETS.into_iter().filter(|_| with_secrets);
    for name in secrets.chain(SETTINGS) {
        let path = dir.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(BackupError::Setting { path, source }),
        };
        fs::write(scratch.path().join(name), bytes).map_err(write)?;
    }
    let manifest = Manifest::of(scratch.path(), &head, schema, version, now).map_err(write)?;
    let packed = scratch.path().join("packed");
    let to: File = sqlite::create_private(&packed).map_err(write)?;
    archive::pack(&manifest, scratch.path(), &to).map_err(write)?;
    disk::rename_new(&packed, file).map_err(write)?;
    disk::sync_parent(file).map_err(write)?;
    Ok(manifest)
}

/// The head of the log in `conn`, and its schema.
pub(super) fn read_head(conn: &Connection) -> Result<(Head, u32), Fault> {
    let tail = writer::read_tail(conn)?;
    let log_id = LogId::from(sqlite::meta(conn, "logId")?.ok_or(Fault::Missing("log id"))?);
    Ok((Head { log_id, position: tail.position, digest: tail.digest }, migrate::user_version(conn)?))
}
