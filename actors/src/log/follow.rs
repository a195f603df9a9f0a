//! Following the log: whoever makes something of it reads what is new when there is something new (history's projector).

use std::ops::ControlFlow;
use std::sync::Arc;

use patze_core::event::Recorded;
use rusqlite::Connection;

use super::door::Shared;
use super::reader::ReadError;
use super::scan;
use crate::sqlite;

/// A reader with a connection of its own, for a thread of its own. It holds neither the writer nor the pool up.
#[derive(Debug)]
pub struct Follower {
    shared: Arc<Shared>,
    conn: Connection,
}

impl Follower {
    pub(super) fn new(shared: &Arc<Shared>) -> Result<Self, ReadError> {
        let conn = sqlite::for_reading(&shared.file).map_err(|source| shared.unreadable(source.into()))?;
        Ok(Self { shared: shared.clone(), conn })
    }

    /// Waits until there are events after `after`, and gives the log's last position. None once the log is closed.
    pub fn wait(&self, after: u64) -> Option<u64> {
        self.shared.wait_past(after)
    }

    /// Shows the events after `after` and up to `to` to `each`, by position, until it breaks. A stretch of at most some
    /// thousand positions at a time keeps the write-ahead log from growing.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn read(
        &self,
        after: u64,
        to: u64,
        each: impl FnMut(&Recorded<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        scan::scan(&self.conn, after, to, each).map_err(|source| self.shared.unreadable(source))
    }
}
