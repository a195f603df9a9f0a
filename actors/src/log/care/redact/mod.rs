//! Redaction: a text that should never have come here is taken out of every file, and the log says that it was.
//! Blocks; holds the folder's lock, so that no server runs.
//!
//! # Constraints
//! 1. A blanked event keeps its position, id, type, machine and times; payload and trace become `{}`, which the fold
//!    passes over (FO-2). So nothing moves, and a bridge that sends the event again meets it as known (EL-3).
//! 2. What is blanked is told: one `control.pruned {kind: redacted}` for each commit that held it, in the same transaction,
//!    with a digest over the rows as they are now, and one `control.redacted` for the whole. A row that was blanked without
//!    them is a fault (`patze verify`). Neither says what the text was.
//! 3. What is to be changed is verified first, so that damage is never tidied away.
//! 4. Whatever was made from the events goes with them: checkpoints, `history.db`. What cannot be made anew, the base, is
//!    blanked itself.
//! 5. No byte of the text stays in a file of ours, in free pages neither: the database is written anew.
//! 6. What cannot be reached is told: ids and machine names are what other events hang on and stay; copies of the database
//!    are the user's.
//!
//! # Operation
//! ```text
//! find (reads all) ─> the user agrees ─> quick_check ─> one transaction: verify, blank, tell, drop checkpoints, "wiping"
//!     ─> wipe: remove history.db ─> empty the write-ahead log ─> VACUUM ─> empty it again ─> look for the text in all files
//! ```
//!
//! | to find out | open |
//! |---|---|
//! | what holds a text, whichever way it is escaped | `needle.rs` |
//! | which events, and what of the base | `find.rs`, `base.rs` |
//! | the transaction | `blank.rs` |
//! | how the files are rid of what they held before | `wipe.rs` |
//!
//! # Recovery
//! A kill before the commit leaves all as it was. From the commit on `meta.wiping` stands, until the files are wiped: the
//! next redaction or the next start of a server carries that through. At no moment do events, chain, checkpoints and base
//! disagree.

mod base;
mod blank;
mod find;
mod needle;
pub(in crate::log) mod wipe;

use std::path::{Path, PathBuf};

use patze_core::event::control::Chosen;
use patze_core::time::Timestamp;
use rusqlite::Connection;

use super::super::checkpoint::CodecError;
use super::super::door::Head;
use super::super::open::{self, Fault, OpenError};
use super::super::place::{self, DATABASE};
use super::super::verify::Finding;
use super::super::{migrate, writer};
use super::reached::Note;
use super::swap;
use crate::sqlite;

pub use find::Found;
pub use needle::{Needle, TooShort};
pub use wipe::WipeError;

/// What is to be blanked.
#[derive(Clone, Debug)]
pub enum What {
    /// The event of this id; several machines may have one.
    Event {
        /// Its id.
        id: String,
        /// Whether all are meant if several machines have one.
        all: bool,
    },
    /// Every event that holds this text.
    Match(Needle),
}

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Redaction<'a> {
    /// The settings folder.
    pub dir: &'a Path,
    /// What is to be blanked.
    pub what: &'a What,
    /// Only events of this machine, and nothing of the base.
    pub machine: Option<&'a str>,
    /// Now.
    pub now: Timestamp,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Redacted {
    /// It was done.
    Done(Done),
    /// The user did not agree; nothing was changed.
    Declined,
    /// Nothing was left to blank: an earlier redaction, which was interrupted, was carried through.
    CarriedThrough(Left),
}

/// What was done.
#[derive(Clone, Debug)]
pub struct Done {
    /// The log's end now, where it is told; none if only the files were wiped.
    pub head: Option<Head>,
    /// What was not reached.
    pub left: Left,
}

/// Where the text may still be.
#[derive(Clone, Debug, Default)]
pub struct Left {
    /// Files of the folder that still hold it.
    pub holds: Vec<PathBuf>,
    /// Copies of the database from before, packed or not.
    pub copies: Vec<PathBuf>,
}

/// Why nothing was blanked. Unless it says otherwise, nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    /// A server runs, or the log cannot be opened or read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is none.
    #[error("{} does not exist; see PATZE_SETTINGS_DIR", path.display())]
    Absent {
        /// The database file.
        path: PathBuf,
    },
    /// A look at it would have to bring it up to date.
    #[error("{} is of an older version; start the server once, or look without --dry-run and say no", path.display())]
    Older {
        /// The database file.
        path: PathBuf,
    },
    /// No such event.
    #[error(
        "the log has no event {id:?}{}; nothing was changed. If history was cut or thinned since, --match takes its text \
         out of what is left",
        machine.as_ref().map(|machine| format!(" of machine {machine:?}")).unwrap_or_default()
    )]
    Unknown {
        /// The id.
        id: String,
        /// The machine that was named.
        machine: Option<String>,
    },
    /// Several machines have one.
    #[error(
        "{} machines have an event {id:?}: {}. Name one with --machine, or take --all; nothing was changed",
        machines.len(),
        machines.join(", ")
    )]
    Ambiguous {
        /// The id.
        id: String,
        /// The machines.
        machines: Vec<String>,
    },
    /// It has neither payload nor trace.
    #[error("the event {id:?} is blank already; nothing was changed")]
    Blank {
        /// The id.
        id: String,
    },
    /// It is one that `verify` reads.
    #[error(
        "the event {id:?} proves what was pruned or redacted and holds no text of others; nothing was changed"
    )]
    Protected {
        /// The id.
        id: String,
    },
    /// Nothing holds the text.
    #[error(
        "no event{} holds that text, and the base neither; nothing was changed{}",
        machine.as_ref().map(|machine| format!(" of machine {machine:?}")).unwrap_or_default(),
        if *names > 0 {
            format!(". It is part of the ids, types, machine names or proofs of {names} events, which cannot be blanked")
        } else {
            String::new()
        }
    )]
    NoMatch {
        /// The machine that was named.
        machine: Option<String>,
        /// Events with the text in columns that stay.
        names: u64,
    },
    /// A stretch that is to be changed is not what was written.
    #[error(
        "the commit {first}–{last} is damaged; nothing was changed. See `patze verify`, and put back a backup first"
    )]
    Damaged {
        /// Its first position.
        first: u64,
        /// Its last position.
        last: u64,
        /// What was found.
        source: Finding,
    },
    /// The file cannot be written anew.
    #[error("{} is damaged ({reason}); nothing was changed. Put back a backup first", path.display())]
    File {
        /// The database file.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// The base cannot be read or written.
    #[error("the base of {} cannot be blanked; nothing was changed", path.display())]
    Base {
        /// The database file.
        path: PathBuf,
        /// Why.
        source: CodecError,
    },
    /// It cannot be written.
    #[error("{} cannot be written; nothing was changed", path.display())]
    Write {
        /// The database file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The events are blank, and the files still hold what they were.
    #[error(transparent)]
    Wipe(#[from] WipeError),
}

/// Says what would be blanked. Reads only; the server may run.
///
/// # Errors
/// See [`RedactError`].
pub fn look(wanted: &Redaction<'_>) -> Result<Found, RedactError> {
    let file = present(wanted.dir)?;
    open::check_header(&file)?;
    let unread = |e| OpenError::sqlite(&file, "read", e);
    let conn = sqlite::for_reading(&file).map_err(unread)?;
    if migrate::user_version(&conn).map_err(unread)? < migrate::newest() {
        return Err(RedactError::Older { path: file });
    }
    find::find(&conn, &file, wanted).map(|hits| hits.found)
}

/// Blanks what is wanted, after `agrees` was shown what that is.
///
/// # Errors
/// See [`RedactError`]. After [`RedactError::Wipe`] the events are blank, and the next redaction or start ends the work.
pub fn redact(wanted: &Redaction<'_>, agrees: impl FnOnce(&Found) -> bool) -> Result<Redacted, RedactError> {
    let Redaction { dir, what, now, .. } = *wanted;
    let file = present(dir)?;
    let _lock = place::take(dir)?;
    swap::finish(dir).map_err(OpenError::Restoring)?;
    let conn = open::database(&file, now)?;
    let resumed = wipe::is_due(&conn).map_err(|e| OpenError::sqlite(&file, "read", e))?;
    if resumed {
        wipe::run(dir, &conn)?;
    }
    let hits = match find::find(&conn, &file, wanted) {
        Err(RedactError::NoMatch { .. } | RedactError::Blank { .. }) if resumed => {
            close(conn);
            return Ok(Redacted::CarriedThrough(left(dir, what)));
        }
        hits => hits?,
    };
    if !agrees(&hits.found) {
        return Ok(Redacted::Declined);
    }
    check_file(&conn, &file)?;
    let by = match what {
        What::Event { .. } => Chosen::Event,
        What::Match(_) => Chosen::Match,
    };
    let told = if hits.is_empty() { None } else { Some(blank::run(&conn, &file, &hits, by, now)?) };
    if told.is_none() {
        wipe::begin(&conn).map_err(|source| RedactError::Write { path: file.clone(), source })?;
    }
    wipe::run(dir, &conn)?;
    let head = match told {
        Some(tail) => {
            let log_id = sqlite::meta(&conn, "logId").map_err(|e| OpenError::sqlite(&file, "read", e))?;
            Some(Head {
                log_id: log_id.unwrap_or_default().into(),
                position: tail.position,
                digest: tail.digest,
            })
        }
        None => None,
    };
    if let (Some(head), Ok(mut note)) = (&head, Note::open(&file)) {
        note.write(head);
    }
    close(conn);
    Ok(Redacted::Done(Done { head, left: left(dir, what) }))
}

/// The database file, if there is one.
fn present(dir: &Path) -> Result<PathBuf, RedactError> {
    let file = dir.join(DATABASE);
    if file.exists() { Ok(file) } else { Err(RedactError::Absent { path: file }) }
}

/// Refuses a file that could not be written anew, before anything is changed.
fn check_file(conn: &Connection, file: &Path) -> Result<(), RedactError> {
    writer::read_tail(conn).map_err(|fault: Fault| OpenError::fault(file, fault))?;
    let verdict: String = conn
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|e| OpenError::sqlite(file, "read", e))?;
    if verdict == "ok" { Ok(()) } else { Err(RedactError::File { path: file.into(), reason: verdict }) }
}

/// Closes the only connection, so that its write-ahead log goes.
fn close(conn: Connection) {
    if let Err((_, error)) = conn.close() {
        tracing::warn!(%error, "the database cannot be closed");
    }
}

fn left(dir: &Path, what: &What) -> Left {
    let needle = match what {
        What::Match(needle) => Some(needle),
        What::Event { .. } => None,
    };
    wipe::left(dir, needle)
}
