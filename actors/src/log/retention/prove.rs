//! The proof of FO-4, before anything is deleted: the log with and without the rows gives the same fleet.

use std::ops::ControlFlow;

use patze_core::fleet::Fleet;
use rusqlite::Connection;

use super::super::row::RowError;
use super::super::scan;

/// Rows between two comparisons.
const EVERY: u64 = 2_000;

/// Folds the log behind `start` up to `head`, once with all rows and once without those at `gone` (ascending, none of them
/// behind `last`), until both give the same fleet; from there on they do for ever. Tells that position, or none.
pub(super) fn settled(
    conn: &Connection,
    start: &Fleet,
    gone: &[u64],
    last: u64,
    head: u64,
) -> Result<Option<u64>, RowError> {
    let (mut full, mut thin) = (start.clone(), start.clone());
    let mut going = gone.iter().copied().peekable();
    let mut changes = Vec::new();
    let (mut rows, mut settled) = (0_u64, None);
    scan::scan(conn, start.position(), head, |event| {
        full.apply(event, &mut changes);
        let goes = going.next_if_eq(&event.position).is_some();
        if !goes {
            thin.apply(event, &mut changes);
        }
        changes.clear();
        if event.position > last && !goes {
            rows += 1;
            if rows % EVERY == 1 && full == thin {
                settled = Some(event.position);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(settled.or_else(|| (full == thin).then_some(full.position())))
}
