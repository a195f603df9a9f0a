//! Putting a backup in the place of what is there. Blocks; holds the folder's lock, so that no server runs meanwhile.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use patze_core::time::Timestamp;

use super::super::digest::hex;
use super::super::door::Head;
use super::super::migrate;
use super::super::open::{self, Fault, OpenError};
use super::super::place::{self, DATABASE};
use super::super::verify::{Report, VerifyError, verify};
use super::super::writer;
use super::archive::{self, ArchiveError, Manifest};
use super::disk::{self, Scratch};
use super::reached::Note;
use super::swap;
use crate::sqlite;

/// Why nothing was restored. All is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// A server runs, or the folder or the unpacked log cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no room or right to work there.
    #[error("nothing can be unpacked to {}; see that there is room and that this user may write there", path.display())]
    Scratch {
        /// The folder for the work.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no backup, or a damaged one.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A later version made it.
    #[error(
        "{} was made by patze {version} with schema {found}, this version knows {}; install that version. Nothing was \
         changed",
        path.display(),
        migrate::newest()
    )]
    Newer {
        /// The backup.
        path: PathBuf,
        /// The version that made it.
        version: String,
        /// Its schema.
        found: u32,
    },
    /// The log in it cannot be verified.
    #[error("the log in {} cannot be verified; nothing was changed", path.display())]
    Verify {
        /// The backup.
        path: PathBuf,
        /// What was found.
        source: Box<VerifyError>,
    },
    /// The log in it is not what was written.
    #[error(
        "the log in {} is not sound ({faults} faults, the first: {first}); nothing was changed, take another one",
        path.display()
    )]
    Unsound {
        /// The backup.
        path: PathBuf,
        /// How many faults there are.
        faults: u64,
        /// The first one.
        first: String,
    },
    /// The log in it is another one than its manifest says.
    #[error("the log in {} does not end where its manifest says; nothing was changed, take another one", path.display())]
    OtherHead {
        /// The backup.
        path: PathBuf,
    },
    /// The log in it cannot be made ready.
    #[error("the log in {} cannot be made ready; nothing was changed", path.display())]
    Ready {
        /// The backup.
        path: PathBuf,
        /// What was found.
        source: Box<ReadyFault>,
    },
}

/// Why a log that is to be put in place cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum ReadyFault {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Its end cannot be read.
    #[error(transparent)]
    Log(#[from] Fault),
    /// Its new id cannot be written.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// It cannot be put on the disk.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What was found in a backup that is sound.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What it holds.
    pub manifest: Manifest,
    /// What the walk over its log came to.
    pub report: Report,
}

/// What was restored.
#[derive(Clone, Debug)]
pub struct Restored {
    /// What the backup holds.
    pub checked: Checked,
    /// The log's head, with its new id.
    pub head: Head,
    /// Where what was there is now.
    pub aside: Vec<PathBuf>,
}

/// Reads a backup to its end and verifies the log in it, in a folder beside it that goes away again.
///
/// # Errors
/// If it is not sound, or there is no room to unpack it.
pub fn check(file: &Path, now: Timestamp) -> Result<Checked, RestoreError> {
    let name = file.file_name().unwrap_or_default().display();
    let scratch = scratch(disk::parent(file).join(format!(".{name}.check")))?;
    unpack(file, &scratch, now)
}

/// Replaces what is in the settings folder `dir` by what the backup holds, once that is proven to be sound. What was there
/// is moved aside, `history.db` goes, and the log gets a new id.
///
/// # Errors
/// If a server runs or the backup is not sound; nothing was touched then. [`OpenError::Restoring`] if it was and the swap
/// could not be ended: the next start or restore carries it through.
pub fn restore(dir: &Path, file: &Path, now: Timestamp) -> Result<Restored, RestoreError> {
    // Before a folder is made for a backup that is not there.
    File::open(file).map_err(|source| ArchiveError::Open { path: file.to_owned(), source })?;
    let _lock = place::take(dir)?;
    swap::finish(dir).map_err(OpenError::Restoring)?;
    let scratch = scratch(dir.join(swap::PART))?;
    let checked = unpack(file, &scratch, now)?;
    let head = renew(&scratch, now)
        .map_err(|source| RestoreError::Ready { path: file.to_owned(), source: source.into() })?;
    let aside = swap::swap(dir, scratch, now).map_err(OpenError::Restoring)?;
    Ok(Restored { checked, head, aside })
}

fn scratch(path: PathBuf) -> Result<Scratch, RestoreError> {
    Scratch::make(path.clone()).map_err(|source| RestoreError::Scratch { path, source })
}

/// Unpacks, brings the log up to this version and verifies it.
fn unpack(file: &Path, scratch: &Scratch, now: Timestamp) -> Result<Checked, RestoreError> {
    let manifest = archive::unpack(file, scratch.path())?;
    if manifest.schema > migrate::newest() {
        let Manifest { version, schema, .. } = manifest;
        return Err(RestoreError::Newer { path: file.to_owned(), version, found: schema });
    }
    let database = scratch.path().join(DATABASE);
    drop(open::database(&database, now)?);
    if manifest.schema < migrate::newest() {
        // The backup is the copy from before.
        let before = sqlite::beside(&database, &format!(".before-{:04}", manifest.schema + 1));
        std::fs::remove_file(&before).map_err(|source| RestoreError::Scratch { path: before, source })?;
    }
    let report = verify(&database)
        .map_err(|source| RestoreError::Verify { path: file.to_owned(), source: source.into() })?;
    if let Some(first) = report.findings.first() {
        let (faults, first) = (report.faults, first.to_string());
        return Err(RestoreError::Unsound { path: file.to_owned(), faults, first });
    }
    let found = (report.log_id.as_str(), report.position, hex(&report.digest));
    if found != (manifest.log_id.as_str(), manifest.position, manifest.digest.clone()) {
        return Err(RestoreError::OtherHead { path: file.to_owned() });
    }
    Ok(Checked { manifest, report })
}

/// Gives the log that lies ready a new id, notes its head, and puts it all on the disk in one file.
pub(super) fn renew(scratch: &Scratch, now: Timestamp) -> Result<Head, ReadyFault> {
    let database = scratch.path().join(DATABASE);
    let conn = open::database(&database, now)?;
    let tail = writer::read_tail(&conn)?;
    let log_id = open::new_log_id(&conn)?;
    // It has been read whole: no start needs to check it again.
    open::mark_clean(&conn)?;
    let head = Head { log_id, position: tail.position, digest: tail.digest };
    // The last connection to close copies the write-ahead log into the file and removes it.
    conn.close().map_err(|(_, error)| error)?;
    if let Ok(mut note) = Note::open(&database) {
        note.write(&head);
    }
    File::open(&database)?.sync_all()?;
    disk::sync_parent(&database)?;
    Ok(head)
}
