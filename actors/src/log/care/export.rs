//! The log in order, as far as somebody wants it. Blocks, and reads beside whoever writes.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use patze_core::event::Recorded;
use patze_core::glob::Glob;
use patze_core::time::Timestamp;

use super::super::open::{self, OpenError};
use super::super::past::last_recorded;
use super::super::row::RowError;
use super::super::scan;
use crate::sqlite;

/// Which events; all of them by default. Times are those of the control plane (`recordedAt`), which the log is ordered by.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Recorded then or later.
    pub since: Option<Timestamp>,
    /// Recorded before.
    pub until: Option<Timestamp>,
    /// Of such a type.
    pub types: Option<Glob>,
    /// Of this machine.
    pub machine: Option<String>,
}

/// Why the log cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// There is none.
    #[error("{} does not exist; see PATZE_SETTINGS_DIR", path.display())]
    Absent {
        /// The database file.
        path: PathBuf,
    },
    /// It is no log of ours.
    #[error(transparent)]
    Unfit(#[from] OpenError),
    /// It cannot be read.
    #[error("{} cannot be read; see `patze verify`", path.display())]
    Read {
        /// The database file.
        path: PathBuf,
        /// What was found.
        source: RowError,
    },
}

// === impl Filter ===

impl Filter {
    fn takes(&self, event: &Recorded<'_>) -> bool {
        self.types.as_ref().is_none_or(|types| types.fits(event.type_name))
            && self.machine.as_ref().is_none_or(|machine| machine == event.machine)
    }
}

/// Shows each event that the filter takes to `each`, by position, until it breaks or the log ends where it ended when it was
/// asked for.
///
/// # Errors
/// If there is no log, or it cannot be read.
pub fn export(
    database: &Path,
    filter: &Filter,
    mut each: impl FnMut(&Recorded<'_>) -> ControlFlow<()>,
) -> Result<(), ExportError> {
    let path = || database.to_owned();
    if !database.exists() {
        return Err(ExportError::Absent { path: path() });
    }
    open::check_header(database)?;
    let read = |source: RowError| ExportError::Read { path: path(), source };
    let sqlite = |source: rusqlite::Error| read(source.into());
    let conn = sqlite::for_reading(database).map_err(sqlite)?;
    let head = scan::head(&conn).map_err(sqlite)?;
    let after = match filter.since {
        Some(since) => last_recorded(&conn, since.plus(-1), head).map_err(sqlite)?,
        None => 0,
    };
    scan::scan(&conn, after, head, |event| {
        if filter.until.is_some_and(|until| event.recorded_at >= until) {
            return ControlFlow::Break(());
        }
        if filter.takes(event) { each(event) } else { ControlFlow::Continue(()) }
    })
    .map_err(read)
}
