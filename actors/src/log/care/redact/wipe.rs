//! Getting rid of what the files held before: free pages, the write-ahead log, `history.db`.
//!
//! `meta.wiping` stands from the transaction that blanks until this is done. Everything here can be repeated.

use std::fs;
use std::path::{Path, PathBuf};

use patze_core::causes::with_causes;
use rusqlite::Connection;

use super::super::super::place::{DATABASE, HISTORY};
use super::Left;
use super::needle::Needle;
use crate::sqlite::{self, beside};

/// What of the settings folder is looked through: folders in folders, so deep.
const DEEP: u32 = 3;
/// `meta`: the files still hold what was blanked.
const WIPING: &str = "wiping";
/// `meta`: where the last redaction is told.
const REDACTED: &str = "redactedAt";

/// The events are blank, but the files still hold what they were.
#[derive(Debug, thiserror::Error)]
pub enum WipeError {
    /// `history.db` cannot be removed.
    #[error("the events are blank, but {} cannot be removed, which may still hold the text; remove it by hand", path.display())]
    History {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Somebody reads the database.
    #[error(
        "the events are blank, but another program has {} open, so that free room in it may still hold the text; close \
         that program and run this again",
        path.display()
    )]
    Busy {
        /// The database file.
        path: PathBuf,
    },
    /// The database cannot be written anew.
    #[error(
        "the events are blank, but {} could not be written anew, and free room in it may still hold the text; see that \
         there is room twice for it (in its folder, and in the one that SQLITE_TMPDIR names) and run this again",
        path.display()
    )]
    Vacuum {
        /// The database file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

/// Whether the files are still to be wiped.
pub(super) fn is_due(conn: &Connection) -> rusqlite::Result<bool> {
    Ok(sqlite::meta(conn, WIPING)?.is_some())
}

/// Notes that the files are to be wiped, in the transaction of what makes it so.
pub(super) fn begin(conn: &Connection) -> rusqlite::Result<()> {
    sqlite::set_meta(conn, WIPING, 1)
}

/// The same for a redaction that is told at `told`.
pub(super) fn note(conn: &Connection, told: u64) -> rusqlite::Result<()> {
    begin(conn)?;
    sqlite::set_meta(conn, REDACTED, told)
}

/// Where the last redaction is told; 0 if there was none.
pub(in crate::log) fn redacted(conn: &Connection) -> rusqlite::Result<u64> {
    Ok(sqlite::meta_number(conn, REDACTED)?.unwrap_or(0))
}

/// Carries through what a kill has interrupted, at the start of a server. That it cannot be done is told and stops nothing.
pub(in crate::log) fn resume(dir: &Path, conn: &Connection) {
    match is_due(conn) {
        Ok(false) => {}
        Ok(true) => match run(dir, conn) {
            Ok(()) => tracing::info!("a redaction that was interrupted has been carried through"),
            Err(error) => {
                let error = with_causes(&error);
                tracing::error!(error, "a redaction that was interrupted is not carried through");
            }
        },
        Err(error) => tracing::error!(%error, "cannot see whether a redaction was interrupted"),
    }
}

/// Has SQLite overwrite what it deletes.
pub(super) fn overwrite(conn: &Connection) -> rusqlite::Result<()> {
    conn.pragma_update_and_check(None, "secure_delete", "ON", |_| Ok(()))
}

/// Wipes: afterwards the files hold what can be read from them and nothing else. The caller has the folder's lock.
pub(super) fn run(dir: &Path, conn: &Connection) -> Result<(), WipeError> {
    let path = dir.join(DATABASE);
    sqlite::remove(&dir.join(HISTORY)).map_err(|(path, source)| WipeError::History { path, source })?;
    let failed = |source| WipeError::Vacuum { path: path.clone(), source };
    let empty_wal = || match empty_wal(conn) {
        Ok(true) => Ok(()),
        Ok(false) => Err(WipeError::Busy { path: path.clone() }),
        Err(source) => Err(failed(source)),
    };
    overwrite(conn).map_err(failed)?;
    empty_wal()?;
    // The whole database, of which there is nothing in memory otherwise.
    conn.pragma_update(None, "temp_store", "FILE").map_err(failed)?;
    let vacuumed = conn.execute_batch("VACUUM");
    conn.pragma_update(None, "temp_store", "MEMORY").map_err(failed)?;
    vacuumed.map_err(failed)?;
    empty_wal()?;
    conn.execute("DELETE FROM meta WHERE key = ?1", [WIPING]).map_err(failed)?;
    empty_wal()
}

/// Copies the write-ahead log into the database and cuts it to nothing. False if somebody's reading keeps it from that.
fn empty_wal(conn: &Connection) -> rusqlite::Result<bool> {
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0)).map(|busy| busy == 0)
}

/// Whether a file of ours that would be wiped holds the text.
pub(super) fn holds(database: &Path, needle: &Needle) -> bool {
    let history = database.with_file_name(HISTORY);
    [database, &history]
        .iter()
        .flat_map(|file| ["", "-wal"].map(|suffix| beside(file, suffix)))
        .any(|path| needle.is_in_file(&path).unwrap_or(false))
}

/// Looks for the text in every file of the folder, and for copies of the database.
pub(super) fn left(dir: &Path, needle: Option<&Needle>) -> Left {
    let mut left = Left::default();
    look(dir, DEEP, needle, &mut left);
    left.holds.sort();
    left.copies.sort();
    left
}

fn look(dir: &Path, deep: u32, needle: Option<&Needle>, left: &mut Left) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && deep > 0 {
            look(&path, deep - 1, needle, left);
        } else if kind.is_file() {
            if needle.is_some_and(|needle| needle.is_in_file(&path).unwrap_or(false)) {
                left.holds.push(path.clone());
            }
            let name = name.to_string_lossy();
            if is_copy(&name) {
                left.copies.push(path);
            }
        }
    }
}

/// By its name: what a migration, a restore or an import left, or a backup.
fn is_copy(name: &str) -> bool {
    (name.starts_with("patze.db.before-") || name.starts_with("patze.db.replaced-"))
        && !["-head", "-wal", "-shm"].iter().any(|suffix| name.ends_with(suffix))
        || name.ends_with(".tar.zst")
}
