//! The columns of `events`, borrowed from a row without a copy.

use patze_core::event::{Origin, Recorded, Severity};
use patze_core::time::Timestamp;
use rusqlite::types::ValueRef;

/// Reads a range of positions in order: after `?1`, to `?2`.
pub(super) const SELECT: &str = "SELECT position, id, type, machine, occurred_at, recorded_at, severity, origin, \
     trace, payload FROM events WHERE position > ?1 AND position <= ?2 ORDER BY position";

/// Why a row cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// SQLite could not fetch it.
    #[error("the row cannot be read")]
    Sqlite(#[from] rusqlite::Error),
    /// A column holds what the log never writes.
    #[error("the row at position {position} has an odd {column}")]
    Odd {
        /// The row's position; 0 if that is what is odd.
        position: u64,
        /// The column.
        column: &'static str,
    },
}

/// The event of a row of [`SELECT`].
pub(super) fn recorded<'row>(row: &'row rusqlite::Row<'_>) -> Result<Recorded<'row>, RowError> {
    let position = match row.get_ref(0)? {
        ValueRef::Integer(position) if position > 0 => position.unsigned_abs(),
        _ => return Err(RowError::Odd { position: 0, column: "position" }),
    };
    let text = |index: usize, column: &'static str| match row.get_ref(index)? {
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).map_err(|_| RowError::Odd { position, column }),
        _ => Err(RowError::Odd { position, column }),
    };
    let time = |index: usize, column: &'static str| match row.get_ref(index)? {
        ValueRef::Integer(millis) if Timestamp::from_millis(millis).millis() == millis => {
            Ok(Timestamp::from_millis(millis))
        }
        _ => Err(RowError::Odd { position, column }),
    };
    Ok(Recorded {
        position,
        id: text(1, "id")?,
        type_name: text(2, "type")?,
        machine: text(3, "machine")?,
        occurred_at: time(4, "occurred_at")?,
        recorded_at: time(5, "recorded_at")?,
        severity: Severity::of(text(6, "severity")?).ok_or(RowError::Odd { position, column: "severity" })?,
        origin: Origin::stored(text(7, "origin")?),
        trace: text(8, "trace")?,
        payload: text(9, "payload")?,
    })
}
