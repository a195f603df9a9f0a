//! How much room the log takes, and giving back what it no longer needs.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::super::door::Shared;
use super::super::upkeep::Upkeep;
use super::RetentionError;
use super::report::Run;
use crate::sqlite;
use crate::sqlite::{SPARE, beside, pragma, spare_pages};

/// Free pages that are given back in one step: each may have to be moved.
const PAGES: u64 = 200;

/// Bytes of the control plane's files.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Sizes {
    /// The databases: the log and history.
    pub(super) databases: u64,
    /// What stands beside them, the write-ahead logs above all.
    pub(super) beside: u64,
    /// What the database uses of its file.
    pub(super) log: u64,
    /// What it and history do not use: room for the next events.
    pub(super) free: u64,
}

impl Sizes {
    /// All files together.
    pub(super) fn files(&self) -> u64 {
        self.databases + self.beside
    }

    /// What of a limit is used. Write-ahead logs are emptied on their own and no cut makes them smaller: they count for a
    /// quarter of the limit at most, or where it is low all of history would be cut on their account.
    pub(super) fn used(&self, most: u64) -> u64 {
        self.databases.saturating_sub(self.free) + self.beside.min(most / 4)
    }
}

/// Looks at the database, its write-ahead log, and those of history beside it. Backups are the user's.
pub(super) fn sizes(file: &Path, conn: &Connection) -> rusqlite::Result<Sizes> {
    let history = file.with_file_name("history.db");
    let size = |file: &Path| std::fs::metadata(file).map_or(0, |file| file.len());
    let databases = size(file) + size(&history);
    let beside =
        [file, &history].map(|file| size(&beside(file, "-wal")) + size(&beside(file, "-shm"))).iter().sum();
    let [page, pages, free] = ["page_size", "page_count", "freelist_count"].map(|name| pragma(conn, name));
    let (page, pages, free) = (page?, pages?, free?);
    // What history has dropped counts as free too: else a cut that it followed would call for the next one.
    let spare = sqlite::for_reading(&history)
        .and_then(|history| Ok(pragma(&history, "page_size")? * pragma(&history, "freelist_count")?));
    // A file that is not there, or is being made anew, has nothing to spare.
    let spare = spare.unwrap_or(0);
    Ok(Sizes { databases, beside, log: (pages - free) * page, free: free * page + spare })
}

/// Returns free pages to the file system, unless so few that the next events take them.
pub(super) fn give_back(
    shared: &Arc<Shared>,
    pause: &mut dyn FnMut() -> bool,
    run: &mut Run,
) -> Result<(), RetentionError> {
    let conn = sqlite::for_reading(&shared.file)?;
    if spare_pages(&conn)? == 0 {
        return Ok(());
    }
    let before = pragma(&conn, "page_count")?;
    loop {
        let free = pragma(&conn, "freelist_count")?;
        if free <= SPARE {
            break;
        }
        let pages = PAGES.min(free - SPARE);
        let step = Upkeep::new(pages as usize * 4096, move |conn, _| sqlite::give_back(conn, pages));
        step.ask(shared).map_err(RetentionError::Write)?;
        if !pause() || pragma(&conn, "freelist_count")? >= free {
            break;
        }
    }
    let pages = before.saturating_sub(pragma(&conn, "page_count")?);
    run.freed_bytes += pages * pragma(&conn, "page_size")?;
    Ok(())
}
