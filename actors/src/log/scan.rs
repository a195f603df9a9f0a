//! Reading a stretch of the log in order, without copying a row.

use std::ops::ControlFlow;

use patze_core::event::Recorded;
use rusqlite::Connection;

use super::row::{self, RowError};
use crate::sqlite::{self, sql};

/// Positions read in one go. Between two goes no read transaction is open, so that a long scan does not keep the
/// write-ahead log from being reused.
const STRIDE: u64 = 20_000;

/// Calls `each` for every event after `after` and up to `to`, by position, until it breaks.
pub(super) fn scan(
    conn: &Connection,
    mut after: u64,
    to: u64,
    mut each: impl FnMut(&Recorded<'_>) -> ControlFlow<()>,
) -> Result<(), RowError> {
    let mut statement = conn.prepare_cached(row::SELECT)?;
    while after < to {
        let end = to.min(after.saturating_add(STRIDE));
        let mut rows = statement.query([sql(after), sql(end)])?;
        while let Some(row) = rows.next()? {
            if each(&row::recorded(row)?).is_break() {
                return Ok(());
            }
        }
        after = end;
    }
    Ok(())
}

/// The position of the last event; 0 if there is none.
pub(super) fn head(conn: &Connection) -> rusqlite::Result<u64> {
    conn.prepare_cached("SELECT coalesce(max(position), 0) FROM events")?
        .query_row([], |row| sqlite::count(row, 0))
}
